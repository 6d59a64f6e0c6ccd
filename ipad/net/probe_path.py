"""The way to one server, layer by layer: what a look tries, measures and finds."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar

from ipad.clock import Clock
from ipad.endings import called_off
from ipad.errors import NetworkError, NetworkTimeoutError, TlsTrustError
from ipad.net import tcp, tls, udp
from ipad.net.authority import AddressOverrides, Authority
from ipad.net.counters import UDP_HEADERS, Usage, tcp_usage
from ipad.net.interface_counters import Rates
from ipad.net.link_quality import Transfer, segments
from ipad.net.resolver import Endpoint, Resolution, Resolver, literal
from ipad.net.tls import ServerTls
from ipad.records import dataclass, field, replace

T = TypeVar("T")

_HELLO_WAITS: Final = (2.0, 4.0, 8.0, 16.0)
"""Seconds for an answer to each ClientHello over UDP."""


class ReachedLayer(StrEnum):
    """Layers of the data path in order, with the words that policy uses. A DTLS server that answers counts as TCP."""

    NOTHING = "nothing"
    BEARER = "bearer"
    DNS = "dns"
    TCP = "tcp"
    TLS = "tls"

    @property
    def rank(self) -> int:
        """Position, counted from 0."""
        return tuple(ReachedLayer).index(self)


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """An eIM: `name` for reports, and how it is reached. `tls` is its trust; without it DTLS is tried."""

    name: str
    server: Authority
    tls: ServerTls | None

    @property
    def scheme(self) -> str:
        """The scheme that names its transport."""
        return "coaps" if self.tls is None else "https"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings:
    """`timeout`: seconds for each layer of a server. `others`: servers beyond the operator's network, each with a
    port. `depth`: the last layer that is tried."""

    interface: str = ""
    timeout: float = 20.0
    others: tuple[Authority, ...] = ()
    depth: ReachedLayer = ReachedLayer.TLS
    overrides: AddressOverrides = field(default_factory=AddressOverrides)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look found.

    `reached`: the highest layer that worked, NOTHING when the interface has no address. `packets`: something came back
    from beyond this device, even if only a refusal. `others`: whether another server answered; None when none was
    asked, or refused. `clock`: TLS failed because of certificate dates that a wrong local clock explains, and for no
    other reason. `failure` names server and layer. `durations`: seconds of each layer that was tried, of the server
    that got furthest, `target`. `transfer` and `rates` are for `link_quality`, `usage` is what connections cost.
    """

    reached: ReachedLayer
    packets: bool = False
    others: bool | None = None
    clock: bool = False
    failure: str = ""
    target: str = ""
    durations: Mapping[ReachedLayer, float] = field(default_factory=dict)
    transfer: Transfer = field(default_factory=Transfer)
    usage: Usage = field(default_factory=Usage)
    rates: Rates | None = None


class LiveResolver(Resolver, Protocol):
    """A resolver that can tell whether anything is behind it."""

    async def is_alive(self, host: str, *, interface: str = "", patience: float | None = None) -> bool:
        """Whether the DNS beyond this device answers about a sister of this name."""
        ...


ClockExplains = Callable[[tuple[float, float]], bool]


