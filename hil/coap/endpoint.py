"""A CoAPS server on loopback: one resource, POST, block-wise both ways, separate responses (RFC 7252; SGP.32 6.2).

It gives the body of each request to a handler and sends back what that returns; what is in the bodies it does not
know. The timers of CoAP and DTLS are those of their libraries; the delays of the knobs run on the bench's clock.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import aiocoap
from aiocoap import error as coap_error

from hil.clock import Clock, LoopClock, Timer
from hil.coap.blocks import Blocks
from hil.coap.knobs import CoapKnobs, Request, code_number
from hil.dtls import Address, DtlsServer, Peer

log = logging.getLogger(__name__)

PATH: Final = ("gsma", "rsp2", "asn1")
SCHEME: Final = "coaps"

_HISTORY: Final = 4096

_ECHO_SIZE: Final = 8

Handler = Callable[[bytes], Awaitable[bytes | None]]
"""Body of a request -> body of its response, None or b"" for none.

ValueError stands for 4.00, RefusedError for the code that it has, NoResponseError for an acknowledgement and nothing
else.
"""


class RefusedError(ValueError):
    """A request that is answered with an error code like "5.03"; `max_age` in seconds."""

    def __init__(self, code: str, reason: str = "", max_age: int | None = None) -> None:
        super().__init__(reason)
        self.number = code_number(code, "45")
        self.max_age = max_age


class NoResponseError(Exception):
    """A request that gets no response."""


@dataclass
class EndpointCounters:
    """UDP payload since the server was made, dropped datagrams not counted; up is towards the server."""

    datagrams_up: int = 0
    bytes_up: int = 0
    datagrams_down: int = 0
    bytes_down: int = 0


class CoapsServer(asyncio.DatagramProtocol):
    """Serves `handler` at `path` over the associations of `dtls`."""

    def __init__(
        self,
        handler: Handler,
        dtls: DtlsServer,
        clock: Clock | None = None,
        *,
        path: tuple[str, ...] = PATH,
        knobs: CoapKnobs | None = None,
    ) -> None:
        self.knobs = knobs or CoapKnobs()
        self.dtls = dtls
        self.counters = EndpointCounters()
        self.requests: deque[Request] = deque(maxlen=_HISTORY)
        """The latest request messages, retransmissions left out."""
        self._clock = clock or LoopClock()
        self._site = _Site(handler, path, self.knobs, self._clock, self.requests)
        self._interface = _MessageInterface(self._send)
        self._context: Any = None
        self._transport: asyncio.DatagramTransport | None = None
        self._remotes: dict[Peer, _Remote] = {}
        self._timer: Timer | None = None
        self._seen = self._sent = self._associations = 0

    @property
    def port(self) -> int:
        """The UDP port. Raises RuntimeError when the server does not run."""
        if self._transport is None:
            raise RuntimeError("the CoAPS server was not started")
        return int(self._transport.get_extra_info("sockname")[1])

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> int:
        """Listen on `port` (0: chosen by the system) and return it. Raises OSError when it is taken."""
        loop = asyncio.get_running_loop()
        self._context = aiocoap.Context(loop=loop, serversite=self._site, loggername="hil.coap.messages")

        async def attach(manager: Any) -> _MessageInterface:
            self._interface.manager = manager
            return self._interface

        await self._context._append_tokenmanaged_messagemanaged_transport(attach)  # noqa: SLF001
        await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
        return self.port

    async def close(self) -> None:
        """Stop serving; associations end without a word."""
        if self._timer is not None:
            self._timer.cancel()
        for peer in self.dtls.peers:
            self.dtls.close(peer, notify=False)
        if self._context is not None:
            await self._context.shutdown()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def end_associations(self, *, notify: bool) -> None:
        """End all associations: with close_notify, or forget them as a server does that was restarted."""
        for peer in self.dtls.peers:
            self.dtls.close(peer, notify=notify)
        self._flush()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        number = self._seen
        self._seen += 1
        if self.knobs.loses_received(number):
            return
        self._later(lambda: self._receive(addr, data))

    def error_received(self, exc: Exception) -> None:
        """A client is gone; the next datagram to it will tell nothing new."""
        log.debug("ICMP error: %s", exc)

    def _receive(self, address: Address, datagram: bytes) -> None:
        self.counters.datagrams_up += 1
        self.counters.bytes_up += len(datagram)
        self.dtls.receive(address, datagram)
        for peer, data in self.dtls.received():
            if peer not in self._remotes:
                self._associations += 1
                self._remotes[peer] = _Remote(peer, self._associations)
            self._interface.receive(self._remotes[peer], data, separate=self.knobs.separate or self.knobs.silent)
        self._flush()

    def _send(self, remote: _Remote, data: bytes) -> None:
        self.dtls.send(remote.peer, data)
        self._flush()

    def _flush(self) -> None:
        for address, datagram in self.dtls.datagrams():
            number = self._sent
            self._sent += 1
            for _ in range(self.knobs.copies_to_send(number)):
                self.counters.datagrams_down += 1
                self.counters.bytes_down += len(datagram)
                self._later(lambda address=address, datagram=datagram: self._transmit(address, datagram))  # type: ignore[misc]
        for peer in self.dtls.lost():
            remote = self._remotes.pop(peer, None)
            if remote is not None:
                self._interface.lose(remote)
                self._site.blocks.forget(remote)
        self._set_timer()

    def _transmit(self, address: Address, datagram: bytes) -> None:
        if self._transport is not None:
            self._transport.sendto(datagram, address)

    def _later(self, action: Callable[[], None]) -> None:
        if self.knobs.datagram_delay:
            self._clock.call_later(self.knobs.datagram_delay, action)
        else:
            action()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        wait = self.dtls.timeout()
        self._timer = None if wait is None else self._clock.call_later(wait, self._on_timer)

    def _on_timer(self) -> None:
        self.dtls.handle_timeouts()
        self._flush()


class _Remote:
    """One association as aiocoap's `EndpointAddress`, hashed by identity."""

    scheme = SCHEME
    is_multicast = False
    is_multicast_locally = False
    maximum_block_size_exp = 6
    maximum_payload_size = 1024
    authenticated_claims: tuple[object, ...] = ()

    def __init__(self, peer: Peer, number: int) -> None:
        self.peer = peer
        self.number = number
        self.acknowledged: dict[int, asyncio.Event] = {}
        self._echo = secrets.token_bytes(_ECHO_SIZE)
        self._fresh = False
        self.hostinfo = f"{peer.address[0]}:{peer.address[1]}"
        self.hostinfo_local = "localhost"
        self.uri_base = f"{SCHEME}://{self.hostinfo}"
        self.uri_base_local = f"{SCHEME}://{self.hostinfo_local}"

    @property
    def blockwise_key(self) -> int:
        return self.number

    def as_response_address(self) -> _Remote:
        return self

    def challenge(self, request: Any) -> aiocoap.Message | None:
        """The 4.01 for a request that did not prove to be fresh, until one did (RFC 9175 2.3)."""
        if request.opt.echo == self._echo:
            self._fresh = True
        if self._fresh:
            return None
        return aiocoap.Message(code=aiocoap.UNAUTHORIZED, echo=self._echo)

    def empty_ack(self, mid: int) -> asyncio.Event:
        """Set once the message `mid` was acknowledged without a response."""
        return self.acknowledged.setdefault(mid, asyncio.Event())


