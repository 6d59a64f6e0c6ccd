"""The link in a rig: control API, commands, and what the modem's bearer does to it."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hil.cli.client import ControlError
from hil.cli.parser import build_parser
from hil.link import PRESETS, Passage
from hil.modem.knobs import Knobs
from hil.network import Service
from hil.rig import FIRST_EIM, Rig, RigOptions
from tests.hil.operated import Operated, operated_rig


class Linked(Operated):
    async def bearer(self) -> None:
        await self.done("wait", "bearer=up", "--timeout", "20")


@pytest_asyncio.fixture
async def operated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Linked]:
    async with operated_rig(Linked, tmp_path, capsys) as operated:
        yield operated


def request(rig: Rig) -> int:
    """Status of a GET that a device sends to the first eIM."""
    context = ssl.create_default_context(cafile=str(rig.ca_file))
    port = rig.eim(FIRST_EIM).relay.address[1]
    connection = http.client.HTTPSConnection("localhost", port, timeout=10, context=context)
    try:
        connection.request("GET", "/gsma/rsp2/asn1")
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.asyncio
async def test_every_server_stands_behind_the_link(operated: Linked) -> None:
    await operated.bearer()
    doors = operated.rig.link.doors
    assert {door.name for door in doors} == {"eim1", "eim1-coaps", "eim2", "eim2-coaps", "smdp", "smds"}
    assert all(door.is_open for door in doors)
    await operated.done("modem", "power", "off")
    await operated.done("wait", "bearer=down", "--timeout", "20")
    assert not any(door.is_open for door in doors)
    assert operated.rig.link.bearer is Passage.SHUT


@pytest.mark.asyncio
async def test_tcp_and_coaps_of_an_eim_have_the_same_port_and_keep_it(tmp_path: Path) -> None:
    ports = []
    for _ in range(2):
        async with Rig(RigOptions(tmp_path, personality="plain")) as rig:
            for endpoint in rig.eims.values():
                assert endpoint.relay.address[1] == endpoint.coaps_relay.address[1]
            ports.append([door.address[1] for door in rig.link.doors])
    assert ports[0] == ports[1]


@pytest.mark.asyncio
async def test_session_without_traffic_swallows_packets(operated: Linked) -> None:
    rig = operated.rig
    await operated.bearer()
    bearers = []
    for data, no_traffic in ((False, False), (True, False), (True, True), (True, False), (False, False)):
        rig.network.set_service(Service(data=data))
        rig.modem.set_knobs(Knobs(no_traffic=no_traffic))
        assert rig.bearer == (data and not no_traffic)
        bearers.append(rig.link.bearer)
    rig.modem.power_off()
    bearers.append(rig.link.bearer)
    dead, fine = Passage.SILENT, Passage.OPEN
    assert bearers == [dead, fine, dead, fine, dead, Passage.SHUT]
    notes = [event.text for event in rig.timeline.events()]
    assert "session without traffic" in notes


@pytest.mark.asyncio
async def test_connection_outlives_a_session_without_traffic(operated: Linked) -> None:
    rig = operated.rig
    await operated.bearer()
    with socket.create_connection(rig.eim(FIRST_EIM).relay.address, timeout=10) as device:
        rig.network.set_service(Service(data=False))
        await asyncio.sleep(0)
        rig.network.set_service(Service())
        context = ssl.create_default_context(cafile=str(rig.ca_file))
        tls = await asyncio.to_thread(context.wrap_socket, device, server_hostname="localhost")
        tls.close()
    assert rig.link.meter.snapshot().resets == 0


@pytest.mark.asyncio
async def test_profile_is_shown_and_changed(operated: Linked) -> None:
    shown = json.loads(await operated.done("link", "show"))
    assert (shown["preset"], shown["cut"], shown["profile"]["up"]["rate"]) == ("none", "open", 0)
    shown = json.loads(await operated.done("link", "set", "--preset", "nb-iot"))
    assert shown["preset"] == "nb-iot"
    assert operated.rig.link.profile == PRESETS["nb-iot"]
    words = ("--delay", "0.1/0.2", "--rate", "1000000", "--loss", "0", "--jitter", "0", "--nat-udp", "never")
    shown = json.loads(await operated.done("link", "set", *words, "--forgotten", "swallow", "--queue", "9000"))
    profile = operated.rig.link.profile
    assert (profile.up.delay, profile.down.delay, profile.up.rate, profile.nat_udp) == (0.1, 0.2, 1e6, None)
    assert (profile.nat_tcp, profile.mtu, profile.queue) == (PRESETS["nb-iot"].nat_tcp, 1358, 9000)
    assert (shown["preset"], shown["profile"]["forgotten"]) == (None, "swallow")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"preset": "5g"}, "no preset '5g'"),
        ({"preset": 5}, "preset: expected a text"),
        ({"up": {"delay": -1}}, "delay"),
        ({"up": {"speed": 1}}, "link.up: unknown key 'speed'"),
        ({"up": 3}, "link.up: expected a table"),
        ({"mtu": 10}, "mtu"),
        ({"forgotten": "keep"}, "link.forgotten"),
    ],
)
async def test_impossible_profile_changes_nothing(operated: Linked, body: dict[str, Any], message: str) -> None:
    before = operated.rig.link.profile
    with pytest.raises(ControlError, match=message):
        await operated.post("/link", {"queue": 9000, **body})
    assert operated.rig.link.profile == before


@pytest.mark.asyncio
@pytest.mark.parametrize("body", [{"silent": 1}, {"seconds": -1}, {"seconds": "long"}, {"seconds": True}])
async def test_impossible_cut_is_refused(operated: Linked, body: dict[str, Any]) -> None:
    with pytest.raises(ControlError, match=next(iter(body))):
        await operated.post("/link/cut", body)
    assert operated.rig.link.interruption is Passage.OPEN


@pytest.mark.asyncio
async def test_cut_restore_and_rebind(operated: Linked) -> None:
    link = operated.rig.link
    await operated.bearer()
    for words, cut in (
        (("cut",), "shut"),
        (("cut", "--silent", "3600"), "silent"),
        (("restore",), "open"),
        (("cut", "0"), "open"),
    ):
        await operated.done("link", *words)
        shown = json.loads(await operated.done("link", "show"))
        assert (shown["cut"], shown["passage"], shown["bearer"]) == (cut, cut, "open")
    assert all(door.is_open for door in link.doors)
    await operated.done("link", "rebind")
    assert operated.rig.eim(FIRST_EIM).coaps_relay.rebinds == 1


def connected(port: int) -> bool:
    """Whether a device gets through that port to somebody who says something."""
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            return connection.recv(1) == b"!"
    except ConnectionError:
        return False


async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"!")
    await writer.drain()
    writer.close()


async def served_elsewhere(operated: Linked) -> tuple[asyncio.Server, dict[str, Any]]:
    """A server at another address of this machine, and the door that leads to it. The port has to be free at the rig's
    address as well: who connects from there may have it for a moment.
    """
    while True:
        server = await asyncio.start_server(greet, "127.0.0.2", 0)
        port = server.sockets[0].getsockname()[1]
        door = {"name": "other", "host": "127.0.0.2", "port": port}
        try:
            assert await operated.post("/link/doors", door) == {"name": "other", "address": ["127.0.0.1", port]}
        except ControlError as error:
            server.close()
            await server.wait_closed()
            if "in use" not in str(error):
                raise
        else:
            return server, door


@pytest.mark.asyncio
async def test_servers_of_others_stand_behind_the_link_too(operated: Linked) -> None:
    await operated.bearer()
    server, door = await served_elsewhere(operated)
    port = door["port"]
    try:
        assert await asyncio.to_thread(connected, port)
        await operated.done("link", "cut")
        assert not await asyncio.to_thread(connected, port)
        await operated.done("link", "restore")
        assert await asyncio.to_thread(connected, port)
        with pytest.raises(ControlError, match="a door 'other' already"):
            await operated.post("/link/doors", door)
        with pytest.raises(ControlError, match=f"port {port}: "):
            await operated.post("/link/doors", {**door, "name": "another"})
        assert {item.name for item in operated.rig.link.doors} > {"other"}
        await operated.delete("/link/doors/other")
        assert not await asyncio.to_thread(connected, port)
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"name": "x", "host": "127.0.0.2"}, "door: missing key 'port'"),
        ({"name": "x", "host": "127.0.0.2", "port": 0}, "door.port: expected 1 to 65535, found 0"),
        ({"name": "x", "host": "127.0.0.2", "port": 9, "way": 1}, "door: unknown key 'way'"),
        ({"name": "eim1", "host": "127.0.0.2", "port": 9}, "a door 'eim1' already"),
    ],
)
async def test_impossible_door_is_refused(operated: Linked, body: dict[str, Any], message: str) -> None:
    with pytest.raises(ControlError, match=message):
        await operated.post("/link/doors", body)
    with pytest.raises(ControlError, match="no door 'eim1' was added"):
        await operated.delete("/link/doors/eim1")


@pytest.mark.asyncio
async def test_counters_tell_what_each_server_cost(operated: Linked) -> None:
    await operated.bearer()
    assert await asyncio.to_thread(request, operated.rig) == 405
    found = json.loads(await operated.done("link", "counters", "--reset", "--json"))
    eim = found["doors"]["eim1"]
    assert eim["connections"] == 1
    assert eim["roundTrips"] >= 3
    assert eim["up"]["wire"] > eim["up"]["payload"] + 52 * 3 > 300
    assert eim["span"] > 0
    assert found["doors"]["smdp"]["up"]["packets"] == 0
    assert found["total"]["down"] == eim["down"]
    table = await operated.done("link", "counters")
    assert [line.split()[0] for line in table.splitlines()[1:]] == [*found["doors"], "total"]
    assert table.splitlines()[-1].split()[1] == "0/0"


@pytest.mark.asyncio
async def test_rig_may_begin_with_a_preset(tmp_path: Path) -> None:
    options = build_parser().parse_args(["rig", "--link", "lte-m"])
    async with Rig(RigOptions(tmp_path, personality="plain", link=options.link)) as rig:
        assert rig.link.profile == PRESETS["lte-m"]


@pytest.mark.parametrize("text", ["fast", "1/slow", "1/2/3"])
def test_way_is_one_number_or_two(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["link", "set", "--delay", text])
    assert "UP/DOWN" in capsys.readouterr().err
