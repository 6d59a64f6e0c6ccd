"""One device of a fleet: card, modem and network of its own, and a link with a door to each server.

Everything that a rig has more (a second eIM, SM-DS, CoAPS, timeline, control API) is left out: it would cost memory for
every device.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from hil.clock import Clock
from hil.eim.association import Outcome, Package, PackageState
from hil.eim.content import download_trigger, enable, psmo_package
from hil.euicc import VirtualEuicc, isdr
from hil.euicc.config import ALL_EVENTS, CardConfig, NotificationTarget, ProfileSpec
from hil.fleet.conditions import Condition
from hil.fleet.numbering import SECOND_NETWORK, Numbers
from hil.fleet.result import DeviceRecord
from hil.fleet.site import EIM_ID, HOST, Site
from hil.link import Link, Passage, TcpDoor
from hil.modem import VirtualModem
from hil.modem.personality import Personality
from hil.modem.tcp_port import TcpPort
from hil.network import Network, Service
from hil.pki import Role
from hil.smdp.orders import Metadata, Order
from hil.upp.builder import UsimProfile, build

_POWER_UP: Final = 1.0
_NO_COVERAGE: Final = Service(coverage=False)


class FleetDevice:
    """Use `open` and `close`. `record` is what came of it."""

    def __init__(
        self,
        numbers: Numbers,
        condition: Condition,
        site: Site,
        folder: Path,
        personality: Personality,
        clock: Clock,
        chance: random.Random,
    ) -> None:
        self.numbers = numbers
        self.record = DeviceRecord(numbers.number, condition.name)
        self.answered: float | None = None
        """The last moment at which the eIM answered it."""
        self._site = site
        self._clock = clock
        self._link = Link(clock, condition.profile, chance)
        self._link.bearer = Passage.SHUT
        self._eim_door: TcpDoor = self._link.tcp_door("eim", port=site.server.port)
        self._smdp_door: TcpDoor = self._link.tcp_door("smdp", port=site.smdp_server.port)
        first, second = condition.services(chance)
        self._network = Network(default_service=first)
        self._network.set_service(second, plmn=SECOND_NETWORK)
        self._folder = folder
        identity = replace(personality.identity, imei=numbers.imei)
        self._personality = replace(personality, identity=identity)
        self._packages: tuple[Package, ...] = ()
        self._switched: float | None = None
        self.card: VirtualEuicc
        self.modem: VirtualModem
        self.port: TcpPort

    @property
    def eid(self) -> bytes:
        """16 bytes."""
        return bytes.fromhex(self.numbers.eid)

    async def open(self) -> None:
        """Make the card, tell the servers of it, switch the modem on. Raises EuiccError, PkiError, OSError."""
        eim_port, smdp_port = self._eim_door.start(), self._smdp_door.start()
        self._make_card(f"{HOST}:{smdp_port}")
        self._associate(f"{HOST}:{eim_port}")
        self.modem = VirtualModem(self.card, self._network, self._personality, self._clock)
        self.modem.on_bearer(self._on_bearer)
        self.modem.on_stall(lambda _stalled: self._set_passage(up=self._link.bearer is Passage.OPEN))
        self.modem.on_power_loss(self._power_lost)
        self.port = TcpPort(self.modem, self._clock)
        await self.port.open()
        self.modem.power_on()

    async def close(self) -> None:
        """Switch off and stop listening."""
        self.modem.power_off()
        await self.port.close()
        await self._link.close()

    def _make_card(self, smdp: str) -> None:
        numbers, pki = self.numbers, self._site.pki
        profile = ProfileSpec(
            iccid=numbers.first_iccid,
            imsi=numbers.first_imsi,
            plmn="001-01",
            service_provider_name="Testnet One",
            profile_name="Factory",
            enabled=True,
            notifications=(NotificationTarget(ALL_EVENTS, smdp),),
            fallback_allowed=True,
            fallback_attribute=True,
        )
        config = CardConfig(eid=numbers.eid, profiles=(profile,), default_smdp_address=smdp)
        own = pki.with_credential(Role.EUICC, pki.issue_euicc(numbers.eid))
        self.card = VirtualEuicc.create(self._folder / numbers.name, config, own)

    def _associate(self, fqdn: str) -> None:
        """The factory tells the card of its eIM, at the door of this device, and the eIM of the card."""
        eim, engine = self._site.eim, self.card.engine
        isdr.execute(engine, replace(eim.identity, fqdn=fqdn).add_initial_eim())
        entry = engine.state.eim(EIM_ID)
        self._site.tokens.told(self.eid, None if entry is None else entry.association_token)
        eim.associate(self.eid, certificate=self.card.certificate, eum_certificate=self.card.eum_certificate)

    # The roll-out

    def roll_out(self) -> None:
        """Order a profile, and tell the device to download and to enable it."""
        numbers = self.numbers
        profile = UsimProfile(iccid=numbers.second_iccid, imsi=numbers.second_imsi)
        metadata = Metadata(numbers.second_iccid, "Testnet Two", f"Fleet {numbers.number}", fallback_allowed=True)
        self._site.smdp.orders.add(Order(numbers.matching_id, metadata, build(profile), numbers.eid))
        code = f"1${HOST}:{self._smdp_door.address[1]}${numbers.matching_id}"
        contents = (
            download_trigger(activation_code=code),
            psmo_package(enable(numbers.second_iccid, rollback=True)),
        )
        self._packages = tuple(self._site.eim.queue(self.eid, content) for content in contents)
        self.record.ordered = self._clock.monotonic()

    @property
    def settled(self) -> bool:
        """Whether the eIM knows what came of the roll-out."""
        return self.record.done is not None

    def give_up(self) -> None:
        """Whatever comes now is too late."""
        self._judge()
        if not self.settled and not self.record.failure:
            self.record.failure = "not done in time"

    def result_arrived(self) -> None:
        """The eIM has had something new from this device."""
        # The eIM stamps what it hands out by the wall clock.
        now, record = self._clock.time(), self.record
        if not self._packages or record.done is not None:
            return
        trigger, switch = self._packages
        if record.download is None and trigger.state is PackageState.CLOSED and trigger.handed_out:
            record.download = now - trigger.handed_out[0]
        if all(package.state is PackageState.CLOSED for package in self._packages):
            record.done = self._clock.monotonic()
            if self._switched is not None and switch.outcome is Outcome.OK:
                record.activation = self._switched - switch.handed_out[0]
                record.connectivity = now - self._switched
        self._judge()

    def _judge(self) -> None:
        bad = [package for package in self._packages if package.outcome not in (None, Outcome.OK)]
        if bad:
            self.record.failure = f"{bad[0].content.label}: {bad[0].outcome} {bad[0].detail}".strip()

    def was_answered(self) -> None:
        """The eIM has answered this device."""
        self.answered = self._clock.monotonic()

    # The air

    def lose_coverage(self) -> Callable[[], None]:
        """Nothing is received any more until the returned function is called."""
        usual = self._network.default_service
        own = self._network.entry(plmn=SECOND_NETWORK)
        self._network.default_service = _NO_COVERAGE
        self._network.set_service(_NO_COVERAGE, plmn=SECOND_NETWORK)

        def restore() -> None:
            self._network.default_service = usual
            if own is not None:
                self._network.set_service(own, plmn=SECOND_NETWORK)

        return restore

    def _on_bearer(self, up: bool) -> None:
        if not up and self._switched is None and self._packages and self._new_enabled():
            self._switched = self._clock.time()
        self._set_passage(up=up)

    def _new_enabled(self) -> bool:
        return any(found.enabled and found.iccid == self.numbers.second_iccid for found in self.card.profiles)

    def _set_passage(self, *, up: bool) -> None:
        silent = not up and self.modem.device.stalled
        self._link.bearer = Passage.OPEN if up else Passage.SILENT if silent else Passage.SHUT

    def _power_lost(self) -> None:
        self._clock.call_later(_POWER_UP, self.modem.power_on)
