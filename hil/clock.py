"""Time of the bench: one protocol, the event loop behind it in the rig, a hand-driven clock in tests.

Everything in the bench that waits, times out or stamps takes a `Clock`, so that seconds and days pass at the wish of
a test. Monotonic seconds decide; wall-clock seconds are what a simulated network broadcasts.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A callback that waits for its moment."""

    def cancel(self) -> None:
        """Never call it; harmless when it was called or cancelled before."""
        ...


class Clock(Protocol):
    """A source of time and timers."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        ...

    def time(self) -> float:
        """Wall clock, seconds since 1970 (UTC)."""
        ...

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once, `delay` seconds from now, never from within this call."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class LoopClock:
    """Real time on the running event loop."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def time(self) -> float:
        return time.time()

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_later(max(0.0, delay), callback)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualTimer:
    """A timer of `ManualClock`."""

    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """A clock that stands still until it is told to advance.

    Timers run in the order of their moment, those of the same moment in the order of their creation. It needs no
    event loop, except for `sleep`.
    """

    def __init__(self, epoch: float = 1_782_900_000.0) -> None:
        self._now = 0.0
        self._epoch = epoch
        self._order = itertools.count()
        self._timers: list[tuple[float, int, ManualTimer]] = []

    def monotonic(self) -> float:
        return self._now

    def time(self) -> float:
        return self._epoch + self._now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        timer = ManualTimer(self._now + max(0.0, delay), callback)
        heapq.heappush(self._timers, (timer.when, next(self._order), timer))
        return timer

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        timer = self.call_later(seconds, lambda: None if woken.done() else woken.set_result(None))
        try:
            await woken
        finally:
            timer.cancel()

    @property
    def next_deadline(self) -> float | None:
        """Moment (monotonic seconds) of the first timer that waits, None when none does."""
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass and run every timer that falls due, also those that timers create."""
        end = self._now + seconds
        while (deadline := self.next_deadline) is not None and deadline <= end:
            timer = heapq.heappop(self._timers)[2]
            self._now = max(self._now, deadline)
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback()
        self._now = end

    def run_until_idle(self, limit: float = 600.0) -> None:
        """Jump from timer to timer until none waits or `limit` seconds have passed."""
        end = self._now + limit
        while (deadline := self.next_deadline) is not None and deadline <= end:
            self.advance(deadline - self._now)