class _MessageInterface:
    """aiocoap's `MessageInterface` over all associations."""

    def __init__(self, send: Callable[[_Remote, bytes], None]) -> None:
        self._send = send
        self.manager: Any = None

    def receive(self, remote: _Remote, data: bytes, *, separate: bool) -> None:
        try:
            message = aiocoap.Message.decode(data, remote=remote)
        except (coap_error.Error, ValueError):
            log.debug("%d bytes that are no CoAP message", len(data))
            return
        if separate:
            message.transport_tuning.EMPTY_ACK_DELAY = 0.0
        if self.manager is not None:
            self.manager.dispatch_message(message)

    def lose(self, remote: _Remote) -> None:
        if self.manager is not None:
            self.manager.dispatch_error(coap_error.NetworkError("the association ended"), remote)

    def send(self, message: aiocoap.Message) -> None:
        remote = message.remote
        self._send(remote, message.encode())
        if message.code is aiocoap.EMPTY and message.mtype is aiocoap.ACK:
            remote.empty_ack(message.mid).set()

    async def recognize_remote(self, remote: object) -> bool:
        return isinstance(remote, _Remote)

    async def determine_remote(self, message: object) -> None:
        """The bench sends no requests."""
        del message

    async def shutdown(self) -> None:
        self.manager = None


