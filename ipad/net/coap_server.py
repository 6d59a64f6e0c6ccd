"""A small CoAPS server for few, known clients: one resource, POST, block-wise both ways (RFC 7252, RFC 7959).

aiocoap keeps message identifiers, duplicates, acknowledgements and separate responses; its transport is the DTLS
server. Block-wise transfer is `ipad.net.blockwise_service`.

The timers of CoAP and DTLS run on the event loop and are not injected.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any, Final

import aiocoap
from aiocoap import error as coap_error

from ipad.net.blockwise import CoapResponse
from ipad.net.blockwise_service import TOO_LARGE, BlockMessage, BlockwiseService
from ipad.net.coap_transport import MessageInterface, Remote, block_of, block_option
from ipad.net.dtls_server import Address, DtlsPeer, DtlsServer
from ipad.net.listening import bind
from ipad.net.peer_rules import PeerIdentity, PeerRules, RefusalLog
from ipad.net.serving import MAX_REQUEST, Answer, Handler, ServerCredential
from ipad.records import dataclass

logger = logging.getLogger(__name__)


_LOGGER: Final = "ipad.net.coap.messages"


@dataclass(frozen=True, slots=True, kw_only=True)
class CoapsSettings:
    """`peers`: associations at a time. `block_size`: of an answer that does not fit one datagram."""

    peers: int = 4
    block_size: int = 1024


class CoapsServer:
    """Serves POST requests at one path. Raises ConfigError for a useless certificate or key."""

    def __init__(
        self,
        path: tuple[str, ...],
        handler: Handler,
        credential: ServerCredential,
        rules: PeerRules,
        settings: CoapsSettings | None = None,
    ) -> None:
        self._settings = settings or CoapsSettings()
        self._site = _Site(path, handler)
        self._refusals = RefusalLog(logger.warning, asyncio.get_running_loop().time)
        self._dtls = DtlsServer(credential, rules, self._refusals.note, max_peers=self._settings.peers)
        self._interface = _MessageInterface(self._send)
        self._remotes: dict[DtlsPeer, _Remote] = {}
        self._context: Any = None
        self._transport: asyncio.DatagramTransport | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def refused(self) -> int:
        """Datagrams and handshakes that were refused."""
        return self._refusals.count

    async def start(self, host: str, port: int, *, interface: str = "") -> int:
        """Listen and return the port. Raises OSError as `listening.bind`."""
        loop = asyncio.get_running_loop()
        sock = bind(host, port, socket.SOCK_DGRAM, interface=interface)
        try:
            transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self._receive), sock=sock)
        except BaseException:
            sock.close()
            raise
        self._transport = transport
        self._context = aiocoap.Context(loop=loop, serversite=self._site, loggername=_LOGGER)

        async def attach(manager: Any) -> _MessageInterface:
            self._interface.manager = manager
            return self._interface

        # The only way to give a context a transport of one's own; the version of aiocoap is pinned for it.
        await self._context._append_tokenmanaged_messagemanaged_transport(attach)  # noqa: SLF001
        return int(self._transport.get_extra_info("sockname")[1])

    async def close(self) -> None:
        """Stop; associations end with close_notify."""
        if self._transport is None:
            return
        self._dtls.close()
        self._flush()
        if self._timer is not None:
            self._timer.cancel()
        await self._context.shutdown()
        self._transport.close()
        self._transport = None

    def _receive(self, datagram: bytes, address: Address) -> None:
        self._dtls.receive(address, datagram)
        for peer, data in self._dtls.received():
            if peer not in self._remotes:
                self._remotes[peer] = _Remote(peer, BlockwiseService(MAX_REQUEST, self._settings.block_size))
            self._interface.deliver(self._remotes[peer], data)
        self._flush()

    def _send(self, remote: _Remote, data: bytes) -> None:
        self._dtls.send(remote.peer, data)
        self._flush()

    def _flush(self) -> None:
        for address, datagram in self._dtls.datagrams():
            if self._transport is not None:
                self._transport.sendto(datagram, address)
        for peer in self._dtls.lost():
            remote = self._remotes.pop(peer, None)
            if remote is not None:
                remote.gone = True
                self._interface.lose(remote)
        if self._timer is not None:
            self._timer.cancel()
        wait = self._dtls.timeout()
        self._timer = None if wait is None else asyncio.get_running_loop().call_later(wait, self._on_timer)

    def _on_timer(self) -> None:
        self._dtls.handle_timeouts()
        self._flush()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, receive: Callable[[bytes, Address], None]) -> None:
        self._take = receive

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._take(data, addr)

    def error_received(self, exc: Exception) -> None:
        logger.debug("a client is gone: %s", exc)


class _Remote(Remote):
    """One association with a client."""

    def __init__(self, peer: DtlsPeer, blocks: BlockwiseService) -> None:
        assert peer.identity is not None
        super().__init__(f"{peer.address[0]}:{peer.address[1]}")
        self.peer = peer
        self.identity: PeerIdentity = peer.identity
        self.blocks = blocks
        self.gone = False


class _MessageInterface(MessageInterface):
    """aiocoap's `MessageInterface` over all associations."""

    def __init__(self, send: Callable[[_Remote, bytes], None]) -> None:
        super().__init__()
        self._send = send

    def lose(self, remote: _Remote) -> None:
        self.fail(remote, coap_error.NetworkError("the association ended"))

    def send(self, message: aiocoap.Message) -> None:
        self._send(message.remote, message.encode())

    async def recognize_remote(self, remote: object) -> bool:
        return isinstance(remote, _Remote)


