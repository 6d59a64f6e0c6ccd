"""The result: a table in Markdown, and the same as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from hil.bench.floor import Floor
from hil.bench.goals import verdicts
from hil.bench.phases import Measured
from hil.bench.rows import Row, rows
from hil.link import PRESETS, LinkProfile, Traffic

_HEADINGS: Final = (
    "transport",
    "start",
    "bytes up",
    "bytes down",
    "both",
    "ratio",
    "with headers",
    "packets",
    "round trips",
)


@dataclass(frozen=True)
class Results:
    """Rows on the wire, where bytes are counted, and on a radio (`preset`), where time is: by an agent as it is, and by
    one that waits `timer` seconds before it repeats a datagram."""

    counted: Mapping[Row, Measured]
    timed: Mapping[Row, Measured]
    tuned: Mapping[Row, Measured]
    preset: str
    timer: float

    def ordered(self) -> Sequence[Measured]:
        """The counted rows in the order of the table."""
        return [self.counted[row] for row in rows() if row in self.counted]


def time_floor(floor: Floor, profile: LinkProfile) -> float:
    """Seconds that the floor takes: its round trips, half of the jitter included, and its bytes at the rate."""
    seconds = floor.round_trips * profile.round_trip
    total = max(1, floor.payload)
    for way, payload in ((profile.up, floor.up), (profile.down, floor.down)):
        if way.rate:
            seconds += floor.wire * payload / total * 8 / way.rate
    return seconds


def markdown(results: Results) -> str:
    """A table for each procedure, then the goals."""
    parts = []
    for procedure, group in groupby(results.ordered(), key=lambda one: one.row.procedure):
        parts.append(f"### {procedure.heading}\n\n{_table(results, list(group))}\n")
    parts.append(f"### Goals\n\n{_goals(results)}\n")
    return "\n".join(parts)


def plain(results: Results) -> dict[str, Any]:
    """JSON values."""
    return {
        "schema": 1,
        "preset": results.preset,
        "timer": results.timer,
        "rows": [_plain_row(results, one) for one in results.ordered()],
        "goals": [{"goal": one.goal, "found": one.found, "met": one.met} for one in verdicts(results.counted.values())],
    }


def _table(results: Results, group: Sequence[Measured]) -> str:
    headings = list(_HEADINGS)
    if results.timed:
        headings += [f"seconds, {results.preset}", f"bytes, {results.preset}"]
    if any(one.row in results.tuned for one in group):
        headings.append(f"bytes, timer {results.timer:g} s")
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * 2 + "---:|" * (len(headings) - 2)]
    lines += ["| " + " | ".join((*_cells(results, one), "")[: len(headings)]) + " |" for one in group]
    return "\n".join(lines)


def _cells(results: Results, one: Measured) -> list[str]:
    traffic, floor = one.traffic, one.floor
    cells = [
        one.row.transport.heading,
        one.row.start.value,
        _beside(traffic.up.payload, floor.up),
        _beside(traffic.down.payload, floor.down),
        _beside(traffic.payload, floor.payload),
        f"{traffic.payload / floor.payload:.3f}",
        _beside(traffic.wire, floor.wire),
        _beside(traffic.packets, floor.packets),
        _beside(traffic.round_trips, floor.round_trips),
    ]
    if results.timed:
        timed = results.timed.get(one.row)
        if timed is None:
            cells += ["", ""]
        else:
            least = time_floor(timed.floor, PRESETS[results.preset])
            cells += [f"{timed.traffic.span:.1f} / {least:.1f}", f"{timed.traffic.payload}"]
    if one.row in results.tuned:
        cells.append(f"{results.tuned[one.row].traffic.payload}")
    return cells


def _beside(found: int, floor: int) -> str:
    return f"{found} / {floor}"


def _goals(results: Results) -> str:
    lines = ["| goal | found | |", "|---|---|---|"]
    lines += [
        f"| {one.goal} | {one.found} | {'met' if one.met else 'missed'} |" for one in verdicts(results.counted.values())
    ]
    return "\n".join(lines)


def _plain_row(results: Results, one: Measured) -> dict[str, Any]:
    timed, tuned = results.timed.get(one.row), results.tuned.get(one.row)
    return {
        "procedure": one.row.procedure.value,
        "transport": one.row.transport.value,
        "start": one.row.start.value,
        "measured": _plain_traffic(one.traffic),
        "floor": {**_plain_floor(one.floor), "terms": [vars(term) for term in one.floor.sums()]},
        "ratio": round(one.traffic.payload / one.floor.payload, 4),
        "apdus": one.commands,
        "functions": list(one.functions),
        "radio": None if timed is None else _plain_radio(timed, PRESETS[results.preset]),
        "radio_tuned": None if tuned is None else _plain_radio(tuned, PRESETS[results.preset]),
    }


def _plain_radio(one: Measured, profile: LinkProfile) -> dict[str, float]:
    return {
        **_plain_traffic(one.traffic),
        "seconds": round(one.traffic.span, 2),
        "lost": one.traffic.up.lost + one.traffic.down.lost,
        "floor_seconds": round(time_floor(one.floor, profile), 2),
    }


def _plain_traffic(traffic: Traffic) -> dict[str, int]:
    return {
        "up": traffic.up.payload,
        "down": traffic.down.payload,
        "bytes": traffic.payload,
        "with_headers": traffic.wire,
        "packets": traffic.packets,
        "round_trips": traffic.round_trips,
    }


def _plain_floor(floor: Floor) -> dict[str, int]:
    return {
        "up": floor.up,
        "down": floor.down,
        "bytes": floor.payload,
        "with_headers": floor.wire,
        "packets": floor.packets,
        "round_trips": floor.round_trips,
    }
