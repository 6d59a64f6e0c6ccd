from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ipad.errors import ExchangeError, HttpStatusError, NetworkError
from ipad.esipa.binding import MAX_MESSAGE, HttpsBinding
from tests.ipad.net.clients import client_of
from tests.ipad.net.issuing import issue, server_context
from tests.ipad.net.servers import HANG_UP, Script, ScriptedServer, answer, scripted_server
from tests.vectors.sgp32 import VECTORS

SERVER = issue("eim.example.com")
TYPE = "Content-Type: application/x-gsma-rsp-asn1"
POLL = bytes.fromhex(VECTORS["GEP1"]["hex"])
NOTHING = bytes.fromhex(VECTORS["GER1"]["hex"])
NOTIFICATION = bytes.fromhex(VECTORS["HN1"]["hex"])
PACKAGE_REQUEST = bytes.fromhex(VECTORS["GB1"]["hex"])


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    return server_context(SERVER, tmp_path)


@asynccontextmanager
async def bound(
    context: ssl.SSLContext, script: Script, admin_protocol: str = "gsma/rsp/v2.1.0"
) -> AsyncIterator[tuple[HttpsBinding, ScriptedServer]]:
    async with scripted_server(script, context) as server:
        binding = HttpsBinding(client_of(SERVER, server.port), admin_protocol=admin_protocol)
        try:
            yield binding, server
        finally:
            await binding.close()


def admin_protocols(server: ScriptedServer) -> list[str]:
    lines = [line for request in server.requests for line in request.decode("latin-1").split("\r\n")]
    return [line.removeprefix("X-Admin-Protocol: ") for line in lines if line.startswith("X-Admin-Protocol")]


@pytest.mark.asyncio
async def test_message_goes_out_as_the_binding_says(context: ssl.SSLContext) -> None:
    async with bound(context, [answer(NOTHING, TYPE)]) as (binding, server):
        assert await binding.exchange(POLL) == NOTHING
    assert server.requests == [
        b"POST /gsma/rsp2/asn1 HTTP/1.1\r\nHost: eim.example.com\r\nUser-Agent: gsma-rsp-ipad\r\n"
        b"X-Admin-Protocol: gsma/rsp/v2.1.0\r\nContent-Type: application/x-gsma-rsp-asn1\r\nContent-Length: 21\r\n\r\n"
        + POLL
    ]


@pytest.mark.parametrize(
    "content_type",
    [TYPE.upper(), TYPE + "; charset=binary", "X-Nothing: 1"],
    ids=["case", "parameter", "absent"],
)
@pytest.mark.asyncio
async def test_media_type_is_compared_leniently(context: ssl.SSLContext, content_type: str) -> None:
    async with bound(context, [answer(NOTHING, content_type)]) as (binding, _):
        assert await binding.exchange(POLL) == NOTHING


@pytest.mark.asyncio
async def test_other_media_type_is_no_answer(context: ssl.SSLContext) -> None:
    async with bound(context, [answer(b"<html>", "Content-Type: text/html")]) as (binding, _):
        with pytest.raises(ExchangeError, match="'text/html', expected application/x-gsma-rsp-asn1"):
            await binding.exchange(POLL)


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        answer(b""),
        answer(b"<html>accepted</html>", "Content-Type: text/html"),
        answer(NOTHING, TYPE),
    ],
    ids=["204", "200 without body", "200 with text", "200 with a message"],
)
@pytest.mark.asyncio
async def test_notification_is_accepted_by_the_status_alone(context: ssl.SSLContext, reply: bytes) -> None:
    async with bound(context, [reply]) as (binding, _):
        assert await binding.exchange(NOTIFICATION) == b""


@pytest.mark.parametrize(("status", "later"), [("500 X", True), ("503 X", True), ("404 X", False), ("302 X", False)])
@pytest.mark.asyncio
async def test_other_status_is_an_error(context: ssl.SSLContext, status: str, later: bool) -> None:
    reply = answer(b"<html>", "Retry-After: 7", "Location: https://elsewhere.example/", status=status)
    async with bound(context, [reply]) as (binding, server):
        with pytest.raises(HttpStatusError) as caught:
            await binding.exchange(NOTIFICATION)
    assert (caught.value.status, caught.value.transient) == (int(status[:3]), later)
    assert caught.value.retry_after == 7.0
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("configured", "other"),
    [("gsma/rsp/v2.1.0", "gsma/rsp/v1.3.0"), ("gsma/rsp/v1.3.0", "gsma/rsp/v2.1.0"), ("x", "gsma/rsp/v2.1.0")],
)
@pytest.mark.asyncio
async def test_refusal_at_first_contact_makes_it_try_the_other_version(
    context: ssl.SSLContext, configured: str, other: str
) -> None:
    script = [answer(b"", status="400 Bad Request"), answer(NOTHING, TYPE), answer(NOTHING, TYPE)]
    async with bound(context, script, configured) as (binding, server):
        await binding.exchange(POLL)
        await binding.exchange(POLL)
    assert admin_protocols(server) == [configured, other, other], "what worked is kept"


@pytest.mark.asyncio
async def test_two_refusals_are_final_and_change_nothing(context: ssl.SSLContext) -> None:
    bad = answer(b"", status="400 Bad Request")
    async with bound(context, [bad, answer(b"", status="500 X"), bad]) as (binding, server):
        for _ in range(2):
            with pytest.raises(HttpStatusError, match="400"):
                await binding.exchange(POLL)
    assert admin_protocols(server) == ["gsma/rsp/v2.1.0", "gsma/rsp/v1.3.0", "gsma/rsp/v2.1.0"]


@pytest.mark.asyncio
async def test_later_refusal_is_not_about_the_version(context: ssl.SSLContext) -> None:
    async with bound(context, [answer(NOTHING, TYPE), answer(b"", status="400 Bad Request")]) as (binding, server):
        await binding.exchange(POLL)
        with pytest.raises(HttpStatusError):
            await binding.exchange(POLL)
    assert len(server.requests) == 2


@pytest.mark.asyncio
async def test_message_that_met_a_closed_connection_is_sent_again(context: ssl.SSLContext) -> None:
    async with bound(context, [answer(NOTHING, TYPE), HANG_UP, answer(NOTHING, TYPE)]) as (binding, server):
        await binding.exchange(POLL)
        assert await binding.exchange(POLL) == NOTHING
    assert server.requests[1] == server.requests[2]


@pytest.mark.asyncio
async def test_only_a_bound_profile_package_may_be_large(context: ssl.SSLContext) -> None:
    large = bytes(MAX_MESSAGE + 1)
    async with bound(context, [answer(large, TYPE), answer(large, TYPE)]) as (binding, _):
        assert await binding.exchange(PACKAGE_REQUEST) == large
        with pytest.raises(NetworkError, match="at most 65536"):
            await binding.exchange(POLL)
