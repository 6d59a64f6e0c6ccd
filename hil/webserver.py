"""A small HTTP/1.1 server for the bench: requests through h11, answers deliverable well or badly.

Implements what the servers of the bench need of RFC 9112: keep-alive, chunked request bodies,
`Expect: 100-continue`, close after a protocol error. A handler returns a `Reply`: what to answer and
how to put it on the wire, so that a test can order a truncated body or a false Content-Length without
a second server. No routing, no compression negotiation, no pipelined processing.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Final

import h11

log = logging.getLogger(__name__)

LOOPBACK: Final = "127.0.0.1"
_READ_SIZE: Final = 65536
_MAX_BODY: Final = 16 * 1024 * 1024

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """One request; header names are lower case."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    wire_length: int
    """Bytes of the request as received (head and body, without TLS)."""
    connection: int
    """Number of the connection on this server, from 1."""

    def header(self, name: str) -> str | None:
        """The first value of a header (`name` in lower case), None when absent."""
        return next((value for key, value in self.headers if key == name), None)


class HeaderCase(StrEnum):
    """How the names of headers are written."""

    USUAL = "usual"
    LOWER = "lower"
    UPPER = "upper"


@dataclass(frozen=True)
class Delivery:
    """How an answer goes on the wire. The default is a correct one."""

    delay: float = 0.0
    """Seconds before the first byte."""
    informational: int = 0
    """Number of 1xx answers sent first."""
    chunked: bool = False
    declared_length: int | None = None
    """Content-Length to state instead of the true one."""
    cut_after: int | None = None
    """Close after so many body bytes."""
    drip: int | None = None
    """Send the answer in pieces of so many bytes."""
    drip_pause: float = 0.0
    """Seconds between the pieces."""
    drop: bool = False
    """Close without any answer."""
    close: bool = False
    """Say `Connection: close` and do so."""
    until_close: bool = False
    """State no length: the body ends with the connection (legal)."""
    empty_length: bool = False
    """`Content-Length: 0` also where it has no place, as with 204."""
    header_case: HeaderCase = HeaderCase.USUAL

    @property
    def last(self) -> bool:
        """Whether the connection ends with this answer."""
        return self.close or self.until_close or self.cut_after is not None or self.declared_length is not None


@dataclass(frozen=True)
class Reply:
    """Status, headers and body of an answer, and how to deliver it."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delivery: Delivery = field(default_factory=Delivery)


Handler = Callable[[Request], Awaitable[Reply]]


class PortTakenError(OSError):
    """The address that the server must have is in use."""


def reason_phrase(status: int) -> str:
    """The standard reason phrase, "Status" for a code without one."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Status"


