"""The process of root: takes requests on a socket from those who may ask, one after the other, and logs each.

systemd makes the socket and starts the process for the first connection (sd_listen_fds(3)); it ends when nobody asked
for a while and nothing depends on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pwd
import socket
import struct
from collections.abc import Mapping
from typing import Final, Protocol

from ipad.clock import Clock
from ipad.errors import HelperError, UsageError
from ipad.helper.actions import TooSoonError
from ipad.helper.protocol import (
    MAX_LINE,
    Answer,
    Kind,
    Request,
    RunHook,
    decode_request,
    encode_answer,
)
from ipad.records import dataclass

logger = logging.getLogger(__name__)

_FIRST_DESCRIPTOR: Final = 3
_CREDENTIALS: Final = struct.Struct("3i")
"""struct ucred: process, user, group."""
_READ_LIMIT: Final = 5.0
_WRITE_LIMIT: Final = 5.0
_MAX_CONNECTIONS: Final = 8


class Performer(Protocol):
    """What does the work."""

    @property
    def holding(self) -> bool:
        """Whether something would be undone by the end of this process."""
        ...

    async def perform(self, request: Request, *, for_root: bool) -> int:
        """Do it and return an exit code; `for_root`: it is root who asks. Raises HelperError."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a connection, as the kernel says."""

    process: int
    user: int


def peer_of(connection: socket.socket) -> Peer:
    """SO_PEERCRED (unix(7)): the credentials of the moment of connecting, which nobody can forge."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _ = _CREDENTIALS.unpack(raw)
    return Peer(process, user)


def passed_socket(environment: Mapping[str, str] = os.environ, first: int = _FIRST_DESCRIPTOR) -> socket.socket:
    """The listening socket that the service manager passed (sd_listen_fds(3)). Raises UsageError when it did not."""
    if environment.get("LISTEN_PID") != str(os.getpid()) or environment.get("LISTEN_FDS") != "1":
        raise UsageError(
            "no socket was passed by the service manager",
            hint="the helper is started by ipad-helper.socket; without systemd use --listen PATH",
        )
    os.set_inheritable(first, False)
    listener = socket.socket(fileno=first)
    listening = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if listener.family != socket.AF_UNIX or listener.type != socket.SOCK_STREAM or not listening:
        listener.close()
        raise UsageError("the socket that was passed is no listening Unix stream socket")
    return listener


def user_number(name: str) -> int | None:
    """The user id of a name; None when there is no such user."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


class HelperServer:
    """Serves until it is cancelled, or idle. `allowed`: user ids that may ask. `idle`: seconds; None stays for ever."""

    def __init__(self, performer: Performer, allowed: frozenset[int], clock: Clock, *, idle: float | None) -> None:
        self._performer = performer
        self._allowed = allowed
        self._clock = clock
        self._idle = idle
        self._turn = asyncio.Lock()
        self._connections: set[asyncio.Task[None]] = set()
        self._last = clock.monotonic()

    async def serve(self, listener: socket.socket) -> None:
        """Take requests. In the end what is under way is broken off, with everything switched on that was off."""
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        accepting = asyncio.ensure_future(self._accept(loop, listener))
        try:
            await self._until_idle(accepting)
        finally:
            accepting.cancel()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(accepting, *self._connections, return_exceptions=True)
            self._performer.close()

    async def _until_idle(self, accepting: asyncio.Task[None]) -> None:
        if self._idle is None:
            await accepting
            return
        while True:
            left = self._last + self._idle - self._clock.monotonic()
            if left <= 0 and not self._connections and not self._performer.holding:
                return
            alarm = asyncio.ensure_future(self._clock.sleep(left if left > 0 else self._idle))
            try:
                await asyncio.wait((alarm, accepting), return_when=asyncio.FIRST_COMPLETED)
            finally:
                alarm.cancel()
            if accepting.done():
                accepting.result()
                return

    async def _accept(self, loop: asyncio.AbstractEventLoop, listener: socket.socket) -> None:
        while True:
            connection, _ = await loop.sock_accept(listener)
            self._last = self._clock.monotonic()
            if len(self._connections) >= _MAX_CONNECTIONS:
                connection.close()
                continue
            task = asyncio.ensure_future(self._serve(connection))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    async def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.setblocking(False)
            peer = peer_of(connection)
            answer = await self._answer(connection, peer)
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_WRITE_LIMIT):
                    await asyncio.get_running_loop().sock_sendall(connection, encode_answer(answer))
            self._last = self._clock.monotonic()

    async def _answer(self, connection: socket.socket, peer: Peer) -> Answer:
        if peer.user not in self._allowed:
            logger.warning("refused: user %d (process %d) may not ask", peer.user, peer.process)
            return Answer(ok=False, kind=Kind.REFUSED, message=f"user {peer.user} may not ask for anything")
        try:
            line = await _line(connection)
            if not line:
                raise OSError  # somebody looked whether we are there
            request = decode_request(line)
        except HelperError as error:
            logger.warning("refused: user %d (process %d): %s", peer.user, peer.process, error)
            return Answer(ok=False, kind=Kind.REFUSED, message=str(error))
        except (OSError, TimeoutError):
            return Answer(ok=False, kind=Kind.REFUSED, message="no request came")
        async with self._turn:
            return await self._perform(request, peer)

    async def _perform(self, request: Request, peer: Peer) -> Answer:
        what = f"{described(request)} for user {peer.user} (process {peer.process})"
        logger.info("%s: begun", what)
        try:
            code = await self._performer.perform(request, for_root=peer.user == 0)
        except HelperError as error:
            kind = Kind.NOT_NOW if isinstance(error, TooSoonError) else Kind.FAILED if error.transient else Kind.REFUSED
            logger.warning("%s: %s: %s", what, kind, error)
            return Answer(ok=False, kind=kind, message=str(error))
        except asyncio.CancelledError:
            logger.warning("%s: broken off", what)
            raise
        logger.info("%s: done, code %d", what, code)
        return Answer(ok=True, code=code)


def described(request: Request) -> str:
    """One request for the log; what a hook reads from its standard input is not shown."""
    if isinstance(request, RunHook):
        return " ".join((request.action, request.name, *request.arguments))
    subject = f"{request.seconds:.0f}" if hasattr(request, "seconds") else getattr(request, "board", "")
    return f"{request.action} {subject}"


async def _line(connection: socket.socket) -> bytes:
    """One line. Raises HelperError when it is too long or not whole, OSError, TimeoutError."""
    loop, data = asyncio.get_running_loop(), bytearray()
    async with asyncio.timeout(_READ_LIMIT):
        while not data.endswith(b"\n") and len(data) <= MAX_LINE:
            piece = await loop.sock_recv(connection, MAX_LINE + 1 - len(data))
            if not piece:
                break
            data += piece
    return bytes(data)
