"""A device with its servers, in which a story is told; whatever happens, the agent is started again and goes on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hil.eim.association import Outcome, Package
from hil.pki import Pki
from ipad.apdu.exchange import StoreDataExchange
from ipad.board import Board, BoardLibrary
from ipad.clock import SystemClock
from ipad.daemon.assembly import AgentFactory, first_schedule
from ipad.daemon.guarding import make_guard
from ipad.daemon.sdnotify import ServiceManager
from ipad.daemon.service import Service
from ipad.errors import IpadError
from ipad.es9.https import HttpsJson
from tests.e2e.scenarios.stage import Stage, factory
from tests.e2e.sweep.card import SweptCard
from tests.e2e.sweep.catalogue import Fault, Interface, Point
from tests.e2e.sweep.fate import Fate
from tests.e2e.sweep.files import SweptDisk
from tests.e2e.sweep.gates import Gates
from tests.e2e.sweep.line import SweptPort
from tests.e2e.sweep.messages import MemoryRoutes, SweptAir, SweptClient, Way, client_of
from tests.e2e.sweep.story import Story
from tests.e2e.sweep.witness import Witness, commit
from tests.e2e.virtual.device import execute

MODEM = "quectel-eg25"
_TICK = 10.0
_QUIET = 120.0
"""Seconds for which nothing more may be left to do before a run ends."""
NOT_DONE = (Outcome.IPA_ERROR, Outcome.UNSIGNED, Outcome.LOST, Outcome.NOT_VERIFIED)
"""What an eIM may be told instead of the result of something that was not done."""
ORDERS = 2
LIMIT = 72 * 3600.0
_RESTART, _DARK = 5.0, 10.0
"""Seconds until the service manager starts the process again; and for which a gateway has no power."""
_CLOCK_WRONG = 1800.0


class Boards(BoardLibrary):
    """Which board a modem is does not change from one run to the next."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[str, ...], Board] = {}

    def select(
        self, *, usb: str = "", pci: str = "", manufacturer: str = "", model: str = "", firmware: str = ""
    ) -> Board:
        key = (usb, pci, manufacturer, model, firmware)
        if key not in self._known:
            self._known[key] = super().select(
                usb=usb, pci=pci, manufacturer=manufacturer, model=model, firmware=firmware
            )
        return self._known[key]

    def load(self, name: str, *, module: str = "") -> Board:
        if (name, module) not in self._known:
            self._known[name, module] = super().load(name, module=module)
        return self._known[name, module]


_BOARDS = Boards()