def encode_answer(reply: Reply) -> bytes:
    """The bytes of an answer with all its wire faults except time and drop."""
    delivery = reply.delivery
    head = b"HTTP/1.1 100 Continue\r\n\r\n" * delivery.informational
    head += f"HTTP/1.1 {reply.status} {reason_phrase(reply.status)}\r\n".encode("ascii")
    headers = list(reply.headers)
    has_body = reply.status != HTTPStatus.NO_CONTENT or bool(reply.body)
    chunked = delivery.chunked and has_body
    if chunked:
        headers.append(("Transfer-Encoding", "chunked"))
    elif delivery.empty_length or delivery.declared_length is not None or (has_body and not delivery.until_close):
        length = len(reply.body) if delivery.declared_length is None else delivery.declared_length
        headers.append(("Content-Length", str(length)))
    if delivery.last:
        headers.append(("Connection", "close"))
    head += b"".join(_header_line(delivery.header_case, *header) for header in headers) + b"\r\n"
    body = reply.body
    if chunked:
        half = max(1, len(body) // 2)
        parts = [body[start : start + half] for start in range(0, len(body), half)]
        body = b"".join(f"{len(part):X}\r\n".encode("ascii") + part + b"\r\n" for part in parts) + b"0\r\n\r\n"
    return head + (body if delivery.cut_after is None else body[: delivery.cut_after])


def _header_line(case: HeaderCase, name: str, value: str) -> bytes:
    written = {HeaderCase.USUAL: name, HeaderCase.LOWER: name.lower(), HeaderCase.UPPER: name.upper()}[case]
    return f"{written}: {value}\r\n".encode("latin-1")


class _Connection:
    """One accepted connection until it ends."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sleep: Sleep) -> None:
        self._number = number
        self._reader = reader
        self._writer = writer
        self._sleep = sleep
        self._received = 0

    async def serve(self, handler: Handler) -> None:
        """Answer requests until either side closes."""
        machine = h11.Connection(h11.SERVER)
        while True:
            try:
                request = await self._next_request(machine)
            except h11.RemoteProtocolError as error:
                bad = Reply(error.error_status_hint, str(error).encode(), delivery=Delivery(close=True))
                await self._send(encode_answer(bad), bad.delivery)
                return
            if request is None:
                return
            reply = await handler(request)
            if not await self._deliver(machine, reply):
                return
            machine.start_next_cycle()

    async def _next_request(self, machine: h11.Connection) -> Request | None:
        head: h11.Request | None = None
        body = bytearray()
        self._received = 0
        while True:
            event = machine.next_event()
            if event is h11.NEED_DATA:
                if machine.they_are_waiting_for_100_continue:
                    go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
                    self._writer.write(machine.send(go_on) or b"")
                data = await self._reader.read(_READ_SIZE)
                self._received += len(data)
                machine.receive_data(data)
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > _MAX_BODY:
                    raise h11.RemoteProtocolError("request body is too large", error_status_hint=413)
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                headers = tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in head.headers)
                return Request(
                    head.method.decode("ascii"),
                    head.target.decode("latin-1"),
                    headers,
                    bytes(body),
                    self._received,
                    self._number,
                )
            else:
                return None

    async def _deliver(self, machine: h11.Connection, reply: Reply) -> bool:
        """Put an answer on the wire; True when the connection can carry another request."""
        delivery = reply.delivery
        if delivery.delay:
            await self._sleep(delivery.delay)
        if delivery.drop:
            self._writer.transport.abort()
            return False
        await self._send(encode_answer(reply), delivery)
        if delivery.last:
            return False
        # h11 follows the state only; the bytes above are the ones that count.
        state_only = h11.Response(status_code=reply.status, headers=[("Content-Length", "0")])
        machine.send(state_only)
        machine.send(h11.EndOfMessage())
        return machine.our_state is h11.DONE and machine.their_state is h11.DONE

    async def _send(self, data: bytes, delivery: Delivery) -> None:
        step = delivery.drip or len(data)
        for start in range(0, len(data), step):
            if start and delivery.drip_pause:
                await self._sleep(delivery.drip_pause)
            self._writer.write(data[start : start + step])
            await self._writer.drain()


class WebServer:
    """Listens on loopback and serves each connection as a task of its own."""

    def __init__(self, handler: Handler, sleep: Sleep = asyncio.sleep) -> None:
        self._handler = handler
        self._sleep = sleep
        self._server: asyncio.Server | None = None
        self._connections = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port in use; 0 before `start`."""
        if self._server is None or not self._server.sockets:
            return 0
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def connections(self) -> int:
        """Connections accepted so far."""
        return self._connections

    @property
    def open_connections(self) -> int:
        """Connections that were not closed by both sides yet."""
        return len(self._tasks)

    async def start(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """Listen on a loopback port (0: the system chooses). Raises PortTakenError."""
        try:
            self._server = await asyncio.start_server(self._accept, LOOPBACK, port, ssl=tls)
        except OSError as error:
            raise PortTakenError(f"cannot listen on {LOOPBACK}:{port}: {error.strerror or error}") from error

    async def listen_anew(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen on the same port with another context; connections stay. Raises PortTakenError."""
        if self._server is None:
            return
        port, old = self.port, self._server
        old.close()
        await self.start(port, tls)

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._server is None:
            return
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None
        # What was aborted is closed in the next turn of the loop, which may be its last one.
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._connections += 1
        try:
            await _Connection(self._connections, reader, writer, self._sleep).serve(self._handler)
        except (ConnectionError, ssl.SSLError, TimeoutError) as error:
            log.debug("connection ended: %s", error)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            await _ended(writer)
            self._tasks.discard(task)


async def _ended(writer: asyncio.StreamWriter) -> None:
    """Close a connection; whoever closes the server does not wait for what the other side has to say to it."""
    writer.close()
    try:
        with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
            await writer.wait_closed()
    except asyncio.CancelledError:
        writer.transport.abort()
