"""What can be said about the modem at one moment, for people who look for a fault."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from ipad.errors import PortError
from ipad.ids import Iccid, Imei, Plmn
from ipad.modem.modem import Modem
from ipad.observe.status import DeviceStatus
from ipad.records import dataclass, replace

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ModemFacts:
    """None and empty values: the modem does not tell. `signal` is in dBm; `addresses` is None without a bearer."""

    port: str
    board: str
    manufacturer: str
    model: str
    revision: str
    imei: Imei | None
    sim: str
    iccid: Iccid | None
    imsi: str | None
    registration: Mapping[str, str]
    technology: str | None
    plmn: Plmn | None
    signal: float | None
    addresses: tuple[str, ...] | None


async def device_status(modem: Modem | None, reader: str) -> DeviceStatus:
    """What the status shows of the modem, or of a reader in its place. A modem that says nothing has a port."""
    if modem is None:
        return DeviceStatus(port=reader)
    known = DeviceStatus(port=modem.port.name, board=modem.board.name)
    try:
        identity, imei = await modem.identify(), await modem.imei()
    except PortError as error:
        logger.debug("the modem does not say what it is: %s", error)
        return known
    return replace(
        known,
        manufacturer=identity.manufacturer,
        model=identity.model,
        revision=identity.revision,
        imei=imei,
    )


async def read_facts(modem: Modem) -> ModemFacts:
    """Ask the modem for everything. Raises PortError when it is gone or silent."""
    identity = await modem.identify()
    sim, signal, bearer = await modem.sim_state(), await modem.signal(), await modem.bearer()
    domains = await modem.registration()
    technologies = [entry.technology.name.lower() for entry in domains.values() if entry.technology is not None]
    levels = (signal.rsrp, signal.rscp, signal.rxlev, signal.rssi) if signal is not None else ()
    return ModemFacts(
        port=modem.port.name,
        board=modem.board.name,
        manufacturer=identity.manufacturer,
        model=identity.model,
        revision=identity.revision,
        imei=await modem.imei(),
        sim=sim.condition.value,
        iccid=await modem.iccid(),
        imsi=await modem.imsi(),
        registration={name.lower(): entry.stat.name.lower() for name, entry in domains.items()},
        technology=technologies[0] if technologies else None,
        plmn=await modem.registered_plmn(),
        signal=next((level for level in levels if level is not None), None),
        addresses=tuple(map(str, bearer.addresses)) if bearer is not None else None,
    )
