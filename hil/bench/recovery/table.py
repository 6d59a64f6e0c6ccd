"""The measurements as a table for people, as JSON, and as the part of a document that is generated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from hil.bench.errors import BenchError
from hil.bench.recovery.cases import Case
from hil.bench.recovery.split import PARTS, Split

LIMIT: Final = 2.0
"""Seconds: the agent's own share of a recovery must stay below."""

BEGIN: Final = "<!-- begin: ipad-hil bench recovery --write -->"
END: Final = "<!-- end -->"

_COLUMNS: Final = (*PARTS, "total", "agent's own")


def rows(found: Mapping[Case, Split]) -> list[tuple[str, ...]]:
    """The cells: title, seconds of each part, total, and the agent's own share."""
    return [
        (
            case.plan.title,
            *(f"{part.seconds:.2f}" for part in result.parts),
            f"{result.total:.2f}",
            f"{result.own:.2f}",
        )
        for case, result in found.items()
    ]


def text(found: Mapping[Case, Split]) -> list[str]:
    """Lines for a terminal; seconds."""
    table = [("seconds", *_COLUMNS), *rows(found)]
    return [_aligned(row, _widths(table)) for row in table]


def markdown(found: Mapping[Case, Split]) -> str:
    """The same as a table of a document."""
    head = ("seconds", *_COLUMNS)
    lines = [head, tuple("---" if number == 0 else "---:" for number in range(len(head))), *rows(found)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def to_json(found: Mapping[Case, Split]) -> dict[str, Any]:
    """Plain JSON values: seconds, each part with the agent's own share."""
    return {
        case.value: {
            "title": case.plan.title,
            "total": round(result.total, 3),
            "own": round(result.own, 3),
            "parts": {
                name: {"seconds": round(part.seconds, 3), "own": round(part.own, 3)}
                for name, part in zip(PARTS, result.parts, strict=True)
            },
        }
        for case, result in found.items()
    }


def too_slow(found: Mapping[Case, Split]) -> list[str]:
    """What the agent itself took too long for."""
    return [
        f"{case}: {result.own:.2f} s are the agent's own, less than {LIMIT:g} s are expected"
        for case, result in found.items()
        if result.own >= LIMIT
    ]


def write(file: Path, found: Mapping[Case, Split]) -> None:
    """Put the table between the marks of a document. Raises BenchError without them."""
    try:
        document = file.read_text(encoding="utf-8")
    except OSError as error:
        raise BenchError(f"{file}: {error.strerror}") from error
    head, begin, rest = document.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise BenchError(f"{file} has no lines {BEGIN!r} and {END!r}, between which the table belongs")
    file.write_text(f"{head}{begin}\n{markdown(found)}\n{end}{tail}", encoding="utf-8")


def _widths(table: Sequence[tuple[str, ...]]) -> list[int]:
    return [max(len(row[column]) for row in table) for column in range(len(table[0]))]


def _aligned(row: tuple[str, ...], widths: Sequence[int]) -> str:
    numbers = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
    return "  ".join((row[0].ljust(widths[0]), *numbers))
