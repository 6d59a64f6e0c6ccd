"""The CoAPS endpoint against other people's clients, and its knobs; the agent's client is tested in tests/ipad/net."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiocoap
import pytest
import pytest_asyncio

from hil.clock import ManualClock
from hil.coap import (
    BlockFault,
    CoapKnobs,
    CoapResponse,
    CoapsClient,
    CoapsServer,
    NoResponseError,
    Refusal,
    RefusedError,
    RequestTagRule,
)
from hil.coap.blocks import Blocks
from hil.dtls import DtlsServer, Resumption
from hil.dtls_client import DtlsClient
from hil.pki import Pki
from tests.coaps import HOST, NOTHING, POLL, Pair, answer, client, pki, running

LIBCOAP = [path for name in ("coap-client-openssl", "coap-client-gnutls") if (path := shutil.which(name))]
OPENSSL = shutil.which("openssl")
LARGE = bytes(65 + i % 26 for i in range(3000))


@pytest_asyncio.fixture(name="server")
async def _server() -> AsyncIterator[CoapsServer]:
    server = CoapsServer(answer, DtlsServer(pki().eim_tls))
    await server.start()
    yield server
    await server.close()


async def run(*arguments: str, data: bytes = b"") -> tuple[int, bytes]:
    """Exit code and standard output of a program."""
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(data), 15)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, output


async def libcoap(program: str, server: CoapsServer, folder: Path, body: bytes, *options: str, path: str = "") -> bytes:
    ca, file = folder / "ca.pem", folder / "body"
    ca.write_bytes(pki().tls_ca.pem)
    file.write_bytes(body)
    uri = f"coaps://127.0.0.1:{server.port}/{path or 'gsma/rsp2/asn1'}"
    code, output = await run(program, "-m", "post", "-C", str(ca), "-f", str(file), "-B", "10", *options, uri)
    assert code == 0, output
    return output.removesuffix(b"\n")


@pytest.mark.skipif(not LIBCOAP, reason="coap-client-openssl and coap-client-gnutls (libcoap3-bin) are not installed")
@pytest.mark.parametrize("program", LIBCOAP)
@pytest.mark.asyncio
class TestLibcoapClient:
    async def test_is_served(self, program: str, server: CoapsServer, tmp_path: Path) -> None:
        assert await libcoap(program, server, tmp_path, b"hello") == b"hello"
        assert server.dtls.counters.handshakes == 1

    async def test_large_bodies_go_both_ways(self, program: str, server: CoapsServer, tmp_path: Path) -> None:
        assert await libcoap(program, server, tmp_path, LARGE) == LARGE
        numbers = [(request.block1, request.block2) for request in server.requests]
        assert numbers[:3] == [((0, True, 6), None), ((1, True, 6), None), ((2, False, 6), None)]
        assert [block2[0] for _, block2 in numbers[3:] if block2] == [1, 2]

    async def test_takes_smaller_blocks_when_told(self, program: str, server: CoapsServer, tmp_path: Path) -> None:
        server.knobs.block_size = 256
        assert await libcoap(program, server, tmp_path, LARGE) == LARGE

    async def test_waits_for_a_separate_response(self, program: str, server: CoapsServer, tmp_path: Path) -> None:
        server.knobs.separate = True
        assert await libcoap(program, server, tmp_path, b"hello") == b"hello"

    async def test_is_told_of_errors(self, program: str, server: CoapsServer, tmp_path: Path) -> None:
        server.knobs.refusals.append(Refusal("5.03", max_age=7))
        assert b"5.03" in await libcoap(program, server, tmp_path, b"hello")
        assert b"4.04" in await libcoap(program, server, tmp_path, b"hello", path="gsma/rsp2/other")

    async def test_refuses_a_server_of_another_ca(self, program: str, server: CoapsServer, tmp_path: Path) -> None:
        server.dtls.show(pki().issue_tls(("127.0.0.1",), issuer=Pki.issue_tls_ca("Nobody's CA")))
        ca = tmp_path / "ca.pem"
        ca.write_bytes(pki().tls_ca.pem)
        await run(program, "-m", "post", "-C", str(ca), "-B", "1", f"coaps://127.0.0.1:{server.port}/gsma/rsp2/asn1")
        assert server.dtls.counters.cookies == 1
        assert not server.requests


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
@pytest.mark.asyncio
async def test_openssl_client_shakes_hands(server: CoapsServer, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(pki().tls_ca.pem)
    where = f"127.0.0.1:{server.port}"
    code, output = await run(
        str(OPENSSL), "s_client", "-dtls1_2", "-connect", where, "-CAfile", str(ca), "-verify_return_error", data=b"Q\n"
    )
    assert code == 0
    assert b"Verify return code: 0 (ok)" in output
    assert b"ECDHE-ECDSA-AES128-GCM-SHA256" in output
    assert server.dtls.counters.handshakes == 1


@pytest.mark.asyncio
async def test_answers_only_post_at_its_path() -> None:
    async with running() as pair:
        codes = [
            (await pair.client.post(path, b"", max_body=100)).code_text
            for path in (("gsma", "rsp2", "asn1"), ("gsma",), ("gsma", "rsp2", "asn1", "x"))
        ]
        assert codes == ["2.04", "4.04", "4.04"]


@pytest.mark.asyncio
async def test_value_error_of_the_handler_is_a_bad_request() -> None:
    async def handler(body: bytes) -> bytes:
        raise ValueError("unknown outer tag")

    async with running(handler=handler) as pair:
        response = await pair.client.post(("gsma", "rsp2", "asn1"), b"x", max_body=100)
        assert (response.code_text, response.payload) == ("4.00", b"unknown outer tag")


@pytest.mark.asyncio
async def test_body_that_is_too_long_is_refused() -> None:
    async with running() as pair:
        pair.server.knobs.max_request = 2000
        response = await pair.client.post(("gsma", "rsp2", "asn1"), bytes(2001), max_body=100)
        assert response.code_text == "4.13"


@pytest.mark.asyncio
async def test_delay_runs_on_the_clock_of_the_bench() -> None:
    asked = asyncio.Event()

    class NoticedClock(ManualClock):
        async def sleep(self, seconds: float) -> None:
            asked.set()
            await super().sleep(seconds)

    clock = NoticedClock()
    server = CoapsServer(answer, DtlsServer(pki().eim_tls), clock, knobs=CoapKnobs(delay=3600))
    subject = Pair(client(await server.start()), server)
    task = asyncio.create_task(subject.post(POLL))
    await asked.wait()
    assert not task.done()
    clock.advance(3600)
    assert await task == NOTHING
    await subject.client.close()
    await server.close()


@pytest.mark.asyncio
async def test_resumption_is_a_matter_of_the_server() -> None:
    async with running(server=DtlsServer(pki().eim_tls, resumption=Resumption.NONE)) as pair:
        for _ in range(2):
            await pair.post(POLL)
            await pair.client.close()
        assert pair.server.dtls.counters.resumed == 0


@pytest.mark.asyncio
async def test_port_is_known_while_it_runs() -> None:
    server = CoapsServer(answer, DtlsServer(pki().eim_tls))
    with pytest.raises(RuntimeError, match="not started"):
        _ = server.port
    await server.start()
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", server.port))
    other.close()
    await server.close()


def test_refusals_are_taken_in_order_and_counted_down() -> None:
    knobs = CoapKnobs(refusals=[Refusal("4.00", after=1), Refusal("5.03", times=2), Refusal("4.04", times=None)])
    codes = [refusal.code if (refusal := knobs.take_refusal()) else None for _ in range(5)]
    assert codes == ["5.03", "4.00", "5.03", "4.04", "4.04"]


@pytest.mark.parametrize("code", ["2.04", "503", "5", "5.x", "4.32"])
def test_refusal_wants_an_error_code(code: str) -> None:
    with pytest.raises(ValueError, match="expected a code"):
        Refusal(code)


def test_block_fault_happens_where_and_as_often_as_ordered() -> None:
    knobs = CoapKnobs(block_fault=BlockFault.SKIP, block_fault_at=2, block_fault_times=1)
    assert not knobs.take_block_fault(BlockFault.SKIP, 1)
    assert not knobs.take_block_fault(BlockFault.REPEAT, 2)
    assert knobs.take_block_fault(BlockFault.SKIP, 2)
    assert not knobs.take_block_fault(BlockFault.SKIP, 2)


async def asked(server: CoapsServer, body: bytes = b"hello", **timing: float) -> CoapResponse:
    """One request of the bench's own client."""
    asking = CoapsClient(DtlsClient(HOST, anchors=pki().tls_ca.pem), ack_timeout=timing.get("ack_timeout", 5.0))
    await asking.open("127.0.0.1", server.port)
    try:
        return await asking.post(("gsma", "rsp2", "asn1"), body)
    finally:
        await asking.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("rule", list(RequestTagRule))
