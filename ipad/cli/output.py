"""What commands print: one model with stable keys, shown as text for people or as JSON for programs.

Text of peers (names of profiles, identifiers of eIMs, messages of servers) never reaches a terminal as it came: control
and format characters are replaced and long text is cut. JSON is ASCII, so it needs no such care and loses nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ipad.errands.envelope import Json, Record, Result, failure, success
from ipad.errors import ExitCode, IpadError
from ipad.records import dataclass, field

_CELL_LIMIT: Final = 64
_MESSAGE_LIMIT: Final = 600


@dataclass(frozen=True, slots=True)
class Report:
    """The answer of a command.

    `record` has the keys of the JSON object. `tables` names those of them that are lists of records: text shows them as
    tables with the given columns, and what else is in the record as lines `key: value`. A report with an exit code
    other than OK has a `message` that says why.
    """

    record: Record
    tables: Mapping[str, Sequence[str]] = field(default_factory=dict)
    exit_code: ExitCode = ExitCode.OK
    notes: Sequence[str] = field(default=())
    """Lines for people; not part of the JSON."""
    notes_only: bool = False
    """Whether text consists of the notes alone."""


def report_of(
    result: Result, *, tables: Mapping[str, Sequence[str]] | None = None, notes: Sequence[str] = ()
) -> Report:
    """The report of an errand, whoever did it."""
    return Report(result.record, tables=tables or {}, exit_code=result.exit_code, notes=notes)


def clean(text: str, limit: int = _CELL_LIMIT) -> str:
    """Text of a peer made safe for a terminal: printable characters only, at most `limit` of them."""
    printable = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[: limit + 1])
    return printable if len(printable) <= limit else printable[: limit - 1] + "…"


def to_json(report: Report, *, indent: int | None = None) -> str:
    """The report as one JSON object."""
    return json.dumps(success(Result(report.record, report.exit_code)), indent=indent)


def to_text(report: Report) -> str:
    """The report for people."""
    if report.notes_only:
        return "\n".join(report.notes)
    blocks = [_pairs({key: value for key, value in report.record.items() if key not in report.tables})]
    for key, columns in report.tables.items():
        rows = report.record[key]
        assert isinstance(rows, Sequence)
        blocks.append(_table(columns, rows) if rows else [f"no {_label(key)}"])
    blocks.append(list(report.notes))
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _label(key: str) -> str:
    return key.replace("_", " ")


def _pairs(record: Mapping[str, Json], indent: str = "") -> list[str]:
    lines = []
    width = max((len(_label(key)) for key in record), default=0)
    for key, value in record.items():
        if isinstance(value, Mapping):
            lines.append(f"{indent}{_label(key)}:")
            lines += _pairs(value, indent + "  ")
        else:
            lines.append(f"{indent}{_label(key) + ':':<{width + 1}} {_cell(value, _MESSAGE_LIMIT)}".rstrip())
    return lines


def _table(columns: Sequence[str], rows: Sequence[Any]) -> list[str]:
    cells = [[_label(column).upper() for column in columns]]
    cells += [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def _cell(value: Json, limit: int = _CELL_LIMIT) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return clean(value, limit)
    if isinstance(value, Mapping):
        return _cell(value["message"], limit) if "message" in value else _cell([f"{k} {v}" for k, v in value.items()])
    if isinstance(value, Sequence):
        return clean(", ".join(_cell(item, limit) for item in value) or "-", limit)
    return clean(str(value), limit)


def error_json(error: IpadError) -> str:
    """The error envelope."""
    return json.dumps(failure(error))


def error_text(error: IpadError) -> str:
    """One clear line, and a second one with advice where there is some."""
    lines = [f"ipad: {clean(str(error), _MESSAGE_LIMIT)}"]
    if error.hint:
        lines.append(f"hint: {clean(error.hint, _MESSAGE_LIMIT)}")
    return "\n".join(lines)
