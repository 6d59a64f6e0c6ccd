"""What a dry run decides, beside what was decided when the log was recorded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from ipad.policy.trace import Simulated, decision_record
from ipad.records import dataclass

_TOLERANCE: Final = 2.0
"""Seconds by which both may differ: a real clock wakes up late."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Records of decisions: those that agree, that only the dry run makes, and that only the log has."""

    same: tuple[dict[str, Any], ...]
    simulated_only: tuple[dict[str, Any], ...]
    recorded_only: tuple[dict[str, Any], ...]

    @property
    def agrees(self) -> bool:
        """Whether there is no difference."""
        return not self.simulated_only and not self.recorded_only


def compare(steps: Iterable[Simulated], lines: Iterable[str]) -> Comparison:
    """Match by kind and moment; each recorded decision is used once. Lines that are no decisions are skipped."""
    recorded = recorded_decisions(lines)
    same: list[dict[str, Any]] = []
    alone: list[dict[str, Any]] = []
    for entry in steps:
        for decision in entry.decisions:
            record = decision_record(decision, entry.at)
            match = next((found for found in recorded if _agree(found, record)), None)
            if match is None:
                alone.append(record)
            else:
                recorded.remove(match)
                same.append(record)
    return Comparison(tuple(same), tuple(alone), tuple(recorded))


def recorded_decisions(lines: Iterable[str]) -> list[dict[str, Any]]:
    """The decisions of a log, but for `wait-until`, which no dry run shows either."""
    found: list[dict[str, Any]] = []
    for line in lines:
        try:
            record = json.loads(line) if line.strip() else None
        except ValueError:
            continue
        if not isinstance(record, dict) or "decision" not in record or record["decision"] == "wait-until":
            continue
        if isinstance(record.get("t"), (int, float)):
            found.append(record)
    return found


def differences(comparison: Comparison) -> Sequence[tuple[str, dict[str, Any]]]:
    """All differences in the order of time, with who is alone with it: "simulated" or "recorded"."""
    both = [
        *(("simulated", record) for record in comparison.simulated_only),
        *(("recorded", record) for record in comparison.recorded_only),
    ]
    return sorted(both, key=lambda item: float(item[1]["t"]))


def _agree(recorded: dict[str, Any], simulated: dict[str, Any]) -> bool:
    late = abs(float(recorded["t"]) - float(simulated["t"]))
    return bool(recorded["decision"] == simulated["decision"]) and late <= _TOLERANCE
