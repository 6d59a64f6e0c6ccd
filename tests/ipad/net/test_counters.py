"""Counters of connections, compared with what the other side saw."""

from __future__ import annotations

import socket
import ssl
import struct
from pathlib import Path

import pytest

from ipad.errors import TlsTrustError
from ipad.net.counters import TcpMeter, Usage, UsageLedger, UsageSnapshot, tcp_usage
from tests.ipad.net.clients import client_of
from tests.ipad.net.issuing import issue, server_context
from tests.ipad.net.servers import answer, scripted_server


class Info:
    """A socket with a canned tcp_info."""

    def __init__(self, content: bytes | None) -> None:
        self.content = content

    def getsockopt(self, _level: int, _option: int, _size: int) -> bytes:
        if self.content is None:
            raise OSError("closed")
        return self.content


def info(acked: int, received: int, out: int, back: int, sent: int | None = None) -> bytes:
    head = bytes(120) + struct.pack("=QQII", acked, received, out, back)
    return head if sent is None else head.ljust(200, b"\0") + struct.pack("=Q", sent)


def test_kernel_without_the_newest_field_tells_what_was_acknowledged() -> None:
    headers = {"headers_sent": 3 * 52, "headers_received": 4 * 52}
    assert tcp_usage(Info(info(1, 2, 3, 4))) == Usage(0, 1, 2, 3, 4, **headers)
    assert tcp_usage(Info(info(1, 2, 3, 4, 9))) == Usage(0, 9, 2, 3, 4, **headers)


@pytest.mark.parametrize("content", [None, b"", bytes(136)])
def test_socket_that_cannot_tell_is_none(content: bytes | None) -> None:
    assert tcp_usage(Info(content)) is None


def test_connections_add_up_and_the_last_count_of_a_closed_one_stands() -> None:
    meter, first, second = TcpMeter(), Info(info(10, 20, 1, 1)), Info(info(1, 2, 1, 1))
    meter.opened(first, resumed=False)
    assert meter.usage() == Usage(0, 10, 20, 1, 1, 1, 0, 52, 52)
    first.content = None
    meter.closed()
    meter.opened(second, resumed=True)
    assert meter.usage() == Usage(0, 11, 22, 2, 2, 2, 1, 104, 104)
    meter.closed()
    meter.closed()
    assert meter.usage() == Usage(0, 11, 22, 2, 2, 2, 1, 104, 104)


@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="the kernel does not tell")
@pytest.mark.asyncio
async def test_client_counts_what_its_connections_cost(tmp_path: Path) -> None:
    server_leaf = issue("eim.example.com")
    context: ssl.SSLContext = server_context(server_leaf, tmp_path)
    script = [answer(b"x" * 1000), answer(b"y" * 3000, "Connection: close"), answer(b"z"), answer(b"not asked for")]
    async with scripted_server(script, context) as server:
        client = client_of(server_leaf, server.port)
        assert client.usage == Usage()
        seen = []
        for _ in range(3):
            await client.post("/", (), b"b" * 500, max_body=5000)
            seen.append(client.usage)
        await client.close()
    first, second, third = seen
    assert first.handshakes == second.handshakes == 1
    assert third.handshakes == 2
    assert first.bytes_sent > 500
    assert first.bytes_received > 1000
    assert 3000 < (second - first).bytes_received < 3500
    assert 500 < (second - first).bytes_sent < 800
    assert (third - second).bytes_sent > 500
    left = client.usage - third
    assert 20 < left.bytes_sent < 60, "the close_notify belongs to it"
    assert (left.packets_sent, left.bytes_received) == (1, 0)


@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="the kernel does not tell")
@pytest.mark.asyncio
async def test_client_counts_a_handshake_that_fails(tmp_path: Path) -> None:
    async with scripted_server([], server_context(issue("eim.example.com"), tmp_path)) as server:
        client = client_of(issue("another"), server.port)
        with pytest.raises(TlsTrustError):
            await client.post("/", (), b"", max_body=10)
    assert client.usage.bytes_sent > 200
    assert client.usage.bytes_received > 500
    assert client.usage.handshakes == 0


def test_snapshot_is_sorted_and_tells_what_was_added() -> None:
    ledger = UsageLedger()
    ledger.add("eim2", "poll", Usage(exchanges=1, bytes_sent=5))
    ledger.add("eim1", "poll", Usage(exchanges=1, bytes_sent=10, handshakes=1))
    ledger.add("eim1", "notification", Usage(exchanges=1, bytes_sent=20))
    before = ledger.snapshot()
    assert [(entry.server, entry.purpose) for entry in before.entries] == [
        ("eim1", "notification"),
        ("eim1", "poll"),
        ("eim2", "poll"),
    ]
    assert before.servers == ("eim1", "eim2")
    assert before.total("eim1") == Usage(exchanges=2, bytes_sent=30, handshakes=1)
    assert before.total() == Usage(exchanges=3, bytes_sent=35, handshakes=1)
    ledger.add("eim1", "poll", Usage(exchanges=1, bytes_sent=1, handshakes=1, resumed_handshakes=1))
    added = ledger.snapshot().since(before)
    assert [(entry.server, entry.purpose) for entry in added.entries] == [("eim1", "poll")]
    assert added.total() == Usage(exchanges=1, bytes_sent=1, handshakes=1, resumed_handshakes=1)
    assert (added.total().full_handshakes, before.total().full_handshakes) == (0, 1)
    assert ledger.snapshot().since(ledger.snapshot()) == UsageSnapshot()
