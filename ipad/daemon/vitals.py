"""Signs of life: what serves a modem says by when it will show the next one, and the watchdog believes nothing else.

An event loop that turns proves little: the work may wait for an answer that never comes. So each piece of work has a
time within which something of it must end, and each pause its own length.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from ipad.clock import Clock

logger = logging.getLogger(__name__)

GRACE: Final = 60.0
"""Seconds beyond a pause in which the work goes on: a slow processor is not dead."""
WORK: Final = 1800.0
"""Seconds in which some part of a piece of work ends, where nothing longer is configured."""


class Vitals:
    """One modem's service. `work` is the longest time in seconds in which no part of its work may come to an end.

    `late` says what else is overdue at a monotonic moment, such as a command on the AT line.
    """

    def __init__(self, clock: Clock, work: float = WORK) -> None:
        self._clock = clock
        self.work = work
        self.late: Callable[[float], str | None] = lambda _now: None
        self._doing = "the start"
        self._allowed = work
        self._last = clock.monotonic()

    def busy(self, doing: str) -> None:
        """A piece of work begins."""
        self._expect(doing, self.work)

    def resting(self, doing: str, seconds: float) -> None:
        """A pause begins, of so many seconds at the most; infinity where only news ends it."""
        self._expect(doing, seconds + GRACE)

    def sign(self) -> None:
        """A part of the work has ended."""
        self._last = self._clock.monotonic()

    def overdue(self) -> str | None:
        """What should have ended by now; None while all is well."""
        now = self._clock.monotonic()
        silent = now - self._last
        if silent > self._allowed:
            return f"{self._doing}: no progress for {silent:.0f} s"
        return self.late(now)

    def _expect(self, doing: str, seconds: float) -> None:
        self._doing, self._allowed = doing, seconds
        self.sign()


class Watchdog:
    """Feeds the watchdog of the service manager as long as all that is watched is alive.

    `alive` is called every `interval` seconds, unless something is overdue: then the service manager ends the process.
    """

    def __init__(
        self, clock: Clock, alive: Callable[[], None], told: Callable[[str], None], watched: Callable[[], list[str]]
    ) -> None:
        self._clock = clock
        self._alive = alive
        self._told = told
        self._watched = watched
        self._hungry = False

    async def run(self, interval: float) -> None:
        """For ever."""
        while True:
            overdue = self._watched()
            if not overdue:
                self._alive()
                if self._hungry:
                    logger.warning("the work goes on, the watchdog is fed again")
                    self._told("")
            elif not self._hungry:
                text = "; ".join(overdue)
                logger.critical("hung, the watchdog is not fed any more: %s", text)
                self._told(f"hung: {text}")
            self._hungry = bool(overdue)
            await self._clock.sleep(interval)
