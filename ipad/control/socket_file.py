"""The socket in the file system: taken over from a process that is gone, never from one that lives."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ipad.control.peer import peer_of
from ipad.errors import BusyError, ConfigError

logger = logging.getLogger(__name__)

_BACKLOG: Final = 16
_TRIES: Final = 20
_PAUSE: Final = 0.02
"""Seconds; making a socket takes less than one of them."""
_LONGEST: Final = 107
"""Bytes of a path that fit into an address (unix(7))."""


class SocketFile:
    """A listening socket and its file. `close` removes the file, unless it is another's by now."""

    def __init__(self, path: Path, listener: socket.socket) -> None:
        self.path = path
        self.listener = listener
        status = path.stat()
        self._identity = status.st_dev, status.st_ino

    def close(self) -> None:
        """Listen no more."""
        self.listener.close()
        with suppress(OSError):
            status = self.path.stat()
            if (status.st_dev, status.st_ino) == self._identity:
                self.path.unlink()


def listen(path: Path, *, mode: int, group: int | None) -> SocketFile:
    """Listen at a path whose file gets `mode` and belongs to `group`.

    Raises BusyError when another process listens there, ConfigError for a path that cannot be used.
    """
    if len(os.fsencode(path)) > _LONGEST:
        raise ConfigError(f"{path}: the path of a socket has {_LONGEST} bytes at most", hint="set control.socket")
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with _alone(path.parent):
            _clear(path)
            return _bind(path, mode, group)
    except OSError as error:
        raise ConfigError(
            f"the control socket {path} cannot be made: {error.strerror or error}", hint="see control.socket"
        ) from error


def _clear(path: Path) -> None:
    """Remove the file of a process that has gone. Raises BusyError for one that lives, ConfigError for another file."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConfigError(f"{path}: there is a file that is no socket", hint="see control.socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
            owner = f"process {peer_of(probe).pid}"
        except BlockingIOError:
            owner = "another process"  # it listens, and has more to do than it can
        except OSError as error:
            if error.errno not in (errno.ECONNREFUSED, errno.ENOENT):
                raise
            logger.info("%s was left behind by a process that has gone", path)
            path.unlink(missing_ok=True)
            return
    raise BusyError(
        f"a second instance: {owner} serves {path} already",
        hint="use that one with the same commands, or stop it first",
    )


def _bind(path: Path, mode: int, group: int | None) -> SocketFile:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.bind(str(path))
        # Nobody can connect before it listens, so nobody comes in with wider rights than these.
        # A sandbox may refuse to give it to any group, the one that it has included.
        if group is not None and path.stat().st_gid != group:
            try:
                os.chown(path, -1, group)
            except PermissionError:
                logger.warning("%s cannot be given to its group: the agent is not a member", path)
        path.chmod(mode)
        listener.listen(_BACKLOG)
        return SocketFile(path, listener)
    except OSError:
        listener.close()
        raise


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two processes that start at the same moment must not both take an old socket for their own."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for _ in range(_TRIES):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_PAUSE)
            else:
                break
        else:
            # Whoever may read the folder could hold the lock: it must not keep the agent from its socket.
            logger.warning("%s is locked by another process for too long", folder)
        yield
    finally:
        os.close(descriptor)
