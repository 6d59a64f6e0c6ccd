from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Self

import pytest
import pytest_asyncio

from hil.clock import ManualClock
from hil.link import Forgotten, Link, LinkProfile, Passage, TcpDoor, Way
from tests.waiting import turns


def door_to(port: int) -> TcpDoor:
    return Link(ManualClock()).tcp_door("server", port=port)


class Echo:
    """A server that sends everything back and can be asked who is connected."""

    def __init__(self) -> None:
        self.writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.writers.discard(writer)
            writer.close()


@pytest_asyncio.fixture
async def server() -> AsyncIterator[tuple[Echo, int]]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    yield echo, server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


@pytest_asyncio.fixture
async def door(server: tuple[Echo, int]) -> AsyncIterator[TcpDoor]:
    door = door_to(server[1])
    door.start()
    yield door
    await door.stop()


async def connect(door: TcpDoor) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.wait_for(asyncio.open_connection(*door.address), 5)


async def exchange(pair: tuple[asyncio.StreamReader, asyncio.StreamWriter], data: bytes) -> bytes:
    reader, writer = pair
    writer.write(data)
    return await asyncio.wait_for(reader.readexactly(len(data)), 5)


@pytest.mark.asyncio
async def test_bytes_pass_both_ways_and_are_counted(door: TcpDoor) -> None:
    pair = await connect(door)
    payload = bytes(range(256)) * 1000
    assert await exchange(pair, payload) == payload
    pair[1].close()
    taken = door.meter.snapshot()
    assert taken.up.payload == taken.down.payload == len(payload)
    assert (taken.connections, taken.round_trips) == (1, 2)


@pytest.mark.asyncio
async def test_orderly_end_is_passed_on(door: TcpDoor) -> None:
    reader, writer = await connect(door)
    writer.write(b"last words")
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 5) == b"last words"
    writer.close()


@pytest.mark.asyncio
async def test_shutting_resets_connections_and_refuses_new_ones(door: TcpDoor) -> None:
    first, second = await connect(door), await connect(door)
    for pair in (first, second):
        assert await exchange(pair, b"hello") == b"hello"
    door.shut()
    for reader, writer in (first, second):
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(1), 5)
        writer.close()
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            await connect(door)
    assert door.meter.snapshot().resets == 2


@pytest.mark.asyncio
async def test_opens_again_under_the_same_address(door: TcpDoor) -> None:
    address = door.address
    for _ in range(5):
        door.set_open(False)
        door.set_open(False)
        door.set_open(True)
        door.set_open(True)
    assert door.is_open
    assert door.address == address
    pair = await connect(door)
    assert await exchange(pair, b"again") == b"again"
    pair[1].close()


@pytest.mark.asyncio
async def test_connection_that_was_not_accepted_yet_is_lost_too(door: TcpDoor) -> None:
    early = socket.create_connection(door.address)
    door.shut()
    early.settimeout(5)
    with pytest.raises(ConnectionResetError):
        early.recv(1)
    early.close()


@pytest.mark.asyncio
async def test_port_stays_reserved_while_shut(door: TcpDoor) -> None:
    door.shut()
    other = socket.socket()
    with pytest.raises(OSError, match="in use"):
        other.bind(door.address)
    other.close()
    with pytest.raises(OSError, match="in use"):
        door_to(1).start(door.address[1])


@pytest.mark.asyncio
async def test_reset_by_the_server_reaches_the_client(door: TcpDoor, server: tuple[Echo, int]) -> None:
    pair = await connect(door)
    assert await exchange(pair, b"hello") == b"hello"
    (writer,) = server[0].writers
    upstream = writer.get_extra_info("socket")
    upstream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(pair[0].read(1), 5)
    pair[1].close()


@pytest.mark.asyncio
async def test_server_that_is_down_looks_like_a_reset() -> None:
    unused = socket.socket()
    unused.bind(("127.0.0.1", 0))
    door = door_to(unused.getsockname()[1])
    door.start()
    reader, writer = await connect(door)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(1), 5)
    writer.close()
    await door.stop()
    unused.close()


@pytest.mark.asyncio
async def test_door_may_start_shut_and_knows_no_address_before() -> None:
    door = door_to(9)
    with pytest.raises(RuntimeError, match="not started"):
        _ = door.address
    door.start(is_open=False)
    assert not door.is_open
    with pytest.raises(ConnectionRefusedError):
        await connect(door)
    await door.stop()
    door.open()
    assert not door.is_open


# --- what happens on the way -----------------------------------------------------------------------------------------


