"""Operations on files in the state directory, below everything that the agent does with them."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

from tests.e2e.sweep.catalogue import Fault, Interface
from tests.e2e.sweep.fate import Fate

_DISK = 25.0
"""Seconds for which a disk is full or read-only: less than the quick policy of a story gives a profile on trial."""
_ERRORS = {
    Fault.DISK_FULL: errno.ENOSPC,
    Fault.READ_ONLY: errno.EROFS,
    Fault.IO_ERROR: errno.EIO,
    Fault.INTERRUPTED: errno.EINTR,
}


class SweptDisk:
    """Takes the place of functions of `os` and `io` for paths under one folder, and for descriptors opened there."""

    def __init__(self, folder: Path, fate: Fate, clock: Callable[[], float]) -> None:
        self._folder = str(folder)
        self._fate = fate
        self._clock = clock
        self._descriptors: dict[int, str] = {}
        self._ill: tuple[Fault, float] | None = None

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """From now on every operation is a step."""
        for name in ("mkdir", "unlink"):
            patch.setattr(os, name, self._on_path(name, getattr(os, name)))
        for name in ("replace", "rename"):
            patch.setattr(os, name, self._renaming(getattr(os, name)))
        patch.setattr(os, "open", self._opening(os.open))
        patch.setattr(os, "close", self._closing(os.close))
        patch.setattr(os, "write", self._writing(os.write))
        patch.setattr(os, "fsync", self._syncing())
        patch.setattr(os, "fdopen", self._wrapping(os.fdopen))
        patch.setattr(io, "open", self._reading(io.open))

    def _inside(self, path: Any) -> bool:
        return isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self._folder)

    def _step(
        self, name: str, path: Any, do: Callable[[], Any], *, part: Callable[[], Any] | None = None, writes: bool = True
    ) -> Any:
        """One operation. `part` does half of it; `writes`: a disk that is full or read-only refuses it."""
        if self._fate.dead:
            raise OSError(errno.EIO, "the process is dead")
        fault = self._fate.gates.passes(Interface.FILE, f"{name} {Path(os.fspath(path)).name}")
        if self._ill is not None and self._clock() < self._ill[1] and writes:
            raise _error(self._ill[0])
        match fault:
            case None:
                return do()
            case Fault.KILL_BEFORE | Fault.KILL_AFTER | Fault.KILL_WITHIN:
                return self._killed(fault, do, part)
            case Fault.DAMAGED | Fault.CUT_OFF:
                return self._damage(fault, name, path, do)
            case Fault.CLOCK_FORWARD | Fault.CLOCK_BACK:
                self._fate.move_clock(fault)
                return do()
            case Fault.DISK_FULL | Fault.READ_ONLY:
                return self._falls_ill(fault, do, part, writes=writes)
            case Fault.MEMORY:
                raise MemoryError
            case _:
                raise _error(fault)

    def _killed(self, fault: Fault, do: Callable[[], Any], part: Callable[[], Any] | None) -> Any:
        if fault is Fault.KILL_AFTER:
            do()
        elif fault is Fault.KILL_WITHIN:
            if part is None:
                self._fate.gates.unfit = True
                return do()
            part()
        return self._die()

    def _falls_ill(self, fault: Fault, do: Callable[[], Any], part: Callable[[], Any] | None, *, writes: bool) -> Any:
        self._fate.gates.unfit = not writes
        self._ill = (fault, self._clock() + _DISK)
        if not writes:
            return do()
        if fault is Fault.DISK_FULL and part is not None:
            part()
        raise _error(fault)

    def _die(self) -> Any:
        self._fate.die()
        raise OSError(errno.EIO, "the process is dead")

    def _damage(self, fault: Fault, name: str, path: Any, do: Callable[[], Any]) -> Any:
        """Power goes away when a file was put in its place, and the flash has lost what was in it."""
        if name != "replace":
            self._fate.gates.unfit = True
            return do()
        do()
        with self._plain_open(path, "r+b") as file:
            data = file.read()
            if fault is Fault.CUT_OFF:
                file.truncate(len(data) // 2)
            else:
                file.seek(len(data) // 2)
                file.write(bytes(byte ^ 0xFF for byte in data[len(data) // 2 :][:8]))
        return self._die()

    def _on_path(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(path: Any, *more: Any, **named: Any) -> Any:
            if not self._inside(path):
                return real(path, *more, **named)
            return self._step(name, path, lambda: real(path, *more, **named))

        return operation

    def _renaming(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(old: Any, new: Any, **named: Any) -> Any:
            if not self._inside(new):
                return real(old, new, **named)
            return self._step("replace", new, lambda: real(old, new, **named))

        return operation

    def _opening(self, real: Callable[..., int]) -> Callable[..., int]:
        def operation(path: Any, flags: int, *more: Any, **named: Any) -> int:
            if not self._inside(path):
                return real(path, flags, *more, **named)

            def do() -> int:
                descriptor = real(path, flags, *more, **named)
                self._descriptors[descriptor] = os.fspath(path)
                return descriptor

            found: int = self._step("open", path, do, writes=bool(flags & os.O_CREAT))
            return found

        return operation

    def _closing(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def operation(descriptor: int) -> None:
            self._descriptors.pop(descriptor, None)
            real(descriptor)

        return operation

    def _writing(self, real: Callable[[int, bytes], int]) -> Callable[[int, bytes], int]:
        def operation(descriptor: int, data: bytes) -> int:
            path = self._descriptors.get(descriptor)
            if path is None:
                return real(descriptor, data)
            half = data[: len(data) // 2]
            found: int = self._step("write", path, lambda: real(descriptor, data), part=lambda: real(descriptor, half))
            return found

        return operation

    def _syncing(self) -> Callable[[int], None]:
        def operation(descriptor: int) -> None:
            path = self._descriptors.get(descriptor)
            if path is not None:
                # What a disk makes of it is not this machine's business.
                self._step("fsync", path, lambda: None)

        return operation

    def _wrapping(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(descriptor: int, *more: Any, **named: Any) -> Any:
            file, path = real(descriptor, *more, **named), self._descriptors.get(descriptor)
            if path is None:
                return file

            def write(data: bytes) -> Any:
                def part() -> None:
                    file.write(data[: len(data) // 2])
                    file.flush()

                return self._step("write", path, lambda: file.write(data), part=part)

            return _File(file, write)

        return operation

    def _reading(self, real: Callable[..., Any]) -> Callable[..., Any]:
        self._plain_open = real

        def operation(path: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
            if not self._inside(path) or "r" not in mode:
                return real(path, mode, *more, **named)
            return self._step("read", path, lambda: real(path, mode, *more, **named), writes=False)

        return operation


class _File:
    """An open file that is written another way."""

    def __init__(self, file: Any, write: Callable[[bytes], Any]) -> None:
        self._file = file
        self.write = write

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def flush(self) -> None:
        """Bytes that were written go to the system."""
        self._file.flush()

    def fileno(self) -> int:
        """The descriptor."""
        number: int = self._file.fileno()
        return number


def _error(fault: Fault) -> OSError:
    number = _ERRORS[fault]
    return OSError(number, os.strerror(number))
