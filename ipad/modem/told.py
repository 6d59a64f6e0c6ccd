"""Tells facts that changed, and only those."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ipad.modem.facts import ModemCondition, ModemFact, RadioFact, SignalFact, SleepFact
from ipad.records import replace

_SIGNAL_STEP: Final = 2.0
"""dB by which a signal changes before it is told again."""
_SLEEP_STEP: Final = 5.0
"""Seconds by which the end of a sleep changes before it is told again."""


class Told:
    """Remembers the last fact of each kind."""

    def __init__(self, tell: Callable[[RadioFact], None]) -> None:
        self._tell = tell
        self._last: dict[type[RadioFact], RadioFact] = {}
        self._awake_at: float | None = None
        self.condition = ModemCondition.ON
        """The state of the modem as it was told last."""

    @property
    def asleep(self) -> bool:
        """Whether it was last told that the modem sleeps."""
        return self._awake_at is not None

    def forget(self) -> None:
        """Tell everything again, also what did not change."""
        self._last.clear()
        self._awake_at = None

    def tell(self, fact: RadioFact) -> None:
        """Hand the fact on if it is new."""
        if isinstance(fact, ModemFact) and fact.condition is not self.condition:
            # Registration, card and bearer are to be told anew once the modem is back.
            self._last.clear()
            self.condition = fact.condition
        last = self._last.get(type(fact))
        if last == fact or (isinstance(fact, SignalFact) and isinstance(last, SignalFact) and _alike(fact, last)):
            return
        self._last[type(fact)] = fact
        self._tell(fact)

    def sleep(self, remaining: float, now: float) -> None:
        """The modem sleeps for so many more seconds; 0: it is awake."""
        if not remaining:
            if self._awake_at is not None:
                self._awake_at = None
                self._tell(SleepFact())
            return
        awake_at = now + remaining
        if self._awake_at is None or abs(awake_at - self._awake_at) >= _SLEEP_STEP:
            self._awake_at = awake_at
            self._tell(SleepFact(seconds=remaining))


def _alike(one: SignalFact, other: SignalFact) -> bool:
    """Whether two measurements differ by no more than noise."""
    if one.dbm is None or other.dbm is None:
        return replace(one, signal=other.signal) == other
    return one.technology == other.technology and abs(one.dbm - other.dbm) < _SIGNAL_STEP
