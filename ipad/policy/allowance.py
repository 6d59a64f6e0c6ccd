"""A budget that refills steadily, so that a limit is never a wall without an end.

A plain number per day would block for a day once it is spent; a bucket that gets one unit back after each period
bounds the rate all the same, and the longest wait is one period.
"""

from __future__ import annotations

from typing import Final

from ipad.policy.stopwatch import Instant
from ipad.records import dataclass


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `capacity` at once, one more after each `period` seconds."""

    capacity: int
    period: float

    @classmethod
    def per_day(cls, number: int) -> Quota:
        """So many in a day in the long run."""
        return cls(number, 86400.0 / number)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What has been spent: `spent` units at the moment `at`, fewer since. The default is a full bucket."""

    spent: float = 0.0
    at: Instant | None = None

    def left(self, quota: Quota, now: float) -> float:
        """Units that may be spent now."""
        return quota.capacity - self._spent(quota, now)

    def permits(self, quota: Quota, now: float) -> bool:
        """Whether a whole unit is left."""
        return self.left(quota, now) >= 1.0

    def spend(self, quota: Quota, now: float) -> Allowance:
        """One unit less, also when none was left: then the next one comes later."""
        spent = self._spent(quota, now) + 1.0
        return Allowance(min(spent, float(quota.capacity) + 1.0), Instant(now))

    def next_at(self, quota: Quota, now: float, units: int = 1) -> float:
        """When so many units are there; now, if they are."""
        missing = units - self.left(quota, now)
        return now + max(0.0, missing) * quota.period

    def _spent(self, quota: Quota, now: float) -> float:
        if self.at is None:
            return 0.0
        return max(0.0, self.spent - max(0.0, now - self.at) / quota.period)


UNSPENT: Final = Allowance()
