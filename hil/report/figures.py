"""The figures of a run: how many cases went well, and how long remote provisioning took."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

from hil.suite.limits import HARDWARE, Limits
from hil.suite.record import CaseRecord, Run

RESULTS: Final = ("passed", "failed", "error", "skipped")

_VIRTUAL: Final = "virtual"
_BOUNDS: Final = {
    "download": "download",
    "activation": "switch",
    "post-activation connectivity": "recovery",
    "rollback": "rollback",
    "recovery": "recovery",
}
"""Measure -> which of the target's limits it is held against."""


@dataclass(frozen=True)
class Counts:
    """Cases by their result."""

    passed: int = 0
    failed: int = 0
    error: int = 0
    skipped: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(getattr(self, field.name) for field in fields(self))

    @property
    def good(self) -> bool:
        """Whether something was tried and nothing went wrong."""
        return self.passed > 0 and not self.failed and not self.error


@dataclass(frozen=True)
class Duration:
    """One measure over all cases that have it. Seconds; `bound` is what the target's limits allow, `within` how many
    of `count` kept it in a case that passed."""

    name: str
    count: int
    within: int
    median: float
    percentile95: float
    bound: float

    @property
    def rate(self) -> float:
        """Share of those that succeeded, 0 to 1."""
        return self.within / self.count


def counts(cases: Sequence[CaseRecord]) -> Counts:
    """Cases by their result; what is none of the four counts as an error."""
    found = Counter(case.result if case.result in RESULTS else "error" for case in cases)
    return Counts(**{result: found[result] for result in RESULTS})


def durations(run: Run) -> list[Duration]:
    """The measures of remote provisioning in their order, then others by name."""
    limits = Limits() if run.target == _VIRTUAL else HARDWARE
    found: dict[str, list[tuple[float, bool]]] = {}
    for case in run.cases:
        for name, seconds in case.measures.items():
            found.setdefault(name, []).append((seconds, case.result == "passed"))
    order = [*(name for name in _BOUNDS if name in found), *sorted(set(found) - set(_BOUNDS))]
    return [_duration(name, found[name], getattr(limits, _BOUNDS.get(name, "switch"))) for name in order]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share (0 to 1) of the values does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _duration(name: str, found: Sequence[tuple[float, bool]], bound: float) -> Duration:
    seconds = [value for value, _ in found]
    within = sum(passed and value <= bound for value, passed in found)
    return Duration(name, len(found), within, percentile(seconds, 0.5), percentile(seconds, 0.95), bound)