class Path:
    """The way to one server, layer by layer."""

    def __init__(
        self,
        settings: ProbeSettings,
        clock: Clock,
        resolver: LiveResolver,
        target: ProbeTarget,
        depth: ReachedLayer,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._resolver = resolver
        self._target = target
        self._depth = depth
        self._durations: dict[ReachedLayer, float] = {}
        self.complete = False
        """Whether every layer that was to be tried worked."""

    async def follow(self, clock_explains: ClockExplains) -> Look:
        """Go as far as it goes."""
        found = Look(reached=ReachedLayer.BEARER, target=self._target.name, durations=self._durations)
        host, port = self._settings.overrides.connect_to(self._target.scheme, self._target.server)
        try:
            resolution = await self._timed(ReachedLayer.DNS, self._resolve(host, port))
        except NetworkError as error:
            packets = error.answered or await self._dns_lives(host)
            return replace(found, packets=packets, failure=self._describe(error))
        found = replace(found, packets=resolution.proves)
        if resolution.proves:
            found = replace(found, reached=ReachedLayer.DNS)
        if self._depth is ReachedLayer.DNS and literal(host, port) is None:
            return await self._end_at_dns(found, host)
        try:
            return await self._connect(found, host, resolution, clock_explains)
        except NetworkError as error:
            found = replace(found, packets=found.packets or error.answered, failure=self._describe(error))
            return found if found.packets else await self._end_at_dns(found, host)

    async def _end_at_dns(self, found: Look, host: str) -> Look:
        """The name is known, but maybe only to a cache."""
        if not found.packets and await self._dns_lives(host):
            found = replace(found, reached=ReachedLayer.DNS, packets=True)
        self.complete = self._depth is ReachedLayer.DNS and found.packets
        return found

    async def _connect(self, found: Look, host: str, resolution: Resolution, clock_explains: ClockExplains) -> Look:
        """From the connection on. Raises NetworkError when there is none."""
        server_tls = self._target.tls
        if server_tls is None:
            usage = await self._timed(ReachedLayer.TCP, self._greet(resolution.endpoints))
            self.complete = True
            return replace(found, reached=ReachedLayer.TCP, packets=True, usage=usage)
        sock = await self._timed(ReachedLayer.TCP, self._open(host, resolution.endpoints))
        found = replace(found, reached=ReachedLayer.TCP, packets=True)
        if self._depth.rank < ReachedLayer.TLS.rank:
            self.complete = True
            found = replace(found, usage=tcp_usage(sock) or Usage(), transfer=Transfer(segments=segments(sock)))
            sock.close()
            return found
        try:
            return await self._shake_hands(found, server_tls, sock, lambda: self._open(host, resolution.endpoints))
        except TlsTrustError as error:
            clock = error.dates is not None and clock_explains(error.dates)
            return replace(found, clock=clock, failure=self._describe(error))
        except NetworkError as error:
            return replace(found, failure=self._describe(error))

    async def _shake_hands(
        self, found: Look, server_tls: ServerTls, first: socket.socket, connect: tls.Connect
    ) -> Look:
        waiting = [first]

        async def opened() -> socket.socket:
            return waiting.pop() if waiting else await connect()

        name = self._target.server.host
        try:
            streams = await self._timed(ReachedLayer.TLS, server_tls.open(opened, name))
        finally:
            for unused in waiting:
                unused.close()
        resumed = bool(getattr(streams[1].get_extra_info("ssl_object"), "session_reused", False))
        usage, transfer = Usage(handshakes=1, resumed_handshakes=int(resumed)), Transfer()
        connection = streams[1].get_extra_info("socket")
        if connection is not None:  # the server may have closed it already
            usage += tcp_usage(connection) or Usage()
            transfer = Transfer(usage.bytes_received, self._durations[ReachedLayer.TLS], segments(connection))
        server_tls.keep_session(streams, name)
        await tls.close(streams[1])
        self.complete = True
        return replace(found, reached=ReachedLayer.TLS, usage=usage, transfer=transfer)

    async def _resolve(self, host: str, port: int) -> Resolution:
        return await self._resolver.resolve(host, port, interface=self._settings.interface)

    async def _dns_lives(self, host: str) -> bool:
        settings = self._settings
        if literal(host, 0) is not None:
            return False
        return await self._resolver.is_alive(host, interface=settings.interface, patience=settings.timeout / 2)

    async def _open(self, host: str, endpoints: Sequence[Endpoint]) -> socket.socket:
        settings = self._settings
        return await tcp.connect_any(host, endpoints, interface=settings.interface, patience=settings.timeout)

    async def _greet(self, endpoints: Sequence[Endpoint]) -> Usage:
        """Send ClientHello until a DTLS server answers. Raises NetworkError (layer udp)."""
        failure: NetworkError | None = None
        for endpoint in endpoints:
            try:
                with udp.connect(endpoint, interface=self._settings.interface) as sock:
                    return await self._exchange_hello(sock)
            except NetworkError as error:
                failure = error
            except OSError as error:
                refused = isinstance(error, ConnectionError)
                failure = NetworkError(f"no DTLS server answers: {error}", layer="udp", answered=refused)
        assert failure is not None
        raise failure

    async def _exchange_hello(self, sock: socket.socket) -> Usage:
        from ipad.net import hello_verify  # noqa: PLC0415 - most eIMs are reached over HTTPS

        loop = asyncio.get_running_loop()
        hello = hello_verify.client_hello(self._target.server.host, os.urandom(32))
        listening = asyncio.ensure_future(_hear(loop, sock, hello_verify.is_answer))
        try:
            for count, wait in enumerate(_HELLO_WAITS, 1):
                await loop.sock_sendall(sock, hello)
                timer = asyncio.ensure_future(self._clock.sleep(wait))
                try:
                    await asyncio.wait((listening, timer), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    timer.cancel()
                if listening.done():
                    answer = listening.result()
                    if hello_verify.begins_handshake(answer):
                        await loop.sock_sendall(sock, hello_verify.GOODBYE)
                    return _usage(count, len(hello), len(answer))
        finally:
            await called_off(listening)
        raise TimeoutError("silence")

    async def _timed(self, layer: ReachedLayer, work: Coroutine[Any, Any, T]) -> T:
        """Within the limit, and measured."""
        start = self._clock.monotonic()
        try:
            return await within(self._clock, self._settings.timeout, work, str(self._target.server), layer.value)
        finally:
            self._durations[layer] = self._clock.monotonic() - start

    def _describe(self, error: NetworkError) -> str:
        return f"{self._target.name}: {error.layer}: {error}"


def _usage(sent: int, size: int, received: int) -> Usage:
    """So many datagrams of one size, and one that came back."""
    return Usage(
        bytes_sent=sent * size,
        bytes_received=received,
        packets_sent=sent,
        packets_received=1,
        headers_sent=sent * UDP_HEADERS,
        headers_received=UDP_HEADERS,
    )


async def within(clock: Clock, seconds: float, work: Coroutine[Any, Any, T], what: str, layer: str) -> T:
    """The result of `work`; NetworkTimeoutError when it takes longer, counted by a clock that tests can drive."""
    task: asyncio.Task[T] = asyncio.ensure_future(work)
    timer = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait((task, timer), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise NetworkTimeoutError(f"{what}: silence for {seconds:g} s", layer=layer)
        return task.result()
    finally:
        await called_off(timer, task)


async def _hear(loop: asyncio.AbstractEventLoop, sock: socket.socket, is_answer: Callable[[bytes], bool]) -> bytes:
    """The first datagram that a DTLS server may have sent."""
    while True:
        datagram = await loop.sock_recv(sock, 2048)
        if is_answer(datagram):
            return datagram
