"""Who opens and closes a file, by inotify(7); used to see clients come and go on a pseudo terminal.

The owner of a pseudo terminal is told nothing when a client closes it as long as it keeps the other end open itself.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
from collections.abc import Callable

_IN_CLOSE_WRITE, _IN_CLOSE_NOWRITE, _IN_OPEN = 0x08, 0x10, 0x20
_HEADER = struct.Struct("iIII")


class OpenWatch:
    """Counts how often a path is open elsewhere and tells about each change.

    Opens that happened before the watch are not counted. Needs a running event loop.

    Raises:
        OSError: the kernel gives no inotify instance or watch.
    """

    def __init__(self, path: str, changed: Callable[[int], None]) -> None:
        self._changed = changed
        self._count = 0
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        mask = _IN_CLOSE_WRITE | _IN_CLOSE_NOWRITE | _IN_OPEN
        if libc.inotify_add_watch(self._fd, os.fsencode(path), mask) < 0:
            number = ctypes.get_errno()
            os.close(self._fd)
            raise OSError(number, f"inotify_add_watch {path}")
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._read)

    def close(self) -> None:
        """End the watch."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _read(self) -> None:
        events = os.read(self._fd, 4096)
        position = 0
        while position + _HEADER.size <= len(events):
            _, mask, _, length = _HEADER.unpack_from(events, position)
            position += _HEADER.size + length
            if mask & _IN_OPEN:
                self._count += 1
            elif mask & (_IN_CLOSE_WRITE | _IN_CLOSE_NOWRITE):
                self._count = max(0, self._count - 1)
        # Once for all events of this reading: who left and was followed at once by somebody else did not leave a gap.
        self._changed(self._count)
