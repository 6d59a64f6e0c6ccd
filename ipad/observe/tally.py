"""Counters by name and code, and durations by name: bounded, because codes come from peers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ipad.observe.status import CounterStatus, DurationStatus

MOST_CODES: Final = 32
"""Codes of one name; what comes beyond them is counted under `OTHER`."""
OTHER: Final = "other"
_SEPARATOR: Final = "/"
_LIMIT: Final = 1 << 53
"""What every reader of JSON takes for a whole number."""


class Tally:
    """Counts. `kept` and `restore` carry it across restarts."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[str, int]] = {}

    def add(self, name: str, code: str, number: int = 1) -> None:
        """Count something."""
        codes = self._counts.setdefault(name, {})
        if code not in codes and len(codes) >= MOST_CODES:
            code = OTHER
        codes[code] = codes.get(code, 0) + number

    def count(self, name: str, code: str) -> int:
        """How often that was."""
        return self._counts.get(name, {}).get(code, 0)

    def rows(self) -> tuple[CounterStatus, ...]:
        """All counts, sorted by name and code."""
        return tuple(
            CounterStatus(name=name, code=code, count=count)
            for name, codes in sorted(self._counts.items())
            for code, count in sorted(codes.items())
        )

    def kept(self) -> Mapping[str, int]:
        """All counts as one flat map."""
        return {f"{row.name}{_SEPARATOR}{row.code}": row.count for row in self.rows()}

    def restore(self, kept: Mapping[str, int]) -> None:
        """Add what an earlier process counted; what makes no sense is left out."""
        for key, count in sorted(kept.items()):
            name, _, code = key.partition(_SEPARATOR)
            if name and code and 0 < count < _LIMIT:
                self.add(name, code, count)


class Stopwatches:
    """Durations by name. Names are those of the caller, so there are few."""

    def __init__(self) -> None:
        self._running: dict[str, float] = {}
        self._done: dict[str, DurationStatus] = {}

    def start(self, name: str, now: float) -> None:
        """Begin to measure, anew if it was begun already."""
        self._running[name] = now

    def begun(self, name: str) -> bool:
        """Whether it is being measured."""
        return name in self._running

    def stop(self, name: str, now: float) -> float | None:
        """It is over: seconds, None if it never began."""
        began = self._running.pop(name, None)
        if began is None:
            return None
        seconds = max(0.0, now - began)
        before = self._done.get(name)
        self._done[name] = DurationStatus(
            name=name,
            count=1 + (before.count if before else 0),
            total_seconds=seconds + (before.total_seconds if before else 0.0),
            last_seconds=seconds,
            longest_seconds=max(seconds, before.longest_seconds if before else 0.0),
        )
        return seconds

    def drop(self, name: str) -> None:
        """It came to nothing."""
        self._running.pop(name, None)

    def rows(self) -> tuple[DurationStatus, ...]:
        """What was measured, sorted by name."""
        return tuple(self._done[name] for name in sorted(self._done))
