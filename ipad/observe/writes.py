"""Counts what is written to flash."""

from __future__ import annotations

from ipad.observe.status import WriteStatus


class WriteCounter:
    """Told by whoever writes into the state directory."""

    def __init__(self) -> None:
        self._count = 0
        self._bytes = 0

    def wrote(self, size: int) -> None:
        """A file of so many bytes was written, or a part of one was added."""
        self._count += 1
        self._bytes += size

    def status(self) -> WriteStatus:
        """What was written so far."""
        return WriteStatus(count=self._count, bytes=self._bytes)
