"""The trail of changes: who changed a profile or an eIM, what it was before and after, and how it ended.

JSON lines in two files of bounded size in the state directory, `audit.jsonl` and the older `audit.jsonl.1`; a full file
becomes the older one, whose predecessor goes. Each change costs one appended write and one fsync (on most file systems
one or two blocks of flash), each rotation one rename more. Nothing is written without a change.

The trail informs, it decides nothing: a line that cannot be written is logged, and the deed goes on. Identifiers are
written in full, because the trail is what a person asks who did it; only owner and group can read the files, and what
shows them masks them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ipad.clock import EARLIEST_WALL
from ipad.observe.bounded_file import BoundedFile, read_lines
from ipad.records import asdict, dataclass

logger = logging.getLogger(__name__)

DEFAULT_SIZE: Final = 64 * 1024
"""Bytes of each of the two files, at the most."""
_MODE: Final = 0o640
_LONGEST: Final = 256
"""Characters of one entry of a line: texts come from peers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change.

    `who`: `eim:<eimId>/<transaction>`, `user:<name>` or `policy:<reason>`. `what`: the operation and what it was about.
    `before` and `after`: the state that it changed, None where there is none or it is not known. `result`: ok, or the
    code of the refusal.
    """

    who: str
    what: str
    before: str | None
    after: str | None
    result: str


def who_eim(eim_id: str, transaction: bytes | None) -> str:
    """An eIM and its transaction, as `who`."""
    return f"eim:{eim_id}/{transaction.hex().upper() if transaction else '-'}"


def who_policy(reason: str) -> str:
    """A rule or a reason of policy, as `who`."""
    return f"policy:{reason}"


def audit_file(state_directory: Path, modem: str, default_modem: str) -> Path:
    """Where the trail of a modem is."""
    return state_directory / ("audit.jsonl" if modem == default_modem else f"audit-{modem}.jsonl")


class AuditTrail:
    """Appends to the trail. `wall` is the wall clock, `written` is told the bytes of each write."""

    def __init__(
        self,
        file: Path,
        wall: Callable[[], float],
        *,
        size: int = DEFAULT_SIZE,
        written: Callable[[int], None] = lambda _bytes: None,
    ) -> None:
        self._file = file
        self._lines = BoundedFile(file, size=size, mode=_MODE, durable=True)
        self._wall = wall
        self._written = written
        self._failed = False

    def record(self, *entries: AuditEntry) -> bool:
        """Append entries that belong together, durably, in one write; whether that was possible. Waits for the disk."""
        return self.append(self.lines(entries))

    def lines(self, entries: Sequence[AuditEntry]) -> bytes:
        """The entries as they are written, with the time of now."""
        now = self._wall()
        head = {
            "time": datetime.fromtimestamp(max(0.0, now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "clock": now >= EARLIEST_WALL,
        }
        return b"".join(_line({**head, **asdict(entry)}) for entry in entries)

    def append(self, data: bytes) -> bool:
        """Append lines. A failure is logged once until it is over."""
        if not data:
            return True
        try:
            self._lines.append(data)
        except OSError as error:
            if not self._failed:
                logger.error("the trail of changes is not written to %s: %s", self._file, error.strerror or error)
            self._failed = True
            return False
        self._failed = False
        self._written(len(data))
        return True


def read_trail(file: Path) -> Iterator[dict[str, Any]]:
    """All entries, the oldest first; a line that a power cut left incomplete is skipped. Raises OSError."""
    for line in read_lines(file):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield record


def _line(record: dict[str, Any]) -> bytes:
    cut = {key: value[:_LONGEST] if isinstance(value, str) else value for key, value in record.items()}
    return json.dumps(cut, separators=(",", ":")).encode("ascii") + b"\n"
