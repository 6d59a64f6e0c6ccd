"""Lines in two files of bounded size: a full one becomes the older one, whose predecessor goes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path


def older(file: Path) -> Path:
    """The other one of the two files."""
    return file.with_name(file.name + ".1")


class BoundedFile:
    """Appends. `size`: bytes of each of the two files, at the most; `durable`: each write survives a power cut."""

    def __init__(self, file: Path, *, size: int, mode: int, durable: bool) -> None:
        self._file = file
        self._size = size
        self._mode = mode
        self._durable = durable

    def append(self, lines: bytes) -> None:
        """Append lines that belong together in one write. Raises OSError."""
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = self._open()
        try:
            used = os.fstat(descriptor).st_size
            if used and used + len(lines) > self._size:
                os.close(descriptor)
                descriptor = -1
                self._file.replace(older(self._file))
                descriptor = self._open()
            self._write(descriptor, lines)
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def _write(self, descriptor: int, lines: bytes) -> None:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            # After a write that a power cut or a full disk left incomplete the next line must not continue it.
            lines = b"\n" + lines
        written = os.write(descriptor, lines)
        if self._durable:
            os.fsync(descriptor)
        if written != len(lines):
            raise OSError(f"{written} of {len(lines)} bytes were written: the disk is full")

    def _open(self) -> int:
        # Not through a link that somebody put there, and never a pipe, which would block.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(self._file, flags, self._mode)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise OSError(f"{self._file} is no regular file")
        if os.geteuid() == 0 and status.st_nlink == 1:
            # What a command of root makes must go on to be written by the service, whose folder it is.
            folder = self._file.parent.stat()
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
        return descriptor


def read_lines(file: Path) -> Iterator[str]:
    """All lines, the oldest first. Raises OSError, but not for a file that does not exist."""
    for part in (older(file), file):
        try:
            text = part.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            continue
        yield from text.splitlines()