class _Site:
    """What aiocoap asks for the response to a request message."""

    def __init__(self, path: tuple[str, ...], handler: Handler) -> None:
        self._path = path
        self._handler = handler

    async def render_to_pipe(self, pipe: Any) -> None:
        """Called by aiocoap in a task of its own, which it cancels when the association is gone."""
        request = pipe.request
        remote: _Remote = request.remote
        if tuple(request.opt.uri_path) != self._path:
            pipe.add_response(aiocoap.Message(code=aiocoap.NOT_FOUND), is_last=True)
            return
        if request.code is not aiocoap.POST:
            pipe.add_response(aiocoap.Message(code=aiocoap.METHOD_NOT_ALLOWED), is_last=True)
            return
        message = _message(request)
        body = remote.blocks.take(message)
        if isinstance(body, CoapResponse):
            pipe.add_response(_encoded(body), is_last=True)
            return
        answer = await self._handler(body, remote.identity)
        sent = False
        try:
            pipe.add_response(self._response(remote, message, answer), is_last=True)
            sent = answer.body is not None and not remote.gone
        finally:
            answer.sent(sent)

    def _response(self, remote: _Remote, message: BlockMessage, answer: Answer) -> aiocoap.Message:
        if answer.body is not None:
            return _encoded(remote.blocks.answer(message, answer.body))
        if answer.retry_after is not None:
            return aiocoap.Message(code=aiocoap.SERVICE_UNAVAILABLE, max_age=answer.retry_after)
        # HTTP breaks the connection off; here that would be a timeout for a client that can be told.
        return aiocoap.Message(code=aiocoap.INTERNAL_SERVER_ERROR)


def _message(request: Any) -> BlockMessage:
    return BlockMessage(
        payload=bytes(request.payload),
        block1=block_of(request.opt.block1),
        block2=block_of(request.opt.block2),
        tag=b"".join(request.opt.request_tag),
    )


def _encoded(response: CoapResponse) -> aiocoap.Message:
    message = aiocoap.Message(code=aiocoap.Code(response.code), payload=response.payload)
    message.opt.block1 = block_option(response.block1)
    message.opt.block2 = block_option(response.block2)
    message.opt.etag = response.etag
    if response.code == TOO_LARGE:
        message.opt.size1 = MAX_REQUEST
    return message
