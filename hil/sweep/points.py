"""The points at which an agent is killed, as the hook in its process lists them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

KINDS: Final = ("AT", "network", "file")
"""Of what kind operations are: see `hil.sweep.hook.sitecustomize`."""


@dataclass(frozen=True)
class Point:
    """The `number`-th point of a process, from 1: right before an operation, and so right after the one before it."""

    number: int
    kind: str
    what: str

    @classmethod
    def parse(cls, line: str) -> Self:
        """A line of the hook. Raises ValueError."""
        number, kind, what = line.split("\t", 2)
        if kind not in KINDS:
            raise ValueError(f"no point: {line!r}")
        return cls(int(number), kind, what)

    def __str__(self) -> str:
        return f"{self.number}, before {self.kind}: {self.what}"


def read_points(file: Path) -> tuple[Point, ...]:
    """All points of a process in their order; none when it passed none. Raises ValueError, OSError."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ()
    whole, _, _ = text.rpartition("\n")
    found = (Point.parse(line) for line in whole.split("\n") if line)
    # Threads may pass each other between the number and the line.
    return tuple(sorted(found, key=lambda point: point.number))


def by_kind(points: Iterable[Point]) -> Mapping[str, int]:
    """How many points there are of each kind."""
    counts = Counter(point.kind for point in points)
    return {kind: counts[kind] for kind in KINDS}