async def test_tagged_blocks_are_taken_under_each_rule(server: CoapsServer, rule: RequestTagRule) -> None:
    server.knobs.request_tag = rule
    assert (await asked(server, LARGE)).body == LARGE
    tags = {request.request_tag for request in server.requests if request.block1 is not None}
    assert len(tags) == 1
    assert None not in tags


def block_without_tag() -> aiocoap.Message:
    request = aiocoap.Message(code=aiocoap.POST, payload=bytes(16))
    request.remote = object()
    request.opt.block1 = (0, True, 0)
    return request


@pytest.mark.parametrize(("rule", "code"), [(RequestTagRule.REQUIRE, "4.00"), (RequestTagRule.USE, "2.31")])
def test_block_without_a_tag(rule: RequestTagRule, code: str) -> None:
    answered = Blocks(CoapKnobs(request_tag=rule)).take(block_without_tag())
    assert isinstance(answered, aiocoap.Message)
    assert answered.code.dotted == code


@pytest.mark.asyncio
async def test_code_and_content_format_of_responses(server: CoapsServer) -> None:
    server.knobs.success, server.knobs.content_format = "2.01", 65535
    assert await asked(server) == CoapResponse("2.01", b"hello")
    async with running() as pair:
        pair.server.knobs.content_format = 42
        assert await pair.post(b"hello") == b"hello"


