"""The CoAPS server on loopback, asked by the bench's client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hil.coap import CoapsClient
from hil.dtls_client import DtlsClient, DtlsError
from ipad.net.coap_server import CoapsServer, CoapsSettings
from ipad.net.peer_rules import PeerRule
from ipad.net.serving import MAX_REQUEST, Answer
from tests.ipad.net.doors import HOST, Desk, People, credential, files, rule, rules
from tests.ipad.net.issuing import Issued

PEOPLE = People()
CLIENT = PEOPLE.client()
PATH = ("gsma", "rsp2", "asn1")
LONG = bytes(range(256)) * 20


@dataclass
class Site:
    """A server and where it is."""

    server: CoapsServer
    port: int

    @asynccontextmanager
    async def client(self, shown: Issued | None = CLIENT, block_size: int = 1024) -> AsyncIterator[CoapsClient]:
        dtls = DtlsClient(HOST, anchors=PEOPLE.server.pem, credential=None if shown is None else credential(shown))
        client = CoapsClient(dtls, block_size=block_size)
        try:
            await client.open(HOST, self.port)
            yield client
        finally:
            await client.close()


@asynccontextmanager
async def serving(folder: Path, desk: Desk, *those: PeerRule) -> AsyncIterator[Site]:
    found = rules(*(those or (rule("eim", CLIENT),)))
    server = CoapsServer(PATH, desk.ask, files(PEOPLE.server, folder, "server"), found, CoapsSettings(peers=2))
    port = await server.start(HOST, 0)
    try:
        yield Site(server, port)
    finally:
        await server.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("block_size", [1024, 64])
@pytest.mark.parametrize("body", [b"x", LONG])
async def test_known_client_is_answered_in_blocks_if_need_be(tmp_path: Path, body: bytes, block_size: int) -> None:
    desk = Desk()
    async with serving(tmp_path, desk) as site, site.client(block_size=block_size) as client:
        first = await client.post(PATH, body)
        second = await client.post(PATH, b"more")
    assert (first.code, first.body, second.body) == ("2.04", body, b"more")
    assert [peer.name for _, peer in desk.seen] == ["eim", "eim"]
    assert desk.sent == [True, True]


@pytest.mark.asyncio
async def test_slow_answer_comes_separately(tmp_path: Path) -> None:
    desk = Desk(hold=asyncio.Event())
    assert desk.hold is not None
    async with serving(tmp_path, desk) as site, site.client() as client:
        asyncio.get_running_loop().call_later(0.3, desk.hold.set)
        assert (await client.post(PATH, b"x")).body == b"x"
    assert len(desk.seen) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("shown", [None, PEOPLE.client()])
async def test_stranger_is_refused(tmp_path: Path, shown: Issued | None) -> None:
    desk = Desk()
    async with serving(tmp_path, desk) as site:
        with pytest.raises(DtlsError):
            async with site.client(shown):
                pass
        assert site.server.refused == 1
    assert not desk.seen


@pytest.mark.asyncio
async def test_wrong_path_and_too_much_have_their_codes(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(tmp_path, desk) as site, site.client() as client:
        assert (await client.post(("gsma", "rsp2", "other"), b"x")).code == "4.04"
        assert (await client.post(PATH, bytes(MAX_REQUEST + 1))).code == "4.13"
    assert not desk.seen


@pytest.mark.asyncio
async def test_busy_peer_is_told_when_to_come_again(tmp_path: Path) -> None:
    desk = Desk(answers=[Answer(retry_after=30)])
    async with serving(tmp_path, desk) as site, site.client() as client:
        response = await client.post(PATH, b"x")
    assert (response.code, response.max_age) == ("5.03", 30)


@pytest.mark.asyncio
async def test_without_an_answer_the_client_is_told_that_there_is_none(tmp_path: Path) -> None:
    sent: list[bool] = []
    desk = Desk(answers=[Answer(sent=sent.append)])
    async with serving(tmp_path, desk) as site, site.client() as client:
        assert (await client.post(PATH, b"x")).code == "5.00"
    assert sent == [False]


@pytest.mark.asyncio
async def test_datagrams_that_are_nothing_do_not_harm(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(tmp_path, desk) as site:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=(HOST, site.port)
        )
        for datagram in (b"", b"\x16", bytes(1500), b"\x16\xfe\xfd" + bytes(8) + b"\x00\x02\x01\x00"):
            transport.sendto(datagram)
        async with site.client() as client:
            assert (await client.post(PATH, b"x")).body == b"x"
        transport.close()


@pytest.mark.asyncio
async def test_closing_tells_the_clients(tmp_path: Path) -> None:
    async with serving(tmp_path, Desk()) as site, site.client() as client:
        await site.server.close()
        with pytest.raises(DtlsError):
            await client.post(PATH, b"x")
