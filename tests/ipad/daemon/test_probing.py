"""The resolver and the probe that a configuration asks for, and looks in the words of policy."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any

import pytest

from ipad.clock import SystemClock
from ipad.codec.eim import EimConfigurationData, EimSupportedProtocol
from ipad.codec.esipa import GetEimPackageRequest
from ipad.config import Config, EimConfig, NetConfig, ProbeConfig
from ipad.daemon.connector import ConfiguredConnector
from ipad.daemon.probing import make_probe, probe_result, probe_targets, traffic
from ipad.daemon.resolution import make_resolver, server_sources
from ipad.errors import NetworkError, PortError
from ipad.net.dns_lookup import NameServer
from ipad.net.dns_resolver import InterfaceResolver
from ipad.net.interface_counters import Rates
from ipad.net.known_time import KnownTime
from ipad.net.link_quality import LinkQuality, Segments, Transfer
from ipad.net.probe import Look, ReachedLayer
from ipad.net.resolver import HOST
from ipad.policy.events import Layer, ProbeResult, Traffic
from tests.ipad.net.name_servers import address, name_server, response

NAME = "eim.example.com"
EID = bytes.fromhex("89049032001234567890000000100070")


def eim(eim_id: str = "eim1", fqdn: str | None = NAME, **fields: object) -> EimConfigurationData:
    return EimConfigurationData(eim_id=eim_id, eim_fqdn=fqdn, **fields)  # type: ignore[arg-type]


def unused_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


class Port:
    """The AT port of a modem that knows DNS servers, or is gone."""

    def __init__(self, *lines: str, gone: bool = False) -> None:
        self._lines = lines
        self._gone = gone
        self.commands: list[str] = []

    async def command(self, text: str) -> SimpleNamespace:
        self.commands.append(text)
        if self._gone:
            raise PortError("the port is gone")
        return SimpleNamespace(lines=self._lines)


def modem(port: Port) -> Any:
    return SimpleNamespace(port=port)


def test_host_resolves_unless_something_is_configured() -> None:
    assert make_resolver(Config(), SystemClock(), None) is HOST
    for net in (NetConfig(interface="wwan0"), NetConfig(dns=("10.0.0.53",))):
        assert isinstance(make_resolver(Config(net=net), SystemClock(), None), InterfaceResolver)


@pytest.mark.asyncio
async def test_configured_servers_with_and_without_port() -> None:
    net = NetConfig(interface="wwan0", dns=("10.0.0.53", "[2001:db8::53]:5353", "2001:db8::54", "127.0.0.1:54"))
    assert await server_sources(Config(net=net), None).servers("wwan0") == (
        NameServer(ip_address("10.0.0.53")),
        NameServer(ip_address("2001:db8::53"), 5353),
        NameServer(ip_address("2001:db8::54")),
        NameServer(ip_address("127.0.0.1"), 54, remote=False),
    )


@pytest.mark.asyncio
async def test_modem_is_asked_for_the_servers_of_its_bearer() -> None:
    port = Port('+CGCONTRDP: 1,5,"iot","10.1.2.3",,"10.0.0.53"')
    sources = server_sources(Config(net=NetConfig(interface="wwan0")), modem(port))
    assert [str(server) for server in await sources.servers("wwan0")] == ["10.0.0.53:53"]
    assert port.commands == ["AT+CGCONTRDP"]


@pytest.mark.asyncio
async def test_modem_that_is_gone_knows_none() -> None:
    sources = server_sources(Config(net=NetConfig(interface="wwan0")), modem(Port(gone=True)))
    assert await sources.told() == ()


@pytest.mark.asyncio
async def test_connections_to_eims_use_the_resolver() -> None:
    async with name_server(lambda query: [response(query, [address(NAME, "127.0.0.1")])]) as server:
        config = Config(net=NetConfig(dns=(f"127.0.0.1:{server.port}",)))
        resolver = make_resolver(config, SystemClock(), None)
        connector = ConfiguredConnector(config, KnownTime(SystemClock()), resolver=resolver)
        client = connector.connect(eim(fqdn=f"{NAME}:{unused_port()}"))
        with pytest.raises(NetworkError, match="cannot connect to 127") as caught:
            await client.get_eim_package(GetEimPackageRequest(eid_value=EID))
        await client.close()
        assert caught.value.layer == "tcp"
        assert {name for name, _ in server.queries} == {NAME}


# --- targets ---------------------------------------------------------------------------------------------


def test_targets_are_the_eims_that_can_be_contacted() -> None:
    config = Config(eim={"off": EimConfig(enabled=False)})
    connector = ConfiguredConnector(config, KnownTime(SystemClock()))
    coaps = eim("coaps", eim_supported_protocol=EimSupportedProtocol.EIM_RETRIEVE_COAPS)
    found = probe_targets(connector, [eim("off"), eim("none", None), eim("https", "a.example:8443"), coaps])
    assert [(target.name, str(target.server), target.scheme) for target in found] == [
        ("https", "a.example:8443", "https"),
        ("coaps", NAME, "coaps"),
    ]


@pytest.mark.asyncio
async def test_look_with_the_servers_of_the_configuration() -> None:
    async with name_server(lambda query: [response(query, [address(NAME, "127.0.0.1")])]) as server:
        listener = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        config = Config(
            net=NetConfig(dns=(f"127.0.0.1:{server.port}",)),
            probe=ProbeConfig(depth="tcp", others=(f"127.0.0.1:{port}",)),
        )
        connector = ConfiguredConnector(config, KnownTime(SystemClock()))
        probe = make_probe(config, SystemClock(), None, KnownTime(SystemClock()))
        look = await probe.look(probe_targets(connector, [eim(fqdn=f"{NAME}:{port}")]), session="1")
        listener.close()
        await listener.wait_closed()
    assert (look.reached, look.others, look.failure) == (ReachedLayer.TCP, True, "")


# --- in the words of policy ------------------------------------------------------------------------------


def test_every_layer_has_its_counterpart_in_policy() -> None:
    for layer in ReachedLayer:
        result = probe_result(Look(reached=layer), "1")
        assert result.reached is Layer(layer.value)
    order = [Layer(layer.value).rank for layer in ReachedLayer]
    assert order == sorted(order)


def test_look_as_an_event() -> None:
    look = Look(reached=ReachedLayer.TCP, packets=True, others=True, clock=True, failure="eim1: tls: early")
    assert probe_result(look, "3/10.0.0.1") == ProbeResult(
        reached=Layer.TCP, session="3/10.0.0.1", packets=True, others=True, clock=True, failure="eim1: tls: early"
    )


def test_traffic_is_told_when_there_was_some() -> None:
    quality = LinkQuality()
    assert traffic(quality, Look(reached=ReachedLayer.BEARER)) is None
    look = Look(reached=ReachedLayer.TLS, transfer=Transfer(4000, 0.5, Segments(10, 1)))
    assert traffic(quality, look) == Traffic(kbps=64.0)
    rates = Rates(seconds=1.0, received_kbps=500.0, sent_kbps=1.0, packets=90, errors=1)
    busy = Look(reached=ReachedLayer.TLS, transfer=Transfer(4000, 0.5, Segments(10, 0)), rates=rates)
    assert traffic(quality, busy) == Traffic(kbps=500.0, loss=2.0)
