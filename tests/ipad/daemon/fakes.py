"""Doubles of what stands at the edges of the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from ipad.daemon.service import Agent
from ipad.procedures.report import NotificationReport, RunReport


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


Answer = RunReport | Exception | Callable[[], RunReport]


@dataclass
class FakeAgent:
    """Answers polls from a script; what is done to it is written down."""

    eims: tuple[str, ...] = ("eim1",)
    answers: list[Answer] = field(default_factory=list)
    start_error: Exception | None = None
    log: list[str] = field(default_factory=list)
    when_exhausted: Callable[[], None] | None = None

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
