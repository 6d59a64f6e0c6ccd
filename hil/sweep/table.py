"""The result of a sweep as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hil.sweep.points import KINDS, by_kind
from hil.sweep.run import Run
from hil.sweep.scenarios import Scenario


@dataclass(frozen=True)
class Row:
    """A scenario: the run without a kill, and those with one."""

    one: Scenario
    reference: Run
    runs: tuple[Run, ...]

    @property
    def survived(self) -> int:
        """Runs that ended as they must."""
        return sum(not run.failures for run in self.runs)

    @property
    def clean(self) -> bool:
        """Whether nothing at all went wrong."""
        return not self.reference.failures and self.survived == len(self.runs)

    @property
    def tried(self) -> Mapping[str, int]:
        """Kills by the kind of the operation before which they came, and `done` for the one after the last."""
        counts = Counter("done" if run.killed_at is None else run.killed_at.kind for run in self.runs)
        return {kind: counts[kind] for kind in (*KINDS, "done")}


def markdown(rows: Sequence[Row], seconds: float, jobs: int) -> str:
    """The table with a line of sums."""
    lines = [
        "| scenario | operations: AT | network | file | kills before: AT | network | file | when done | survived |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    totals: Counter[str] = Counter()
    for row in rows:
        points, tried = by_kind(row.reference.points), row.tried
        lines.append(_line(row.one.title, points, tried, f"{row.survived} of {len(row.runs)}"))
        totals.update({f"points {kind}": count for kind, count in points.items()})
        totals.update({f"tried {kind}": count for kind, count in tried.items()})
    all_points = {kind: totals[f"points {kind}"] for kind in KINDS}
    all_tried = {kind: totals[f"tried {kind}"] for kind in (*KINDS, "done")}
    survived, tried_sum = sum(row.survived for row in rows), sum(len(row.runs) for row in rows)
    lines.append(_line("all", all_points, all_tried, f"{survived} of {tried_sum}"))
    return "\n".join([*lines, "", f"{seconds / 60:.0f} minutes with {jobs} workers."])


def _line(title: str, points: Mapping[str, int], tried: Mapping[str, int], survived: str) -> str:
    numbers = [*points.values(), *tried.values()]
    return f"| {title} | {' | '.join(str(number) for number in numbers)} | {survived} |"


def plain(rows: Sequence[Row]) -> dict[str, Any]:
    """Plain JSON values, with every run that failed."""
    return {
        "scenarios": [
            {
                "name": row.one.name,
                "title": row.one.title,
                "points": dict(by_kind(row.reference.points)),
                "tried": dict(row.tried),
                "survived": row.survived,
                "failures": [
                    {"point": run.kill_at, "killed": str(run.killed_at or "when done"), "failures": list(run.failures)}
                    for run in (row.reference, *row.runs)
                    if run.failures
                ],
            }
            for row in rows
        ]
    }
