"""Doubles of what stands at the edges of the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from ipad.bearer.backend import BearerReason
from ipad.clock import Clock
from ipad.daemon.guard.guard import Guard
from ipad.daemon.guard.memory_file import PolicyMemory
from ipad.daemon.guard.options import GuardOptions
from ipad.daemon.guard.ward import CardView, Sight
from ipad.daemon.service import Agent
from ipad.policy.decisions import Notice
from ipad.policy.events import Boot, CardRead, Layer, Outcome, ProbeResult, ProfileChanged
from ipad.policy.settings import PollSettings, Settings
from ipad.procedures.report import NotificationReport, RunReport
from ipad.state.store import Loaded


class SwiftClock:
    """Time that passes at once: a wait ends in the next turn of the loop and is written down."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_800_000_000.0 + self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)
        self.now += seconds


class BriskClock(SwiftClock):
    """Waits are short but real, so that whoever is at the other end of a line can answer."""

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(min(seconds, 0.03))
        self.now += seconds


class HeldClock(SwiftClock):
    """Time that stands still: waits end only when they are cancelled."""

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.get_running_loop().create_future()


ICCID = "89490000000000000015"


class NoStore:
    """A memory of policy that keeps nothing."""

    def load(self) -> Loaded:
        return Loaded()

    def set_aside(self, reason: str) -> str:
        return reason

    async def save(self, content: Mapping[str, object]) -> bool:
        return bool(content)


def make_guard(clock: Clock | None = None, *, settings: Settings | None = None, radio: bool = False) -> Guard:
    """A guard whose device has begun; without a radio eIMs can be reached at any time. Its time stands still."""
    clock = clock or HeldClock()
    settings = settings or Settings(poll=PollSettings(per_day=1440))
    guard = Guard(settings, clock, PolicyMemory(NoStore(), "boot"), options=GuardOptions(chance=lambda: 0.0))
    guard.begin(Boot(radio=radio, bearers=radio, rungs=("cfun4", "power")))
    return guard


Answer = RunReport | Exception | Callable[[], RunReport]


@dataclass
class FakeAgent:
    """Answers polls from a script; what is done to it is written down."""

    eims: tuple[str, ...] = ("eim1",)
    answers: list[Answer] = field(default_factory=list)
    start_error: Exception | None = None
    log: list[str] = field(default_factory=list)
    when_exhausted: Callable[[], None] | None = None
    asked: list[BearerReason] = field(default_factory=list)

    async def start(self) -> Sequence[str]:
        self.log.append("start")
        if self.start_error is not None:
            error, self.start_error = self.start_error, None
            raise error
        return self.eims

    async def poll(self, eim_ids: Sequence[str]) -> RunReport:
        self.log.append(f"poll {' '.join(eim_ids)}")
        if not self.answers:
            assert self.when_exhausted is not None, "polled once more than expected"
            self.when_exhausted()
            await asyncio.get_running_loop().create_future()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    def pollable(self) -> Sequence[str]:
        return self.eims

    async def rest(self) -> None:
        self.log.append("rest")

    async def look_at_card(self, *, again: bool = False) -> CardView:
        return CardView(card=CardRead(enabled=ICCID, installed=(ICCID,)))

    def trial(self) -> ProfileChanged | None:
        return None

    async def settle(self) -> None:
        self.log.append("settle")

    async def roll_back(self, former: str | None) -> Outcome:
        self.log.append(f"roll back to {former}")
        return Outcome.DONE

    async def fall_back(self) -> Outcome:
        self.log.append("fall back")
        return Outcome.DONE

    async def return_back(self, former: str | None) -> Outcome:
        self.log.append(f"return to {former}")
        return Outcome.DONE

    async def enable(self, iccid: str) -> Outcome:
        self.log.append(f"enable {iccid}")
        return Outcome.DONE

    async def climb(self, rung: str) -> None:
        self.log.append(f"climb {rung}")

    async def bring_up(self, reason: BearerReason) -> None:
        self.asked.append(reason)

    async def look_around(self, *, anew: bool = True) -> None:
        return None

    async def look_through(self, session: str | None) -> Sight:
        return Sight(result=ProbeResult(reached=Layer.TLS, session=session, packets=True))

    def announce(self, notice: Notice, eim_ids: Sequence[str] | None = None) -> None:
        self.log.append(f"announce {notice.name}")

    async def send_notifications(self) -> NotificationReport:
        self.log.append("send")
        return NotificationReport(sent=(1,))

    def opener(self) -> Callable[[], AbstractAsyncContextManager[Agent]]:
        @asynccontextmanager
        async def open_agent() -> AsyncIterator[Agent]:
            self.log.append("open")
            try:
                yield self
            finally:
                self.log.append("close")

        return open_agent
