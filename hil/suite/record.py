"""The record of a run: what the report and the table of traceability are made of. JSON, one file for each run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

SCHEMA: Final = 1
FILE: Final = "record.json"
LONGEST_DATA: Final = 64
"""Bytes of an event's data that are kept."""


class RecordError(ValueError):
    """A file that is no record; the message says what was expected."""


@dataclass(frozen=True)
class EventRecord:
    """Something on an interface. `seconds` since the case began; `interface`: AT, APDU, ESIPA, ES9+, ES11, RADIO, CARD,
    BENCH or AGENT; `direction`: ">" away from the agent, "<" towards it, "" for a fact; `size` in bytes; `data` in
    hexadecimal, of which `cut` says that it is not all."""

    seconds: float
    interface: str
    direction: str
    text: str
    size: int = 0
    data: str = ""
    cut: bool = False


@dataclass(frozen=True)
class SignalSample:
    """Radio at one moment of a case: levels in dBm and dB, None where unknown. `layer`: the lowest layer that fails."""

    seconds: float
    rsrp: float | None = None
    rsrq: float | None = None
    sinr: float | None = None
    registered: bool | None = None
    bearer: bool | None = None
    layer: str | None = None


@dataclass(frozen=True)
class CaseRecord:
    """One case. `result`: passed, failed, skipped or error; `measures`: seconds by name."""

    id: str
    chapter: str
    title: str
    sections: tuple[str, ...]
    result: str
    reason: str = ""
    seconds: float = 0.0
    events: tuple[EventRecord, ...] = ()
    signals: tuple[SignalSample, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """All cases of one run. `started` is ISO 8601, `ability` what the target can do."""

    started: str
    target: str
    ability: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    board: Mapping[str, str] = field(default_factory=dict)
    cases: tuple[CaseRecord, ...] = ()


def to_json(run: Run) -> dict[str, Any]:
    """Plain JSON values."""
    return {"schema": SCHEMA, **asdict(run)}


def case_to_json(case: CaseRecord) -> dict[str, Any]:
    """Plain JSON values of one case."""
    return asdict(case)


def from_json(value: Any) -> Run:
    """The run that `to_json` wrote. Raises RecordError."""
    if not isinstance(value, Mapping) or value.get("schema") != SCHEMA:
        raise RecordError(f"expected a record of a run with schema {SCHEMA}")
    try:
        return Run(
            started=str(value["started"]),
            target=str(value["target"]),
            ability=tuple(value["ability"]),
            versions=dict(value["versions"]),
            board=dict(value["board"]),
            cases=tuple(case_from_json(case) for case in value["cases"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"not a record of a run: {error!r}") from error


def case_from_json(value: Mapping[str, Any]) -> CaseRecord:
    """One case. Raises KeyError, TypeError."""
    return CaseRecord(
        **{
            **value,
            "sections": tuple(value["sections"]),
            "events": tuple(EventRecord(**event) for event in value["events"]),
            "signals": tuple(SignalSample(**sample) for sample in value["signals"]),
            "measures": dict(value["measures"]),
        }
    )


def write(run: Run, folder: Path) -> Path:
    """Write DIR/record.json; the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    path.write_text(json.dumps(to_json(run), separators=(",", ":")), encoding="utf-8")
    return path


def read(path: Path) -> Run:
    """Read a record. Raises RecordError, OSError."""
    try:
        return from_json(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise RecordError(f"{path}: {error}") from error
