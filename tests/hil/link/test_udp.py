from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from typing import Self, cast

import pytest
import pytest_asyncio

from hil.clock import ManualClock
from hil.link import Flow, Link, LinkProfile, Passage, UdpDoor, Way
from hil.link.meter import Heading, Meter, Meters
from hil.link.radio import Radio
from hil.link.udp import Direction


def door_to(port: int) -> UdpDoor:
    return Link(ManualClock()).udp_door("server", port=port)


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


@pytest_asyncio.fixture(name="door")
async def _door(echo: tuple[Echo, int]) -> AsyncIterator[UdpDoor]:
    door = door_to(echo[1])
    door.start()
    yield door
    await door.stop()


class Device:
    def __init__(self, door: UdpDoor) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.connect(door.address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    async def ask(self, data: bytes) -> bytes:
        self.socket.send(data)
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.socket, 65536), 5)


@pytest.mark.asyncio
async def test_datagrams_pass_both_ways_and_are_counted(door: UdpDoor) -> None:
    with Device(door) as device:
        assert await device.ask(b"hello") == b"hello"
        assert await device.ask(bytes(1200)) == bytes(1200)
    taken = door.meter.snapshot()
    assert taken.up == taken.down == Flow(1205, 2, 1205 + 2 * 28)
    assert taken.round_trips == 2


@pytest.mark.asyncio
async def test_each_client_has_a_source_port_of_its_own(door: UdpDoor, echo: tuple[Echo, int]) -> None:
    with Device(door) as one, Device(door) as two:
        for device in (one, two, one):
            await device.ask(b"x")
    first, second, third = echo[0].ports
    assert first == third != second
    assert set(door.source_ports) == {first, second}


@pytest.mark.asyncio
async def test_rebinding_changes_the_source_port(door: UdpDoor, echo: tuple[Echo, int]) -> None:
    with Device(door) as device:
        await device.ask(b"before")
        door.rebind()
        await device.ask(b"after")
    assert echo[0].ports[0] != echo[0].ports[1]
    assert door.rebinds == 1


@pytest.mark.asyncio
async def test_shut_door_refuses_and_opens_again_under_the_same_address(door: UdpDoor) -> None:
    address = door.address
    with Device(door) as device:
        await device.ask(b"x")
        door.set_open(False)
        door.set_open(False)
        assert not door.is_open
        with pytest.raises(ConnectionRefusedError):
            await device.ask(b"y")
        door.set_open(True)
        door.set_open(True)
        assert door.address == address
        assert await device.ask(b"z") == b"z"


@pytest.mark.asyncio
async def test_port_stays_reserved_while_shut(door: UdpDoor) -> None:
    door.shut()
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with pytest.raises(OSError, match="in use"):
        other.bind(door.address)
    other.close()
    with pytest.raises(OSError, match="in use"):
        door_to(1).start(door.address[1])


@pytest.mark.asyncio
async def test_may_start_shut_and_knows_no_address_before(echo: tuple[Echo, int]) -> None:
    door = door_to(echo[1])
    with pytest.raises(RuntimeError, match="not started"):
        _ = door.address
    door.start(is_open=False)
    with Device(door) as device, pytest.raises(ConnectionRefusedError):
        await device.ask(b"x")
    await door.stop()
    door.open()
    assert not door.is_open


@pytest.mark.asyncio
async def test_server_that_is_down_loses_datagrams_and_may_come_back() -> None:
    unused = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    unused.bind(("127.0.0.1", 0))
    port = unused.getsockname()[1]
    unused.close()
    door = door_to(port)
    door.start()
    with Device(door) as device:
        device.socket.send(b"lost")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.get_running_loop().sock_recv(device.socket, 100), 0.05)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Echo, local_addr=("127.0.0.1", port))
        assert await device.ask(b"x") == b"x"
        transport.close()
    await door.stop()


# --- what happens on the way -----------------------------------------------------------------------------------------


class Road:
    """One direction with a clock driven by hand."""

    def __init__(self, way: Way, seed: int = 1, queue: int = 65536) -> None:
        self.clock = ManualClock()
        self.meter = Meter()
        radio = Radio(LinkProfile(up=way, queue=queue), random.Random(seed))
        self.direction = Direction(Heading.UP, radio, self.clock, Meters(self.meter))
        self.arrived: list[int] = []

    def send(self, *numbers: int, size: int = 1) -> None:
        for number in numbers:
            self.direction.take(bytes((number,)) * size, lambda data: self.arrived.append(data[0]))

    @property
    def lost(self) -> int:
        return self.meter.snapshot().up.lost


def test_datagrams_of_a_position_are_dropped() -> None:
    road = Road(Way())
    road.direction.drop = {0, 2}
    road.send(1, 2, 3, 4)
    assert road.arrived == [2, 4]
    assert (road.direction.taken, road.lost) == (4, 2)


def test_loss_is_as_likely_as_ordered_and_repeats_itself() -> None:
    one, two = Road(Way(loss=0.3)), Road(Way(loss=0.3))
    for road in (one, two):
        road.send(*range(200))
    assert one.arrived == two.arrived
    assert 40 <= one.lost <= 80
    nothing = Road(Way(loss=1.0))
    nothing.send(1, 2, 3)
    assert nothing.arrived == []


