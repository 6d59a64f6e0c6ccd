"""Datagrams between a device and one server of its link: loss, delay, rate, order, duplicates, and the NAT on the way.

While the door is shut the port answers as a host does on which nobody listens (ICMP port unreachable), so that a
program sees the lost bearer at once; it stays reserved. A duplicate is made behind the sender and not counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from typing import Final

from hil.clock import Clock, Timer
from hil.link.doorway import Address, DoorPlan, PortDoor
from hil.link.meter import Heading, Meters, datagram
from hil.link.nat import Mapping
from hil.link.profile import Passage
from hil.link.radio import Radio

log = logging.getLogger(__name__)

_READ_SIZE: Final = 1 << 16
_HOLD: Final = 0.2
"""Seconds after which a datagram that was held back goes even if no other overtook it."""
_MAX_FLOWS: Final = 256
"""Clients that a door remembers: each has a socket."""

Forward = Callable[[bytes], None]


class Direction:
    """One direction of a door, and what is on its way there."""

    def __init__(self, heading: Heading, radio: Radio, clock: Clock, meters: Meters) -> None:
        self.taken = 0
        """Datagrams that set out so far."""
        self.drop: set[int] = set()
        """Positions of datagrams to lose, counted from 0 over all."""
        self._heading = heading
        self._radio = radio
        self._channel = radio.channel(heading)
        self._clock = clock
        self._meters = meters
        self._held: tuple[bytes, Forward, Timer] | None = None
        self._timers: set[Timer] = set()

    def take(self, data: bytes, forward: Forward) -> None:
        """Pass a datagram on to `forward`, now, later, twice or never."""
        number, channel = self.taken, self._channel
        now, size = self._depart(data)
        if channel.room_in(now, size) > 0:
            self._meters.lost(self._heading)
        elif number in self.drop or channel.happens(channel.way.loss):
            # It was on the air nevertheless.
            channel.send(now, size)
            self._meters.lost(self._heading)
        elif self._held is None and channel.happens(channel.way.reorder):
            self._held = (data, forward, self._after(_HOLD, self._release))
        else:
            self._travel(data, forward)
            if channel.happens(channel.way.duplicate):
                self._travel(data, forward)
            self._release()

    def swallow(self, data: bytes) -> None:
        """A datagram that goes nowhere."""
        self._depart(data)
        self._meters.lost(self._heading)

    def clear(self) -> None:
        """Lose what is on its way."""
        for timer in self._timers:
            timer.cancel()
        if self._timers:
            self._meters.lost(self._heading, len(self._timers))
        self._timers.clear()
        self._held = None

    def _depart(self, data: bytes) -> tuple[float, int]:
        """Count it; returns the moment and the size with headers."""
        self.taken += 1
        now, flow = self._clock.monotonic(), datagram(len(data), self._radio.profile.mtu)
        self._meters.sent(self._heading, now, flow)
        return now, flow.wire

    def _travel(self, data: bytes, forward: Forward) -> None:
        now = self._clock.monotonic()
        seconds = self._channel.send(now, datagram(len(data), self._radio.profile.mtu).wire) - now
        if seconds > 0:
            self._after(seconds, lambda: self._arrive(data, forward))
        else:
            self._arrive(data, forward)

    def _arrive(self, data: bytes, forward: Forward) -> None:
        self._meters.arrived(self._clock.monotonic())
        forward(data)

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            data, forward, timer = held
            timer.cancel()
            self._timers.discard(timer)
            self._travel(data, forward)

    def _after(self, seconds: float, action: Callable[[], None]) -> Timer:
        def run() -> None:
            self._timers.discard(timer)
            action()

        timer = self._clock.call_later(seconds, run)
        self._timers.add(timer)
        return timer


class _Flow:
    """A client: the socket that the server sees, and what the NAT knows."""

    def __init__(self, port: socket.socket, now: float) -> None:
        self.socket = port
        self.mapping = Mapping(now)


class UdpDoor(PortDoor):
    """Each client leaves it through a socket of its own. Shut until `start`. Use `Link.udp_door`."""

    def __init__(self, plan: DoorPlan) -> None:
        super().__init__(socket.SOCK_DGRAM, plan)
        self.rebinds = 0
        self._target = plan.target
        self._radio = plan.radio
        self._clock = plan.clock
        self.up = Direction(Heading.UP, plan.radio, plan.clock, self._meters)
        self.down = Direction(Heading.DOWN, plan.radio, plan.clock, self._meters)
        self._outward = plan.forth is Heading.UP
        self._forth, self._back = (self.up, self.down) if self._outward else (self.down, self.up)
        self._flows: dict[Address, _Flow] = {}

    @property
    def source_ports(self) -> tuple[int, ...]:
        """The ports that the server sees, one for each client."""
        return tuple(flow.socket.getsockname()[1] for flow in self._flows.values())

    def lead_to(self, port: int) -> None:
        """Another port of the same server, before the start."""
        self._target = (self._target[0], port)

    def let(self, passage: Passage) -> None:
        """Let datagrams pass, swallow them, or refuse them. What is on its way is lost in the latter cases."""
        self.passage = passage
        if passage is Passage.SHUT:
            self._close_listener()
            for client in tuple(self._flows):
                self._close_flow(client)
        elif self._listener is None and self._started:
            self._listener = self._port.second()
            asyncio.get_running_loop().add_reader(self._listener, self._on_client)
        if passage is not Passage.OPEN:
            for direction in (self.up, self.down):
                direction.clear()

    def rebind(self) -> None:
        """What a NAT does that forgot its table: each client gets another port, answers to the old one get lost."""
        if self._outward:
            self.rebinds += 1
            for client in tuple(self._flows):
                self._renew(client)

    def settle(self) -> None:
        """Nothing is estimated here."""

    async def stop(self) -> None:
        """Shut it for good and give the port back."""
        self.shut()
        self._started = False
        self._port.give_back()

    @property
    def _time_out(self) -> float | None:
        return self._radio.profile.nat_udp if self._outward else None

    def _on_client(self) -> None:
        listener = self._listener
        while listener is not None and listener is self._listener:
            try:
                data, client = listener.recvfrom(_READ_SIZE)
            except (BlockingIOError, ConnectionError):
                return
            if self.passage is not Passage.OPEN:
                self._forth.swallow(data)
                continue
            self._forth.take(data, lambda data, client=client: self._to_server(client, data))  # type: ignore[misc]

    def _to_server(self, client: Address, data: bytes) -> None:
        now = self._clock.monotonic()
        flow = self._flows.get(client)
        if flow is None:
            flow = self._new_flow(client, now)
        elif not flow.mapping.passes(now, self._time_out):
            flow = self._renew(client)
        # A refused datagram of before is reported here; the next one may pass.
        with contextlib.suppress(OSError):
            flow.socket.send(data)

    def _new_flow(self, client: Address, now: float) -> _Flow:
        if len(self._flows) >= _MAX_FLOWS:
            self._close_flow(min(self._flows, key=lambda known: self._flows[known].mapping.used))
        port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        port.setblocking(False)
        port.connect(self._target)
        flow = self._flows[client] = _Flow(port, now)
        asyncio.get_running_loop().add_reader(port, self._on_server, flow, client)
        return flow

    def _renew(self, client: Address) -> _Flow:
        """Another port for a client."""
        old = self._flows.pop(client)
        # The new socket first, or the system may give it the same port.
        fresh = self._new_flow(client, self._clock.monotonic())
        asyncio.get_running_loop().remove_reader(old.socket)
        old.socket.close()
        return fresh

    def _close_flow(self, client: Address) -> None:
        flow = self._flows.pop(client)
        asyncio.get_running_loop().remove_reader(flow.socket)
        flow.socket.close()

    def _on_server(self, flow: _Flow, client: Address) -> None:
        while True:
            try:
                data = flow.socket.recv(_READ_SIZE)
            except BlockingIOError:
                return
            except ConnectionError as error:
                log.debug("server %s:%d: %s", *self._target, error)
                return
            known = flow.mapping.passes(self._clock.monotonic(), self._time_out)
            if known and self.passage is Passage.OPEN:
                self._back.take(data, lambda data: self._to_client(client, data))
            else:
                self._back.swallow(data)

    def _to_client(self, client: Address, data: bytes) -> None:
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.sendto(data, client)
