"""The HTTPS server on loopback: strangers, limits, answers."""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from ipad.errors import ConfigError
from ipad.net.https_server import HttpsServer, HttpsSettings, Route
from ipad.net.peer_rules import PeerIdentity, PeerRule
from ipad.net.serving import MAX_REQUEST, Answer, ServerCredential
from tests.ipad.net.doors import HOST, Desk, People, client_context, exchange, files, post, rule, rules

PEOPLE = People()
CLIENT = PEOPLE.client()
TYPE = "Content-Type: application/x-gsma-rsp-asn1"
PATH = "/gsma/rsp2/asn1"
REFUSED = (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)


@asynccontextmanager
async def serving(
    folder: Path, desk: Desk, *those: PeerRule, settings: HttpsSettings | None = None
) -> AsyncIterator[tuple[HttpsServer, int]]:
    route = Route("application/x-gsma-rsp-asn1", "application/x-gsma-rsp-asn1", desk.ask)
    server = HttpsServer({PATH: route}, files(PEOPLE.server, folder, "server"), rules(*those), settings)
    port = await server.start(HOST, 0)
    try:
        yield server, port
    finally:
        await server.close()


def known(folder: Path) -> ssl.SSLContext:
    return client_context(PEOPLE.server, CLIENT, folder)


@pytest.mark.asyncio
async def test_known_client_is_answered_and_may_go_on(tmp_path: Path) -> None:
    desk = Desk()
    settings = HttpsSettings(headers=(("X-Admin-Protocol", "gsma/rsp/v2.1.0"),))
    async with serving(tmp_path, desk, rule("eim", CLIENT), settings=settings) as (_, port):
        answers = await exchange(known(tmp_path), port, post(b"one", TYPE), post(b"two", TYPE))
    assert [answer.partition(b"\r\n\r\n")[2] for answer in answers] == [b"one", b"two"]
    assert answers[0].startswith(b"HTTP/1.1 200 ")
    assert b"X-Admin-Protocol: gsma/rsp/v2.1.0\r\nContent-Type: application/x-gsma-rsp-asn1\r\n" in answers[0]
    assert desk.seen == [(b"one", PeerIdentity("eim", HOST)), (b"two", PeerIdentity("eim", HOST))]
    assert desk.sent == [True, True]


@pytest.mark.asyncio
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_client_of_a_known_ca_is_answered_in_both_versions(tmp_path: Path, version: ssl.TLSVersion) -> None:
    desk = Desk()
    client = PEOPLE.client(issuer=PEOPLE.ca)
    context = client_context(PEOPLE.server, client, tmp_path)
    context.minimum_version = context.maximum_version = version
    async with serving(tmp_path, desk, rule("ours", PEOPLE.ca, host="eim.example.com")) as (_, port):
        for _ in range(2):
            await exchange(context, port, post(b"x", TYPE))
    assert [peer.name for _, peer in desk.seen] == ["ours", "ours"]


@pytest.mark.asyncio
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("who", ["nobody", "other key", "other CA", "other name of the CA"])
async def test_stranger_is_refused_before_anything_is_read(tmp_path: Path, who: str, version: ssl.TLSVersion) -> None:
    shown = {
        "nobody": None,
        "other key": PEOPLE.client(),
        "other CA": PEOPLE.client(issuer=PEOPLE.other_ca),
        "other name of the CA": PEOPLE.client("other.example.com", issuer=PEOPLE.ca),
    }[who]
    desk = Desk()
    context = client_context(PEOPLE.server, shown, tmp_path)
    context.minimum_version = context.maximum_version = version
    async with serving(tmp_path, desk, rule("a", CLIENT), rule("b", PEOPLE.ca, host="eim.example.com")) as (
        server,
        port,
    ):
        with pytest.raises(REFUSED):
            await exchange(context, port, post(b"x", TYPE))
        assert server.refused == 1
    assert not desk.seen


@pytest.mark.asyncio
async def test_stranger_by_address_is_not_even_greeted(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(tmp_path, desk, rule("a", CLIENT, networks=("192.0.2.0/24",))) as (server, port):
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            with pytest.raises(REFUSED):
                await reader.readexactly(1)
        finally:
            writer.transport.abort()
        assert server.refused == 1


@pytest.mark.asyncio
async def test_network_alone_is_enough_where_a_rule_says_so(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(tmp_path, desk, rule("lan", networks=("127.0.0.0/8",)), rule("eim", CLIENT)) as (_, port):
        await exchange(client_context(PEOPLE.server, None, tmp_path), port, post(b"x", TYPE))
    assert desk.seen[0][1].name == "lan"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (post(b"x", TYPE, path="/gsma/rsp2/es9plus/x"), 404),
        (post(b"", TYPE, method="GET"), 405),
        (post(b"x", "Content-Type: text/plain"), 415),
        (post(b"x"), 415),
        (post(b"x", TYPE, TYPE), 415),
        (post(bytes(MAX_REQUEST + 1), TYPE), 413),
        (b"garbage\r\n\r\n", 400),
    ],
)
async def test_wrong_request_has_a_status_and_ends_the_connection(tmp_path: Path, request_: bytes, status: int) -> None:
    desk = Desk()
    async with serving(tmp_path, desk, rule("eim", CLIENT)) as (_, port):
        reader, writer = await asyncio.open_connection(HOST, port, ssl=known(tmp_path), server_hostname=HOST)
        writer.write(request_)
        head = await reader.readuntil(b"\r\n\r\n")
        assert await reader.read() == b""
        writer.transport.abort()
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"Connection: close" in head
    assert not desk.seen


