"""What the bytes must not exceed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from hil.bench.phases import Measured
from hil.bench.rows import Procedure, Row, Start, Transport

RATIO: Final = 1.15
"""Payload in both directions, as a multiple of the floor."""

_POLL = Procedure.IDLE
LIMITS: Final[dict[Row, int]] = {
    Row(_POLL, Transport.COAPS, Start.LIVE): 150,
    Row(_POLL, Transport.COAPS, Start.RESUMED): 900,
    Row(_POLL, Transport.ASN1_TLS13, Start.RESUMED): 2000,
    Row(_POLL, Transport.JSON_TLS13, Start.RESUMED): 2000,
}
"""Bytes of UDP or TCP payload in both directions."""


@dataclass(frozen=True)
class Verdict:
    """One goal: what it says, what was found, and whether that is within it."""

    goal: str
    found: str
    met: bool


def verdicts(counted: Iterable[Measured]) -> Iterator[Verdict]:
    """All goals that the measured rows can answer; those of bytes are for a link that loses nothing."""
    found = {one.row: one for one in counted}
    if not found:
        return
    worst = max(found.values(), key=lambda one: one.traffic.payload / one.floor.payload)
    ratio = worst.traffic.payload / worst.floor.payload
    yield Verdict(f"every row at most {RATIO} times its floor", f"{ratio:.3f} ({worst.row.name})", ratio <= RATIO)
    for row, limit in LIMITS.items():
        if row in found:
            payload = found[row].traffic.payload
            yield Verdict(f"{row.name}: at most {limit} bytes", f"{payload} bytes", payload <= limit)
    # Between two visits of a process the card session lives on.
    polls = [one for row, one in found.items() if row.procedure is _POLL and row.start is Start.RESUMED]
    if polls:
        commands = max(one.commands for one in polls)
        yield Verdict("an idle poll costs no APDU", f"{commands} APDUs", commands == 0)
