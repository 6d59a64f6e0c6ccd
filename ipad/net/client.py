"""An HTTPS client for one server: a connection that is kept, one request at a time, one limit for a whole exchange."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Final

from ipad.errors import NetworkError, NetworkTimeoutError
from ipad.net import tcp, tls
from ipad.net.authority import AddressOverrides, Authority
from ipad.net.counters import TcpMeter, Usage
from ipad.net.http import Headers, HttpConversation, HttpResponse
from ipad.net.resolver import HOST, Resolver
from ipad.net.tls import ServerTls, Streams
from ipad.records import dataclass, field

logger = logging.getLogger(__name__)

SCHEME: Final = "https"
SLOWEST_RATE: Final = 1000.0
"""Bytes per second. A package of some hundred kilobytes takes minutes over NB-IoT: what is being transferred extends
the limit of an exchange at this rate, what trickles in slower does not."""

_CHUNK = 16_384


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """How servers are reached. `timeout`: seconds for a whole exchange, with name, connection and handshake.

    `coaps_timer`: seconds after which a datagram of CoAPS without an answer goes again, None: what is usual for each.
    """

    timeout: float = 90.0
    interface: str = ""
    overrides: AddressOverrides = field(default_factory=AddressOverrides)
    resolver: Resolver = HOST
    coaps_timer: float | None = None


class HttpsClient:
    """POST requests to one server. Not more than one at a time: others wait their turn."""

    def __init__(self, server: Authority, trust: ServerTls, settings: NetworkSettings | None = None) -> None:
        self._server = server
        self._trust = trust
        self._settings = settings or NetworkSettings()
        self._lock = asyncio.Lock()
        self._streams: Streams | None = None
        self._server_certificate: bytes | None = None
        self._conversation = HttpConversation(str(server))
        self._layer = "dns"
        self._meter = TcpMeter()

    @property
    def usage(self) -> Usage:
        """What the connections to the server cost so far."""
        return self._meter.usage()

    @property
    def server(self) -> Authority:
        """The server that is asked."""
        return self._server

    @property
    def server_certificate(self) -> bytes | None:
        """DER of the certificate that the server showed last; None before the first connection."""
        return self._server_certificate

    async def post(
        self, path: str, headers: Headers, body: bytes, *, max_body: int, repeatable: bool = False
    ) -> HttpResponse:
        """Send a request and return its answer, whatever its status.

        A kept connection may have been closed by the server meanwhile. Then a request of which nothing was sent yet
        goes over a new connection; one that may have arrived is sent again only if `repeatable`, that is if executing
        it twice does no harm, and only if no byte of an answer came. Raises NetworkTimeoutError, TlsTrustError,
        NetworkError. After a failure the connection is gone and the next request opens another.
        """
        async with self._lock:
            try:
                async with asyncio.timeout(self._settings.timeout + len(body) / SLOWEST_RATE) as limit:
                    return await self._post(limit, path, headers, body, max_body, repeatable)
            except TimeoutError as error:
                self._abort()
                seconds = f"{self._settings.timeout:g} s"
                raise NetworkTimeoutError(
                    f"{self._server}: no complete answer in {seconds}", layer=self._layer
                ) from error
            except BaseException:
                self._abort()
                raise

    async def close(self) -> None:
        """Close the connection cleanly; the next request opens another."""
        async with self._lock:
            await self._close()

    async def _post(
        self, limit: asyncio.Timeout, path: str, headers: Headers, body: bytes, max_body: int, repeatable: bool
    ) -> HttpResponse:
        if self._streams is not None and self._streams[0].at_eof():
            await self._close()
        reused = self._streams is not None
        while True:
            streams = await self._ensure_open()
            request = self._conversation.request(path, headers, body, max_body)
            try:
                response = await self._exchange(limit, streams, request)
            except (OSError, NetworkError) as error:
                if reused and repeatable and not self._conversation.answered and not isinstance(error, TimeoutError):
                    logger.debug("%s: the kept connection was closed, request sent again: %s", self._server, error)
                    self._abort()
                    reused = False
                    continue
                if isinstance(error, OSError) and not isinstance(error, TimeoutError):
                    raise NetworkError(f"{self._server}: the connection broke: {error}", layer="http") from error
                raise
            self._trust.keep_session(streams, self._server.host)
            if not self._conversation.prepare_next():
                await self._close()
            return response

    async def _exchange(self, limit: asyncio.Timeout, streams: Streams, request: bytes) -> HttpResponse:
        self._layer = "http"
        reader, writer = streams
        writer.write(request)
        await writer.drain()
        while True:
            data = await reader.read(_CHUNK)
            response = self._conversation.receive(data)
            if response is not None:
                return response
            when = limit.when()
            if when is not None:
                limit.reschedule(when + len(data) / SLOWEST_RATE)

    async def _ensure_open(self) -> Streams:
        if self._streams is None:
            self._layer = "dns"
            self._streams = await self._trust.open(self._connect, self._server.host)
            tls_object = self._streams[1].get_extra_info("ssl_object")
            self._server_certificate = None if tls_object is None else tls_object.getpeercert(binary_form=True)
            resumed = bool(getattr(tls_object, "session_reused", False))
            self._meter.opened(self._streams[1].get_extra_info("socket"), resumed=resumed)
            self._conversation = HttpConversation(str(self._server))
        return self._streams

    async def _connect(self) -> socket.socket:
        host, port = self._settings.overrides.connect_to(SCHEME, self._server)
        self._layer = "tcp"
        sock = await tcp.connect(
            host,
            port,
            interface=self._settings.interface,
            patience=self._settings.timeout,
            resolver=self._settings.resolver,
        )
        self._meter.connected(sock)
        self._layer = "tls"
        return sock

    async def _close(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            self._trust.keep_session(streams, self._server.host)
            await tls.close(streams[1], self._meter.closed)

    def _abort(self) -> None:
        self._meter.closed()
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].transport.abort()
