"""Counts what a process does to the outside, and kills it at one of these points.

Python imports a module of this name when it starts; the bench names this folder in PYTHONPATH, and the program under
test stays as it is. A point is before each

- write to and read from a terminal (AT commands and what the modem answers),
- use of an internet socket: connect, send and receive,
- operation below the folder SWEEP_BELOW: open, write, fsync, rename, unlink, mkdir and change of rights.

Between two such operations the outside sees nothing of the process, so that before the one is after the one before it.
Closing something is no point: to the outside it is what the end of the process is.

The variables: SWEEP_POINTS is a file to which each point is appended, SWEEP_KILL the number of the point (from 1) at
which the process ends by SIGKILL, SWEEP_MODULES a file for the names of the modules that were loaded at the end. With
SWEEP_NURSERY, such a file, the interpreter loads those modules and stays here: it forks a process for each line of JSON
on its standard input. Each of them goes on as an interpreter does that has just started; all that is saved is to load
the same modules again.
"""

from __future__ import annotations

import atexit
import builtins
import importlib
import io
import itertools
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

_os_write, _os_open = os.write, os.open
_AT, _NET, _FILE = "AT", "network", "file"
_LONGEST = 60


class _Counter:
    """Numbers the points. `below`: the folder that is watched, with a slash at its end."""

    def __init__(self, below: str, listing: str, kill_at: int) -> None:
        self.below = f"{os.path.realpath(below)}/"
        self.files: dict[int, str] = {}
        self._numbers = itertools.count(1)
        self._kill_at = kill_at
        self._listing = _os_open(listing, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def point(self, kind: str, what: str) -> None:
        """One point; maybe the last one."""
        number = next(self._numbers)
        _os_write(self._listing, f"{number}\t{kind}\t{what[:_LONGEST]}\n".encode())
        if number == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(self, kind: str, what: str, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Do something, with a point before it."""
        self.point(kind, what)
        return call(*args, **options)

    def name(self, path: Any) -> str | None:
        """A watched path in short, or None for any other."""
        if isinstance(path, int):
            return self.files.get(path)
        try:
            folder, name = os.path.split(os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 - a link stays one
        except TypeError:
            return None
        return name if f"{os.path.realpath(folder)}/{name}/".startswith(self.below) else None


def _watch_descriptors(counter: _Counter) -> None:
    real_read, real_fsync, real_close = os.read, os.fsync, os.close

    def write(fd: int, data: Any, /) -> int:
        what = counter.files.get(fd)
        if what is not None:
            written: int = counter.counted(_FILE, f"write {what}", _os_write, fd, data)
        elif os.isatty(fd):
            written = counter.counted(_AT, bytes(data).decode("ascii", "replace").strip(), _os_write, fd, data)
        else:
            written = _os_write(fd, data)
        return written

    def read(fd: int, size: int, /) -> bytes:
        if not os.isatty(fd):
            return real_read(fd, size)
        data: bytes = counter.counted(_AT, "answer", real_read, fd, size)
        return data

    def fsync(fd: Any) -> None:
        what = counter.files.get(fd)
        if what is None:
            real_fsync(fd)
        else:
            counter.counted(_FILE, f"fsync {what}", real_fsync, fd)

    def close(fd: int) -> None:
        counter.files.pop(fd, None)
        real_close(fd)

    os.write, os.read, os.fsync, os.close = write, read, fsync, close


def _watch_paths(counter: _Counter) -> None:
    """Functions of `os` whose first argument is a path or a descriptor."""

    def watched(name: str) -> None:
        real = getattr(os, name)

        def call(path: Any, *args: Any, **options: Any) -> Any:
            what = counter.name(path)
            if what is None:
                return real(path, *args, **options)
            return counter.counted(_FILE, f"{name} {what}", real, path, *args, **options)

        setattr(os, name, call)

    for name in (
        "mkdir", "rmdir", "unlink", "remove", "rename", "replace", "link", "symlink", "truncate", "ftruncate",
        "chmod", "fchmod", "chown", "fchown", "utime",
    ):  # fmt: skip
        watched(name)


class _CountedFile(io.FileIO):
    """A file whose writes are points."""

    counter: _Counter
    what: str

    def write(self, data: Any, /) -> int:
        written: int = self.counter.counted(_FILE, f"write {self.what}", super().write, data)
        return written

    def close(self) -> None:
        if not self.closed:
            self.counter.files.pop(self.fileno(), None)
        super().close()


def _watch_opening(counter: _Counter) -> None:
    real_open = io.open

    def open_descriptor(path: Any, flags: int, *args: Any, **options: Any) -> int:
        what = counter.name(path)
        if what is None:
            return _os_open(path, flags, *args, **options)
        descriptor: int = counter.counted(_FILE, f"open {what}", _os_open, path, flags, *args, **options)
        counter.files[descriptor] = what
        return descriptor

    def open_file(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        what = counter.name(file)
        if what is None:
            return real_open(file, mode, *args, **options)
        if isinstance(file, int):
            if mode != "wb":
                raise RuntimeError(f"writes with mode {mode!r} over a descriptor cannot be counted")
            raw = _CountedFile(file, mode)
            raw.counter, raw.what = counter, what
            return io.BufferedWriter(raw)
        if set(mode) & set("wax+"):
            raise RuntimeError(f"writes with mode {mode!r} cannot be counted: {what}")
        return counter.counted(_FILE, f"open {what}", real_open, file, mode, *args, **options)

    os.open = open_descriptor
    io.open = open_file
    builtins.open = open_file


def _watch_sockets(counter: _Counter) -> None:
    def watched(name: str) -> None:
        real = getattr(socket.socket, name)

        def call(self: socket.socket, *args: Any, **options: Any) -> Any:
            if self.family not in (socket.AF_INET, socket.AF_INET6):
                return real(self, *args, **options)
            return counter.counted(_NET, name, real, self, *args, **options)

        setattr(socket.socket, name, call)

    for name in ("connect", "connect_ex", "send", "sendall", "sendto", "sendmsg", "recv", "recv_into", "recvfrom",
                 "recvfrom_into", "recvmsg"):  # fmt: skip
        watched(name)


def _note_modules(file: str) -> None:
    """At the end: what was loaded, for a nursery."""
    # In the order of loading: some parts of packages cannot be loaded before the whole.
    names = [name for name in sys.modules if not name.startswith(("__main__", "sitecustomize"))]
    descriptor = _os_open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    _os_write(descriptor, json.dumps(names).encode())
    os.close(descriptor)


def _watch() -> None:
    counter = _Counter(os.environ["SWEEP_BELOW"], os.environ["SWEEP_POINTS"], int(os.environ.get("SWEEP_KILL", "0")))
    _watch_descriptors(counter)
    _watch_paths(counter)
    _watch_opening(counter)
    _watch_sockets(counter)


# A nursery


def _nurse(modules: str) -> None:
    """Fork for each order. Returns in the children only."""
    with open(modules, encoding="utf-8") as file:  # noqa: PTH123 - before anything else is loaded
        names = json.load(file)
    for name in names:
        if name not in sys.modules and not name.endswith(".__main__"):
            with suppress(ImportError):
                importlib.import_module(name)
    _say("ready")
    waiting = b""
    while True:
        line, waiting = _next_line(waiting)
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(order)
            return
        _say(f"started {child}")
        _attend(child)


def _next_line(waiting: bytes) -> tuple[bytes, bytes]:
    while b"\n" not in waiting:
        data = os.read(0, 65536)
        if not data:
            _leave()
        waiting += data
    line, _, rest = waiting.partition(b"\n")
    return line, rest


def _attend(child: int) -> None:
    """Wait for the end of a child and tell of it; without the bench there is none."""
    watch = os.pidfd_open(child)
    readable, _, _ = select.select([watch, 0], [], [])
    if watch not in readable:
        os.kill(child, signal.SIGKILL)
    os.close(watch)
    _, status = os.waitpid(child, 0)
    _say(f"ended {os.waitstatus_to_exitcode(status)}")


def _become(order: dict[str, Any]) -> None:
    """This process is from now on the one that the order describes."""
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.close(null)
    os.chdir(order["folder"])
    for name in [name for name in os.environ if name.startswith("SWEEP_")]:
        del os.environ[name]
    os.environ.update(order["environment"])
    sys.argv[1:] = order["arguments"]


def _say(text: str) -> None:
    _os_write(1, text.encode() + b"\n")


def _leave() -> NoReturn:
    os._exit(0)


if "SWEEP_NURSERY" in os.environ:
    _nurse(os.environ["SWEEP_NURSERY"])
if "SWEEP_MODULES" in os.environ:
    atexit.register(_note_modules, os.environ["SWEEP_MODULES"])
if "SWEEP_POINTS" in os.environ:
    _watch()
