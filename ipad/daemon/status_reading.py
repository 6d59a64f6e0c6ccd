"""The status of a modem and its eUICC as they show it themselves, without an agent that knows more."""

from __future__ import annotations

import logging

from ipad import __version__
from ipad.clock import Clock
from ipad.daemon.card_access import CardAccess
from ipad.daemon.modem_facts import device_status
from ipad.errors import PortError
from ipad.modem.modem import Modem
from ipad.observe.card_view import eim_status, profile_status
from ipad.observe.policy_view import provisioning
from ipad.observe.status import BearerStatus, RadioStatus, ServiceState, Status
from ipad.policy.radio import REGISTERED, RegistrationState, access_of, state_of

logger = logging.getLogger(__name__)


async def read_status(card: CardAccess, modem: str, reader: str, clock: Clock) -> Status:
    """Read eUICC and modem. Raises CardError, PortError, CodecError, EuiccResultError where the eUICC fails."""
    facts = await card.facts()
    iot = await card.is_iot()
    profiles = tuple(map(profile_status, await card.profiles()))
    eims = tuple(map(eim_status, await card.euicc.get_eim_configuration_data())) if iot else ()
    radio, bearer = await _radio(card.modem) if card.modem is not None else (RadioStatus(), BearerStatus())
    enabled = any(profile.state == "enabled" for profile in profiles)
    return Status(
        modem=modem,
        state=ServiceState.DIRECT,
        version=__version__,
        provisioning=provisioning(None, read=True, eims=bool(eims) or not iot, enabled=enabled),
        text="no agent is running for this modem",
        read_at=clock.time(),
        device=await device_status(card.modem, reader),
        eid=facts.eid,
        kind=facts.kind.value,
        profiles=profiles,
        eims=eims,
        radio=radio,
        bearer=bearer,
    )


async def _radio(modem: Modem) -> tuple[RadioStatus, BearerStatus]:
    """Registration, signal and bearer; a modem that does not tell them is no reason to show nothing else."""
    try:
        domains = (await modem.registration()).values()
        signal, bearer, plmn = await modem.signal(), await modem.bearer(), await modem.registered_plmn()
    except PortError as error:
        logger.warning("the modem does not say how things stand: %s", error)
        return RadioStatus(), BearerStatus()
    states = [state_of(entry.stat.value) for entry in domains]
    registered = [state for state in states if state in REGISTERED]
    technologies = [entry.technology for entry in domains if entry.technology is not None]
    levels = (signal.rsrp, signal.rscp, signal.rxlev, signal.rssi) if signal is not None else ()
    state = (registered or states or [RegistrationState.UNKNOWN])[0]
    access = access_of(technologies[0].value) if technologies else None
    radio = RadioStatus(
        registration=state.value,
        plmn=None if plmn is None else str(plmn),
        access=None if access is None else access.value,
        signal_dbm=next((level for level in levels if level is not None), None),
    )
    return radio, BearerStatus(connected=bool(bearer is not None and bearer.addresses))
