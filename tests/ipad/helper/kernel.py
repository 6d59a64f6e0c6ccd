"""A kernel with GPIO chips and a serial line discipline, at the level of ioctl(2)."""

from __future__ import annotations

import errno
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path

CHIP_INFO, LINE_INFO, GET_LINE, SET_VALUES = 0x8044B401, 0xC100B405, 0xC250B407, 0xC010B40F
SET_DISCIPLINE, GET_MUX, SET_MUX = 0x5423, 0x804C4700, 0x404C4701
OUTPUT, ACTIVE_LOW = 8, 2


@dataclass
class FakeKernel:
    """`lines` are the names of the lines of each chip by its device name; `levels` notes each level that was set."""

    root: Path
    lines: dict[str, list[str]] = field(default_factory=dict)
    levels: list[tuple[str, int, int]] = field(default_factory=list)
    held: dict[int, tuple[str, int]] = field(default_factory=dict)
    discipline: int = 0
    mux: list[int] = field(default_factory=lambda: [1, 0, 0, 10, 34, 10, 3, 64, 64, 2, 0])
    refuse: int = 0
    """The request that fails with EPERM."""

    def __post_init__(self) -> None:
        (self.root / "dev").mkdir(parents=True, exist_ok=True)
        for chip in self.lines:
            (self.root / "dev" / chip).touch()

    def ioctl(self, descriptor: int, request: int, buffer: bytearray) -> int:
        if request == self.refuse:
            raise OSError(errno.EPERM, "Operation not permitted")
        match request:
            case 0x8044B401:
                chip = self._chip(descriptor)
                assert len(buffer) == 68
                struct.pack_into("=32s32sI", buffer, 0, chip.encode(), f"label-{chip}".encode(), len(self.lines[chip]))
            case 0xC100B405:
                assert len(buffer) == 256
                (offset,) = struct.unpack_from("=I", buffer, 64)
                struct.pack_into("=32s", buffer, 0, self.lines[self._chip(descriptor)][offset].encode())
            case 0xC250B407:
                self._take(descriptor, buffer)
            case 0xC010B40F:
                bits, mask = struct.unpack("=QQ", buffer)
                assert mask == 1
                self.levels.append((*self.held[descriptor], bits))
            case 0x5423:
                (self.discipline,) = struct.unpack("=i", buffer)
            case 0x804C4700:
                struct.pack_into("=11I", buffer, 0, *self.mux)
            case 0x404C4701:
                assert len(buffer) == 76
                self.mux = list(struct.unpack_from("=11I", buffer))
            case _:
                raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")
        return 0

    def _take(self, descriptor: int, buffer: bytearray) -> None:
        assert len(buffer) == 592
        chip, (offset,) = self._chip(descriptor), struct.unpack_from("=I", buffer)
        if any(held == (chip, offset) and _is_open(number) for number, held in self.held.items()):
            raise OSError(errno.EBUSY, "Device or resource busy")
        flags, attributes = struct.unpack_from("=QI", buffer, 288)
        kind, values, mask = struct.unpack_from("=I4xQQ", buffer, 320)
        (count,) = struct.unpack_from("=I", buffer, 560)
        assert (flags, attributes, kind, mask, count) == (OUTPUT, 1, 2, 1, 1)
        line = os.open(os.devnull, os.O_RDWR)
        self.held[line] = (chip, offset)
        struct.pack_into("=i", buffer, 588, line)
        self.levels.append((chip, offset, values))

    def _chip(self, descriptor: int) -> str:
        return Path(f"/proc/self/fd/{descriptor}").readlink().name

    @property
    def still_held(self) -> set[tuple[str, int]]:
        """The lines that somebody has."""
        return {held for number, held in self.held.items() if _is_open(number)}


def _is_open(number: int) -> bool:
    try:
        return Path(f"/proc/self/fd/{number}").readlink() == Path(os.devnull)
    except OSError:
        return False
