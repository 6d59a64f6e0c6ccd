"""Setting the clock of the system, on a device that has no battery for it and no network time protocol."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from ipad.errors import HelperError
from ipad.net.known_time import RELEASED

LIFETIME: Final = 20 * 365.25 * 86_400
"""Seconds after the release of this software beyond which a time is nonsense."""


def set_system_time(seconds: float) -> None:
    """clock_settime(2). Raises OSError."""
    time.clock_settime(time.CLOCK_REALTIME, seconds)


class WallClock:
    """Sets a clock that shows a time before the release of this software, and no other.

    So it is never set back, and once it was set it cannot be set again before the next boot that forgets the time.
    """

    def __init__(
        self, now: Callable[[], float] = time.time, set_time: Callable[[float], None] = set_system_time
    ) -> None:
        self._now = now
        self._set = set_time

    def set(self, seconds: float) -> None:
        """Set it to a time, in seconds since 1970. Raises HelperError when it is set already, or the time is none."""
        now = self._now()
        if now >= RELEASED:
            raise HelperError("the clock of the system is set already", transient=False)
        if not RELEASED <= seconds <= RELEASED + LIFETIME:
            raise HelperError(f"{seconds:.0f} is no time at which this software can run", transient=False)
        try:
            self._set(seconds)
        except OSError as error:
            raise HelperError(f"the clock was not set: {error.strerror or error}", transient=False) from error