class _Site:
    """What aiocoap asks for the response to a request message."""

    def __init__(
        self, handler: Handler, path: tuple[str, ...], knobs: CoapKnobs, clock: Clock, requests: deque[Request]
    ) -> None:
        self.blocks = Blocks(knobs)
        self._handler = handler
        self._path = path
        self._knobs = knobs
        self._clock = clock
        self._requests = requests

    async def render_to_pipe(self, pipe: Any) -> None:
        """Called by aiocoap in a task of its own."""
        request = pipe.request
        self._requests.append(_describe(request))
        separate, silent = self._knobs.separate, self._knobs.silent
        if (separate or silent) and request.mtype is aiocoap.CON:
            await request.remote.empty_ack(request.mid).wait()
        if silent:
            await asyncio.Event().wait()
        try:
            response = await self._respond(request)
        except NoResponseError:
            await asyncio.Event().wait()
        response.transport_tuning.ACK_TIMEOUT = self._knobs.ack_timeout
        pipe.add_response(response, is_last=True)

    def _refusal(self, request: Any) -> aiocoap.Message | None:
        if tuple(request.opt.uri_path) != self._path:
            return aiocoap.Message(code=aiocoap.NOT_FOUND)
        if request.code is not aiocoap.POST:
            return aiocoap.Message(code=aiocoap.METHOD_NOT_ALLOWED)
        if self._knobs.echo and (challenge := request.remote.challenge(request)) is not None:
            return challenge
        ordered = self._knobs.take_refusal()
        return ordered and aiocoap.Message(code=aiocoap.Code(ordered.number), max_age=ordered.max_age)

    async def _respond(self, request: Any) -> aiocoap.Message:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        if request.opt.block2 is not None and request.opt.block2.block_number:
            return self.blocks.resume(request)
        body = self.blocks.take(request)
        if isinstance(body, aiocoap.Message):
            return body
        if self._knobs.delay:
            await self._clock.sleep(self._knobs.delay)
        try:
            answer = await self._handler(body)
        except RefusedError as error:
            return aiocoap.Message(code=aiocoap.Code(error.number), payload=str(error).encode(), max_age=error.max_age)
        except ValueError as error:
            log.info("refused: %s", error)
            return aiocoap.Message(code=aiocoap.BAD_REQUEST, payload=str(error).encode())
        response = self.blocks.begin(request, code_number(self._knobs.success, "2"), answer or b"")
        if self._knobs.content_format is not None:
            response.opt.content_format = self._knobs.content_format
        return response


def _describe(request: Any) -> Request:
    tag = request.opt.request_tag
    block1, block2 = request.opt.block1, request.opt.block2
    return Request(
        payload=bytes(request.payload),
        block1=None if block1 is None else tuple(block1),
        block2=None if block2 is None else tuple(block2),
        request_tag=tag[0] if tag else None,
        options=tuple(int(option.number) for option in request.opt.option_list()),
        confirmable=request.mtype is aiocoap.CON,
        length=4 + len(request.token) + len(request.opt.encode()) + len(request.payload) + bool(request.payload),
        association=request.remote.number,
    )
