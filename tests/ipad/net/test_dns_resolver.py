from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest

from ipad.clock import SystemClock
from ipad.net.dns_lookup import NameServer
from ipad.net.dns_message import Address, RecordType
from ipad.net.dns_resolver import InterfaceResolver, ServerSources, kinds, system_servers
from ipad.net.resolver import Resolution
from tests.ipad.net.name_servers import LOOPBACK, NameServerUnderTest, address, name_server, response
from tests.ipad.net.test_dns_client import may_bind

NAME = "eim.example.com"
RIGHT = [address(NAME, "127.0.0.9")]


class SystemResolver:
    """The resolver of the system, which is asked as a last resort."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int, *, interface: str = "") -> Resolution:
        self.asked.append(host)
        return Resolution(((socket.AF_INET, ("127.0.0.8", port)),))


def resolver(server: NameServerUnderTest, *, remote: bool = True) -> InterfaceResolver:
    sources = ServerSources((NameServer(LOOPBACK, server.port, remote=remote),))
    return InterfaceResolver(SystemClock(), sources, fallback=SystemResolver())


@pytest.mark.asyncio
async def test_name_becomes_endpoints_and_proves_that_the_network_answers() -> None:
    async with name_server(lambda query: [response(query, RIGHT)]) as server:
        found = await resolver(server).resolve(NAME, 443)
    assert found == Resolution(((socket.AF_INET, ("127.0.0.9", 443)),), proves=True)


@pytest.mark.asyncio
async def test_answer_of_a_server_that_may_be_a_cache_proves_nothing() -> None:
    async with name_server(lambda query: [response(query, RIGHT)]) as server:
        assert not (await resolver(server, remote=False).resolve(NAME, 443)).proves


@pytest.mark.asyncio
async def test_address_is_not_asked_for() -> None:
    async with name_server(lambda query: [response(query, RIGHT)]) as server:
        found = await resolver(server).resolve("2001:db8::7", 5684)
        assert found.endpoints == ((socket.AF_INET6, ("2001:db8::7", 5684, 0, 0)),)
        assert not server.queries


@pytest.mark.asyncio
@pytest.mark.parametrize("code", [0, 3])
async def test_cache_with_a_network_behind_it_is_told_by_a_name_that_nobody_knows(code: int) -> None:
    async with name_server(lambda query: [response(query, code=code)]) as server:
        found = resolver(server, remote=False)
        assert await found.is_alive(NAME)
        assert await found.is_alive(NAME)
        names = [name for name, _ in server.queries]
    assert all(name.endswith(".example.com") and name != NAME for name in names)
    assert len(set(names)) == 2, "a name that was asked for once may be in a cache"


@pytest.mark.asyncio
@pytest.mark.parametrize("code", [2, 5])
async def test_cache_without_a_network_behind_it(code: int) -> None:
    async with name_server(lambda query: [response(query, code=code)]) as server:
        assert not await resolver(server, remote=False).is_alive(NAME)
        assert await resolver(server, remote=True).is_alive(NAME), "a server in the network that refuses is a packet"


@pytest.mark.asyncio
async def test_without_interface_and_servers_the_system_resolves() -> None:
    system = SystemResolver()
    await InterfaceResolver(SystemClock(), fallback=system).resolve(NAME, 443)
    assert system.asked == [NAME]


@pytest.mark.asyncio
async def test_system_resolves_when_nobody_can_be_asked_over_the_interface(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 127.0.0.53\n")
    system = SystemResolver()
    sources = ServerSources(files=(file, tmp_path / "missing"))
    found = await InterfaceResolver(SystemClock(), sources, fallback=system).resolve(NAME, 443, interface="wwan0")
    assert system.asked == [NAME]
    assert not found.proves


# --- where servers come from ------------------------------------------------------------------------------


async def told() -> Sequence[Address]:
    return (ip_address("10.0.0.1"), ip_address("10.0.0.2"))


async def nothing() -> Sequence[Address]:
    return ()


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    file = tmp_path / "resolv.conf"
    file.write_text(
        "# written by hand\nsearch lan\noptions rotate\nnameserver 127.0.0.53\nnameserver nonsense\n"
        "nameserver 192.168.1.1\nnameserver 9.9.9.9\nnameserver fe80::1%wwan0\n"
    )
    return file


@pytest.mark.asyncio
async def test_configured_servers_come_before_those_of_the_network_and_of_the_system(file: Path) -> None:
    own = NameServer(ip_address("10.9.9.9"))
    assert await ServerSources((own,), told, (file,)).servers("wwan0") == (own,)
    assert [str(found) for found in await ServerSources((), told, (file,)).servers("wwan0")] == [
        "10.0.0.1:53",
        "10.0.0.2:53",
    ]


@pytest.mark.asyncio
async def test_servers_of_this_host_cannot_be_asked_over_another_interface(file: Path) -> None:
    found = await ServerSources((), nothing, (file,)).servers("wwan0")
    assert [(str(server.address), server.remote) for server in found] == [("192.168.1.1", False), ("9.9.9.9", True)]


@pytest.mark.asyncio
async def test_servers_behind_the_stub_of_systemd_resolved_are_found(tmp_path: Path, file: Path) -> None:
    stub = tmp_path / "stub"
    stub.write_text("nameserver 127.0.0.53\n")
    found = await ServerSources((), nothing, (stub, file)).servers("wwan0")
    assert [str(server.address) for server in found] == ["192.168.1.1", "9.9.9.9"]


def test_system_file_that_is_not_there(tmp_path: Path) -> None:
    assert system_servers(tmp_path / "missing") == ()


def test_families_that_are_asked_for() -> None:
    assert kinds("") == (RecordType.AAAA, RecordType.A)
    assert kinds("nosuchif0") == (RecordType.AAAA, RecordType.A)


@pytest.mark.asyncio
@pytest.mark.skipif(not may_bind(), reason="sockets cannot be bound to an interface here")
async def test_whole_way_over_an_interface() -> None:
    async with name_server(lambda query: [response(query, RIGHT if query[-3] == 1 else ())]) as server:
        found = await resolver(server).resolve(NAME, 443, interface="lo")
    assert found.endpoints == ((socket.AF_INET, ("127.0.0.9", 443)),)
