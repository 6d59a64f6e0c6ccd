"""The rig: PKI, card, modem, network, relays, two eIMs and the control API in one asyncio process."""

import asyncio
import contextlib
import logging
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from hil.clock import Clock, LoopClock
from hil.eim import VirtualEim
from hil.euicc import EuiccError, VirtualEuicc, default_card
from hil.euicc.store import exists as card_exists
from hil.link import Link, Passage, TcpDoor, preset
from hil.modem import VirtualModem, load_personality
from hil.modem.loading import DataError
from hil.modem.pty_port import PtyPort
from hil.modem.serial_line import LineSpeed
from hil.network import Network
from hil.pki import Credential, Pki, PkiError
from hil.rig.endpoint import EimEndpoint, EndpointPlan
from hil.rig.operator import AssociationKeeper
from hil.rig.options import RigError, RigOptions
from hil.rig.ports import PortBook
from hil.rig.rsp import RspServers
from hil.rig.taps import CardTap, LineTap
from hil.rig.timeline import Interface, Timeline
from hil.vpcd import connect as connect_reader

log = logging.getLogger(__name__)

FIRST_EIM: Final = "eim1"
SECOND_EIM: Final = "eim2"
FIRST_EIM_ID: Final = "eim.example.com"
SECOND_EIM_ID: Final = "eim2.example.com"
_POWER_UP_SECONDS: Final = 1.0
_BOOT_CHECK_SECONDS: Final = 0.02


class CardProvisioning:
    """What the side that loads AddInitialEim knows: the token that the card made up."""

    def __init__(self, card: VirtualEuicc) -> None:
        self._card = card

    def association_token(self, eid: bytes, eim_id: str) -> int | None:
        """The token of an association of this card."""
        if eid.hex() != self._card.eid:
            return None
        record = self._card.engine.state.eim(eim_id)
        return None if record is None else record.association_token


