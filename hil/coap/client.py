"""A CoAPS client for parties of the bench that send requests: POST, one at a time, in blocks (RFC 7252, 7959, 9175).

Only the form of messages comes from aiocoap; message layer and blocks are written here, so that nothing is shared with
the client of the agent.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import aiocoap
from aiocoap import error as coap_error

from hil.clock import Clock, LoopClock, Timer
from hil.dtls_client import DtlsClient, DtlsError

_TOKEN_SIZE: Final = 4
_TAG_SIZE: Final = 4
_MAX_BODY: Final = 1 << 20


class CoapError(Exception):
    """No response came, or none that can be understood."""


@dataclass(frozen=True)
class CoapResponse:
    """A whole response: code as in "2.04", body, Max-Age in seconds if it was given."""

    code: str
    body: bytes
    max_age: int | None = None


class CoapsClient(asyncio.DatagramProtocol):
    """Requests over one association. Times in seconds, `block_size` in bytes."""

    def __init__(
        self,
        dtls: DtlsClient,
        clock: Clock | None = None,
        *,
        block_size: int = 1024,
        ack_timeout: float = 2.0,
        max_retransmit: int = 4,
    ) -> None:
        self._dtls = dtls
        self._clock = clock or LoopClock()
        self._exponent = block_size.bit_length() - 5
        self._ack_timeout = ack_timeout
        self._max_retransmit = max_retransmit
        self._transport: asyncio.DatagramTransport | None = None
        self._opened: asyncio.Future[None] | None = None
        self._pending: _Pending | None = None
        self._timer: Timer | None = None
        self._next_mid = secrets.randbelow(1 << 16)

    async def open(self, host: str, port: int) -> None:
        """Shake hands with a server. Raises DtlsError, OSError."""
        loop = asyncio.get_running_loop()
        self._opened = loop.create_future()
        await loop.create_datagram_endpoint(lambda: self, remote_addr=(host, port))
        self._run(self._dtls.start)
        await self._opened

    async def close(self) -> None:
        """End the association with close_notify."""
        self._dtls.close()
        self._flush()
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    async def post(self, path: tuple[str, ...], body: bytes) -> CoapResponse:
        """The response to a request, whatever its code. Raises CoapError, DtlsError."""
        echo: bytes | None = None
        for _ in range(3):
            tag = secrets.token_bytes(_TAG_SIZE)
            response = await self._upload(path, body, tag, echo)
            if response.code is aiocoap.UNAUTHORIZED and response.opt.echo is not None and echo is None:
                echo = response.opt.echo
            elif response.code is aiocoap.REQUEST_ENTITY_TOO_LARGE and self._is_smaller(response):
                self._exponent = response.opt.block1.size_exponent
            elif response.code is not aiocoap.REQUEST_ENTITY_INCOMPLETE:
                return await self._download(path, response, tag)
        raise CoapError(f"the request was not taken: {_code(response)}")

    def _is_smaller(self, response: Any) -> bool:
        return response.opt.block1 is not None and response.opt.block1.size_exponent < self._exponent

    async def _upload(self, path: tuple[str, ...], body: bytes, tag: bytes, echo: bytes | None) -> Any:
        exponent = self._exponent
        if len(body) <= 16 << exponent:
            return await self._exchange(_request(path, body, echo=echo))
        start = 0
        while True:
            size = 16 << exponent
            more = start + size < len(body)
            request = _request(path, body[start : start + size], echo=echo)
            request.opt.block1 = (start // size, more, exponent)
            request.opt.request_tag = [tag]
            response = await self._exchange(request)
            if not more or response.code is not aiocoap.CONTINUE:
                return response
            block = response.opt.block1
            if block is None or block.block_number != start // size:
                raise CoapError(f"block {start // size} was acknowledged as {block}")
            start += size
            exponent = min(exponent, block.size_exponent)

    async def _download(self, path: tuple[str, ...], first: Any, tag: bytes) -> CoapResponse:
        response, body = first, bytes(first.payload)
        while response.opt.block2 is not None and response.opt.block2.more:
            exponent = response.opt.block2.size_exponent
            size = 16 << exponent
            request = _request(path, b"")
            request.opt.block2 = (len(body) // size, False, exponent)
            if first.opt.block1 is not None:
                request.opt.request_tag = [tag]
            response = await self._exchange(request)
            block = response.opt.block2
            if response.code is not first.code or block is None or block.start != len(body):
                raise CoapError(f"{_code(response)} with block {block} in place of the one at {len(body)}")
            if response.opt.etag != first.opt.etag:
                raise CoapError("the response changed between its blocks")
            body += response.payload
            if len(body) > _MAX_BODY:
                raise CoapError(f"the response has more than {_MAX_BODY} bytes")
        return CoapResponse(_code(first), body, first.opt.max_age)

    async def _exchange(self, request: aiocoap.Message) -> Any:
        self._next_mid = (self._next_mid + 1) & 0xFFFF
        request.mid = self._next_mid
        request.token = secrets.token_bytes(_TOKEN_SIZE)
        pending = _Pending(request.encode(), request.mid, request.token, asyncio.get_running_loop().create_future())
        self._pending = pending
        try:
            self._transmit(pending, self._ack_timeout)
            return await pending.response
        finally:
            self._pending = None
            pending.cancel_timer()

    def _transmit(self, pending: _Pending, wait: float) -> None:
        if pending.sent > self._max_retransmit:
            pending.fail(CoapError("the request was not acknowledged"))
            return
        pending.sent += 1
        self._run(lambda: self._dtls.send(pending.datagram))
        pending.timer = self._clock.call_later(wait, lambda: self._transmit(pending, 2 * wait))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr
        self._run(lambda: self._dtls.receive(data))
        for record in self._dtls.received():
            self._message(record)

    def error_received(self, exc: Exception) -> None:
        self._fail(exc)

    def _message(self, data: bytes) -> None:
        try:
            message = aiocoap.Message.decode(data)
        except (coap_error.Error, ValueError):
            return
        pending = self._pending
        if pending is None:
            return
        if message.mid == pending.mid and message.mtype is aiocoap.RST:
            pending.fail(CoapError("the request was reset"))
        elif message.mid == pending.mid and message.mtype is aiocoap.ACK and message.code is aiocoap.EMPTY:
            pending.cancel_timer()
        elif message.token == pending.token and message.code.is_response():
            if message.mtype is aiocoap.CON:
                empty = aiocoap.Message(code=aiocoap.EMPTY, _mtype=aiocoap.ACK, _mid=message.mid)
                self._run(lambda: self._dtls.send(empty.encode()))
            if not pending.response.done():
                pending.response.set_result(message)

    def _run(self, action: Callable[[], None]) -> None:
        try:
            action()
        except DtlsError as error:
            self._fail(error)
        self._flush()
        if self._dtls.is_open and self._opened is not None and not self._opened.done():
            self._opened.set_result(None)

    def _flush(self) -> None:
        for datagram in self._dtls.datagrams():
            if self._transport is not None:
                self._transport.sendto(datagram)
        if self._timer is not None:
            self._timer.cancel()
        wait = self._dtls.timeout()
        self._timer = None if wait is None else self._clock.call_later(wait, self._on_timer)

    def _on_timer(self) -> None:
        self._run(self._dtls.handle_timeout)

    def _fail(self, error: Exception) -> None:
        if self._opened is not None and not self._opened.done():
            self._opened.set_exception(error)
        if self._pending is not None:
            self._pending.fail(error)


@dataclass
class _Pending:
    """The request under way."""

    datagram: bytes
    mid: int
    token: bytes
    response: asyncio.Future[Any]
    sent: int = 0
    timer: Timer | None = None

    def fail(self, error: Exception) -> None:
        """End it."""
        if not self.response.done():
            self.response.set_exception(error)

    def cancel_timer(self) -> None:
        """No more retransmissions."""
        if self.timer is not None:
            self.timer.cancel()


def _request(path: tuple[str, ...], payload: bytes, *, echo: bytes | None = None) -> aiocoap.Message:
    request = aiocoap.Message(code=aiocoap.POST, payload=payload, _mtype=aiocoap.CON)
    request.opt.uri_path = path
    if echo is not None:
        request.opt.echo = echo
    return request


def _code(message: Any) -> str:
    return f"{int(message.code) >> 5}.{int(message.code) & 31:02}"
