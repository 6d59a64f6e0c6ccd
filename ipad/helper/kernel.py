"""The edge to the kernel: control requests of devices, and the small files of sysfs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from ipad.errors import HelperError

ROOT: Final = Path("/")
"""Where device nodes and sysfs are found; tests have their own."""

_OWN_LAYOUT: Final = ("mips", "ppc", "sparc", "alpha")
"""Architectures with three bits for the direction."""

Ioctl = Callable[[int, int, bytearray], int]
"""ioctl(2) with a buffer that the kernel may change. Raises OSError."""


def request_code(direction: Literal["r", "w", "rw"], kind: int, number: int, size: int, machine: str = "") -> int:
    """The number of a request, made as <asm/ioctl.h> does (_IOR, _IOW, _IOWR). `size`: bytes of the buffer.

    `machine`: the architecture as uname(2) names it, else this one.
    """
    own = (machine or os.uname().machine).startswith(_OWN_LAYOUT)
    read, write, shift = (2, 4, 29) if own else (2, 1, 30)
    bits = (read if "r" in direction else 0) | (write if "w" in direction else 0)
    return bits << shift | size << 16 | kind << 8 | number


def ioctl(descriptor: int, request: int, buffer: bytearray) -> int:
    """The real one."""
    return int(fcntl.ioctl(descriptor, request, buffer, True))


def write_attribute(path: Path, text: str) -> None:
    """Write a file of sysfs. Raises HelperError when the kernel does not take it."""
    try:
        with path.open("w", encoding="ascii") as file:
            file.write(text)
    except OSError as error:
        raise HelperError(f"{path}: {text!r} was not written: {error.strerror or error}") from error
