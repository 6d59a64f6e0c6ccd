"""Moments and durations on the monotonic clock, as values that can be kept.

Nothing here reads a clock: every function takes `now`, monotonic seconds. A field of type `Instant` is a moment on that
clock; what keeps policy across a restart turns it into an age, because the clock of the next boot begins anew.
"""

from __future__ import annotations

from typing import Final, NewType

from ipad.records import dataclass

Instant = NewType("Instant", float)
"""A moment on the monotonic clock, in seconds."""


def age(moment: Instant | None, now: float) -> float | None:
    """Seconds since `moment`, never negative; None when there was none."""
    return None if moment is None else max(0.0, now - moment)


def earliest(*moments: float | None) -> float | None:
    """The first of the moments that there are."""
    return min((moment for moment in moments if moment is not None), default=None)


def latest(*moments: Instant | None) -> Instant | None:
    """The last of the moments that there are."""
    return max((moment for moment in moments if moment is not None), default=None)


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Counts only while it runs. `since` is None while it stands."""

    total: float = 0.0
    since: Instant | None = None

    def value(self, now: float) -> float:
        """Seconds counted so far."""
        return self.total + (max(0.0, now - self.since) if self.since is not None else 0.0)

    @property
    def running(self) -> bool:
        return self.since is not None

    def turned(self, now: float, *, on: bool) -> Stopwatch:
        """The same stopwatch, running or standing from now on."""
        if on == self.running:
            return self
        return Stopwatch(self.value(now), Instant(now) if on else None)

    def reaches(self, limit: float, now: float) -> float | None:
        """When it shows `limit` (now, if it already does); None while it stands below."""
        value = self.value(now)
        if value >= limit:
            return now
        return now + limit - value if self.running else None


STANDING: Final = Stopwatch()
"""A stopwatch that never ran."""
