"""The log of events and decisions of policy: JSON lines in two files of bounded size, in memory and not in flash.

It is for people (`ipad log`) and for dry runs (`ipad policy simulate`), and it is the one part of the agent that may
fail without any consequence: whatever happens, the agent goes on, and the log is tried again after a while.

A full file becomes the older one of the two, whose predecessor goes. So that the newer one can be understood alone, it
begins with the last event of each kind that describes a state; those lines have a note that says so.

ICCIDs are written in full, because rules name profiles by them; the files can be read by their owner and group alone.
What shows them to people masks them.
"""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ipad.clock import Clock
from ipad.config import DEFAULT_NAME, Config
from ipad.policy.decisions import Decision, WaitUntil
from ipad.policy.events import Event, Tick
from ipad.policy.trace import decision_record, event_record

logger = logging.getLogger(__name__)

DEFAULT_DIRECTORY: Final = Path("/run/ipad")
CARRIED: Final = "carried over"
"""The note of lines that repeat an event of the older file."""

_MODE: Final = 0o640
_RETRY: Final = 300.0
"""Seconds without a log after a failure."""

_LASTING: Final = (
    "boot",
    "card-read",
    "modem-changed",
    "sim-shown",
    "registration",
    "signal-sample",
    "bearer",
    "time-set",
    "hints",
    "rules-loaded",
    "emergency",
)
"""Events that describe a state, in the order in which a dry run wants them."""


def events_file(config: Config, environment: Mapping[str, str]) -> Path | None:
    """Where the log is, None for nowhere: as configured, else in the runtime directory of the service."""
    if config.log.events is not None:
        return Path(config.log.events) if config.log.events else None
    directory = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    name = next(iter(config.modems))
    file = "events.jsonl" if name == DEFAULT_NAME else f"events-{name}.jsonl"
    return (Path(directory) if directory else DEFAULT_DIRECTORY) / file


def older(file: Path) -> Path:
    """The other one of the two files."""
    return file.with_name(file.name + ".1")


class EventLog:
    """Writes the log. `file` None: there is none. `size`: bytes of each of the two files, at the most."""

    def __init__(self, file: Path | None, clock: Clock, *, size: int = 256 * 1024) -> None:
        self._file = file
        self._clock = clock
        self._size = size
        self._descriptor = -1
        self._written = 0
        self._not_before = float("-inf")
        self._lasting: dict[str, dict[str, Any]] = {}

    def note(self, now: float, event: Event) -> None:
        """An event that policy was told at the monotonic moment `now`; that time passed is no news."""
        if isinstance(event, Tick):
            return
        record = event_record(event, now)
        if record["event"] in _LASTING:
            self._lasting[record["event"]] = record
        self._write(record, now)

    def decided(self, now: float, decision: Decision) -> None:
        """A decision of that moment; when to come back is none that anybody wants to read."""
        if not isinstance(decision, WaitUntil):
            self._write(decision_record(decision, now), now)

    def close(self) -> None:
        """Close the file; another line opens it again."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def _write(self, record: dict[str, Any], now: float) -> None:
        if self._file is None or now < self._not_before:
            return
        try:
            line = self._line(record)
            self._make_room(self._file, len(line), now)
            self._append(line)
        except OSError as error:
            logger.warning("the log of events is not written: %s", error)
            self._not_before = now + _RETRY
            try:
                self.close()
            except OSError as closing:
                logger.debug("%s: %s", self._file, closing)

    def _line(self, record: dict[str, Any]) -> bytes:
        time = datetime.fromtimestamp(self._clock.time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return json.dumps({**record, "time": time}, separators=(",", ":")).encode("ascii") + b"\n"

    def _make_room(self, file: Path, needed: int, now: float) -> None:
        if self._descriptor < 0:
            self._open(file)
        if not self._written or self._written + needed <= self._size:
            return
        self.close()
        file.replace(older(file))
        self._open(file)
        for name in _LASTING:
            if name in self._lasting:
                self._append(self._line({**self._lasting[name], "t": round(now, 3), "note": CARRIED}))

    def _open(self, file: Path) -> None:
        # Not through a link that somebody put there, and never a pipe, which would block.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        descriptor = os.open(file, flags, _MODE)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise OSError(f"{file} is no regular file")
        self._descriptor, self._written = descriptor, status.st_size

    def _append(self, line: bytes) -> None:
        written = os.write(self._descriptor, line)
        self._written += written
        if written != len(line):
            raise OSError(f"{written} of {len(line)} bytes were written: the disk is full")