class Journey:
    """A link with a clock driven by hand, and a device on it."""

    def __init__(self, port: int, profile: LinkProfile) -> None:
        self.clock = ManualClock()
        self.link = Link(self.clock, profile)
        self.door = self.link.tcp_door("server", port=port)

    async def __aenter__(self) -> Self:
        self.door.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.door.stop()

    async def settle(self) -> None:
        """Let everything happen that needs no time."""
        await turns(40)

    async def pass_time(self, seconds: float) -> None:
        """From timer to timer, with room for the sockets between them."""
        end = self.clock.monotonic() + seconds
        await self.settle()
        while (deadline := self.clock.next_deadline) is not None and deadline <= end:
            self.clock.advance(deadline - self.clock.monotonic())
            await self.settle()
        self.clock.advance(end - self.clock.monotonic())
        await self.settle()

    async def answered_after(self, pair: tuple[asyncio.StreamReader, asyncio.StreamWriter], size: int) -> float:
        """Send, and measure until the last byte of the echo is there."""
        began = self.clock.monotonic()
        task = asyncio.ensure_future(exchange(pair, bytes(size)))
        await self.settle()
        while not task.done():
            deadline = self.clock.next_deadline
            if deadline is None:
                await asyncio.sleep(0.001)
            else:
                await self.pass_time(deadline - self.clock.monotonic())
        assert task.result() == bytes(size)
        return self.clock.monotonic() - began


@pytest.mark.asyncio
async def test_connection_costs_a_round_trip_before_its_first_byte(server: tuple[Echo, int]) -> None:
    async with Journey(server[1], LinkProfile(up=Way(delay=1.0), down=Way(delay=0.5))) as journey:
        pair = await connect(journey.door)
        assert await journey.answered_after(pair, 100) == pytest.approx(3.0, abs=0.05)
        assert await journey.answered_after(pair, 100) == pytest.approx(1.5, abs=0.05)
        pair[1].close()


@pytest.mark.asyncio
async def test_rate_is_shared_by_the_connections_of_a_link(server: tuple[Echo, int]) -> None:
    # 1500 bytes on the wire are one second.
    async with Journey(server[1], LinkProfile(up=Way(rate=12_000), mtu=1500)) as journey:
        other = journey.link.tcp_door("other", port=server[1])
        other.start()
        one, two = await connect(journey.door), await connect(other)
        await journey.pass_time(1.0)
        first = asyncio.ensure_future(exchange(one, bytes(1448 * 5)))
        assert await journey.answered_after(two, 1448 * 5) == pytest.approx(10.0, abs=1.1)
        assert first.done()
        await other.stop()
        for pair in (one, two):
            pair[1].close()


@pytest.mark.asyncio
async def test_large_body_takes_what_the_rate_says(server: tuple[Echo, int]) -> None:
    async with Journey(server[1], LinkProfile(down=Way(rate=96_000))) as journey:
        pair = await connect(journey.door)
        # 60 kB in segments of 1448 with 52 bytes of headers, 12 kB/s.
        expected = (60_000 + 42 * 52) / 12_000
        assert await journey.answered_after(pair, 60_000) == pytest.approx(expected, rel=0.05)
        taken = journey.link.snapshot()
        assert taken.down.payload == 60_000
        # SYN/ACK, the body, and an acknowledgement for every second segment that went up.
        assert taken.down.packets == pytest.approx(1 + 42 + 21, abs=4)
        assert taken.span == pytest.approx(expected, rel=0.05)
        pair[1].close()


@pytest.mark.asyncio
async def test_full_queue_makes_the_sender_wait(server: tuple[Echo, int]) -> None:
    async with Journey(server[1], LinkProfile(up=Way(rate=8_000), queue=4_000)) as journey:
        _, writer = await connect(journey.door)
        await journey.pass_time(1.0)
        writer.write(bytes(100_000))
        await journey.pass_time(0.1)
        # Not all of it was taken at once, but no more than the queue has room for.
        assert 1_000 <= journey.door.meter.snapshot().up.payload <= 6_000
        writer.transport.abort()


@pytest.mark.asyncio
async def test_loss_costs_time_and_is_counted_twice(server: tuple[Echo, int]) -> None:
    profile = LinkProfile(up=Way(delay=0.1, loss=0.5), down=Way(delay=0.1))
    seconds, lost = [], 0
    for _ in range(2):
        async with Journey(server[1], profile) as journey:
            pair = await connect(journey.door)
            seconds.append(sum([await journey.answered_after(pair, 1000) for _ in range(20)]))
            taken = journey.link.snapshot()
            lost = taken.up.lost
            assert taken.up.payload == 20_000
            assert taken.up.packets >= 20 + lost
            assert taken.up.wire >= 20 * 1052 + (lost - 7) * 1052
            pair[1].close()
    assert seconds[0] == pytest.approx(seconds[1])
    assert lost >= 10
    # A time-out of 0.4 seconds for the first loss of a segment, twice that for the next.
    assert seconds[0] > 21 * 0.2 + 8 * 0.4


