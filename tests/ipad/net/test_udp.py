from __future__ import annotations

import socket

import pytest

from ipad.errors import NetworkError
from ipad.net import udp


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.1", (socket.AF_INET, ("192.0.2.1", 5684))),
        ("2001:db8::1", (socket.AF_INET6, ("2001:db8::1", 5684, 0, 0))),
    ],
)
async def test_address_stands_for_itself(host: str, expected: udp.Endpoint) -> None:
    assert await udp.resolve(host, 5684) == [expected]


@pytest.mark.asyncio
async def test_name_is_resolved() -> None:
    assert ("127.0.0.1", 5684) in [address[:2] for _, address in await udp.resolve("localhost", 5684)]


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["eim.invalid", "a" * 64 + ".example.com"])
async def test_name_without_address(name: str) -> None:
    with pytest.raises(NetworkError, match="not resolved") as caught:
        await udp.resolve(name, 5684)
    assert caught.value.layer == "dns"


def test_socket_hears_its_server_only() -> None:
    server, stranger = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    server.bind(("127.0.0.1", 0))
    sock = udp.connect((socket.AF_INET, server.getsockname()))
    stranger.sendto(b"spoofed", sock.getsockname())
    server.sendto(b"genuine", sock.getsockname())
    assert sock.recv(100) == b"genuine"
    with pytest.raises(BlockingIOError):
        sock.recv(100)
    for each in (server, stranger, sock):
        each.close()


def test_interface_that_does_not_exist() -> None:
    with pytest.raises(NetworkError, match="cannot reach") as caught:
        udp.connect((socket.AF_INET, ("127.0.0.1", 9)), interface="nosuch0")
    assert caught.value.layer == "udp"


def test_kernel_without_the_family(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> socket.socket:
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(NetworkError, match="not supported") as caught:
        udp.connect((socket.AF_INET6, ("2001:db8::1", 53, 0, 0)))
    assert caught.value.layer == "udp"
