"""Time as a parameter: what decides uses monotonic time, the wall clock only informs."""

from __future__ import annotations

import asyncio
import time
from typing import Final, Protocol

EARLIEST_WALL: Final = 1_735_689_600
"""2025-01-01: a wall clock that shows an earlier second was never set."""


class Clock(Protocol):
    """A source of time that tests can drive."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        ...

    def time(self) -> float:
        """Wall clock, seconds since 1970; may be unset or jump."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The clock of the system and the running event loop."""

    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
