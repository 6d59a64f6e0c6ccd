"""A whole device in one process and one time: card, modem, network and eIMs of the bench, and the agent on top.

Nothing is left out between the command line of the agent and the keys of the eUICC but wires: the serial line is a
pair of callbacks, and an ESipa message goes to the eIM by a call. Where the wires themselves matter, other tests use
ptys and TLS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from hil import crypto
from hil.clock import ManualClock
from hil.eim import EimIdentity, TlsAnchors, VirtualEim
from hil.eim.association import Package
from hil.eim.content import Content
from hil.euicc import EuiccKind, VirtualEuicc, default_card
from hil.euicc import isdr as card_functions
from hil.euicc.config import CardConfig
from hil.euicc.engine import Engine
from hil.modem import VirtualModem, load_personality
from hil.network import Network
from hil.pki import Pki
from hil.rig.operator import AssociationKeeper
from hil.rig.rig import CardProvisioning
from ipad.clock import SystemClock
from ipad.codec.eim import EimConfigurationData
from ipad.config import Config, load
from ipad.daemon.assembly import AgentFactory
from ipad.daemon.connector import ConfiguredConnector
from ipad.daemon.guard.guard import Guard
from ipad.daemon.guarding import make_guard
from ipad.daemon.service import Agent
from ipad.errors import NetworkError, PortError
from ipad.esipa.functions import EsipaClient
from ipad.modem.link import LinkOpener, LinkReceiver, SerialLink
from ipad.net.probe import Look, ProbeTarget, ReachedLayer
from tests.e2e.commands import Commands
from tests.e2e.virtual import virtual_time

T = TypeVar("T")
Chunker = Callable[[bytes], Iterable[bytes]]

PORT = "virtual"
FIRST, SECOND = "eim.example.com", "eim2.example.com"
ONE, TWO, THREE, FOUR = "89490000000000000015", "89490000000000000023", "8949000000000000034", "89490000000000000049"
_ROUND_TRIP = 0.1
_LOAD_PACKAGE = b"\xbf\x51"
_BOOT = 20.0


def whole(data: bytes) -> Iterable[bytes]:
    """All at once."""
    return (data,)


def bytewise(data: bytes) -> Iterable[bytes]:
    """One byte after the other."""
    return (data[n : n + 1] for n in range(len(data)))


def in_pieces(sizes: Iterable[int]) -> Chunker:
    """Pieces of these sizes, over and over again."""
    pattern = tuple(sizes)
    position = 0

    def cut(data: bytes) -> Iterable[bytes]:
        nonlocal position
        while data:
            size = pattern[position % len(pattern)]
            position += 1
            yield data[:size]
            data = data[size:]

    return cut


class MemoryPort:
    """The serial port of the virtual modem; one link at a time is open."""

    def __init__(self, modem: VirtualModem, chunker: Chunker) -> None:
        self.modem = modem
        self.chunker = chunker
        self._link: _MemoryLink | None = None
        modem.on_output(self._from_modem)
        modem.on_port(self._presence)

    async def open(self) -> SerialLink:
        """A link to the modem. Raises PortError while there is no port."""
        if not self.modem.port_present:
            raise PortError(f"{PORT}: there is no such port")
        assert self._link is None or self._link.closed, "the port is opened twice"
        self._link = _MemoryLink(self)
        return self._link

    @property
    def in_use(self) -> bool:
        """Whether somebody has it open."""
        return self._link is not None and not self._link.closed

    def cut(self) -> None:
        """The process that has it open is gone: nothing that it still does arrives."""
        if self._link is not None:
            self._link.close()

    def _from_modem(self, data: bytes) -> None:
        if self._link is not None and not self._link.closed:
            for piece in self.chunker(data):
                asyncio.get_running_loop().call_soon(self._link.deliver, piece)

    def _presence(self, present: bool) -> None:
        if not present and self._link is not None:
            self._link.hang_up()


class _MemoryLink:
    def __init__(self, port: MemoryPort) -> None:
        self._port = port
        self._receiver: LinkReceiver | None = None
        self.closed = False

    def set_receiver(self, receiver: LinkReceiver) -> None:
        self._receiver = receiver

    def write(self, data: bytes) -> None:
        if self.closed:
            raise PortError(f"{PORT} was hung up")
        for piece in self._port.chunker(data):
            self._port.modem.receive(piece)

    def close(self) -> None:
        self.closed = True

    def deliver(self, data: bytes) -> None:
        if not self.closed and self._receiver is not None:
            self._receiver.data_received(data)

    def hang_up(self) -> None:
        if not self.closed:
            self.closed = True
            if self._receiver is not None:
                self._receiver.link_lost(PortError(f"{PORT} was hung up"))


@dataclass
class Internet:
    """Where the eIMs are. `spoil` may change an answer or raise; `sent` are the messages that reached an eIM,
    `attempts` the moments at which one was tried; `look` is what a look along the path finds."""

    clock: ManualClock
    reachable: Callable[[], bool]
    hosts: dict[str, VirtualEim] = field(default_factory=dict)
    spoil: Callable[[bytes, bytes], bytes] | None = None
    sent: list[bytes] = field(default_factory=list)
    attempts: list[float] = field(default_factory=list)
    look: Callable[[], Look] | None = None

    def seen(self) -> Look:
        """What a look along the path finds."""
        if self.look is not None:
            return self.look()
        if self.reachable():
            return Look(reached=ReachedLayer.TLS, packets=True)
        return Look(reached=ReachedLayer.BEARER, failure="nothing came back")

    async def exchange(self, host: str, message: bytes) -> bytes:
        """One ESipa message to the eIM at a host and its answer."""
        self.attempts.append(self.clock.monotonic())
        await self.clock.sleep(_ROUND_TRIP)
        if not self.reachable():
            raise NetworkError(f"{host}: connection refused", layer="tcp")
        self.sent.append(message)
        answer = self.hosts[host].handle(message) or b""
        if self.spoil is not None:
            answer = self.spoil(message, answer)
        await self.clock.sleep(_ROUND_TRIP)
        if not self.reachable():
            raise NetworkError(f"{host}: the connection broke", layer="http")
        return answer


@dataclass(frozen=True)
class MemoryBinding:
    """Satisfies `ipad.esipa.binding.EsipaBinding`."""

    internet: Internet
    host: str

    async def exchange(self, message: bytes) -> bytes:
        return await self.internet.exchange(self.host, message)

    async def close(self) -> None:
        return None


class MemoryConnector(ConfiguredConnector):
    """The real one down to the bytes on the wire: what it refuses is refused here."""

    internet: Internet

    def connect(self, eim: EimConfigurationData) -> EsipaClient:
        super().connect(eim)
        return EsipaClient(MemoryBinding(self.internet, self._server(eim).host))


class MemoryProbe:
    """Takes the place of the probe: what it would find on the network of the bench."""

    def __init__(self, internet: Internet) -> None:
        self._internet = internet

    async def look(self, targets: Sequence[ProbeTarget], *, session: str | None = None) -> Look:
        """A complete handshake with the eIM while there is a way to it; the bearer alone gives no answer."""
        await self._internet.clock.sleep(_ROUND_TRIP)
        return self._internet.seen()


class Device(Commands):
    """One device, its eIMs, and the agent's commands."""

    def __init__(self, folder: Path, pki: Pki, kind: EuiccKind, factory: CardConfig | None = None) -> None:
        self.folder = folder
        self.pki = pki
        self.clock = ManualClock()
        self.boot = "boot 1"
        self.card = VirtualEuicc.create(folder / "card", factory or default_card(kind, eid=pki.eid), pki)
        self.network = Network()
        self.loaded: list[bytes] = []
        self.card_fault: Callable[[Engine, bytes], bytes | None] | None = None
        self.internet = Internet(self.clock, lambda: True)
        self.eim, self.eim2 = (self._eim(name, key) for name, key in self._signers())
        keeper = AssociationKeeper({FIRST: self.eim, SECOND: self.eim2})
        for eim in (self.eim, self.eim2):
            eim.subscribe(keeper.listener(eim))
        self.modem: VirtualModem
        self.port: MemoryPort
        self.config = folder / "ipad.toml"
        self.configure()

    def _signers(self) -> Iterator[tuple[str, Any]]:
        yield FIRST, self.pki.eim.key
        yield SECOND, self.pki.issue_eim(SECOND).key

    def _eim(self, name: str, key: Any) -> VirtualEim:
        leaf = self.pki.eim_tls
        anchors = TlsAnchors(crypto.spki(leaf.public_key), leaf.certificate, self.pki.tls_ca.certificate)
        identity = EimIdentity(name, name, key, anchors, ci_key_id=self.pki.ci_key_id)
        provisioning = CardProvisioning(self.card) if name == FIRST else None
        eim = VirtualEim(identity, self.clock, ci=self.pki.ci.certificate, provisioning=provisioning)
        eim.associate(self.eid, certificate=self.card.certificate, eum_certificate=self.card.eum_certificate)
        self.internet.hosts[name] = eim
        return eim

    @property
    def eid(self) -> bytes:
        """EID of the card, 16 bytes."""
        return bytes.fromhex(self.card.eid)

    # Hardware

    def insert(self, personality: str, chunker: Chunker = whole, card: Any = ...) -> None:
        """Put the card (or another, or None) into a modem of this kind and wait until it has booted."""
        holder = self.card if card is ... else card
        self.modem = VirtualModem(holder, self.network, load_personality(personality), self.clock)
        self.port = MemoryPort(self.modem, chunker)
        self._bearer = False
        self.modem.on_bearer(self._note_bearer)
        self.internet.reachable = lambda: self._bearer
        self.modem.on_power_loss(lambda: self.clock.call_later(1.0, self.modem.power_on) and None)
        self.modem.power_on()
        self.clock.advance(_BOOT)

    @property
    def bearer_up(self) -> bool:
        """Whether the modem has a data bearer."""
        return self._bearer

    def _note_bearer(self, up: bool) -> None:
        self._bearer = up

    def open_link(self, _settings: Any) -> LinkOpener:
        """Takes the place of `ipad.modem.serial.opener`."""
        return self.port.open

    def note_request(self, engine: Engine, request: bytes) -> bytes:
        """Takes the place of `hil.euicc.isdr.execute`: keeps the packages that reach the card."""
        if self.card_fault is not None and (answer := self.card_fault(engine, request)) is not None:
            return answer
        if request.startswith(_LOAD_PACKAGE):
            self.loaded.append(request)
        return _execute(engine, request)

    # The agent

    def configure(self, extra: str = "", *, modem: str = f'port = "{PORT}"') -> None:
        """Write the configuration file; `extra` is more TOML."""
        log = "" if "[log]" in extra else '[log]\nevents = ""\n'
        log += "" if "[control]" in extra else '[control]\nsocket = ""\n'
        text = f'[state]\ndirectory = "{self.folder / "state"}"\n{log}[modem]\n{modem}\n{extra}'
        self.config.write_text(text, encoding="utf-8")

    def set_policy(self, text: str, extra: str = "") -> None:
        """Write a policy file, and a configuration that names it."""
        file = self.folder / "policy.toml"
        file.write_text(text, encoding="utf-8")
        self.configure(f'[policy]\nfile = "{file}"\n{extra}')

    @property
    def settings(self) -> Config:
        """The configuration as the agent reads it."""
        return load(self.config)[0]

    @property
    def journal(self) -> Path:
        """The state file of the agent."""
        return self.folder / "state" / "journal.cbor"

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the time of the device."""
        return virtual_time.run(self.clock, work)

    def guard(self, chance: float = 0.0) -> Guard:
        """Who looks after the device in a service of a test; `chance` is what it draws."""
        return make_guard(self.settings, SystemClock(), boot=self.boot, chance=lambda: chance)

    def opener(self, guard: Guard, *, announce: bool = True) -> Callable[[], AbstractAsyncContextManager[Agent]]:
        """What a service opens its agent with."""
        return AgentFactory(self.settings, SystemClock(), announce=announce, guard=guard).open

    # The eIM

    def provision(self) -> None:
        """Associate the first eIM with the card."""
        file = self.folder / "initial-eim.der"
        file.write_bytes(self.eim.identity.add_initial_eim())
        assert [item["eim_id"] for item in self.json("eim", "add", str(file))["added"]] == [FIRST]
        # A modem that had to be restarted for it is not on the network at once.
        self.clock.advance(_BOOT)

    def queue(self, *contents: Content) -> list[Package]:
        """Queue contents, each in a package of its own."""
        return [self.eim.queue(self.eid, content) for content in contents]

    @property
    def states(self) -> dict[str, bool]:
        """ICCID -> enabled, of every profile on the card."""
        return {profile.iccid: profile.enabled for profile in self.card.profiles}


_execute = card_functions.execute
"""What the card does with a request, before any test had its hand in it."""


def execute(engine: Engine, request: bytes) -> bytes:
    """What a healthy card answers."""
    return _execute(engine, request)


def connect_to(device: Device, patch: pytest.MonkeyPatch) -> None:
    """Let the agent of this process find the device in place of serial ports, TLS and the time of the machine."""

    def connector(config: Config, time: Any, *_: Any, **_options: Any) -> MemoryConnector:
        made = MemoryConnector(config, time)
        made.internet = device.internet
        return made

    patch.setattr("ipad.daemon.link.opener", device.open_link)
    patch.setattr("ipad.daemon.assembly.ConfiguredConnector", connector)
    patch.setattr("ipad.daemon.probing.make_probe", lambda *_: MemoryProbe(device.internet))
    patch.setattr("ipad.daemon.guarding.boot_id", lambda: device.boot)
    patch.setattr("hil.euicc.isdr.execute", device.note_request)
    patch.setattr("ipad.config.DEFAULT_PATH", device.folder / "none.toml")
    patch.setattr(SystemClock, "monotonic", lambda _self: device.clock.monotonic())
    patch.setattr(SystemClock, "time", lambda _self: device.clock.time())
    # Not by a timer of the loop, which may fire a nanosecond early: to wait for that rest would never end.
    patch.setattr(SystemClock, "sleep", lambda _self, seconds: device.clock.sleep(seconds))
    patch.setattr(asyncio, "run", lambda work, **_options: device.run(work))
