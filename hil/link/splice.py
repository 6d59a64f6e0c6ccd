"""One direction of a TCP connection through a link: bytes are read, take their time on the radio, and are written.

Bytes cannot be lost through a splice; loss is what TCP makes of it. A lost segment costs its size once more and the
retransmission time-out: the round trip of the profile and 200 ms, which is what Linux computes on a steady path
(RFC 6298 with a least variance term of 200 ms), doubled for each further loss of the same segment. Everything behind
it waits, for TCP delivers in order. Slow start is not played: at the sizes and rates of these links an initial window
of ten segments (RFC 6928) is seldom the limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from hil.clock import Clock
from hil.link.meter import Heading
from hil.link.profile import Forgotten
from hil.link.radio import Radio
from hil.link.segments import OVERHEAD, SegmentEstimate, segments

_READ_SIZE: Final = 1 << 16
_SLICE: Final = 0.02
"""Seconds that what is read at once may take on the radio, if that is more than a segment."""
_WINDOW: Final = 1 << 20
"""Bytes of a connection that may be on their way."""
_LEAST_VARIANCE: Final = 0.2
_ATTEMPTS: Final = 8
"""A segment gets through at the last of so many, however lossy the link: giving up is a matter of the ends."""

Known = Callable[[], bool]
Gate = Callable[[], Awaitable[None]]


class FlowForgottenError(Exception):
    """The device sent something, or said its last, on a connection that the NAT forgot."""


@dataclass(frozen=True)
class Route:
    """From `source` to `target`. `known`: whether the NAT still knows the flow, asked for every read; `open`: waits
    while the link swallows packets."""

    heading: Heading
    source: socket.socket
    target: socket.socket
    known: Known
    open: Gate


@dataclass(frozen=True)
class _Chunk:
    arrival: float
    data: bytes
    segments: int


class Splice:
    """Use `run`, once."""

    def __init__(self, route: Route, radio: Radio, clock: Clock, estimate: SegmentEstimate) -> None:
        self._route = route
        self._radio = radio
        self._channel = radio.channel(route.heading)
        self._clock = clock
        self._estimate = estimate
        self._travelling: deque[_Chunk] = deque()
        self._in_flight = 0
        self._last_arrival = 0.0
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Pass bytes on until the source ends; an orderly end is passed on too.

        Raises OSError when one of the ends breaks the connection, FlowForgottenError, in groups.
        """
        async with asyncio.TaskGroup() as both:
            writer = both.create_task(self._write())
            if not await self._read():
                writer.cancel()

    async def _read(self) -> bool:
        """Read to the end; returns whether the target hears of it."""
        loop = asyncio.get_running_loop()
        while True:
            await self._room()
            data = await loop.sock_recv(self._route.source, self._size())
            await self._route.open()
            if not self._route.known():
                return await self._swallow(data)
            chunk = self._depart(data)
            if self._travelling or chunk.arrival > self._clock.monotonic():
                self._travelling.append(chunk)
                self._in_flight += len(data)
                self._changed.set()
            elif data:
                await self._deliver(chunk)
            else:
                self._travelling.append(chunk)
                self._changed.set()
            if not data:
                return True

    async def _swallow(self, data: bytes) -> bool:
        """Nobody knows this flow any more: what its ends send goes nowhere."""
        up = self._route.heading is Heading.UP
        if up and self._radio.profile.forgotten is Forgotten.RESET:
            raise FlowForgottenError
        while data:
            data = await asyncio.get_running_loop().sock_recv(self._route.source, _READ_SIZE)
        if up:
            raise FlowForgottenError
        return False

    async def _write(self) -> None:
        while True:
            while not self._travelling:
                self._changed.clear()
                await self._changed.wait()
            chunk = self._travelling[0]
            rest = chunk.arrival - self._clock.monotonic()
            if rest > 0:
                await self._clock.sleep(rest)
            await self._route.open()
            await self._deliver(chunk)
            self._travelling.popleft()
            self._in_flight -= len(chunk.data)
            self._changed.set()
            if not chunk.data:
                return

    async def _deliver(self, chunk: _Chunk) -> None:
        if chunk.data:
            self._estimate.arrived(self._route.heading, chunk.segments)
            await asyncio.get_running_loop().sock_sendall(self._route.target, chunk.data)
        else:
            self._estimate.fin_arrived(self._route.heading)
            with contextlib.suppress(OSError):
                self._route.target.shutdown(socket.SHUT_WR)

    def _size(self) -> int:
        """How much to read at once: whole segments."""
        rate, mss = self._channel.way.rate, self._radio.profile.mtu - OVERHEAD
        if not rate:
            return _READ_SIZE
        return max(1, min(int(rate / 8 * _SLICE), _READ_SIZE) // mss) * mss

    async def _room(self) -> None:
        """Wait for room in the queue of the radio and in the window."""
        while self._in_flight >= _WINDOW:
            self._changed.clear()
            await self._changed.wait()
        while (seconds := self._channel.room_in(self._clock.monotonic(), self._size())) > 0:
            await self._clock.sleep(seconds)

    def _depart(self, data: bytes) -> _Chunk:
        now = self._clock.monotonic()
        if not data:
            self._estimate.fin(self._route.heading)
            return self._chunk(self._channel.send(now, OVERHEAD), data, 1)
        number = segments(len(data), self._radio.profile.mtu)
        lost, seconds = self._losses(number)
        resent = lost * (-(-len(data) // number) + OVERHEAD)
        self._estimate.sent(self._route.heading, len(data), number, lost, resent)
        arrival = self._channel.send(now, len(data) + number * OVERHEAD + resent)
        return self._chunk(arrival + seconds, data, number)

    def _chunk(self, arrival: float, data: bytes, number: int) -> _Chunk:
        """What is behind a lost segment waits for it."""
        self._last_arrival = max(self._last_arrival, arrival)
        return _Chunk(self._last_arrival, data, number)

    def _losses(self, number: int) -> tuple[int, float]:
        """Of so many segments: how many losses, and the longest recovery in seconds."""
        loss = self._channel.way.loss
        if not loss:
            return 0, 0.0
        time_out = self._radio.profile.round_trip + _LEAST_VARIANCE
        total = worst = 0
        for _ in range(number):
            lost = 0
            while lost < _ATTEMPTS - 1 and self._channel.happens(loss):
                lost += 1
            total, worst = total + lost, max(worst, lost)
        return total, time_out * (2**worst - 1)
