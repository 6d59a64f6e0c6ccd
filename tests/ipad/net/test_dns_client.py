from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import pytest

from hil.clock import ManualClock
from ipad.clock import SystemClock
from ipad.errors import NetworkError
from ipad.net.dns_client import look_up
from ipad.net.dns_lookup import Lookup, NameServer
from ipad.net.dns_message import RecordType
from tests.ipad.net.name_servers import LOOPBACK, NameServerUnderTest, address, name_server, response
from tests.waiting import pass_time

NAME = "eim.example.com"
RIGHT = [address(NAME, "192.0.2.1")]
WRONG = [address(NAME, "192.0.2.66")]


def at(server: NameServerUnderTest) -> NameServer:
    return NameServer(LOOPBACK, server.port)


async def ask(*servers: NameServer, interface: str = "") -> Lookup:
    return await look_up(NAME, (RecordType.A,), servers, SystemClock(), interface=interface, patience=30.0)


def texts(lookup: Lookup) -> list[str]:
    return [str(found) for found in lookup.result()]


def may_bind() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
        except OSError:
            return False
    return True


@pytest.mark.asyncio
async def test_name_is_found_over_udp() -> None:
    async with name_server(lambda query: [response(query, RIGHT)]) as server:
        assert texts(await ask(at(server))) == ["192.0.2.1"]
        assert server.queries == [(NAME, 1)]


@pytest.mark.asyncio
async def test_each_query_has_a_port_and_an_identifier_of_its_own() -> None:
    async with name_server(lambda query: [response(query, RIGHT)]) as server:
        for _ in range(12):
            await ask(at(server))
        assert len(server.ports) > 6
        assert len(server.identifiers) > 6


@pytest.mark.asyncio
async def test_spoofed_answers_before_the_true_one_are_refused() -> None:
    def answer(query: bytes) -> Sequence[bytes]:
        number = int.from_bytes(query[:2], "big")
        other = query[12:].replace(b"\x03eim", b"\x03xim")
        return [
            response(query, WRONG, identifier=number ^ 1),
            response(query, WRONG, question=other),
            query,
            b"\x00",
            response(query, RIGHT),
        ]

    async with name_server(answer) as server:
        assert texts(await ask(at(server))) == ["192.0.2.1"]


@pytest.mark.asyncio
async def test_answer_from_another_port_is_not_heard() -> None:
    asked = asyncio.Event()
    ports: list[int] = []

    def silence(_: bytes) -> Sequence[bytes]:
        asked.set()
        return []

    clock = ManualClock()
    async with name_server(silence) as server:
        looking = asyncio.ensure_future(look_up(NAME, (RecordType.A,), [at(server)], clock, patience=30.0))
        await asked.wait()
        ports.extend(server.ports)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for identifier in server.identifiers:
                query = identifier.to_bytes(2, "big") + bytes(10) + b"\x03eim\x07example\x03com\0\0\x01\0\x01"
                stranger.sendto(response(query, WRONG), ("127.0.0.1", ports[0]))
        await pass_time(clock, looking.done, count=50)
        assert not (await looking).answered


@pytest.mark.asyncio
async def test_truncated_answer_is_fetched_over_tcp() -> None:
    async with name_server(
        lambda query: [response(query, flags=0x8380)], lambda query: [response(query, RIGHT)]
    ) as server:
        assert texts(await ask(at(server))) == ["192.0.2.1"]


@pytest.mark.asyncio
async def test_server_that_breaks_off_over_tcp_is_left_for_the_next() -> None:
    async with (
        name_server(lambda query: [response(query, flags=0x8380)], lambda _: []) as first,
        name_server(lambda query: [response(query, RIGHT)]) as second,
    ):
        assert texts(await ask(at(first), at(second))) == ["192.0.2.1"]


@pytest.mark.asyncio
async def test_server_that_is_not_there_is_left_for_the_next() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    async with name_server(lambda query: [response(query, RIGHT)]) as server:
        assert texts(await ask(NameServer(LOOPBACK, port), at(server))) == ["192.0.2.1"]


@pytest.mark.asyncio
async def test_silence_ends_after_the_patience_of_the_clock() -> None:
    asked = asyncio.Event()

    def silence(_: bytes) -> Sequence[bytes]:
        asked.set()
        return []

    clock = ManualClock()
    async with name_server(silence) as server:
        looking = asyncio.ensure_future(look_up(NAME, (RecordType.A,), [at(server)], clock, patience=30.0))
        await asked.wait()
        await pass_time(clock, looking.done, count=50)
        with pytest.raises(NetworkError, match="no server answered"):
            (await looking).result()
        assert clock.monotonic() == 30.0
        assert len(server.queries) == 4


@pytest.mark.asyncio
@pytest.mark.skipif(not may_bind(), reason="sockets cannot be bound to an interface here")
async def test_queries_over_an_interface() -> None:
    async with name_server(
        lambda query: [response(query, flags=0x8380)], lambda query: [response(query, RIGHT)]
    ) as server:
        assert texts(await ask(at(server), interface="lo")) == ["192.0.2.1"]


@pytest.mark.asyncio
async def test_interface_that_does_not_exist_is_a_broken_query() -> None:
    async with name_server(lambda query: [response(query, RIGHT)]) as server:
        with pytest.raises(NetworkError, match="cannot reach") as caught:
            (await ask(at(server), interface="nosuchif0")).result()
        assert (caught.value.layer, caught.value.answered) == ("dns", False)
