"""A DNS server on the loopback interface, over UDP and TCP, that answers as a test wants."""

from __future__ import annotations

import asyncio
import ipaddress
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

A, CNAME, AAAA = 1, 5, 28
LOOPBACK = ipaddress.IPv4Address("127.0.0.1")
Data = tuple[str, int, bytes]
"""A record: owner, type, data."""


def encode(name: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split(".") if label) + b"\0"


def address(name: str, text: str) -> Data:
    found = ipaddress.ip_address(text)
    return name, A if found.version == 4 else AAAA, found.packed


def alias(name: str, target: str) -> Data:
    return name, CNAME, encode(target)


def response(
    query: bytes,
    records: Sequence[Data] = (),
    *,
    code: int = 0,
    identifier: int | None = None,
    question: bytes | None = None,
    flags: int = 0x8180,
) -> bytes:
    """The answer to a query, right or in one way wrong."""
    number = struct.unpack_from("!H", query)[0] if identifier is None else identifier
    asked = query[12:] if question is None else question
    body = b"".join(encode(name) + struct.pack("!2HIH", kind, 1, 60, len(data)) + data for name, kind, data in records)
    return struct.pack("!6H", number, flags | code, 1, len(records), 0, 0) + asked + body


def asked(query: bytes) -> tuple[str, int]:
    """Name and type of a query."""
    labels, offset = [], 12
    while size := query[offset]:
        labels.append(query[offset + 1 : offset + 1 + size].decode())
        offset += size + 1
    return ".".join(labels), struct.unpack_from("!H", query, offset + 1)[0]


Answerer = Callable[[bytes], Sequence[bytes]]
"""From a query to the datagrams that are sent for it."""


@dataclass
class NameServerUnderTest:
    answer: Answerer
    answer_stream: Answerer | None = None
    port: int = 0
    queries: list[tuple[str, int]] = field(default_factory=list)
    ports: set[int] = field(default_factory=set)
    identifiers: set[int] = field(default_factory=set)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServerUnderTest) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        self._server.queries.append(asked(data))
        self._server.ports.add(addr[1])
        self._server.identifiers.add(struct.unpack_from("!H", data)[0])
        for datagram in self._server.answer(data):
            self._transport.sendto(datagram, addr)


@asynccontextmanager
async def name_server(answer: Answerer, stream: Answerer | None = None) -> AsyncIterator[NameServerUnderTest]:
    """A server with a port of its own, the same for UDP and TCP."""
    server = NameServerUnderTest(answer, stream)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            size = int.from_bytes(await reader.readexactly(2), "big")
            query = await reader.readexactly(size)
            for message in (server.answer_stream or server.answer)(query):
                writer.write(len(message).to_bytes(2, "big") + message)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Datagrams(server), local_addr=("127.0.0.1", server.port)
    )
    try:
        yield server
    finally:
        transport.close()
        listener.close()
        await listener.wait_closed()
