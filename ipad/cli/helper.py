"""`ipad helper`: the privileged helper in the foreground, as its unit starts it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import grp
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ipad.cli.invocation import Invocation
from ipad.cli.output import Report
from ipad.clock import SystemClock
from ipad.config import DEFAULT_PATH
from ipad.errors import PortError, UsageError
from ipad.helper.actions import Privileged
from ipad.helper.grounds import Grounds
from ipad.helper.server import HelperServer, passed_socket, user_number

_ROOT: Final = 0
_IDLE: Final = 60.0
_BACKLOG: Final = 8


async def helper(call: Invocation) -> Report | None:
    """Serve the socket that was passed, or one of our own with --listen, until nobody needs us.

    Raises UsageError without root, without a socket, or for a socket that somebody serves.
    """
    if os.geteuid() != _ROOT:
        raise UsageError("the helper does what only root may do", hint="it is started by ipad-helper.socket")
    user: str = call.args.user
    number = user_number(user)
    allowed = frozenset({_ROOT} if number is None else {_ROOT, number})
    clock = SystemClock()
    performer = Privileged(Grounds(call.document.path or DEFAULT_PATH), clock)
    # Asked to end, it has done so properly: that is no failure of the unit.
    with _listener(call.args.listen, user) as listener, contextlib.suppress(asyncio.CancelledError):
        await HelperServer(performer, allowed, clock, idle=_IDLE).serve(listener)
    return None


@contextlib.contextmanager
def _listener(path: str | None, group: str) -> Iterator[socket.socket]:
    if path is None:
        with passed_socket() as passed:
            yield passed
        return
    with listen(Path(path), group) as listener:
        try:
            yield listener
        finally:
            Path(path).unlink(missing_ok=True)


def listen(path: Path, group: str) -> socket.socket:
    """A socket at a path that a group of that name may connect to. Raises UsageError when somebody serves it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        if trial.connect_ex(str(path)) == errno.ECONNREFUSED:
            path.unlink(missing_ok=True)  # left by a helper that was killed
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise UsageError(f"{path}: a helper is running already") from error
        raise PortError(f"{path}: {error.strerror or error}", transient=False) from error
    finally:
        os.umask(mask)
    with contextlib.suppress(KeyError):  # without such a group only root may connect
        os.chown(path, -1, grp.getgrnam(group).gr_gid)
        path.chmod(0o660)
    listener.listen(_BACKLOG)
    return listener