@pytest.mark.asyncio
async def test_orderly_end_follows_the_last_byte(server: tuple[Echo, int]) -> None:
    async with Journey(server[1], LinkProfile(up=Way(delay=1.0), down=Way(delay=1.0))) as journey:
        reader, writer = await connect(journey.door)
        writer.write(b"bye")
        writer.write_eof()
        task = asyncio.ensure_future(reader.read())
        await journey.pass_time(3.9)
        assert not task.done()
        await journey.pass_time(0.2)
        assert await asyncio.wait_for(task, 5) == b"bye"
        writer.close()


# --- silence and the NAT ---------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_silence_keeps_connections_and_lets_new_ones_hang(door: TcpDoor) -> None:
    pair = await connect(door)
    assert await exchange(pair, b"x") == b"x"
    door.let(Passage.SILENT)
    assert not door.is_open
    pair[1].write(b"later")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pair[0].read(5), 0.05)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.open_connection(*door.address), 0.05)
    door.open()
    assert await asyncio.wait_for(pair[0].readexactly(5), 5) == b"later"
    again = await connect(door)
    assert await exchange(again, b"z") == b"z"
    for _, writer in (pair, again):
        writer.close()


@pytest.mark.asyncio
async def test_answer_of_a_server_does_not_get_through_silence(door: TcpDoor, server: tuple[Echo, int]) -> None:
    reader, writer = await connect(door)
    assert await exchange((reader, writer), b"x") == b"x"
    door.let(Passage.SILENT)
    for served in server[0].writers:
        served.write(b"news")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(5), 0.05)
    door.shut()
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(5), 5)
    writer.close()


@pytest.mark.asyncio
async def test_forgotten_connection_is_reset_when_the_device_speaks(door: TcpDoor, server: tuple[Echo, int]) -> None:
    pair = await connect(door)
    assert await exchange(pair, b"x") == b"x"
    door.rebind()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pair[0].read(1), 0.05)
    pair[1].write(b"y")
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(pair[0].read(1), 5)
    # The server waits for a device that it will never hear of again.
    assert len(server[0].writers) == 1
    pair[1].close()


@pytest.mark.asyncio
async def test_forgotten_connection_may_be_swallowed(server: tuple[Echo, int]) -> None:
    clock = ManualClock()
    door = Link(clock, LinkProfile(nat_tcp=60.0, forgotten=Forgotten.SWALLOW)).tcp_door("server", port=server[1])
    door.start()
    pair = await connect(door)
    assert await exchange(pair, b"x") == b"x"
    clock.advance(59.0)
    assert await exchange(pair, b"x") == b"x"
    clock.advance(61.0)
    pair[1].write(b"y")
    for served in server[0].writers:
        served.write(b"news")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pair[0].read(1), 0.05)
    assert door.meter.snapshot().up.payload == 2
    pair[1].close()
    await door.stop()


@pytest.mark.asyncio
async def test_connection_that_ends_before_it_began_leaves_nothing_open(door: TcpDoor) -> None:
    early = socket.create_connection(door.address)
    door._accept()
    door.shut()
    await door.stop()
    with pytest.raises(ConnectionError):
        early.recv(1)
    early.close()


@pytest.mark.asyncio
async def test_reserved_port_is_nobody_elses_until_it_is_opened(server: tuple[Echo, int]) -> None:
    door = Link(ManualClock()).tcp_door("server")
    port = door.reserve()
    door.let(Passage.OPEN)
    with pytest.raises(ConnectionRefusedError):
        await connect(door)
    with pytest.raises(OSError, match="in use"):
        await asyncio.start_server(server[0].serve, "127.0.0.1", port)
    door.lead_to(server[1])
    assert door.start() == port
    pair = await connect(door)
    assert await exchange(pair, b"x") == b"x"
    pair[1].close()
    await door.stop()


@pytest.mark.asyncio
async def test_way_to_the_device_counts_the_other_way_round(server: tuple[Echo, int]) -> None:
    async with Journey(server[1], LinkProfile(up=Way(delay=1.0), down=Way(delay=0.25), nat_tcp=1.0)) as journey:
        inward = journey.link.tcp_door("device", port=server[1], inward=True)
        inward.start()
        pair = await connect(inward)
        assert await journey.answered_after(pair, 2000) == pytest.approx(2.5, abs=0.05)
        # No NAT is on the way to a device that can be reached.
        journey.clock.advance(100.0)
        inward.rebind()
        assert await journey.answered_after(pair, 2000) == pytest.approx(1.25, abs=0.05)
        taken = inward.meter.snapshot()
        assert (taken.up.payload, taken.down.payload, taken.round_trips) == (4000, 4000, 3)
        assert taken.down.packets >= taken.up.packets
        pair[1].close()
        await journey.link.remove("device")
        assert journey.link.snapshot().up.payload == 4000
