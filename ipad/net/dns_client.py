"""Carries the queries of a lookup to the servers, over one network interface if one is named.

The resolver of the system cannot do that: it asks over whatever way the routes name, and a cellular bearer whose DNS is
dead would look alive as long as the Ethernet beside it works.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Sequence
from typing import Final

from ipad.clock import Clock
from ipad.endings import called_off
from ipad.errors import NetworkError
from ipad.net import tcp, udp
from ipad.net.dns_lookup import Lookup, NameServer, Query
from ipad.net.dns_message import RecordType
from ipad.net.resolver import endpoint

_STREAM_PATIENCE: Final = 30.0
"""Seconds for a connection over TCP; the lookup as a whole has its own limit."""


async def look_up(
    name: str,
    kinds: Sequence[RecordType],
    servers: Sequence[NameServer],
    clock: Clock,
    *,
    interface: str = "",
    patience: float,
) -> Lookup:
    """Ask until everything is known or `patience` seconds have passed; the lookup then knows the result.

    Raises NetworkError (layer dns) for a name that cannot be asked for.
    """
    lookup = Lookup(name, kinds, servers, lambda: int.from_bytes(os.urandom(2), "big"), clock.monotonic())
    async with contextlib.AsyncExitStack() as stack:
        errand = _Errand(lookup, clock, interface, stack)
        end = clock.monotonic() + patience
        while not lookup.done and clock.monotonic() < end:
            await errand.send()
            deadline = min(lookup.next_deadline() or end, end)
            if not lookup.done:
                await errand.wait(deadline - clock.monotonic())
            if clock.monotonic() >= deadline:
                lookup.timeout(clock.monotonic())
    return lookup


class _Errand:
    """The sockets of one lookup, open until it is over: a late answer is an answer."""

    def __init__(self, lookup: Lookup, clock: Clock, interface: str, stack: contextlib.AsyncExitStack) -> None:
        self._lookup = lookup
        self._clock = clock
        self._interface = interface
        self._stack = stack
        self._news = asyncio.Event()

    async def send(self) -> None:
        """Send what the lookup wants sent."""
        while queries := self._lookup.queries():
            for query in queries:
                try:
                    await (self._stream(query) if query.stream else self._datagram(query))
                except NetworkError as error:
                    self._broken(query, str(error))

    async def wait(self, seconds: float) -> None:
        """Wait for news, or until the time is over."""
        news = asyncio.ensure_future(self._news.wait())
        timer = asyncio.ensure_future(self._clock.sleep(max(0.0, seconds)))
        try:
            await asyncio.wait((news, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await called_off(news, timer)
        self._news.clear()

    async def _datagram(self, query: Query) -> None:
        """Send over UDP. A new socket has a new port, and being connected it hears of nobody but the server."""
        sock = udp.connect(endpoint(query.server.address, query.server.port), interface=self._interface)
        try:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Listener(
                    lambda data: self._received(query, data), lambda error: self._broken(query, str(error))
                ),
                sock=sock,
            )
        except BaseException:
            sock.close()
            raise
        self._stack.callback(transport.close)
        transport.sendto(query.message)

    async def _stream(self, query: Query) -> None:
        """Send over TCP in a task of its own: a connection may take long."""
        task = asyncio.ensure_future(self._exchange(query))
        self._stack.push_async_callback(called_off, task)

    async def _exchange(self, query: Query) -> None:
        try:
            where = endpoint(query.server.address, query.server.port)
            sock = await tcp.connect_any(
                str(query.server), (where,), interface=self._interface, patience=_STREAM_PATIENCE
            )
            self._received(query, await _ask_stream(sock, query.message))
        except (NetworkError, OSError, EOFError) as error:
            self._broken(query, str(error) or type(error).__name__)

    def _received(self, query: Query, data: bytes) -> None:
        self._lookup.receive(query, data, self._clock.monotonic())
        self._news.set()

    def _broken(self, query: Query, reason: str) -> None:
        self._lookup.broken(query, reason, self._clock.monotonic())
        self._news.set()


class _Listener(asyncio.DatagramProtocol):
    """Hands datagrams on."""

    def __init__(self, on_data: Callable[[bytes], None], on_error: Callable[[Exception], None]) -> None:
        self._on_data = on_data
        self._on_error = on_error

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Called by the loop; the socket is connected, so `addr` is the server's."""
        del addr
        self._on_data(data)

    def error_received(self, exc: Exception) -> None:
        """Called by the loop for an ICMP error."""
        self._on_error(exc)


async def _ask_stream(sock: socket.socket, message: bytes) -> bytes:
    """One exchange over TCP, each message with its length before it (RFC 1035 4.2.2)."""
    loop = asyncio.get_running_loop()
    with sock:
        await loop.sock_sendall(sock, len(message).to_bytes(2, "big") + message)
        length = int.from_bytes(await _read(loop, sock, 2), "big")
        return await _read(loop, sock, length)


async def _read(loop: asyncio.AbstractEventLoop, sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = await loop.sock_recv(sock, size - len(data))
        if not piece:
            raise EOFError("the connection was closed within the answer")
        data += piece
    return data
