from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from typing import Self, cast

import pytest
import pytest_asyncio

from hil.clock import ManualClock
from hil.udp_relay import Direction, Impairment, UdpRelay


class Echo(asyncio.DatagramProtocol):
    """A server that sends everything back and remembers who asked."""

    def __init__(self) -> None:
        self.transport: asyncio.DatagramTransport | None = None
        self.ports: list[int] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # No subclass of DatagramTransport before Python 3.12.
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.ports.append(addr[1])
        assert self.transport is not None
        self.transport.sendto(data, addr)


@pytest_asyncio.fixture(name="echo")
async def _echo() -> AsyncIterator[tuple[Echo, int]]:
    transport, echo = await asyncio.get_running_loop().create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    yield echo, transport.get_extra_info("sockname")[1]
    transport.close()


@pytest_asyncio.fixture(name="relay")
async def _relay(echo: tuple[Echo, int]) -> AsyncIterator[UdpRelay]:
    relay = UdpRelay("127.0.0.1", echo[1], ManualClock())
    relay.start()
    yield relay
    await relay.stop()


class Device:
    def __init__(self, relay: UdpRelay) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.connect(relay.address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    async def ask(self, data: bytes) -> bytes:
        self.socket.send(data)
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.socket, 65536), 5)


@pytest.mark.asyncio
async def test_datagrams_pass_both_ways_and_are_counted(relay: UdpRelay) -> None:
    with Device(relay) as device:
        assert await device.ask(b"hello") == b"hello"
        assert await device.ask(bytes(1200)) == bytes(1200)
    for direction in (relay.up, relay.down):
        assert (direction.counters.datagrams, direction.counters.bytes, direction.counters.dropped) == (2, 1205, 0)


@pytest.mark.asyncio
async def test_each_client_has_a_source_port_of_its_own(relay: UdpRelay, echo: tuple[Echo, int]) -> None:
    with Device(relay) as one, Device(relay) as two:
        for device in (one, two, one):
            await device.ask(b"x")
    first, second, third = echo[0].ports
    assert first == third != second
    assert set(relay.source_ports) == {first, second}


@pytest.mark.asyncio
async def test_rebinding_changes_the_source_port(relay: UdpRelay, echo: tuple[Echo, int]) -> None:
    with Device(relay) as device:
        await device.ask(b"before")
        relay.rebind()
        await device.ask(b"after")
    assert echo[0].ports[0] != echo[0].ports[1]
    assert relay.rebinds == 1


@pytest.mark.asyncio
async def test_shut_relay_refuses_and_opens_again_under_the_same_address(relay: UdpRelay) -> None:
    address = relay.address
    with Device(relay) as device:
        await device.ask(b"x")
        relay.set_open(False)
        relay.set_open(False)
        assert not relay.is_open
        with pytest.raises(ConnectionRefusedError):
            await device.ask(b"y")
        relay.set_open(True)
        relay.set_open(True)
        assert relay.address == address
        assert await device.ask(b"z") == b"z"


@pytest.mark.asyncio
async def test_port_stays_reserved_while_shut(relay: UdpRelay) -> None:
    relay.shut()
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with pytest.raises(OSError, match="in use"):
        other.bind(relay.address)
    other.close()
    with pytest.raises(OSError, match="in use"):
        UdpRelay("127.0.0.1", 1, ManualClock()).start(relay.address[1])


@pytest.mark.asyncio
async def test_may_start_shut_and_knows_no_address_before(echo: tuple[Echo, int]) -> None:
    relay = UdpRelay("127.0.0.1", echo[1], ManualClock())
    with pytest.raises(RuntimeError, match="not started"):
        _ = relay.address
    relay.start(is_open=False)
    with Device(relay) as device, pytest.raises(ConnectionRefusedError):
        await device.ask(b"x")
    await relay.stop()
    relay.open()
    assert not relay.is_open


@pytest.mark.asyncio
async def test_server_that_is_down_loses_datagrams_and_may_come_back() -> None:
    unused = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    unused.bind(("127.0.0.1", 0))
    port = unused.getsockname()[1]
    unused.close()
    relay = UdpRelay("127.0.0.1", port, ManualClock())
    relay.start()
    with Device(relay) as device:
        device.socket.send(b"lost")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.get_running_loop().sock_recv(device.socket, 100), 0.05)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Echo, local_addr=("127.0.0.1", port))
        assert await device.ask(b"x") == b"x"
        transport.close()
    await relay.stop()


# --- what happens on the way -----------------------------------------------------------------------------------------


class Way:
    """One direction with a clock driven by hand."""

    def __init__(self, impairment: Impairment, seed: int = 1) -> None:
        self.clock = ManualClock()
        self.direction = Direction(self.clock, random.Random(seed))
        self.direction.impairment = impairment
        self.arrived: list[int] = []

    def send(self, *numbers: int) -> None:
        for number in numbers:
            self.direction.take(bytes((number,)), lambda data: self.arrived.append(data[0]))


def test_datagrams_of_a_position_are_dropped() -> None:
    way = Way(Impairment(drop={0, 2}))
    way.send(1, 2, 3, 4)
    assert way.arrived == [2, 4]
    assert way.direction.counters.dropped == 2


def test_loss_is_as_likely_as_ordered_and_repeats_itself() -> None:
    one, two = Way(Impairment(loss=0.3)), Way(Impairment(loss=0.3))
    for way in (one, two):
        way.send(*range(200))
    assert one.arrived == two.arrived
    assert 40 <= one.direction.counters.dropped <= 80
    nothing = Way(Impairment(loss=1.0))
    nothing.send(1, 2, 3)
    assert nothing.arrived == []


def test_delay_takes_the_time_of_the_clock() -> None:
    way = Way(Impairment(delay=1.5))
    way.send(1)
    way.clock.advance(1.4)
    assert way.arrived == []
    way.clock.advance(0.2)
    assert way.arrived == [1]


def test_jitter_may_change_the_order() -> None:
    way = Way(Impairment(delay=1.0, jitter=1.0))
    way.send(*range(20))
    way.clock.advance(1.0)
    assert way.arrived == []
    way.clock.advance(1.0)
    assert sorted(way.arrived) == list(range(20))
    assert way.arrived != list(range(20))


def test_reordered_datagram_follows_the_next_one() -> None:
    way = Way(Impairment(reorder=1.0))
    way.send(1, 2, 3, 4)
    assert way.arrived == [2, 1, 4, 3]


def test_reordered_datagram_without_a_next_one_comes_late() -> None:
    way = Way(Impairment(reorder=1.0))
    way.send(1)
    assert way.arrived == []
    way.clock.advance(1.0)
    assert way.arrived == [1]


def test_what_is_on_its_way_is_lost_when_the_way_is_cleared() -> None:
    way = Way(Impairment(delay=1.0))
    way.send(1, 2)
    way.direction.clear()
    way.clock.advance(5.0)
    assert way.arrived == []
    assert way.direction.counters.dropped == 2
