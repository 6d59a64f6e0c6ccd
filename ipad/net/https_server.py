"""A small HTTPS server for few, known clients: everything about it is bounded (RFC 9110; SGP.32 6.1).

Who comes from a place that no rule names is let go before a byte is read; who has no certificate that a rule knows, in
the handshake. There are a few connections at a time, and each must bring a whole request in time, however it drips.

The timers of connections run on the event loop and are not injected.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from ipad.endings import called_off
from ipad.errors import NetworkError
from ipad.net import tls, tls_server
from ipad.net.http_service import HttpRequest, HttpService
from ipad.net.http_stream import read_request, send
from ipad.net.listening import bind
from ipad.net.peer_rules import PeerIdentity, PeerRules, RefusalLog
from ipad.net.serving import MAX_REQUEST, Answer, Handler, ServerCredential
from ipad.records import dataclass

logger = logging.getLogger(__name__)

_READ: Final = 16 * 1024
_HANDSHAKE: Final = 20.0
"""Seconds for a handshake at most: until its end a connection may be anybody's."""
_ACCEPT_PAUSE: Final = 1.0
"""Seconds to wait when the system has no more descriptors."""


@dataclass(frozen=True, slots=True)
class Route:
    """One resource: what its requests and its answers are, and who answers."""

    media_type: str
    answer_type: str
    handler: Handler


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsSettings:
    """`timeout`: seconds for a request, and for an answer to be taken. `connections` at a time.

    `headers` go with every answer that has a body.
    """

    timeout: float = 60.0
    connections: int = 4
    headers: tuple[tuple[str, str], ...] = ()


class HttpsServer:
    """Serves POST requests at the paths of `routes`."""

    def __init__(
        self,
        routes: Mapping[str, Route],
        credential: ServerCredential,
        rules: PeerRules,
        settings: HttpsSettings | None = None,
    ) -> None:
        self._routes = routes
        self._credential = credential
        self._rules = rules
        self._settings = settings or HttpsSettings()
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._refusals: RefusalLog | None = None

    @property
    def refused(self) -> int:
        """Connections that did not get as far as a request."""
        return self._refusals.count if self._refusals is not None else 0

    async def start(self, host: str, port: int, *, interface: str = "") -> int:
        """Listen and return the port. Raises OSError as `listening.bind`, ConfigError for a useless certificate."""
        tls_server.make_context(self._credential, self._rules)
        self._listener = bind(host, port, socket.SOCK_STREAM, interface=interface)
        self._refusals = RefusalLog(logger.warning, asyncio.get_running_loop().time)
        self._accepting = asyncio.create_task(self._accept(self._listener, self._refusals))
        return int(self._listener.getsockname()[1])

    async def close(self) -> None:
        """Stop; connections are broken off."""
        await called_off(*self._connections, *([self._accepting] if self._accepting else []))
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _accept(self, listener: socket.socket, refusals: RefusalLog) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, address = await loop.sock_accept(listener)
            except OSError as error:
                logger.warning("cannot accept connections: %s", error)
                await asyncio.sleep(_ACCEPT_PAUSE)
                continue
            host = str(address[0])
            rules = self._rules.at(host)
            if not rules:
                sock.close()
                refusals.note(host, "no peer may come from there")
            elif len(self._connections) >= self._settings.connections:
                sock.close()
                refusals.note(host, f"there are {self._settings.connections} connections already")
            else:
                task = asyncio.create_task(self._serve(sock, host, rules, refusals))
                self._connections.add(task)
                task.add_done_callback(self._connections.discard)

    async def _serve(self, sock: socket.socket, host: str, rules: PeerRules, refusals: RefusalLog) -> None:
        try:
            context = tls_server.make_context(self._credential, rules)
            patience = min(self._settings.timeout, _HANDSHAKE)
            reader, writer = await tls_server.accept(sock, context, patience=patience, limit=_READ)
        except NetworkError as error:
            refusals.note(host, str(error))
            return
        try:
            peer = tls_server.identify(writer.get_extra_info("ssl_object"), rules, host)
            if peer is None:
                refusals.note(host, "its certificate is that of no peer")
            else:
                await self._converse(reader, writer, peer)
                await tls.close(writer)
        except (OSError, TimeoutError) as error:
            logger.debug("%s: %s", host, error)
        finally:
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: PeerIdentity) -> None:
        service = HttpService(MAX_REQUEST)
        again = True
        while again:
            request = await read_request(service, reader, writer, self._settings.timeout)
            if request is None:
                return
            if isinstance(request, HttpRequest):
                again = await self._answer(service, writer, request, peer)
            else:
                logger.info("%s at %s: %s: %s", peer.name, peer.address, request.status.value, request.reason)
                await send(writer, service.reply(request.status, (), close=True), self._settings.timeout)
                return

    async def _answer(
        self, service: HttpService, writer: asyncio.StreamWriter, request: HttpRequest, peer: PeerIdentity
    ) -> bool:
        """Answer; whether the connection can carry another request."""
        route = self._routes.get(request.path)
        refusal = _refusal(route, request)
        if route is None or refusal is not None:
            status, headers = refusal or (HTTPStatus.NOT_FOUND, ())
            logger.info("%s at %s: %d for %s %.60s", peer.name, peer.address, status, request.method, request.path)
            await send(writer, service.reply(status, headers, close=True), self._settings.timeout)
            return False
        answer = await route.handler(request.body, peer)
        sent = False
        try:
            data = self._encoded(service, route, answer)
            if data:
                await send(writer, data, self._settings.timeout)
                sent = not writer.is_closing()
        finally:
            answer.sent(sent)
        return sent and service.prepare_next()

    def _encoded(self, service: HttpService, route: Route, answer: Answer) -> bytes:
        if answer.retry_after is not None:
            return service.reply(HTTPStatus.SERVICE_UNAVAILABLE, (("Retry-After", str(answer.retry_after)),))
        if answer.body is None:
            return b""
        return service.reply(HTTPStatus.OK, (*self._settings.headers, ("Content-Type", route.answer_type)), answer.body)


def _refusal(route: Route | None, request: HttpRequest) -> tuple[HTTPStatus, tuple[tuple[str, str], ...]] | None:
    if route is None:
        return HTTPStatus.NOT_FOUND, ()
    if request.method != "POST":
        return HTTPStatus.METHOD_NOT_ALLOWED, (("Allow", "POST"),)
    if request.media_type != route.media_type:
        return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, ()
    return None
