"""Lines of the host: by the character device of the kernel (uAPI v2, <linux/gpio.h>), or as sysfs exports them.

A line that was driven stays requested, and so keeps its level, until it is released.
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ipad.errors import HelperError
from ipad.helper.kernel import ROOT, Ioctl, ioctl, request_code, write_attribute
from ipad.records import dataclass

_CHIP: Final = struct.Struct("=32s32sI")
"""struct gpiochip_info: name, label, number of lines."""
_LINE_SIZE: Final = 256
_LINE: Final = struct.Struct("=32s32sI")
"""The start of struct gpio_v2_line_info: name, consumer, offset."""
_REQUEST: Final = struct.Struct("=256s32sQI20xIIQQ216xII20xi")
"""struct gpio_v2_line_request with one attribute: offsets, consumer, flags, number of attributes, then of the first
attribute id, padding, values and mask, then number of lines, size of the event buffer, and the descriptor."""
_VALUES: Final = struct.Struct("=QQ")
"""struct gpio_v2_line_values: bits, mask."""

_GPIO: Final = 0xB4
_CHIP_INFO: Final = request_code("r", _GPIO, 0x01, _CHIP.size)
_LINE_INFO: Final = request_code("rw", _GPIO, 0x05, _LINE_SIZE)
_GET_LINE: Final = request_code("rw", _GPIO, 0x07, _REQUEST.size)
_SET_VALUES: Final = request_code("rw", _GPIO, 0x0F, _VALUES.size)

_OUTPUT: Final = 8
_ATTRIBUTE_VALUES: Final = 2
_CONSUMER: Final = b"ipad"

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:+-]{0,63}")
_NUMBERED = re.compile(r"gpio([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Line:
    """A line as a board names it: a chip (device name or label) and a name or number; no chip: a name of sysfs.

    `active_low`: the level 0 is the active one.
    """

    chip: str
    name: str
    active_low: bool = False


class GpioLines:
    """The lines that this process drives. `root` and `ioctl` are where and how the kernel is reached."""

    def __init__(self, root: Path = ROOT, control: Ioctl = ioctl) -> None:
        self._root = root
        self._ioctl = control
        self._held: dict[Line, int] = {}

    @property
    def holding(self) -> bool:
        """Whether a line would lose its level if this process ended."""
        return bool(self._held)

    def drive(self, line: Line, *, active: bool) -> None:
        """Bring the line to its active or inactive level. Raises HelperError when there is none, or it is in use."""
        level = int(active != line.active_low)
        for text in (line.chip, line.name):
            if text and not _NAME.fullmatch(text):
                raise HelperError(f"{text!r} is no name of a GPIO chip or line", transient=False)
        if not line.chip and self._exported(line.name, level):
            return
        held = self._held.get(line)
        if held is None:
            self._held[line] = self._request(line, level)
        else:
            self._control(held, _SET_VALUES, bytearray(_VALUES.pack(level, 1)), f"line {line.name}")

    def release(self, line: Line) -> None:
        """Let the line go."""
        held = self._held.pop(line, None)
        if held is not None:
            os.close(held)

    def close(self) -> None:
        """Let all lines go."""
        for line in tuple(self._held):
            self.release(line)

    def _exported(self, name: str, level: int) -> bool:
        """Write to a line that sysfs exports by this name, or by this number; False when it does not."""
        folder = self._root / "sys/class/gpio"
        numbered = _NUMBERED.fullmatch(name)
        if numbered is not None and not (folder / name).exists() and (folder / "export").exists():
            write_attribute(folder / "export", numbered[1])
        if not (folder / name / "value").exists():
            return False
        direction = folder / name / "direction"
        if direction.exists() and direction.read_text(encoding="ascii", errors="replace").strip() != "out":
            # This makes it an output that has the level from the first moment.
            write_attribute(direction, "high" if level else "low")
        write_attribute(folder / name / "value", str(level))
        return True

    def _request(self, line: Line, level: int) -> int:
        """Ask the kernel for the line as an output with this level; returns the descriptor that holds it."""
        with contextlib.ExitStack() as stack:
            for path in self._chips():
                chip = self._open(path)
                stack.callback(os.close, chip)
                name, label, count = self._chip(chip, path)
                if line.chip and line.chip not in (path.name, name, label):
                    continue
                offset = self._offset(chip, count, line)
                if offset is not None:
                    return self._take(chip, offset, level, line)
        place = f"GPIO chip {line.chip} has" if line.chip else "neither /sys/class/gpio nor a GPIO chip has"
        raise HelperError(f"{place} no line {line.name!r}" if line.chip else f"{place} a line {line.name!r}")

    def _take(self, chip: int, offset: int, level: int, line: Line) -> int:
        buffer = bytearray(
            _REQUEST.pack(
                struct.pack("=I", offset),
                _CONSUMER,
                _OUTPUT,
                1,
                _ATTRIBUTE_VALUES,
                0,
                level,
                1,
                1,
                0,
                -1,
            )
        )
        self._control(chip, _GET_LINE, buffer, f"line {line.name}")
        return int(_REQUEST.unpack(buffer)[-1])

    def _offset(self, chip: int, count: int, line: Line) -> int | None:
        """The number of the line on this chip."""
        if line.chip and line.name.isdecimal():
            return int(line.name) if int(line.name) < count else None
        for offset in range(count):
            buffer = bytearray(_LINE_SIZE)
            _LINE.pack_into(buffer, 0, b"", b"", offset)
            self._control(chip, _LINE_INFO, buffer, f"line {offset}")
            if _text(_LINE.unpack_from(buffer)[0]) == line.name:
                return offset
        return None

    def _chip(self, chip: int, path: Path) -> tuple[str, str, int]:
        buffer = bytearray(_CHIP.size)
        self._control(chip, _CHIP_INFO, buffer, path.name)
        name, label, count = _CHIP.unpack(buffer)
        return _text(name), _text(label), count

    def _chips(self) -> Iterator[Path]:
        yield from sorted((self._root / "dev").glob("gpiochip*"))

    def _open(self, path: Path) -> int:
        try:
            return os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise HelperError(f"{path}: {error.strerror or error}") from error

    def _control(self, descriptor: int, request: int, buffer: bytearray, what: str) -> None:
        try:
            self._ioctl(descriptor, request, buffer)
        except OSError as error:
            raise HelperError(f"GPIO {what}: {error.strerror or error}") from error


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace")
