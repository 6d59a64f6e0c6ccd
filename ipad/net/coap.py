"""A CoAPS client for one server: aiocoap over our DTLS association (RFC 7252, RFC 7959, RFC 9175).

aiocoap keeps message identifiers, tokens, retransmission of confirmable messages and separate responses; what it is
given as its transport is the `Association`. Block-wise transfer is `ipad.net.blockwise`.

An association is kept from one exchange to the next. It is dead when confirmable messages stay without an answer, as
after a NAT forgot the device (there are no Connection IDs, see `ipad.net.dtls`), or when the server ends it; then one
new handshake, resumed if possible, and the exchange from its start, which every function of ESipa allows.

Time: the limits of an exchange and the timers of aiocoap and DTLS run on the event loop and are not injected.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

import aiocoap
from aiocoap import error as coap_error
from aiocoap.numbers.constants import TransportTuning

from ipad.errors import NetworkError, NetworkTimeoutError
from ipad.net import udp
from ipad.net.association import Association, Traffic
from ipad.net.authority import AddressOverrides, Authority
from ipad.net.blockwise import BlockRequest, BlockwiseExchange, CoapResponse
from ipad.net.coap_transport import SCHEME, MessageInterface, Remote, block_of, block_option
from ipad.net.dtls import RECORD_OVERHEAD, DtlsClient
from ipad.net.resolver import HOST, Resolver
from ipad.records import dataclass, field, replace

logger = logging.getLogger(__name__)

SLOWEST_RATE: Final = 100.0
"""Bytes per second: what is being transferred extends the limit of an exchange at this rate."""

_LOGGER: Final = "ipad.net.coap.messages"
_MESSAGE_OVERHEAD: Final = 44
"""Most bytes of header, token, options and marker round a payload of ESipa that is not in blocks."""


@dataclass(frozen=True, kw_only=True)
class CoapSettings:
    """How a server is reached.

    `timeout`: seconds for a whole exchange with name and handshake; a response may take that long after its request was
    acknowledged. `handshake_timeout`: seconds for all addresses of the name together. `block_size`: 1024, or 512 or
    256 where large datagrams get lost. `ack_timeout`, `max_retransmit`: ACK_TIMEOUT and MAX_RETRANSMIT of RFC 7252 4.8;
    an association that was idle for `idle` seconds gets `probe_retransmit` instead, for its end is likely.
    """

    timeout: float = 180.0
    handshake_timeout: float = 90.0
    block_size: int = 1024
    ack_timeout: float = 2.0
    max_retransmit: int = 4
    idle: float = 25.0
    probe_retransmit: int = 2
    send_uri_host: bool = False
    interface: str = ""
    overrides: AddressOverrides = field(default_factory=AddressOverrides)
    resolver: Resolver = HOST


class CoapClient:
    """POST requests to one server, one at a time: others wait their turn. `traffic` counts what it costs."""

    def __init__(self, server: Authority, dtls: DtlsClient, settings: CoapSettings | None = None) -> None:
        self._server = server
        self._dtls = dtls
        self._settings = settings or CoapSettings()
        self._lock = asyncio.Lock()
        self._link: _Link | None = None
        self._layer = "dns"
        self.traffic = Traffic()

    @property
    def server(self) -> Authority:
        """The server that is asked."""
        return self._server

    async def post(self, path: tuple[str, ...], body: bytes, *, max_body: int) -> CoapResponse:
        """Send a request and return its whole response, whatever its code. The request may be sent twice.

        Raises NetworkTimeoutError, TlsTrustError, ExchangeError, NetworkError. After a failure the association is gone
        and the next request makes another.
        """
        async with self._lock:
            try:
                async with asyncio.timeout(self._settings.timeout + len(body) / SLOWEST_RATE) as limit:
                    return await self._post(limit, path, body, max_body)
            except TimeoutError as error:
                await self._drop()
                seconds = f"{self._settings.timeout:g} s"
                raise NetworkTimeoutError(
                    f"{self._server}: no complete answer in {seconds}", layer=self._layer
                ) from error
            except BaseException:
                await self._drop()
                raise

    async def close(self) -> None:
        """End the association with close_notify; the next request makes another, with a short handshake if it can."""
        async with self._lock:
            link, self._link = self._link, None
            if link is not None:
                await link.close()

    async def _post(self, limit: asyncio.Timeout, path: tuple[str, ...], body: bytes, max_body: int) -> CoapResponse:
        again = False
        while True:
            link = await self._ensure_open()
            exchange = BlockwiseExchange(
                str(self._server),
                body,
                block_size=self._settings.block_size,
                single_limit=self._single_limit(),
                max_body=max_body,
            )
            try:
                return await self._transfer(limit, link, path, exchange)
            except _LinkLostError as lost:
                # An association that never worked is not worth another one: the server does not answer.
                if again or not link.worked:
                    raise lost.reason from lost
                logger.info("%s: the association is dead, shaking hands again: %s", self._server, lost.reason)
                await self._drop()
                again = True

    async def _transfer(
        self, limit: asyncio.Timeout, link: _Link, path: tuple[str, ...], exchange: BlockwiseExchange
    ) -> CoapResponse:
        self._layer = "coap"
        while True:
            response = await link.request(path, exchange.next_request())
            whole = exchange.receive(response)
            if whole is not None:
                return whole
            when = limit.when()
            if when is not None:
                limit.reschedule(when + self._settings.block_size / SLOWEST_RATE)

    def _single_limit(self) -> int:
        """Bytes of a body that still go in one datagram; smaller blocks are asked for because datagrams must be."""
        room = self._dtls.settings.mtu - RECORD_OVERHEAD - _MESSAGE_OVERHEAD
        if self._settings.send_uri_host:
            room -= len(self._server.host) + 3
        return room if self._settings.block_size == 1024 else self._settings.block_size

    async def _ensure_open(self) -> _Link:
        if self._link is not None and self._link.is_open:
            return self._link
        await self._drop()
        self._layer = "dns"
        host, port = self._settings.overrides.connect_to(SCHEME, self._server)
        endpoints = await udp.resolve(host, port, interface=self._settings.interface, resolver=self._settings.resolver)
        self._layer = "dtls"
        patience = self._settings.handshake_timeout / len(endpoints)
        failure: NetworkError | None = None
        for endpoint in endpoints:
            try:
                async with asyncio.timeout(patience):
                    self._link = await _Link.open(self._server, self._dtls, endpoint, self._settings, self.traffic)
                    return self._link
            except TimeoutError:
                address, port = endpoint[1][:2]
                failure = NetworkTimeoutError(f"{self._server}: no handshake with {address} port {port}", layer="dtls")
            except NetworkError as error:
                if not error.transient:
                    raise
                failure = error
            logger.debug("%s", failure)
        assert failure is not None
        raise failure

    async def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.abandon()


class _LinkLostError(Exception):
    """The association cannot be used any more; a new one may help."""

    def __init__(self, reason: NetworkError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class _Link:
    """One association with an aiocoap context of its own."""

    def __init__(self, server: Authority, settings: CoapSettings) -> None:
        self._server = server
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._context = aiocoap.Context(loop=self._loop, loggername=_LOGGER)
        self._interface = _MessageInterface(server)
        self._last_use = self._loop.time()
        self.worked = False

    @classmethod
    async def open(
        cls, server: Authority, dtls: DtlsClient, endpoint: udp.Endpoint, settings: CoapSettings, traffic: Traffic
    ) -> _Link:
        """Shake hands. Raises as `Association.open`."""
        link = cls(server, settings)
        interface = link._interface

        async def attach(manager: Any) -> _MessageInterface:
            interface.manager = manager
            return interface

        # The only way to give a context a transport of one's own; the version of aiocoap is pinned for it.
        await link._context._append_tokenmanaged_messagemanaged_transport(attach)  # noqa: SLF001
        interface.association = await Association.open(
            dtls, endpoint, settings.interface, traffic, on_data=interface.receive, on_end=interface.end
        )
        logger.debug("%s: DTLS association, %s", server, "resumed" if interface.association.resumed else "full")
        return link

    @property
    def is_open(self) -> bool:
        return self._interface.association is not None and self._interface.association.is_open

    async def request(self, path: tuple[str, ...], block: BlockRequest) -> CoapResponse:
        """Send one message and wait for its response. Raises _LinkLostError, NetworkError."""
        message = aiocoap.Message(code=aiocoap.POST, payload=block.payload, transport_tuning=self._tuning())
        message.remote = self._interface.remote
        if self._settings.send_uri_host and not self._server.is_address:
            message.opt.uri_host = self._server.host
        message.opt.uri_path = path
        message.opt.block1 = block_option(block.block1)
        message.opt.block2 = block_option(block.block2)
        message.opt.size1 = block.size1
        if block.request_tag is not None:
            message.opt.request_tag = [block.request_tag]
        try:
            response = await self._context.request(message, handle_blockwise=False).response
        except coap_error.ConRetransmitsExceeded as error:
            raise _LinkLostError(
                NetworkError(f"{self._server}: confirmable messages stay without an answer", layer="coap")
            ) from error
        except coap_error.MessageError as error:
            raise NetworkError(f"{self._server}: the request was reset", layer="coap") from error
        except coap_error.Error as error:
            raise self._lost(error) from error
        self.worked = True
        self._last_use = self._loop.time()
        return _response(response)

    async def close(self) -> None:
        """End it with close_notify."""
        if self._interface.association is not None:
            self._interface.association.close()
        await self._context.shutdown()

    async def abandon(self) -> None:
        """End it without a word."""
        if self._interface.association is not None:
            self._interface.association.abandon()
        await self._context.shutdown()

    def _tuning(self) -> TransportTuning:
        idle = self.worked and self._loop.time() - self._last_use > self._settings.idle
        tuning = TransportTuning()
        tuning.ACK_TIMEOUT = self._settings.ack_timeout
        tuning.MAX_RETRANSMIT = self._settings.probe_retransmit if idle else self._settings.max_retransmit
        tuning.reliability = True
        return tuning

    def _lost(self, error: coap_error.Error) -> Exception:
        cause = error.__cause__
        if not isinstance(cause, NetworkError):
            return NetworkError(f"{self._server}: {error or type(error).__name__}", layer="coap")
        # Nobody behind the port is no reason to knock again at once.
        return _LinkLostError(cause) if cause.layer == "dtls" else cause


class _MessageInterface(MessageInterface):
    """aiocoap's `MessageInterface` over one association."""

    def __init__(self, server: Authority) -> None:
        super().__init__()
        self.remote = Remote(str(server))
        self.association: Association | None = None

    def receive(self, data: bytes) -> None:
        """What came over the association."""
        self.deliver(self.remote, data)

    def end(self, reason: NetworkError) -> None:
        """Let the requests under way fail."""
        failure = coap_error.NetworkError(str(reason))
        failure.__cause__ = reason
        self.fail(self.remote, failure)

    def send(self, message: aiocoap.Message) -> None:
        if self.association is not None:
            self.association.send(message.encode())

    async def recognize_remote(self, remote: object) -> bool:
        return remote is self.remote


def _response(message: aiocoap.Message) -> CoapResponse:
    response = CoapResponse(code=int(message.code), payload=bytes(message.payload))
    return replace(
        response,
        block1=block_of(message.opt.block1),
        block2=block_of(message.opt.block2),
        etag=message.opt.etag,
        max_age=message.opt.max_age,
    )
