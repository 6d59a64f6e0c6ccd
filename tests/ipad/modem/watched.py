"""A watch over a virtual modem, in virtual time: what it tells, and what it sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from hil.clock import ManualClock
from hil.modem import Direction, Knobs, VirtualModem, load_personality
from hil.modem.personality import Personality
from hil.network import Network
from ipad.board import Board, BoardLibrary
from ipad.errors import PortError
from ipad.modem.facts import RadioFact
from ipad.modem.link import SerialLink
from ipad.modem.modem import Modem
from ipad.modem.port import AtPort, PortSettings
from ipad.modem.recovery import SimRecovery
from ipad.modem.watch import RadioWatch, WatchSettings
from tests.hil.modem.fake_card import FakeCard
from tests.ipad.card.test_with_virtual_modem import VirtualLink
from tests.ipad.modem.peer import whole
from tests.waiting import turns

T = TypeVar("T")
LIBRARY = BoardLibrary()
_TURNS = 60


@dataclass
class Watched:
    """A modem, who watches it, and what was said."""

    virtual: VirtualModem
    network: Network
    clock: ManualClock
    modem: Modem
    watch: RadioWatch
    recovery: SimRecovery
    facts: list[tuple[float, RadioFact]] = field(default_factory=list)
    commands: list[tuple[float, str]] = field(default_factory=list)

    async def after(self, seconds: float) -> list[RadioFact]:
        """Let time pass; what was told meanwhile."""
        count = len(self.facts)
        await advance(self.clock, seconds)
        return [fact for _, fact in self.facts[count:]]

    async def sent_in(self, seconds: float) -> list[str]:
        """Let time pass; the commands that went over the line meanwhile."""
        count = len(self.commands)
        await advance(self.clock, seconds)
        return [command for _, command in self.commands[count:]]

    def last(self, kind: type[T]) -> T:
        """The last fact of a kind."""
        return [fact for _, fact in self.facts if isinstance(fact, kind)][-1]

    def all(self, kind: type[T]) -> list[T]:
        """All facts of a kind, in order."""
        return [fact for _, fact in self.facts if isinstance(fact, kind)]

    def set_knobs(self, **changes: object) -> None:
        """Change knobs of the modem."""
        self.virtual.set_knobs(replace(self.virtual.knobs, **changes))  # type: ignore[arg-type]


async def advance(clock: ManualClock, seconds: float) -> None:
    """Let virtual time pass, timer by timer, and everybody do what there is to do in between."""
    end = clock.monotonic() + seconds
    while True:
        await turns(_TURNS)
        deadline = clock.next_deadline
        if deadline is None or deadline > end:
            clock.advance(end - clock.monotonic())
            await turns(_TURNS)
            return
        clock.advance(max(0.0, deadline - clock.monotonic()))


@asynccontextmanager
async def watched(
    personality: str | Personality,
    *,
    board: str | Board = "",
    settings: WatchSettings | None = None,
    knobs: Knobs | None = None,
    network: Network | None = None,
    start: bool = True,
) -> AsyncIterator[Watched]:
    """A watch over a modem that has booted and is registered, with the definition that fits it."""
    clock = ManualClock()
    if isinstance(personality, str):
        personality = load_personality(personality)
    network = network or Network()
    virtual = VirtualModem(FakeCard(), network, personality, clock)
    if knobs is not None:
        virtual.set_knobs(knobs)
    identity = personality.identity
    if not isinstance(board, Board):
        board = (
            LIBRARY.load(board) if board else LIBRARY.select(manufacturer=identity.manufacturer, model=identity.model)
        )

    async def open_link() -> SerialLink:
        if not virtual.port_present:
            raise PortError("virtual line: there is no such port")
        return VirtualLink(virtual, whole)

    modem = Modem(AtPort(open_link, PortSettings.of_board(board, "virtual"), clock), board, clock)
    facts: list[tuple[float, RadioFact]] = []
    commands: list[tuple[float, str]] = []
    virtual.on_trace(lambda at, way, text: commands.append((at, text)) if way is Direction.COMMAND else None)
    watch = RadioWatch(modem, clock, lambda fact: facts.append((clock.monotonic(), fact)), settings or WatchSettings())
    bench = Watched(virtual, network, clock, modem, watch, SimRecovery(modem), facts, commands)
    virtual.power_on()
    clock.advance(20)
    task = asyncio.ensure_future(watch.run()) if start else None
    try:
        if task is not None:
            await advance(clock, 30)
        yield bench
        if task is not None:
            assert not task.done(), task.exception()
    finally:
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await modem.port.close()
