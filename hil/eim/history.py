"""Records of everything that an eIM received, in the order of arrival; kept as JSON lines.

A record is appended before the state file is replaced, so a kill between the two repeats work, never loses it.
A torn last line (power cut in the middle of the write) is dropped when reading.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class RecordKind(StrEnum):
    """What arrived."""

    POLL = "poll"
    RESULT = "result"
    """EuiccPackageResult (BF51), any arm."""
    NOTIFICATION = "notification"
    DATA = "data"
    """IpaEuiccDataResponse."""
    DOWNLOAD = "download"
    """ProfileDownloadTriggerResult."""
    PACKAGE_ERROR = "package-error"
    """eimPackageResultResponseError."""
    ACKNOWLEDGED = "acknowledged"
    """Sequence numbers named to the IPA."""
    RECEIVED = "received"
    """eimPackageReceived: an IPA has what was injected, its result comes later."""
    RELAY = "relay"
    """A request of an indirect download, or a notification that was passed on."""


@dataclass(frozen=True)
class Check:
    """One thing the eIM verified. `passed` None: could not be checked."""

    name: str
    passed: bool | None
    detail: str = ""


@dataclass(frozen=True)
class Record:
    """One arrival. `raw` is hex of the object as received; `decoded` plain JSON values."""

    number: int
    time: float
    eid: str
    kind: RecordKind
    function: str
    summary: str
    news: bool = True
    package: int | None = None
    checks: tuple[Check, ...] = ()
    raw: str = ""
    decoded: Any = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def verified(self) -> bool:
        """No check failed."""
        return all(check.passed is not False for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, with `verified` spelled out."""
        return {**asdict(self), "kind": self.kind.value, "verified": self.verified}


def record_from_json(value: dict[str, Any]) -> Record:
    """The record that `to_json` wrote."""
    fields = {name: content for name, content in value.items() if name != "verified"}
    checks = tuple(Check(**check) for check in fields.pop("checks"))
    return Record(**{**fields, "kind": RecordKind(fields["kind"]), "checks": checks})


class History:
    """Append-only list of records, in memory and (when `path` is given) in a file."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.records: list[Record] = []
        if path is not None and path.exists():
            self.records = _read(path)

    def append(self, record: Record) -> None:
        """Add one record."""
        self.records.append(record)
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record.to_json(), separators=(",", ":")) + "\n")

    @property
    def next_number(self) -> int:
        """Number for the next record, from 1."""
        return self.records[-1].number + 1 if self.records else 1


def _read(path: Path) -> list[Record]:
    text = path.read_text(encoding="utf-8")
    complete, _, torn = text.rpartition("\n")
    if torn:
        os.truncate(path, len(text.encode()) - len(torn.encode()))
    return [record_from_json(json.loads(line)) for line in complete.splitlines()]
