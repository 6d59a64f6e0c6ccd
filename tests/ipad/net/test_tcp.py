from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from ipad.errors import NetworkError
from ipad.net import tcp
from tests.ipad.net.servers import scripted_server

Found = list[tuple[Any, ...]]


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[[Found | OSError], None]:
    """Let the resolver of the running loop find this."""

    def set_result(found: Found | OSError) -> None:
        async def getaddrinfo(host: str, port: int, **_: object) -> Found:
            if isinstance(found, OSError):
                raise found
            return [(family, socket.SOCK_STREAM, 6, "", (address, port)) for family, address in found]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)

    return set_result


@pytest.mark.asyncio
async def test_second_address_is_tried_when_the_first_refuses(resolve: Callable[[Found], None]) -> None:
    async with scripted_server([]) as server:
        resolve([(socket.AF_INET, "127.0.0.2"), (socket.AF_INET, "127.0.0.1")])
        sock = await tcp.connect("eim.example.com", server.port)
        assert sock.getpeername() == ("127.0.0.1", server.port)
        assert sock.gettimeout() == 0.0
        sock.close()


@pytest.mark.asyncio
async def test_address_that_never_answers_leaves_time_for_the_next(
    resolve: Callable[[Found], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    connect = loop.sock_connect

    async def sock_connect(sock: socket.socket, address: tuple[str, int]) -> None:
        if address[0] == "127.0.0.2":
            await asyncio.Event().wait()
        await connect(sock, address)

    monkeypatch.setattr(loop, "sock_connect", sock_connect)
    async with scripted_server([]) as server:
        resolve([(socket.AF_INET, "127.0.0.2"), (socket.AF_INET, "127.0.0.1")])
        (await tcp.connect("eim.example.com", server.port, patience=0.2)).close()


@pytest.mark.asyncio
async def test_name_that_does_not_exist(resolve: Callable[[OSError], None]) -> None:
    resolve(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    with pytest.raises(NetworkError, match=r"eim\.example\.com: name not resolved") as caught:
        await tcp.connect("eim.example.com", 443)
    assert caught.value.layer == "dns"


@pytest.mark.asyncio
async def test_name_without_an_address(resolve: Callable[[Found], None]) -> None:
    resolve([])
    with pytest.raises(NetworkError, match="no address"):
        await tcp.connect("eim.example.com", 443)


@pytest.mark.asyncio
async def test_ip_address_is_not_resolved(resolve: Callable[[OSError], None]) -> None:
    resolve(OSError("the resolver was asked"))
    async with scripted_server([]) as server:
        (await tcp.connect("127.0.0.1", server.port)).close()


@pytest.mark.asyncio
async def test_interface_that_does_not_exist_is_a_failed_connection() -> None:
    async with scripted_server([]) as server:
        with pytest.raises(NetworkError, match="cannot connect to") as caught:
            await tcp.connect("127.0.0.1", server.port, interface="nosuchif0")
        assert caught.value.layer == "tcp"
