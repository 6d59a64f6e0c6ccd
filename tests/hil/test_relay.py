from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from hil.relay import Relay


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
async def relay(server: tuple[Echo, int]) -> AsyncIterator[Relay]:
    relay = Relay("127.0.0.1", server[1])
    relay.start()
    yield relay
    await relay.stop()


async def connect(relay: Relay) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.wait_for(asyncio.open_connection(*relay.address), 5)


async def exchange(pair: tuple[asyncio.StreamReader, asyncio.StreamWriter], data: bytes) -> bytes:
    reader, writer = pair
    writer.write(data)
    return await asyncio.wait_for(reader.readexactly(len(data)), 5)


@pytest.mark.asyncio
async def test_bytes_pass_both_ways_and_are_counted(relay: Relay) -> None:
    pair = await connect(relay)
    payload = bytes(range(256)) * 1000
    assert await exchange(pair, payload) == payload
    pair[1].close()
    assert relay.counters.bytes_up == relay.counters.bytes_down == len(payload)
    assert relay.counters.connections == 1


@pytest.mark.asyncio
async def test_orderly_end_is_passed_on(relay: Relay) -> None:
    reader, writer = await connect(relay)
    writer.write(b"last words")
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 5) == b"last words"
    writer.close()


@pytest.mark.asyncio
async def test_shutting_resets_connections_and_refuses_new_ones(relay: Relay) -> None:
    first, second = await connect(relay), await connect(relay)
    for pair in (first, second):
        assert await exchange(pair, b"hello") == b"hello"
    relay.shut()
    for reader, writer in (first, second):
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(1), 5)
        writer.close()
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            await connect(relay)
    assert relay.counters.resets == 2


@pytest.mark.asyncio
async def test_opens_again_under_the_same_address(relay: Relay) -> None:
    address = relay.address
    for _ in range(5):
        relay.set_open(False)
        relay.set_open(False)
        relay.set_open(True)
        relay.set_open(True)
    assert relay.is_open
    assert relay.address == address
    pair = await connect(relay)
    assert await exchange(pair, b"again") == b"again"
    pair[1].close()


@pytest.mark.asyncio
async def test_connection_that_was_not_accepted_yet_is_lost_too(relay: Relay) -> None:
    early = socket.create_connection(relay.address)
    relay.shut()
    early.settimeout(5)
    with pytest.raises(ConnectionResetError):
        early.recv(1)
    early.close()


@pytest.mark.asyncio
async def test_port_stays_reserved_while_shut(relay: Relay) -> None:
    relay.shut()
    other = socket.socket()
    with pytest.raises(OSError, match="in use"):
        other.bind(relay.address)
    other.close()
    with pytest.raises(OSError, match="in use"):
        Relay("127.0.0.1", 1).start(relay.address[1])


@pytest.mark.asyncio
async def test_reset_by_the_server_reaches_the_client(relay: Relay, server: tuple[Echo, int]) -> None:
    pair = await connect(relay)
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
    relay = Relay("127.0.0.1", unused.getsockname()[1])
    relay.start()
    reader, writer = await connect(relay)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(1), 5)
    writer.close()
    await relay.stop()
    unused.close()


@pytest.mark.asyncio
async def test_relay_may_start_shut_and_knows_no_address_before() -> None:
    relay = Relay("127.0.0.1", 9)
    with pytest.raises(RuntimeError, match="not started"):
        _ = relay.address
    relay.start(is_open=False)
    assert not relay.is_open
    with pytest.raises(ConnectionRefusedError):
        await connect(relay)
    await relay.stop()
    relay.open()
    assert not relay.is_open
