"""The eIM over CoAPS: real polls with other people's clients, shared faults, certificates and the knobs of DTLS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from hil.clock import LoopClock
from hil.coap import BlockFault, CoapError, CoapResponse, CoapsClient, Refusal
from hil.dtls import Resumption
from hil.dtls_client import DtlsClient, DtlsError
from hil.eim import VirtualEim, content
from hil.eim.association import Outcome, PackageState
from hil.eim.coaps import EimCoapsServer
from hil.eim.exchange import Exchange
from hil.eim.faults import Fault, FaultKind
from hil.eim.knobs import BindingName, EimVersion
from hil.eim.tls import Leaf, Leaves
from hil.modem.loading import DataError
from tests.coaps import pki
from tests.hil.eim import vectors as v
from tests.hil.test_coaps import LIBCOAP, OPENSSL, run

PATH = ("gsma", "rsp2", "asn1")


@dataclass
class Bench:
    eim: VirtualEim
    server: EimCoapsServer
    exchanges: list[Exchange]
    clients: list[CoapsClient] = field(default_factory=list)

    async def client(self, **timing: float) -> CoapsClient:
        dtls = DtlsClient("localhost", anchors=pki().tls_ca.pem)
        made = CoapsClient(dtls, block_size=1024, ack_timeout=timing.get("ack_timeout", 5.0))
        self.clients.append(made)
        await made.open("127.0.0.1", self.server.port)
        return made

    async def post(self, body: bytes, **timing: float) -> CoapResponse:
        return await (await self.client(**timing)).post(PATH, body)


@pytest_asyncio.fixture(name="bench")
async def _bench(eim: VirtualEim, tmp_path: Path) -> AsyncIterator[Bench]:
    exchanges: list[Exchange] = []
    leaves = Leaves(pki(), pki().issue_tls(("localhost", "127.0.0.1")), ("localhost", "127.0.0.1"), tmp_path)
    server = EimCoapsServer(eim, leaves, LoopClock(), observer=exchanges.append)
    await server.start()
    bench = Bench(eim, server, exchanges)
    yield bench
    for client in bench.clients:
        await client.close()
    await server.close()


@pytest.mark.asyncio
async def test_package_result_and_notification(bench: Bench) -> None:
    package = bench.eim.queue(v.EID, content.psmo_package(content.enable(v.ICCID1, rollback=True)))
    client = await bench.client()
    assert (await client.post(PATH, v.GEP1)).body == v.GER6
    assert (await client.post(PATH, v.PR1)).body == bytes.fromhex("BF5006BF5303800107")
    assert await client.post(PATH, v.HN1) == CoapResponse("2.04", b"")
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.OK)
    assert [(exchange.function, exchange.outcome, exchange.binding) for exchange in bench.exchanges] == [
        ("GetEimPackage", "CoAP 2.04", BindingName.COAPS),
        ("ProvideEimPackageResult", "CoAP 2.04", BindingName.COAPS),
        ("HandleNotification", "CoAP 2.04", BindingName.COAPS),
    ]


@pytest.mark.skipif(not LIBCOAP, reason="coap-client-openssl and coap-client-gnutls (libcoap3-bin) are not installed")
@pytest.mark.parametrize("program", LIBCOAP)
@pytest.mark.parametrize("block_size", [64, 1024])
@pytest.mark.asyncio
async def test_libcoap_gets_a_package(bench: Bench, program: str, tmp_path: Path, block_size: int) -> None:
    bench.eim.queue(v.EID, content.psmo_package(content.enable(v.ICCID1, rollback=True)))
    bench.server.knobs.block_size = block_size
    ca, body, answer = tmp_path / "ca.pem", tmp_path / "body", tmp_path / "answer"
    ca.write_bytes(pki().tls_ca.pem)
    body.write_bytes(v.GEP1)
    uri = f"coaps://127.0.0.1:{bench.server.port}/gsma/rsp2/asn1"
    arguments = ("-m", "post", "-C", str(ca), "-f", str(body), "-o", str(answer), "-B", "10", uri)
    code, output = await run(program, *arguments)
    assert code == 0, output
    assert answer.read_bytes() == v.GER6


@pytest.mark.asyncio
async def test_what_is_no_request_is_a_bad_request(bench: Bench) -> None:
    assert (await bench.post(bytes.fromhex("BF6F00"))).code == "4.00"
    assert (bench.exchanges[0].status, bench.exchanges[0].function) == (400, "unknown")


@pytest.mark.asyncio
async def test_refused_binding(bench: Bench) -> None:
    bench.eim.knobs.refused_bindings = {"coaps": 404}
    assert (await bench.post(v.GEP1)).code == "4.04"
    bench.eim.knobs.refused_bindings = {"coaps": 501}
    assert (await bench.post(v.GEP1)).code == "5.01"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "code", "body"),
    [
        (Fault(FaultKind.STATUS, value=503, seconds=7), "5.03", b"fault on demand"),
        (Fault(FaultKind.WRONG_TAG), "2.04", b"\xbf\x3c" + v.GER1[2:]),
        (Fault(FaultKind.TRAILING_BYTES), "2.04", v.GER1 + b"\x05\x00"),
        (Fault(FaultKind.EMPTY), "2.04", b""),
        (Fault(FaultKind.OVERSIZED, value=3000), "2.04", v.GER1 + bytes(3000)),
        (Fault(FaultKind.CHUNKED), "2.04", v.GER1),
    ],
)
async def test_faults_of_messages(bench: Bench, fault: Fault, code: str, body: bytes) -> None:
    bench.server.faults.add(fault)
    response = await bench.post(v.GEP1)
    assert (response.code, response.body) == (code, body)
    assert response.max_age == (7 if code == "5.03" else None)
    left = [rule.kind for rule in bench.server.faults.faults]
    assert left == ([FaultKind.CHUNKED] if fault.kind is FaultKind.CHUNKED else []), "a rule of HTTP waits for HTTP"


@pytest.mark.asyncio
async def test_version_1(bench: Bench) -> None:
    bench.eim.knobs.version = EimVersion.V1_0
    bench.eim.queue(v.EID, content.data_request((0x81, 0xA8)))
    client = await bench.client()
    assert b"\x5c\x02\x80\x88" in (await client.post(PATH, v.GEP1)).body
    assert (await client.post(PATH, v.PR6)).code == "4.00"
    assert (await client.post(PATH, bytes.fromhex("BF5006BF5203810101"))).body == bytes.fromhex("BF5000")


@pytest.mark.asyncio
@pytest.mark.parametrize("leaf", [Leaf.EXPIRED, Leaf.NOT_YET_VALID, Leaf.WRONG_NAME, Leaf.UNTRUSTED])
async def test_wrong_certificates_are_shown(bench: Bench, leaf: Leaf) -> None:
    bench.server.show_leaf(leaf)
    with pytest.raises(DtlsError):
        await bench.post(v.GEP1)
    bench.server.show_leaf(Leaf.GOOD)
    assert (await bench.post(v.GEP1)).body == v.GER1


@pytest.mark.asyncio
async def test_no_shared_cipher(bench: Bench) -> None:
    bench.server.turn({"ciphers": ["ECDHE-RSA-AES128-GCM-SHA256"]})
    with pytest.raises(DtlsError, match="handshake failure"):
        await bench.post(v.GEP1)
    assert bench.server.endpoint.dtls.counters.handshakes == 0
    bench.server.turn({"ciphers": ["ECDHE-ECDSA-AES128-CCM8"]})
    assert (await bench.post(v.GEP1)).code == "2.04"


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("resumption", "forget", "resumed"),
    [
        (Resumption.SESSION_ID, False, 1),
        (Resumption.TICKET, False, 1),
        (Resumption.NONE, False, 0),
        (Resumption.TICKET, True, 0),
    ],
)
async def test_resumption(bench: Bench, tmp_path: Path, resumption: Resumption, forget: bool, resumed: int) -> None:
    bench.server.turn({"resumption": resumption.value})
    session = tmp_path / "session.pem"
    where = ("s_client", "-dtls1_2", "-connect", f"127.0.0.1:{bench.server.port}")
    await run(str(OPENSSL), *where, "-sess_out", str(session), data=b"Q\n")
    if forget:
        bench.server.forget_sessions()
    offered = ("-sess_in", str(session)) if session.exists() else ()
    await run(str(OPENSSL), *where, *offered, data=b"Q\n")
    counters = bench.server.endpoint.dtls.counters
    assert (counters.handshakes, counters.resumed) == (2, resumed)


@pytest.mark.asyncio
async def test_associations_are_dropped_without_a_word_or_closed(bench: Bench) -> None:
    client = await bench.client(ack_timeout=0.02)
    assert (await client.post(PATH, v.GEP1)).code == "2.04"
    bench.server.close_associations()
    with pytest.raises((CoapError, DtlsError)):
        await client.post(PATH, v.GEP1)
    other = await bench.client(ack_timeout=0.02)
    bench.server.forget_sessions(associations=True)
    with pytest.raises(CoapError, match="not acknowledged"):
        await other.post(PATH, v.GEP1)
    assert bench.server.endpoint.dtls.counters.strays > 0


@pytest.mark.asyncio
async def test_knobs_are_turned_together_or_not_at_all(bench: Bench) -> None:
    with pytest.raises(DataError, match="block_size"):
        bench.server.turn({"separate": True, "block_size": 1000})
    with pytest.raises(DataError, match="cipher"):
        bench.server.turn({"separate": True, "ciphers": ["NONE"]})
    with pytest.raises(DataError, match="unknown key"):
        bench.server.turn({"separate": True, "speed": 1})
    assert not bench.server.knobs.separate
    bench.server.turn(
        {"block_size": 256, "block_fault": "endless", "refusals": [{"code": "5.03"}], "drop_sent": [1], "send_ca": True}
    )
    assert (bench.server.knobs.block_size, bench.server.knobs.block_fault) == (256, BlockFault.ENDLESS)
    assert bench.server.knobs.refusals == [Refusal("5.03")]
    assert bench.server.knobs.drop_sent == {1}
    assert bench.server.endpoint.knobs is bench.server.knobs


@pytest.mark.asyncio
async def test_issuer_can_be_sent_along(bench: Bench) -> None:
    sizes = []
    for send_ca in (False, True):
        bench.server.turn({"send_ca": send_ca})
        before = bench.server.endpoint.counters.bytes_down
        await bench.post(v.GEP1)
        sizes.append(bench.server.endpoint.counters.bytes_down - before)
    assert sizes[1] - sizes[0] > len(pki().tls_ca.certificate)
