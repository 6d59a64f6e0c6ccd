"""Reads the log of events for people and for dry runs."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from ipad.clock import Clock
from ipad.daemon.event_log import CARRIED, older
from ipad.errors import NotFoundError, UsageError

_LOOK: Final = 1.0
"""Seconds between two looks for new lines."""


def log_lines(file: Path) -> Sequence[str]:
    """The lines of both files, the older one first, as one trace. Raises NotFoundError, UsageError."""
    lines = _read(file)
    before = _read_older(file)
    return [*before, *(line for line in lines if not before or not _is_carried(line))]


def trace_lines(file: Path) -> Sequence[str]:
    """The lines of one file that somebody copied. Raises NotFoundError, UsageError."""
    return _read(file)


async def follow(file: Path, clock: Clock) -> AsyncIterator[str]:
    """The lines of the log and those that come, for ever. Raises UsageError."""
    tail = _Tail(file)
    for line in _read_older(file):
        yield line
    try:
        while True:
            for line in tail.lines():
                yield line
            await clock.sleep(_LOOK)
    finally:
        tail.close()


class _Tail:
    """The end of a file that grows and is replaced now and then."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stream = _open(file)

    def lines(self) -> list[str]:
        """What came since the last call; a file that was replaced is read to its end first."""
        stream = self._stream
        replaced = stream is None or _was_replaced(self._file, stream)
        found = [] if stream is None else list(_new_lines(stream))
        fresh = _open(self._file) if replaced else None
        if fresh is not None:
            self.close()
            self._stream = fresh
            found += _new_lines(fresh)
        return [line for line in found if not _is_carried(line)]

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def record_of(line: str) -> dict[str, Any] | None:
    """The record of a line; None for one that is damaged."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _read(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError as error:
        raise NotFoundError(
            f"there is no log of events at {file}", hint="`ipad run` writes it; see log.events"
        ) from error
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or error}") from error


def _read_older(file: Path) -> list[str]:
    """Those of the other file, if there is one."""
    try:
        return _read(older(file))
    except NotFoundError:
        return []


def _open(file: Path) -> BinaryIO | None:
    try:
        return file.open("rb")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or error}") from error


def _new_lines(stream: BinaryIO) -> Iterator[str]:
    """Whole lines only: the rest of one is read when it is there."""
    while True:
        start = stream.tell()
        line = stream.readline()
        if not line.endswith(b"\n"):
            stream.seek(start)
            return
        yield line.decode(errors="replace").rstrip("\n")


def _was_replaced(file: Path, stream: BinaryIO) -> bool:
    try:
        status = file.stat()
    except OSError:
        return False  # it is about to be made anew
    return status.st_ino != os.fstat(stream.fileno()).st_ino


def _is_carried(line: str) -> bool:
    return CARRIED in line and (record_of(line) or {}).get("note") == CARRIED