def test_delay_takes_the_time_of_the_clock() -> None:
    road = Road(Way(delay=1.5))
    road.send(1)
    road.clock.advance(1.4)
    assert road.arrived == []
    road.clock.advance(0.2)
    assert road.arrived == [1]
    assert road.meter.snapshot().span == 1.5


def test_jitter_keeps_the_order() -> None:
    road = Road(Way(delay=1.0, jitter=1.0))
    road.send(*range(20))
    road.clock.advance(0.99)
    assert road.arrived == []
    road.clock.advance(1.01)
    assert road.arrived == list(range(20))


def test_rate_lets_one_go_after_the_other() -> None:
    # 100 bytes with headers are an eighth of a second.
    road = Road(Way(rate=6400))
    road.send(1, 2, 3, size=72)
    road.clock.advance(0.125)
    assert road.arrived == [1]
    road.clock.advance(0.25)
    assert road.arrived == [1, 2, 3]


def test_datagram_that_does_not_fit_the_queue_is_lost() -> None:
    road = Road(Way(rate=8000), queue=1500)
    road.send(*range(20), size=72)
    road.clock.advance(10.0)
    assert road.arrived == list(range(15))
    assert road.lost == 5
    road.send(99, size=72)
    road.clock.advance(0.2)
    assert road.arrived[-1] == 99


def test_lost_datagram_was_on_the_air() -> None:
    road = Road(Way(rate=8000))
    road.direction.drop = {0}
    road.send(1, 2, size=72)
    road.clock.advance(0.15)
    assert road.arrived == []
    road.clock.advance(0.1)
    assert road.arrived == [2]


def test_duplicate_arrives_after_the_first_and_is_counted_once() -> None:
    road = Road(Way(duplicate=1.0))
    road.send(1, 2)
    assert road.arrived == [1, 1, 2, 2]
    assert road.meter.snapshot().up.packets == 2


def test_reordered_datagram_follows_the_next_one() -> None:
    road = Road(Way(reorder=1.0))
    road.send(1, 2, 3, 4)
    assert road.arrived == [2, 1, 4, 3]


def test_reordered_datagram_without_a_next_one_comes_late() -> None:
    road = Road(Way(reorder=1.0))
    road.send(1)
    assert road.arrived == []
    road.clock.advance(1.0)
    assert road.arrived == [1]


def test_each_reordered_datagram_has_its_own_time() -> None:
    road = Road(Way(reorder=1.0))
    road.send(1, 2)
    road.clock.advance(0.15)
    road.send(3)
    road.clock.advance(0.1)
    assert road.arrived == [2, 1]
    road.clock.advance(0.1)
    assert road.arrived == [2, 1, 3]


def test_what_is_on_its_way_is_lost_when_the_way_is_cleared() -> None:
    road = Road(Way(delay=1.0))
    road.send(1, 2)
    road.direction.clear()
    road.clock.advance(5.0)
    assert road.arrived == []
    assert road.lost == 2


# --- the NAT and silence ---------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_silence_swallows_without_a_word(door: UdpDoor) -> None:
    with Device(door) as device:
        assert await device.ask(b"x") == b"x"
        door.let(Passage.SILENT)
        device.socket.send(b"lost")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.get_running_loop().sock_recv(device.socket, 100), 0.05)
        assert not door.is_open
        door.open()
        assert await device.ask(b"y") == b"y"
    taken = door.meter.snapshot()
    assert (taken.up.packets, taken.up.lost, taken.down.packets) == (3, 1, 2)


@pytest.mark.asyncio
async def test_nat_forgets_an_idle_flow(echo: tuple[Echo, int]) -> None:
    clock = ManualClock()
    link = Link(clock, LinkProfile(nat_udp=30.0))
    door = link.udp_door("server", port=echo[1])
    door.start()
    with Device(door) as device:
        for pause in (0.0, 29.0, 31.0):
            clock.advance(pause)
            await device.ask(b"x")
        first, second, third = echo[0].ports
        assert first == second != third
    await door.stop()


@pytest.mark.asyncio
async def test_answer_that_comes_after_the_nat_forgot_is_lost(echo: tuple[Echo, int]) -> None:
    clock = ManualClock()
    door = Link(clock, LinkProfile(nat_udp=30.0)).udp_door("server", port=echo[1])
    door.start()
    with Device(door) as device:
        await device.ask(b"x")
        clock.advance(31.0)
        assert echo[0].transport is not None
        echo[0].transport.sendto(b"late", ("127.0.0.1", echo[0].ports[0]))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.get_running_loop().sock_recv(device.socket, 100), 0.05)
    assert door.meter.snapshot().down.lost == 1
    await door.stop()


@pytest.mark.asyncio
async def test_door_remembers_only_so_many_clients(door: UdpDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.link.udp._MAX_FLOWS", 2)
    for _ in range(4):
        with Device(door) as device:
            assert await device.ask(b"x") == b"x"
    assert len(door.source_ports) == 2
    door.rebind()
    assert len(door.source_ports) == 2
