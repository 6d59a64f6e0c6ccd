"""The control API as a server on a socket of the file system: who comes is known by the kernel, and all is bounded.

One request for each connection. Who may operate the device has places of his own, so that those who may only look
cannot keep him out. The timers of connections run on the event loop and are not injected.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar

from ipad.control.calls import read_call
from ipad.control.peer import Peer, Permission, peer_of
from ipad.control.replies import LINES, Reply, Stream, line, refused
from ipad.control.routes import Routes
from ipad.control.socket_file import SocketFile, listen
from ipad.endings import called_off
from ipad.errors import IpadError, NotFoundError, NotPermittedError, UsageError
from ipad.net.http_service import HttpRequest, HttpService, Refusal
from ipad.net.http_stream import read_request, send
from ipad.records import dataclass

logger = logging.getLogger(__name__)

T = TypeVar("T")

_READ: Final = 16 * 1024
_ACCEPT_PAUSE: Final = 1.0
"""Seconds to wait when the system has no more descriptors."""
_HEADERS: Final = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSettings:
    """`timeout`: seconds for a request to come and for an answer to be taken. `max_body`: bytes of a request.

    `connections` at a time, of which `public` may be of peers who may only look.
    """

    timeout: float = 10.0
    max_body: int = 256 * 1024
    connections: int = 24
    public: int = 8


class ControlServer:
    """Serves `routes` to those whom `permission` knows; `others` may look, or may not even connect."""

    def __init__(
        self,
        path: Path,
        routes: Routes,
        permission: Permission,
        *,
        others: bool = True,
        settings: ControlSettings | None = None,
        identify: Callable[[socket.socket], Peer] = peer_of,
    ) -> None:
        self._path = path
        self._routes = routes
        self._permission = permission
        self._others = others
        self._settings = settings or ControlSettings()
        self._identify = identify
        self._file: SocketFile | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._public: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. Raises BusyError for a socket that another process serves, ConfigError for an unusable path."""
        mode = 0o666 if self._others else 0o660
        self.serve(listen(self._path, mode=mode, group=self._permission.group))

    def serve(self, file: SocketFile) -> None:
        """Answer those who come to a socket that listens already."""
        self._file = file
        self._accepting = asyncio.create_task(self._accept(file.listener))

    async def close(self) -> None:
        """Listen no more; connections are broken off."""
        await called_off(*self._connections, *([self._accepting] if self._accepting is not None else []))
        if self._file is not None:
            self._file.close()
            self._file = None

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as error:
                logger.warning("cannot accept connections: %s", error)
                await asyncio.sleep(_ACCEPT_PAUSE)
                continue
            try:
                peer = self._identify(connection)
            except OSError as error:
                logger.warning("a peer that the kernel does not name is let go: %s", error)
                connection.close()
                continue
            self._admit(connection, peer)

    def _admit(self, connection: socket.socket, peer: Peer) -> None:
        operator = self._permission.operates(peer)
        full = len(self._connections) >= self._settings.connections
        if full or (not operator and (not self._others or len(self._public) >= self._settings.public)):
            logger.debug("process %d of user %d is let go: too many connections, or not allowed", peer.pid, peer.uid)
            connection.close()
            return
        task = asyncio.create_task(self._serve(connection, peer, operator=operator))
        for group in (self._connections,) if operator else (self._connections, self._public):
            group.add(task)
            task.add_done_callback(group.discard)

    async def _serve(self, connection: socket.socket, peer: Peer, *, operator: bool) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=connection, limit=_READ)
        try:
            service = HttpService(self._settings.max_body)
            request = await read_request(service, reader, writer, self._settings.timeout)
            if isinstance(request, Refusal):
                error = UsageError(request.reason)
                await send(writer, _written(service, refused(error, status=request.status)), self._settings.timeout)
            elif request is not None:
                await self._answer(service, reader, writer, request, (peer, operator))
            await self._finish(reader, writer)
        except (OSError, TimeoutError) as error:
            logger.debug("process %d: %s", peer.pid, error)
        finally:
            writer.transport.abort()

    async def _answer(
        self,
        service: HttpService,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        request: HttpRequest,
        who: tuple[Peer, bool],
    ) -> None:
        gone = asyncio.ensure_future(_until_gone(reader))
        try:
            reply = await _unless(gone, asyncio.ensure_future(self._reply(request, *who)))
            if isinstance(reply, Reply):
                await send(writer, _written(service, reply), self._settings.timeout)
            elif reply is not None:
                await self._stream(service, writer, reply, gone)
        finally:
            await called_off(gone)

    async def _reply(self, request: HttpRequest, peer: Peer, operator: bool) -> Reply | Stream:
        """Every error becomes an answer."""
        try:
            route, values, others = self._routes.find(request.method, request.path)
            if route is None:
                return _unknown(request, others)
            if route.operate and not operator:
                raise NotPermittedError(
                    f"{request.method} {request.path}: not allowed to user {peer.uid}",
                    hint="root, the user of the agent and the members of its group may (see control.group)",
                )
            return await route.answer(read_call(request, values, peer, operator=operator))
        except IpadError as error:
            return refused(error, masked=not operator)
        except Exception as error:
            logger.exception("%s %s", request.method, request.path)
            return refused(IpadError(f"an error of the agent itself: {error!r}"), masked=not operator)

    async def _stream(
        self, service: HttpService, writer: asyncio.StreamWriter, stream: Stream, gone: asyncio.Future[None]
    ) -> None:
        headers = (("Content-Type", LINES), *_HEADERS)
        await send(writer, service.begin_stream(HTTPStatus.OK, headers), self._settings.timeout)
        lines = aiter(stream.lines)
        async with contextlib.aclosing(stream.lines):
            while (found := await _unless(gone, asyncio.ensure_future(_next(lines)))) is not None:
                await send(writer, service.chunk(line(found)), self._settings.timeout)
        if not gone.done():
            await send(writer, service.end_stream(), self._settings.timeout)

    async def _finish(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Let the client read to the end: what it has sent beyond the answer must not make the kernel cut it off."""
        writer.write_eof()
        async with asyncio.timeout(self._settings.timeout):
            while await reader.read(_READ):
                pass


def _unknown(request: HttpRequest, others: tuple[str, ...]) -> Reply:
    shown = f"{request.method} {request.path:.80}"
    if not others:
        return refused(NotFoundError(f"{shown}: there is no such resource", hint="see docs/control-api.md"))
    error = UsageError(f"{shown}: the method can only be {' or '.join(others)}")
    reply = refused(error, status=HTTPStatus.METHOD_NOT_ALLOWED)
    return Reply(status=reply.status, body=reply.body, headers=(("Allow", ", ".join(others)),))


def _written(service: HttpService, reply: Reply) -> bytes:
    headers = (("Content-Type", reply.media_type), *_HEADERS, *reply.headers)
    return service.reply(reply.status, headers, reply.body, close=True)


async def _until_gone(reader: asyncio.StreamReader) -> None:
    """Return when the client has closed; what it sends behind its request is read and not heeded."""
    with contextlib.suppress(OSError):
        while await reader.read(_READ):
            pass


async def _unless(gone: asyncio.Future[None], work: asyncio.Future[T]) -> T | None:
    """The result of the work, None when the client has gone before."""
    try:
        watched: tuple[asyncio.Future[Any], ...] = (gone, work)
        await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        return work.result() if work.done() else None
    finally:
        await called_off(work)


async def _next(lines: AsyncIterator[Any]) -> Any | None:
    return await anext(lines, None)