@pytest.mark.asyncio
async def test_request_that_drips_has_its_time(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(tmp_path, desk, rule("eim", CLIENT), settings=HttpsSettings(timeout=0.3)) as (_, port):
        reader, writer = await asyncio.open_connection(HOST, port, ssl=known(tmp_path), server_hostname=HOST)
        writer.write(post(b"xyz", TYPE)[:-1])
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 408 ")
        writer.transport.abort()
    assert not desk.seen


@pytest.mark.asyncio
async def test_silent_client_is_let_go(tmp_path: Path) -> None:
    async with serving(tmp_path, Desk(), rule("eim", CLIENT), settings=HttpsSettings(timeout=0.3)) as (_, port):
        reader, writer = await asyncio.open_connection(HOST, port, ssl=known(tmp_path), server_hostname=HOST)
        assert await reader.read() == b""
        writer.transport.abort()


@pytest.mark.asyncio
async def test_client_that_never_shakes_hands_is_let_go(tmp_path: Path) -> None:
    async with serving(tmp_path, Desk(), rule("eim", CLIENT), settings=HttpsSettings(timeout=0.2)) as (server, port):
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"\x16\x03\x01")
        with suppress(ConnectionError):
            while await reader.read(100):
                pass
        writer.transport.abort()
        assert server.refused == 1


@pytest.mark.asyncio
async def test_connections_are_few(tmp_path: Path) -> None:
    desk = Desk(hold=asyncio.Event())
    async with serving(tmp_path, desk, rule("eim", CLIENT), settings=HttpsSettings(connections=1)) as (server, port):
        first = asyncio.create_task(exchange(known(tmp_path), port, post(b"x", TYPE)))
        await desk.asked.wait()
        with pytest.raises((*REFUSED, OSError)):
            await exchange(known(tmp_path), port, post(b"y", TYPE))
        assert server.refused == 1
        assert desk.hold is not None
        desk.hold.set()
        assert (await first)[0].endswith(b"x")


@pytest.mark.asyncio
async def test_busy_peer_is_told_when_to_come_again(tmp_path: Path) -> None:
    desk = Desk(answers=[Answer(retry_after=30)])
    async with serving(tmp_path, desk, rule("eim", CLIENT)) as (_, port):
        answers = await exchange(known(tmp_path), port, post(b"x", TYPE), post(b"x", TYPE))
    assert answers[0] == b"HTTP/1.1 503 \r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"
    assert answers[1].endswith(b"x")


@pytest.mark.asyncio
async def test_without_an_answer_the_connection_ends(tmp_path: Path) -> None:
    sent: list[bool] = []
    desk = Desk(answers=[Answer(sent=sent.append)])
    async with serving(tmp_path, desk, rule("eim", CLIENT)) as (_, port):
        with pytest.raises(REFUSED):
            await exchange(known(tmp_path), port, post(b"x", TYPE))
    assert sent == [False]


@pytest.mark.asyncio
async def test_answer_to_a_client_that_has_gone_was_not_sent(tmp_path: Path) -> None:
    desk = Desk(hold=asyncio.Event())
    async with serving(tmp_path, desk, rule("eim", CLIENT)) as (_, port):
        _, writer = await asyncio.open_connection(HOST, port, ssl=known(tmp_path), server_hostname=HOST)
        writer.write(post(b"x", TYPE))
        await desk.asked.wait()
        writer.transport.abort()
        await asyncio.sleep(0.05)
        assert desk.hold is not None
        desk.hold.set()
        await desk.done.wait()
    assert desk.sent == [False]


@pytest.mark.asyncio
async def test_renewed_certificate_is_shown_without_a_restart(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(tmp_path, desk, rule("eim", CLIENT)) as (_, port):
        renewed = People().server
        files(renewed, tmp_path, "server")
        await exchange(client_context(renewed, CLIENT, tmp_path), port, post(b"x", TYPE))
    assert len(desk.seen) == 1


@pytest.mark.asyncio
async def test_useless_certificate_is_an_error_of_the_configuration(tmp_path: Path) -> None:
    server = HttpsServer({}, ServerCredential(tmp_path / "a.pem", tmp_path / "a.key"), rules())
    with pytest.raises(ConfigError, match=r"a\.pem"):
        await server.start(HOST, 0)


@pytest.mark.asyncio
async def test_address_of_somebody_else_cannot_be_listened_at(tmp_path: Path) -> None:
    server = HttpsServer({}, files(PEOPLE.server, tmp_path, "server"), rules())
    with pytest.raises(OSError, match=rf"\[Errno {errno.EADDRNOTAVAIL}\]"):
        await server.start("192.0.2.1", 0)
