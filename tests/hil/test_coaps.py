"""The CoAPS endpoint against other people's clients, and its knobs; the agent's client is tested in tests/ipad/net."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hil.clock import ManualClock
from hil.coap import BlockFault, CoapKnobs, CoapsServer, Refusal
from hil.dtls import DtlsServer, Resumption
from hil.pki import Pki
from tests.coaps import NOTHING, POLL, Pair, answer, client, pki, running

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
