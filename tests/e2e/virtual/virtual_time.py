"""An event loop whose time is a `ManualClock`: when nobody has anything left to do, time jumps to the next deadline.

Timers of the loop and timers of the clock share one time line, so agent and bench wait on the same clock although
neither knows of the other. Work for threads is done in place: nothing depends on the speed of the machine.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from hil.clock import ManualClock

T = TypeVar("T")

DAY = 86_400.0
_LIMIT = 40 * DAY


class StuckError(AssertionError):
    """Nobody has anything to do and nobody waits for a moment: the test would hang."""


class _JumpingSelector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    """Where a real loop would sleep, time passes instead."""

    clock: ManualClock
    began: float

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events or (timeout is not None and timeout <= 0):
            return events
        now, deadline = self.clock.monotonic(), self.clock.next_deadline
        waits = [wait for wait in (timeout, None if deadline is None else deadline - now) if wait is not None]
        if not waits:
            raise StuckError("nothing is left to do and nobody waits")
        if now - self.began > _LIMIT:
            raise StuckError(f"still not done after {_LIMIT / DAY:g} days")
        self.clock.advance(max(0.0, min(waits)))
        return events


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop that never sleeps."""

    def __init__(self, clock: ManualClock) -> None:
        selector = _JumpingSelector()
        selector.clock, selector.began = clock, clock.monotonic()
        self._virtual = clock
        super().__init__(selector)
        # What is due within it runs now. A nanosecond is lost beside the seconds of some years, and what is due exactly
        # now would never run in a time that waits for it.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._virtual.monotonic()

    def run_in_executor(self, _executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the caller
            future.set_exception(error)
        return future


def run(clock: ManualClock, work: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, in the time of the clock."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(clock)) as runner:
        return runner.run(work)
