"""Reads the log of events that an agent writes: JSON lines, of which the bench knows the documented names alone.

A line is an event (`"event": NAME`) or a decision (`"decision": NAME`); `t` is monotonic seconds of the machine, the
same that `hil.clock.LoopClock` counts on Linux. Whatever else is in a line is kept as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One line. `seconds` is its moment, `name` that of the event or decision, `fields` the rest."""

    seconds: float
    name: str
    decision: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A field as text, empty when it is absent."""
        return str(self.fields.get(name, ""))


class AgentLog:
    """The file at `path`, which may not be there yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self, since: float = float("-inf")) -> list[Entry]:
        """The whole lines of the file from the moment `since` on, in order. Raises ValueError for a damaged one."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        whole, _, _ = text.rpartition("\n")
        return [entry for line in whole.splitlines() if (entry := parse(line)).seconds >= since]


def parse(line: str) -> Entry:
    """One line. Raises ValueError."""
    record = json.loads(line)
    if not isinstance(record, dict) or not isinstance(record.get("t"), int | float):
        raise ValueError(f"expected an object with a number t, found {line[:80]!r}")
    decision = "decision" in record
    name = record.get("decision" if decision else "event")
    if not isinstance(name, str):
        raise ValueError(f"expected an event or a decision, found {line[:80]!r}")
    rest = {key: value for key, value in record.items() if key not in ("t", "event", "decision", "time")}
    return Entry(float(record["t"]), name, decision, rest)