class World(Stage):
    """One run of one story, with a fault at one point or none."""

    def __init__(self, folder: Path, pki: Pki, patch: pytest.MonkeyPatch, story: Story, point: Point | None) -> None:
        self.story = story
        self.gates = Gates(point)
        self.fate = Fate(self.gates)
        self.second: list[Package] = []
        self.visited: set[str] = set()
        self.healed = False
        self.ends: list[BaseException] = []
        """Errors with which the process ended by itself."""
        self.starts = 0
        self.unhandled: list[str] = []
        self.orders_again = 0
        self.followers: tuple[Any, ...] = ()
        self._running: asyncio.Future[None]
        self._wrong_time: float | None = None
        patch.setattr("hil.euicc.store.StateStore.commit", commit)
        super().__init__(folder, pki, patch, factory(pki, enabled=story.enabled, fallback=story.fallback), MODEM)
        self.witness = Witness(self.device.card.engine)
        self._prepare(patch)
        self.set("quiet")

    def _open_air(self) -> SweptAir:
        air = SweptAir.over(self.clock, self.device.modem)
        assert isinstance(air, SweptAir)
        air.hosts = self.device.internet.hosts
        air.way = Way(Interface.ESIPA, self.fate)
        self.device.internet = air
        return air

    def _associate(self) -> None:
        """The factory has told the card of its eIM."""
        identity = replace(self.device.eim.identity, indirect_download=self.story.relay)
        execute(self.device.card.engine, identity.add_initial_eim())

    def _prepare(self, patch: pytest.MonkeyPatch) -> None:
        device, fate = self.device, self.fate
        device.port = SweptPort(device.modem, fate)
        SweptCard(device.card, lambda: device.modem, fate)
        SweptDisk(device.folder / "state", fate, self.clock.monotonic).install(patch)
        fate.cut, fate.move, fate.power, fate.sleep = device.port.cut, self._move_clock, self._power, self.clock.sleep
        patch.setattr(SystemClock, "time", lambda _self: self._wall())
        patch.setattr("ipad.daemon.link.board_library", lambda: _BOARDS)
        patch.setattr("ipad.daemon.assembly.board_library", lambda: _BOARDS)
        own = StoreDataExchange.receive
        patch.setattr(StoreDataExchange, "receive", lambda exchange, response: self._receive(own, exchange, response))
        way = Way(Interface.ES9, fate)
        self.servers.connect = lambda _address: HttpsJson(SweptClient(self.servers, way))  # type: ignore[method-assign, arg-type]
        if self.story.relay:
            patch.setattr("hil.eim.relay.JsonClient", client_of(self.servers))
            patch.setattr("hil.eim.forwarding.JsonClient", client_of(self.servers))
            device.eim.enable_relay(MemoryRoutes())
        extra = f'[rsp]\nci_files = ["{self.servers.ci_file}"]\n' if self.story.direct else ""
        if self.story.policy:
            device.set_policy(self.story.policy, extra)
        else:
            device.configure(extra)
        self._config = device.settings

    def _receive(self, own: Any, exchange: StoreDataExchange, response: bytes) -> bytes | None:
        if self.fate.exhausted:
            self.fate.exhausted = False
            raise MemoryError
        found: bytes | None = own(exchange, response)
        return found

    # The clock of the wall

    def _wall(self) -> float:
        return self.clock.time() if self._wrong_time is None else self._wrong_time + self.clock.monotonic()

    def _move_clock(self, seconds: float | None) -> None:
        now = self.clock.monotonic()
        self._wrong_time = (0.0 if seconds is None else self.clock.time() + seconds) - now
        self.clock.call_later(_CLOCK_WRONG, lambda: setattr(self, "_wrong_time", None))

    # Power

    def _power(self, _fault: Fault) -> None:
        """The contact of the card is bad for a second; the modem notices and starts it again."""
        modem = self.device.modem
        self.clock.call_later(0.05, lambda: modem.set_knobs(replace(modem.knobs, card_removed=True)))
        self.clock.call_later(1.0, lambda: modem.set_knobs(replace(modem.knobs, card_removed=False)))

    # What stories do

    def owe_notifications(self) -> None:
        """Somebody switched the profiles to and fro before: four notifications wait on the card."""
        self.witness.leave_notifications()

    # The run

    def tell(self) -> None:
        """From the beginning until nothing is left to do."""
        self.begun = self.clock.monotonic()
        self.story.begin(self)
        self.device.run(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: self._note_unhandled(context))
        self.fate.died = asyncio.Event()
        self.gates.open()
        quiet_since: float | None = None
        self._start()
        while self.now < LIMIT:
            await self._wait(_TICK)
            if self.fate.dead:
                await self._bury()
                quiet_since = None
            elif self._running.done():
                await self._after_end()
                quiet_since = None
            self.visited |= {iccid for iccid, on in self.device.states.items() if on}
            self.story.attend(self)
            self._order_again()
            if self.unsettled():
                quiet_since = None
            elif quiet_since is None:
                quiet_since = self.now
                if self.gates.point is None:
                    self.gates.close()
            elif self.now - quiet_since >= _QUIET and self._wrong_time is None:
                break
        self.service.stop()
        await asyncio.wait({self._running}, timeout=600)
        if not self._running.done():
            self.unhandled.append("the service does not stop")
            self._running.cancel()

    async def _wait(self, seconds: float) -> None:
        died = asyncio.ensure_future(self.fate.died.wait())
        waited: set[asyncio.Future[Any]] = {died, self._running}
        await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        died.cancel()

    def _start(self) -> None:
        self.starts += 1
        try:
            self._compose()
        except (MemoryError, IpadError) as error:
            # What the composition of a process fails with ends it.
            self._running = asyncio.get_running_loop().create_future()
            self._running.set_exception(error)

    def _compose(self) -> None:
        self.guard = make_guard(
            self._config, SystemClock(), boot=self.device.boot, chance=lambda: 0.0, followers=self.followers
        )
        agents = AgentFactory(self._config, SystemClock(), announce=True, guard=self.guard)
        self.service = Service(
            partial(self._opened, agents),
            first_schedule(self._config),
            SystemClock(),
            ServiceManager({}),
            self.guard,
            reconnect=self._config.timers.reconnect,
            chance=lambda: 0.0,
        )
        self._running = asyncio.ensure_future(self.service.run())

    async def _bury(self) -> None:
        """What is unwound of a killed process has no effect; then it is started again."""
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        reboot, self.fate.dead = self.fate.reboot, False
        self.fate.died.clear()
        await self.clock.sleep(_DARK if reboot else _RESTART)
        if reboot:
            self.device.boot = f"boot {self.now}"
        self._start()

    async def _after_end(self) -> None:
        """An error of the agent itself ended the process; the service manager starts it again."""
        error = self._running.exception()
        self.ends.append(error if error is not None else AssertionError("the service ended"))
        self.device.port.cut()
        await self.clock.sleep(_RESTART)
        self._start()

    def _note_unhandled(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, MemoryError) and not self.fate.dead:
            self.unhandled.append(f"{context.get('message')}: {error!r}")

    def _order_again(self) -> None:
        """An operator who is told that something was not done, which is allowed, orders it again."""
        for package in self.packages[self.orders_again :]:
            failed = package.outcome in NOT_DONE or (package.outcome is Outcome.FAILED and self.story.downloads)
            if not package.open and failed and self.orders_again < ORDERS:
                self.orders_again += 1
                if self.story.downloads:
                    self.servers.order.release()
                self.queue(package.content)
                self.service.poll_now()

    def unsettled(self) -> str:
        """What is left to do, "" when nothing is."""
        waiting = [item for item in (*self.device.eim.association(self.device.eid).packages, *self.second) if item.open]
        if self.gates.point is not None and self.gates.struck is None and not self.gates.unfit:
            return "the point was not reached yet"
        if waiting:
            return f"package {waiting[0].content.label}"
        state = self.guard.engine.state
        if state.window is not None or self.guard.busy:
            return "a change of profile is on trial"
        return self.witness.left() or self.story.unfinished(self) or self._journal_left()

    @property
    def polls_of_each(self) -> tuple[int, ...]:
        """Polls that each eIM saw."""
        return tuple(eim.association(self.device.eid).polls for eim in (self.device.eim, self.device.eim2))

    def _journal_left(self) -> str:
        content = self.agent._ipa.journal.content
        if content.marker is not None:
            return f"the journal has a marker at {content.marker.step}"
        if content.download is not None:
            return "the journal has a download"
        return "the journal has results" if content.undelivered or content.direct_results else ""
