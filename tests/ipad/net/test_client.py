from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ipad.errors import NetworkError, NetworkTimeoutError, TlsTrustError
from ipad.net import client as client_module
from ipad.net.authority import Authority
from ipad.net.client import HttpsClient, NetworkSettings
from ipad.net.http import HttpResponse
from ipad.net.tls import PinnedKey, ServerTls
from tests.ipad.net.clients import SETTINGS, client_of
from tests.ipad.net.issuing import NOW, issue, server_context
from tests.ipad.net.servers import HANG_UP, SILENCE, Script, ScriptedServer, answer, scripted_server
from tests.waiting import seen

SERVER = issue("eim.example.com")


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    return server_context(SERVER, tmp_path)


@asynccontextmanager
async def conversation(
    context: ssl.SSLContext, script: Script, settings: NetworkSettings = SETTINGS
) -> AsyncIterator[tuple[HttpsClient, ScriptedServer]]:
    """A client of eim.example.com that is sent to a scripted server."""
    async with scripted_server(script, context) as server:
        client = client_of(SERVER, server.port, settings)
        try:
            yield client, server
        finally:
            await client.close()


async def post(client: HttpsClient, body: bytes = b"question", *, repeatable: bool = True) -> HttpResponse:
    return await client.post("/path", [("User-Agent", "test")], body, max_body=3000, repeatable=repeatable)


@pytest.mark.asyncio
async def test_requests_of_a_run_share_a_connection(context: ssl.SSLContext) -> None:
    async with conversation(context, [answer(b"1"), answer(b"2"), answer(b"3")]) as (client, server):
        assert [(await post(client)).body for _ in range(3)] == [b"1", b"2", b"3"]
    assert server.connections == 1
    assert server.requests[0].endswith(b"\r\n\r\nquestion")


@pytest.mark.asyncio
async def test_parallel_requests_wait_their_turn(context: ssl.SSLContext) -> None:
    async with conversation(context, [answer(b"1"), answer(b"2"), answer(b"3")]) as (client, server):
        bodies = await asyncio.gather(*(post(client, str(number).encode()) for number in range(3)))
    assert [response.body for response in bodies] == [b"1", b"2", b"3"]
    assert server.connections == 1


@pytest.mark.asyncio
async def test_connection_that_the_server_ends_is_not_used_again(context: ssl.SSLContext) -> None:
    async with conversation(context, [answer(b"1", "Connection: close"), answer(b"2")]) as (client, server):
        assert [(await post(client)).body for _ in range(2)] == [b"1", b"2"]
    assert server.connections == 2


@pytest.mark.asyncio
async def test_request_that_meets_a_closed_connection_is_sent_again(context: ssl.SSLContext) -> None:
    async with conversation(context, [answer(b"1"), HANG_UP, answer(b"2")]) as (client, server):
        assert [(await post(client)).body for _ in range(2)] == [b"1", b"2"]
    assert (server.connections, len(server.requests)) == (2, 3)


@pytest.mark.asyncio
async def test_request_that_must_not_be_repeated_is_not_sent_again(context: ssl.SSLContext) -> None:
    async with conversation(context, [answer(b"1"), HANG_UP, answer(b"2")]) as (client, server):
        await post(client)
        with pytest.raises(NetworkError, match="before an answer came"):
            await post(client, repeatable=False)
    assert len(server.requests) == 2


@pytest.mark.asyncio
async def test_request_is_repeated_once_only(context: ssl.SSLContext) -> None:
    async with conversation(context, [answer(b"1"), HANG_UP, HANG_UP, answer(b"2")]) as (client, server):
        await post(client)
        with pytest.raises(NetworkError):
            await post(client)
    assert len(server.requests) == 3


@pytest.mark.asyncio
async def test_lost_answer_on_a_fresh_connection_is_the_callers_business(context: ssl.SSLContext) -> None:
    async with conversation(context, [HANG_UP, answer(b"2")]) as (client, server):
        with pytest.raises(NetworkError):
            await post(client)
        assert len(server.requests) == 1
        assert (await post(client)).body == b"2"


@pytest.mark.asyncio
async def test_answer_that_began_is_not_asked_for_again(context: ssl.SSLContext) -> None:
    begun = [answer(b"1"), b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", answer(b"2")]
    async with conversation(context, begun) as (client, server):
        await post(client)
        server.idle_close = True
        with pytest.raises(NetworkError):
            await post(client)
        assert len(server.requests) == 2


@pytest.mark.asyncio
async def test_kept_connection_that_was_closed_meanwhile_costs_nothing(context: ssl.SSLContext) -> None:
    async with conversation(context, [answer(b"1"), answer(b"2")]) as (client, server):
        server.idle_close = True
        assert (await post(client)).body == b"1"
        await seen(lambda: client._streams is not None and client._streams[0].at_eof(), "the server closed")
        assert (await post(client, repeatable=False)).body == b"2"
    assert len(server.requests) == 2


@pytest.mark.asyncio
async def test_silent_server_ends_the_exchange_in_time(context: ssl.SSLContext) -> None:
    async with conversation(context, [SILENCE], NetworkSettings(timeout=0.05)) as (client, _):
        with pytest.raises(NetworkTimeoutError, match=r"no complete answer in 0\.05 s") as caught:
            await post(client)
    assert caught.value.layer in ("tcp", "tls", "http")


@pytest.mark.asyncio
async def test_bytes_that_arrive_extend_the_limit_by_their_number(
    context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "SLOWEST_RATE", 2.0)
    async with conversation(context, [], NetworkSettings(timeout=5.0)) as (client, _):
        streams = await client._ensure_open()
        client._conversation.request("/", [], b"", 100)
        reader = asyncio.StreamReader()
        reader.feed_data(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        async with asyncio.timeout(5.0) as limit:
            before = limit.when()
            task = asyncio.ensure_future(client._exchange(limit, (reader, streams[1]), b""))
            await seen(lambda: limit.when() != before, "another limit")
            after = limit.when()
            reader.feed_data(b"cd")
            assert (await task).body == b"abcd"
    assert before is not None
    assert after is not None
    assert after - before == pytest.approx(40 / 2.0)


@pytest.mark.asyncio
async def test_cancelled_request_takes_its_connection_along(context: ssl.SSLContext) -> None:
    async with conversation(context, [answer(b"1"), SILENCE, answer(b"2")]) as (client, server):
        await post(client)
        task = asyncio.ensure_future(post(client))
        await seen(lambda: len(server.requests) == 2, "a second request")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await post(client)).body == b"2"
    assert server.connections == 2


@pytest.mark.asyncio
async def test_untrusted_server_sees_no_byte_of_a_request(context: ssl.SSLContext) -> None:
    async with scripted_server([answer(b"1")], context) as server:
        other = ServerTls(PinnedKey(issue("other").spki), NOW.timestamp)
        client = HttpsClient(Authority("127.0.0.1", server.port), other, SETTINGS)
        with pytest.raises(TlsTrustError):
            await post(client)
        assert server.requests == []


@pytest.mark.asyncio
async def test_unreachable_server() -> None:
    async with scripted_server([]) as server:
        port = server.port
    client = HttpsClient(Authority("127.0.0.1", port), ServerTls(PinnedKey(SERVER.spki), NOW.timestamp), SETTINGS)
    with pytest.raises(NetworkError, match=f"cannot connect to 127.0.0.1 port {port}") as caught:
        await post(client)
    assert (caught.value.layer, caught.value.transient) == ("tcp", True)
    assert client.server.port == port