class Rig:
    """Everything. Use `async with Rig(options) as rig`."""

    def __init__(self, options: RigOptions, clock: Clock | None = None) -> None:
        self.options = options
        self.clock = clock or LoopClock()
        self.link = Link(self.clock, preset(options.link))
        """What is between the device and the servers: shut while there is no bearer."""
        self.link.bearer = Passage.SHUT
        self._stack = contextlib.AsyncExitStack()
        self._bearer = False

    async def __aenter__(self) -> Self:
        """Set up and start. Raises RigError."""
        try:
            await self._start()
        except (EuiccError, PkiError, DataError) as error:
            await self._stack.aclose()
            raise RigError(str(error)) from error
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        state = self.options.state
        state.mkdir(parents=True, exist_ok=True)
        self.timeline = Timeline(self.clock)
        self.pki = _open_pki(self.options)
        self.ports = PortBook(state / "ports.json")
        self._stack.push_async_callback(self.link.close)
        self.rsp = await RspServers.start(self.options, self.pki, self.ports, self.link, self.timeline, self._stack)
        self.card = _open_card(self.options, self.pki, self.rsp)
        self.network = Network()
        self._enrol_subscribers()
        await self._start_eims()
        self._write_files()
        await self._start_modem()

    def _enrol_subscribers(self) -> None:
        """The operators know the keys of the profiles that they gave to the factory or to the SM-DP+."""
        for profile in self.card.engine.state.profiles:
            if profile.aka is not None:
                self.network.enrol(profile.imsi, profile.aka)
        if self.rsp is not None:
            self.rsp.tell_keys(self.network.enrol)

    async def _start_eims(self) -> None:
        state, pki = self.options.state, self.pki
        second_key = _second_signer(pki, state / "tls").key
        provisioning = CardProvisioning(self.card)
        plans = (
            EndpointPlan(
                FIRST_EIM,
                FIRST_EIM_ID,
                pki.eim.key,
                self.options.tls_trust,
                self.options.eim_fqdn,
                FIRST_EIM in self.options.indirect,
                self.options.eim_protocols,
            ),
            EndpointPlan(
                SECOND_EIM,
                SECOND_EIM_ID,
                second_key,
                self.options.tls_trust,
                indirect=SECOND_EIM in self.options.indirect,
                protocols=self.options.eim_protocols,
            ),
        )
        self.eims: dict[str, EimEndpoint] = {}
        for plan in plans:
            endpoint = await EimEndpoint.start(
                plan,
                pki,
                state,
                self.ports,
                self.link,
                clock=self.clock,
                timeline=self.timeline,
                provisioning=provisioning if plan.name == FIRST_EIM else None,
            )
            self._stack.push_async_callback(endpoint.close)
            self.eims[plan.name] = endpoint
            endpoint.core.knobs.version = self.options.eim_version
            endpoint.server.turn_tls(self.options.tls)
            if self.rsp is not None:
                endpoint.core.enable_relay(self.rsp)
            endpoint.core.associate(
                self.eid, certificate=self.card.certificate, eum_certificate=self.card.eum_certificate
            )
        keeper = AssociationKeeper({endpoint.core.identity.eim_id: endpoint.core for endpoint in self.eims.values()})
        for endpoint in self.eims.values():
            endpoint.core.subscribe(keeper.listener(endpoint.core))

    async def _start_modem(self) -> None:
        tap = CardTap(self.card, self.timeline)
        self.holder = tap
        in_reader = self.options.vpcd is not None
        personality = load_personality(self.options.personality)
        self.modem = VirtualModem(None if in_reader else tap, self.network, personality, self.clock)
        self.modem.on_trace(LineTap(self.timeline))
        self.modem.on_bearer(self._on_bearer)
        self.modem.on_stall(self._on_stall)
        self.modem.on_power_loss(self._on_power_loss)
        self.modem.on_port(self._on_port)
        speed = LineSpeed(self.options.pace or 0, self.options.uart)
        self.port = PtyPort(self.modem, self.tty, self.clock, speed)
        self.port.open()
        self._stack.callback(self.port.close)
        self._stack.callback(self.modem.power_off)
        self.modem.power_on()
        if self.options.vpcd is not None:
            host, port = self.options.vpcd
            task = asyncio.create_task(
                connect_reader(tap, host, port, clock=self.clock, on_inserted=self._on_inserted), name="card reader"
            )
            self._stack.push_async_callback(_ended, task)
            # The host of a reader has a network of its own.
            self._on_bearer(True)
        while not self.modem.device.booted:
            await self.clock.sleep(_BOOT_CHECK_SECONDS)

    def _write_files(self) -> None:
        self.ca_file.write_bytes(self.pki.tls_anchors)
        self.initial_eim_file.write_bytes(self.eims[FIRST_EIM].core.identity.add_initial_eim())

    @property
    def eid(self) -> bytes:
        """EID of the card, 16 bytes."""
        return bytes.fromhex(self.card.eid)

    @property
    def tty(self) -> Path:
        """Stable name of the modem's terminal."""
        return self.options.state / "tty"

    @property
    def ca_file(self) -> Path:
        """PEM with the TLS anchors of the rig's servers."""
        return self.options.state / "ca.pem"

    @property
    def initial_eim_file(self) -> Path:
        """AddInitialEimRequest (DER) of the first eIM."""
        return self.options.state / "initial-eim.der"

    @property
    def bearer(self) -> bool:
        """Whether the modem has IP traffic."""
        return self._bearer

    @property
    def relays(self) -> dict[str, TcpDoor]:
        """The device's ways to all servers over TCP, by the server's name."""
        found = {name: endpoint.relay for name, endpoint in self.eims.items()}
        for endpoint in self.rsp.endpoints if self.rsp is not None else ():
            found[endpoint.name] = endpoint.relay
        return found

    def eim(self, name: str) -> EimEndpoint:
        """An eIM by its name in the rig. Raises KeyError."""
        return self.eims[name]

    def configuration(self, name: str) -> bytes:
        """EimConfigurationData with which other eIMs add the eIM of that name. Raises KeyError."""
        core: VirtualEim = self.eims[name].core
        counters = [association.counter for association in core.associations if association.eid == self.eid]
        return core.identity.configuration(counter=max(counters, default=0), protocols=core.knobs.supported_protocols)

    def force_shut(self, *, shut: bool) -> None:
        """Cut the link whatever the modem has, or end a cut."""
        self.timeline.note(Interface.BENCH, "", "link cut" if shut else "link follows the bearer")
        if shut:
            self.link.cut()
        else:
            self.link.restore()

    def ready_line(self, control_url: str) -> dict[str, Any]:
        """What a client needs to know."""
        first, second = self.eims[FIRST_EIM], self.eims[SECOND_EIM]
        return {
            "eid": self.card.eid,
            "tty": str(self.tty),
            "esipa_url": first.url,
            "esipa_json_url": first.json_url,
            "esipa_coaps_url": first.coaps_url,
            "ca_file": str(self.ca_file),
            "initial_eim_file": str(self.initial_eim_file),
            "control_url": control_url,
            "eim_id": first.core.identity.eim_id,
            "eim_fqdn": first.fqdn,
            "eim2_id": second.core.identity.eim_id,
            "eim2_fqdn": second.fqdn,
            "eim2_url": second.url,
            "eim2_coaps_url": second.coaps_url,
            "eim_client_cert_file": str(first.client_file),
            "eim2_client_cert_file": str(second.client_file),
            "state_dir": str(self.options.state),
            **({} if self.rsp is None else self.rsp.ready_line()),
        }

    def _on_bearer(self, up: bool) -> None:
        self._bearer = up
        self.timeline.note(Interface.RADIO, "", "bearer up" if up else "bearer lost")
        self._set_link()

    def _on_stall(self, stalled: bool) -> None:
        self.timeline.note(Interface.RADIO, "", "session without traffic" if stalled else "no longer without traffic")
        self._set_link()

    def _set_link(self) -> None:
        if self._bearer:
            self.link.bearer = Passage.OPEN
        else:
            self.link.bearer = Passage.SILENT if self.modem.device.stalled else Passage.SHUT

    def _on_port(self, present: bool) -> None:
        self.timeline.note(Interface.AT, "", "port is back" if present else "port is gone")

    def _on_power_loss(self) -> None:
        self.timeline.note(Interface.CARD, "", "power lost")
        self.clock.call_later(_POWER_UP_SECONDS, self.modem.power_on)

    def _on_inserted(self, inserted: bool) -> None:
        self.timeline.note(Interface.CARD, "", "in the reader" if inserted else "out of the reader")


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _open_pki(options: RigOptions) -> Pki:
    if options.pki is not None:
        return Pki.load(options.pki)
    return Pki.open(options.state / "pki")


def _open_card(options: RigOptions, pki: Pki, rsp: RspServers | None) -> VirtualEuicc:
    folder = options.state / "card"
    if not card_exists(folder):
        config = default_card(options.euicc, eid=pki.eid)
        if rsp is not None:
            config = default_card(options.euicc, rsp.smdp.fqdn, pki.eid)
            config = replace(config, root_smds_address=rsp.smds.fqdn)
        return VirtualEuicc.create(folder, config, pki)
    card = VirtualEuicc.open(folder, pki)
    kind = card.engine.config.kind
    if kind is not options.euicc:
        raise RigError(f"{folder} holds a card of kind {kind}, not {options.euicc}; use another --state")
    return card


def _second_signer(pki: Pki, directory: Path) -> Credential:
    """Signing key of the second eIM, kept in the state."""
    stored = Credential.read(directory, "eim2-signing")
    if stored is not None:
        return stored
    made = pki.issue_eim(SECOND_EIM_ID)
    made.write(directory, "eim2-signing")
    return made