@pytest.mark.asyncio
async def test_lost_and_doubled_datagrams(server: CoapsServer) -> None:
    asking = CoapsClient(DtlsClient(HOST, anchors=pki().tls_ca.pem), ack_timeout=0.05)
    await asking.open("127.0.0.1", server.port)
    for knob in ("lose_received", "lose_sent", "double_sent"):
        setattr(server.knobs, knob, 1)
        assert (await asking.post(("gsma", "rsp2", "asn1"), knob.encode())).body == knob.encode()
        assert getattr(server.knobs, knob) == 0
    await asking.close()
    assert [request.payload for request in server.requests] == [b"lose_received", b"lose_sent", b"double_sent"]


@pytest.mark.asyncio
async def test_handler_refuses_with_a_code_or_keeps_silent() -> None:
    async def handler(body: bytes) -> bytes:
        if body == b"later":
            raise RefusedError("5.03", "busy", 9)
        raise NoResponseError

    subject = CoapsServer(handler, DtlsServer(pki().eim_tls))
    await subject.start()
    assert await asked(subject, b"later") == CoapResponse("5.03", b"busy", 9)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await asked(subject, b"never")
    await subject.close()


@pytest.mark.parametrize(
    "wrong",
    [{"block_size": 100}, {"content_format": 65536}, {"lose_sent": -1}, {"delay": -0.1}, {"success": "4.04"}],
)
def test_knobs_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected|negative"):
        CoapKnobs(**wrong)
