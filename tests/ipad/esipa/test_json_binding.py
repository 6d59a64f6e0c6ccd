"""The JSON binding over TLS: what goes out, and what an answer below the message means."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ipad.errors import ExchangeError, HttpStatusError, NetworkError
from ipad.esipa.json_binding import MAX_ANSWER, JsonBinding
from tests.ipad.net.clients import client_of
from tests.ipad.net.issuing import issue, server_context
from tests.ipad.net.servers import Script, ScriptedServer, answer, scripted_server
from tests.vectors.sgp32 import VECTORS

SERVER = issue("eim.example.com")
TYPE = "Content-Type: application/json;charset=UTF-8"
NOTHING = b'{"header":{"functionExecutionStatus":{"status":"Executed-Success"}},"eimPackageError":1}'
FAILED = b'{"header":{"functionExecutionStatus":{"status":"Failed"}}}'


def vector(key: str) -> bytes:
    return bytes.fromhex(VECTORS[key]["hex"])


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    return server_context(SERVER, tmp_path)


@asynccontextmanager
async def bound(context: ssl.SSLContext, script: Script) -> AsyncIterator[tuple[JsonBinding, ScriptedServer]]:
    async with scripted_server(script, context) as server:
        binding = JsonBinding(client_of(SERVER, server.port))
        try:
            yield binding, server
        finally:
            await binding.close()


@pytest.mark.asyncio
async def test_message_goes_out_as_the_binding_says(context: ssl.SSLContext) -> None:
    async with bound(context, [answer(NOTHING, TYPE)]) as (binding, server):
        assert await binding.exchange(vector("GEP1")) == vector("GER1")
    assert server.requests == [
        (
            b"POST /gsma/rsp2/esipa/getEimPackage HTTP/1.1\r\nHost: eim.example.com\r\nUser-Agent: gsma-rsp-ipad\r\n"
            b"X-Admin-Protocol: gsma/rsp/v2.1.0\r\nContent-Type: application/json;charset=UTF-8\r\n"
            b'Content-Length: 47\r\n\r\n{"eidValue":"89049032001234567890000000100070"}'
        )
    ]


@pytest.mark.parametrize("media_type", ["Content-Type: application/json", TYPE.upper(), "X-Nothing: 1"])
@pytest.mark.asyncio
async def test_media_type_is_compared_leniently(context: ssl.SSLContext, media_type: str) -> None:
    async with bound(context, [answer(NOTHING, media_type)]) as (binding, _):
        assert await binding.exchange(vector("GEP1")) == vector("GER1")


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        answer(b""),
        answer(b"<html>accepted</html>", "Content-Type: text/html"),
        answer(b"OK", TYPE),
        answer(b"{}", TYPE),
    ],
    ids=["204", "200 without body", "200 with text", "200 with no JSON", "200 with JSON"],
)
@pytest.mark.asyncio
async def test_notification_is_accepted_by_the_status_alone(context: ssl.SSLContext, reply: bytes) -> None:
    async with bound(context, [reply]) as (binding, _):
        assert await binding.exchange(vector("HN1")) == b""


@pytest.mark.asyncio
async def test_notification_that_was_not_executed_is_an_error(context: ssl.SSLContext) -> None:
    async with bound(context, [answer(FAILED, TYPE)]) as (binding, _):
        with pytest.raises(ExchangeError, match="handleNotification: the server answered Failed"):
            await binding.exchange(vector("HN1"))


@pytest.mark.parametrize("blank", [b"", b" \r\n"])
@pytest.mark.asyncio
async def test_other_function_without_answer_has_no_message(context: ssl.SSLContext, blank: bytes) -> None:
    async with bound(context, [answer(blank, TYPE)]) as (binding, _):
        assert await binding.exchange(vector("GEP1")) == b""


@pytest.mark.parametrize(
    ("body", "media_type", "reason"),
    [
        (b"<html>", "Content-Type: text/html", "'text/html', expected application/json"),
        (b"<html>", TYPE, "malformed answer: getEimPackage: no JSON"),
        (vector("GER1"), "Content-Type: application/x-gsma-rsp-asn1", "expected application/json"),
    ],
)
@pytest.mark.asyncio
async def test_answer_that_is_no_json_is_no_answer(
    context: ssl.SSLContext, body: bytes, media_type: str, reason: str
) -> None:
    async with bound(context, [answer(body, media_type)]) as (binding, _):
        with pytest.raises(ExchangeError, match=reason):
            await binding.exchange(vector("GEP1"))


@pytest.mark.parametrize("status", [404, 405, 415, 501])
@pytest.mark.asyncio
async def test_refused_binding_is_a_status(context: ssl.SSLContext, status: int) -> None:
    async with bound(context, [answer(b"no", status=f"{status} No")]) as (binding, _):
        with pytest.raises(HttpStatusError) as caught:
            await binding.exchange(vector("GEP1"))
    assert caught.value.status == status


@pytest.mark.asyncio
async def test_refusal_at_first_contact_makes_it_try_the_other_version(context: ssl.SSLContext) -> None:
    script = [answer(b"", status="400 Bad Request"), answer(NOTHING, TYPE)]
    async with bound(context, script) as (binding, server):
        assert await binding.exchange(vector("GEP1")) == vector("GER1")
    assert b"X-Admin-Protocol: gsma/rsp/v1.3.0\r\n" in server.requests[1]


@pytest.mark.asyncio
async def test_only_a_bound_profile_package_may_be_large(context: ssl.SSLContext) -> None:
    package = b'{"header":{},"boundProfilePackage":"' + b"vzaD/////w==" + b'"}' + b" " * MAX_ANSWER
    async with bound(context, [answer(package, TYPE), answer(package, TYPE)]) as (binding, _):
        with pytest.raises(ExchangeError, match="the TLV says"):
            await binding.exchange(vector("GB1"))
        with pytest.raises(NetworkError, match=f"at most {MAX_ANSWER}"):
            await binding.exchange(vector("GEP1"))
