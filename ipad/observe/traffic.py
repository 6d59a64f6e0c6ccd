"""A recording of what goes over the AT line, to the eUICC, to and from eIMs, to SM-DP+ and SM-DS.

It is made on demand only, bounded, and without secrets. JSON lines: `time`, `layer` (at, apdu, es10, esipa, es9), `way`
(> from the agent, < to it, - neither), `with` whom, `text`.
The recording ends when it is stopped; its two files hold the last part of what went by.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ipad.errors import StateError
from ipad.observe import redaction
from ipad.observe.bounded_file import BoundedFile, older, read_lines
from ipad.records import dataclass

logger = logging.getLogger(__name__)

DEFAULT_LIMIT: Final = 1024 * 1024
"""Bytes of both files together."""
_MODE: Final = 0o600
_TRACE: Final = 5
"""Level at which the AT port and the card channel tell what they carry."""
_LINES: Final = "ipad.modem.port"
_APDUS: Final = "ipad.card.channel"


class TrafficRing:
    """A recording that goes on. `line`: the AT port or reader of this modem, as it is called in the log."""

    def __init__(self, file: Path, wall: Callable[[], float], *, limit: int = DEFAULT_LIMIT, line: str = "") -> None:
        self._file = file
        self._wall = wall
        self._lines = BoundedFile(file, size=max(4096, limit // 2), mode=_MODE, durable=False)
        self._handler = _LineHandler(self, line)
        self._failed = False

    def start(self) -> None:
        """Begin anew; an earlier recording in the same place is lost. Raises StateError."""
        try:
            for part in (self._file, older(self._file)):
                part.unlink(missing_ok=True)
            self._lines.append(self._line("note", "-", "", "the recording begins"))
        except OSError as error:
            raise StateError(f"no traffic can be recorded in {self._file}: {error.strerror or error}") from error
        for name in (_LINES, _APDUS):
            source = logging.getLogger(name)
            source.addHandler(self._handler)
            source.setLevel(_TRACE)
        logger.warning("traffic is recorded in %s", self._file)

    def stop(self) -> None:
        """End it. What was recorded stays."""
        for name in (_LINES, _APDUS):
            source = logging.getLogger(name)
            source.removeHandler(self._handler)
            if not any(isinstance(handler, _LineHandler) for handler in source.handlers):
                source.setLevel(logging.NOTSET)
        logger.warning("traffic is not recorded any more; what was is in %s", self._file)

    def es10(self, way: str, data: bytes) -> None:
        """A request to the ISD-R or its response."""
        self.note("es10", way, "", redaction.message(data))

    def segment(self, size: int) -> None:
        """A segment of a Bound Profile Package (SGP.22 5.7.6), of which nothing but the size is recorded."""
        self.note("es10", ">", "", f"segment of a Bound Profile Package …({size})")

    def esipa(self, way: str, eim_id: str, data: bytes) -> None:
        """A message to an eIM or its answer."""
        self.note("esipa", way, eim_id, redaction.message(data))

    def es9(self, way: str, server: str, function: str, body: bytes) -> None:
        """The JSON body of a function of ES9+ or ES11, or that of its answer."""
        self.note("es9", way, server, f"{function} {redaction.json_body(body)}")

    def note(self, layer: str, way: str, peer: str, text: str) -> None:
        """Record a text that is known to hold no secret. A disk that is full ends nothing but the recording."""
        try:
            self._lines.append(self._line(layer, way, peer, text))
        except OSError as error:
            if not self._failed:
                logger.warning("traffic is not recorded in %s: %s", self._file, error.strerror or error)
            self._failed = True

    def _line(self, layer: str, way: str, peer: str, text: str) -> bytes:
        time = datetime.fromtimestamp(self._wall(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record = {"time": time, "layer": layer, "way": way, "with": peer, "text": text}
        return json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n"


class _LineHandler(logging.Handler):
    """Takes what the AT port and the channel trace, which leave out PINs and passwords already."""

    def __init__(self, ring: TrafficRing, line: str) -> None:
        super().__init__(_TRACE)
        self._ring = ring
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        args = record.args if isinstance(record.args, tuple) else ()
        if record.levelno != _TRACE or len(args) < 2 or (self._line and args[0] != self._line):
            return
        way = ">" if " > " in str(record.msg) else "<" if " < " in str(record.msg) else "-"
        name, *rest = map(_text, args)
        if record.name == _LINES:
            self._ring.note("at", way, name, redaction.at_line(" ".join(rest)))
        elif way != "-":
            reduce = redaction.command if way == ">" else redaction.answer
            self._ring.note("apdu", way, name, reduce(rest[0]))


def _text(value: object) -> str:
    return " | ".join(map(str, value)) if isinstance(value, list) else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficRecord:
    """One line of a recording."""

    time: str
    layer: str
    way: str
    peer: str
    text: str


def read_recording(file: Path) -> Iterator[TrafficRecord]:
    """The lines of a recording, the oldest first; what is no line of one is skipped. Raises OSError."""
    for line in read_lines(file):
        try:
            record: Any = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            time, layer, way, peer, text = (
                str(record.get(key, "")) for key in ("time", "layer", "way", "with", "text")
            )
            yield TrafficRecord(time=time, layer=layer, way=way, peer=peer, text=text)
