"""A UDP relay on loopback: the device's way to a server over datagrams, with what a radio network does to them.

Loss, delay, reordering, a NAT that forgets a flow and gives it another port, and no way at all while there is no
bearer. While it is shut the port answers as a host does on which nobody listens (ICMP port unreachable), so that a
program sees the lost bearer at once; it stays reserved. A path that swallows everything is `Impairment(loss=1.0)`.

Chance comes from the generator that is handed in, time from the bench's clock: with a seed and a clock driven by hand
everything repeats itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from hil.clock import Clock, Timer

log = logging.getLogger(__name__)

_READ_SIZE = 1 << 16
_HOLD = 0.2
"""Seconds after which a datagram that was held back goes even if no other overtook it."""

Address = tuple[str, int]
Forward = Callable[[bytes], None]


@dataclass
class Impairment:
    """What happens to datagrams of one direction. `delay` and `jitter` (evenly between 0 and that, on top) in seconds;
    `loss` and `reorder` are probabilities; `drop` are positions of datagrams to lose, counted from 0 over all."""

    loss: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    reorder: float = 0.0
    drop: set[int] = field(default_factory=set)


@dataclass
class DirectionCounters:
    """Datagrams that arrived at the relay, and how many of them went no further."""

    datagrams: int = 0
    bytes: int = 0
    dropped: int = 0


class Direction:
    """One direction: its impairment, its counters and what is on its way."""

    def __init__(self, clock: Clock, chance: random.Random) -> None:
        self.impairment = Impairment()
        self.counters = DirectionCounters()
        self._clock = clock
        self._chance = chance
        self._held: tuple[bytes, Forward] | None = None
        self._timers: set[Timer] = set()

    def take(self, data: bytes, forward: Forward) -> None:
        """Pass a datagram on to `forward`, now, later or never."""
        number = self.counters.datagrams
        self.counters.datagrams += 1
        self.counters.bytes += len(data)
        what = self.impairment
        if number in what.drop or (what.loss and self._chance.random() < what.loss):
            self.counters.dropped += 1
        elif self._held is None and what.reorder and self._chance.random() < what.reorder:
            self._held = (data, forward)
            self._after(_HOLD, self._release)
        else:
            self._delay(data, forward)
            self._release()

    def clear(self) -> None:
        """Lose what is on its way."""
        self.counters.dropped += len(self._timers) + (self._held is not None)
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._held = None

    def _delay(self, data: bytes, forward: Forward) -> None:
        seconds = self.impairment.delay
        if self.impairment.jitter:
            seconds += self._chance.uniform(0.0, self.impairment.jitter)
        if seconds:
            self._after(seconds, lambda: forward(data))
        else:
            forward(data)

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._delay(*held)

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        def run() -> None:
            self._timers.discard(timer)
            action()

        timer = self._clock.call_later(seconds, run)
        self._timers.add(timer)


class UdpRelay:
    """Relays datagrams to `host`:`port`, each client through a socket of its own. Closed until `start`."""

    def __init__(self, host: str, port: int, clock: Clock, chance: random.Random | None = None) -> None:
        self._target = (host, port)
        chance = chance or random.Random(0)
        self.up = Direction(clock, chance)
        self.down = Direction(clock, chance)
        self.rebinds = 0
        self._reservation: socket.socket | None = None
        self._listener: socket.socket | None = None
        self._flows: dict[Address, socket.socket] = {}

    @property
    def address(self) -> Address:
        """Where the device sends to. Raises RuntimeError when the relay was not started."""
        if self._reservation is None:
            raise RuntimeError("the relay was not started")
        host, port = self._reservation.getsockname()
        return str(host), int(port)

    @property
    def is_open(self) -> bool:
        """Whether datagrams pass."""
        return self._listener is not None

    @property
    def source_ports(self) -> tuple[int, ...]:
        """The ports that the server sees, one for each client."""
        return tuple(flow.getsockname()[1] for flow in self._flows.values())

    def start(self, port: int = 0, *, is_open: bool = True) -> int:
        """Reserve the port (0: chosen by the system) and return it. Raises OSError when it is taken."""
        if port:
            # Sharing is for the two sockets of one relay only.
            _bound(port, shared=False).close()
        self._reservation = _bound(port)
        # Connected to itself it gets nobody else's datagrams, and the system refuses them while nobody listens.
        self._reservation.connect(self._reservation.getsockname())
        if is_open:
            self.open()
        return self.address[1]

    def open(self) -> None:
        """Let datagrams pass."""
        if self._listener is None and self._reservation is not None:
            self._listener = _bound(self.address[1])
            asyncio.get_running_loop().add_reader(self._listener, self._on_client)

    def shut(self) -> None:
        """Refuse datagrams, lose those on their way and forget the flows."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        for client in tuple(self._flows):
            self._close_flow(client)
        for direction in (self.up, self.down):
            direction.clear()

    def set_open(self, is_open: bool) -> None:
        """Follow a bearer."""
        if is_open:
            self.open()
        else:
            self.shut()

    def rebind(self) -> None:
        """What a NAT does that forgot its table: each client gets another port, answers to the old one get lost."""
        self.rebinds += 1
        for client, old in tuple(self._flows.items()):
            # The new socket first, or the system may give it the same port.
            fresh = self._new_flow(client)
            asyncio.get_running_loop().remove_reader(old)
            old.close()
            self._flows[client] = fresh

    async def stop(self) -> None:
        """Shut it for good and give the port back."""
        self.shut()
        if self._reservation is not None:
            self._reservation.close()
            self._reservation = None

    def _on_client(self) -> None:
        listener = self._listener
        while listener is not None and listener is self._listener:
            try:
                data, client = listener.recvfrom(_READ_SIZE)
            except (BlockingIOError, ConnectionError):
                return
            if client not in self._flows:
                self._flows[client] = self._new_flow(client)
            self.up.take(data, lambda data, client=client: self._to_server(client, data))  # type: ignore[misc]

    def _new_flow(self, client: Address) -> socket.socket:
        flow = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        flow.setblocking(False)
        flow.connect(self._target)
        asyncio.get_running_loop().add_reader(flow, self._on_server, flow, client)
        return flow

    def _close_flow(self, client: Address) -> None:
        flow = self._flows.pop(client)
        asyncio.get_running_loop().remove_reader(flow)
        flow.close()

    def _on_server(self, flow: socket.socket, client: Address) -> None:
        while True:
            try:
                data = flow.recv(_READ_SIZE)
            except BlockingIOError:
                return
            except ConnectionError as error:
                log.debug("server %s:%d: %s", *self._target, error)
                return
            self.down.take(data, lambda data: self._to_client(client, data))

    def _to_server(self, client: Address, data: bytes) -> None:
        flow = self._flows.get(client)
        if flow is not None:
            # A refused datagram of before is reported here; the next one may pass.
            with contextlib.suppress(OSError):
                flow.send(data)

    def _to_client(self, client: Address, data: bytes) -> None:
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.sendto(data, client)


def _bound(port: int, *, shared: bool = True) -> socket.socket:
    """A socket bound on loopback. Two may share the port: one keeps it, the other gets the datagrams."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.setblocking(False)
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.close()
        raise
    return bound
