"""Gives the pages of program files back to the kernel while the agent has nothing to do for a long time.

A third of what an idle agent has resident are pages of programs: parts of the interpreter, of OpenSSL and of libc that
only a start or a poll needs. They are no copies, the kernel keeps them for others or drops them as it likes. But while
they are mapped they count as used: executable pages are spared when memory is short, at the cost of what others need,
and the process is by so much the first to be killed (proc(5), oom_score). Given back they come again when touched, from
the cache of files or from flash; nothing is ever written.

Only mappings of files that nobody can write to, and of which no page was ever changed, are given back (madvise(2),
MADV_DONTNEED; proc(5), smaps): there the file holds the same bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from ipad.records import dataclass

__all__ = ("Mapping", "ProgramPages", "unchanged")

logger = logging.getLogger(__name__)

SMAPS: Final = Path("/proc/self/smaps")
LONG: Final = 120.0
"""Seconds of rest that are worth it: afterwards a few hundred pages are fetched again."""

DONT_NEED: Final = 4
"""MADV_DONTNEED of Linux; alpha alone has another number."""

_READ_ONLY: Final = ("r--p", "r-xp")
_HEAD_FIELDS: Final = 4
"""Rights, offset, device and inode behind the range; then the path."""


@dataclass(frozen=True)
class Mapping:
    """`start` and `length` in bytes of a part of the address space."""

    start: int
    length: int


def unchanged(lines: Iterable[str]) -> Iterator[Mapping]:
    """Read-only mappings of files that are as the file is, from the lines of smaps; what is unreadable is left out."""
    found: Mapping | None = None
    for line in lines:
        name, *values = line.split() or [""]
        if not name.endswith(":"):
            found = _read_only(name, values)
        elif found is not None and name == "Anonymous:":
            if values[:1] == ["0"]:
                yield found
            found = None


def _read_only(addresses: str, values: list[str]) -> Mapping | None:
    """The mapping of a head line, if it is one of a file that is only read."""
    if len(values) < _HEAD_FIELDS or values[0] not in _READ_ONLY or values[3] == "0":
        return None
    first, _, last = addresses.partition("-")
    try:
        start, end = int(first, 16), int(last, 16)
    except ValueError:
        return None
    return Mapping(start, end - start) if start < end else None


class ProgramPages:
    """Those of this process."""

    def __init__(self, smaps: Path = SMAPS) -> None:
        self._smaps = smaps
        self._known: frozenset[Mapping] = frozenset()

    def rest(self, seconds: float) -> int:
        """There is nothing to do for so long: give back what can be. The number of bytes that are mapped there.

        A thread that resolves a name may map a file for a moment, and something else afterwards where that was. So
        only what was mapped at the rest before as well is taken for what stays.
        """
        try:
            with self._smaps.open(encoding="utf-8", errors="replace") as file:
                found = frozenset(unchanged(file))
        except OSError as error:
            logger.debug("pages of programs are kept: %s", error)
            return 0
        lasting, self._known = found & self._known, found
        advise = _madvise() if seconds >= LONG else None
        if advise is None:
            return 0
        # A locked mapping refuses, and stays.
        return sum(mapping.length for mapping in lasting if advise(mapping.start, mapping.length, DONT_NEED) == 0)


def _madvise() -> Callable[[int, int, int], int] | None:
    """madvise(2) of the C library: that of `mmap` takes no memory which it did not map itself."""
    try:
        import ctypes  # noqa: PLC0415 - only a process that stays needs it

        function = ctypes.CDLL(None).madvise
    except (ImportError, OSError, AttributeError) as error:
        logger.debug("pages of programs are kept: %s", error)
        return None
    function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)

    def advise(start: int, length: int, advice: int) -> int:
        return int(function(start, length, advice))

    return advise
