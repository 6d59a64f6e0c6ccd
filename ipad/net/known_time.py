"""The best-known time: a gateway without a battery clock wakes up in 1970, and certificates must be checked anyway.

The time is the latest of what is certain or plausible: the system clock, the release of this software, the time that
was saved last, the network's time (NITZ). It is used to verify certificates only, never to set a clock.
"""

from __future__ import annotations

from typing import Final

from ipad.clock import Clock

RELEASED: Final = 1_763_683_200.0
"""2025-11-21: no device that runs this code lives before that day."""

_LIFETIME: Final = 40 * 365.25 * 86_400
"""A network time later than this after the release is nonsense."""


class KnownTime:
    """The best-known time of one process. `saved`: the last time that an earlier process had, seconds since 1970."""

    def __init__(self, clock: Clock, *, saved: float = 0.0) -> None:
        self._clock = clock
        self._floor = max(RELEASED, saved)
        self._network: tuple[float, float] | None = None

    def note_network_time(self, seconds: float) -> bool:
        """Take the network's time (NITZ) if it is plausible; it goes on with the monotonic clock."""
        if not RELEASED <= seconds <= RELEASED + _LIFETIME:
            return False
        self._network = (seconds, self._clock.monotonic())
        return True

    @property
    def floor(self) -> float:
        """The moment, in seconds since 1970, that has certainly passed."""
        return self._floor

    @property
    def is_set(self) -> bool:
        """Whether the system clock shows a time that is possible at all."""
        return self._floor <= self._clock.time() <= RELEASED + _LIFETIME

    def network_now(self) -> float | None:
        """The network's time, in seconds since 1970; None when it told none."""
        if self._network is None:
            return None
        seconds, at = self._network
        return seconds + self._clock.monotonic() - at

    def now(self) -> float:
        """Seconds since 1970."""
        network = self.network_now()
        return max(self._clock.time(), self._floor, network if network is not None else 0.0)
