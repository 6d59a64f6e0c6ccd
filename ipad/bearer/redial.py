"""When a link that went away is dialled again: growing pauses, so that a network that refuses is left in peace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ipad.chance import chance as draw

DELAYS: Final = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds from one attempt to the next; the last goes on for ever."""
_SPREAD: Final = 0.2


class Redial:
    """The pauses of one link. `chance` gives 0 to 1: a fleet must not dial at the same moment (GSMA TS.34)."""

    def __init__(self, delays: Sequence[float] = DELAYS, chance: Callable[[], float] = draw) -> None:
        self._delays = delays
        self._chance = chance
        self._attempts = 0
        self._next: float | None = None

    def due(self, now: float) -> bool:
        """Whether an attempt may be made at this monotonic moment."""
        return self._next is None or now >= self._next

    def tried(self, now: float) -> None:
        """An attempt is being made."""
        delay = self._delays[min(self._attempts, len(self._delays) - 1)]
        self._attempts += 1
        self._next = now + delay * (1 + _SPREAD * (2 * self._chance() - 1))

    def reset(self) -> None:
        """There is a link, or somebody who knows better asks: the next attempt is the first."""
        self._attempts = 0
        self._next = None
