"""The injection client: packages go to an IPA that is a server, and what comes back counts as if it was fetched."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from hil import tlv
from hil.coap import CoapError, CoapsClient
from hil.dtls_client import DtlsClient, DtlsError
from hil.eim import VirtualEim, content, json_transfer, transfer
from hil.eim.association import Outcome, PackageState
from hil.eim.history import RecordKind
from hil.eim.injection import InjectionEnd, InjectionTarget, inject
from hil.eim.knobs import Acknowledge, BindingName
from hil.eim.messages import MalformedRequestError
from hil.pki import Pki
from hil.pki.chain import parse
from tests.coaps import pki, running
from tests.hil.eim import vectors as v
from tests.hil.eim.injected import RECEIVED, InjectedIpa

RESULT = tlv.build(0xBF4E, v.EPR_5)
DATA = bytes.fromhex("BF4E15BF5212A0108704A1A2A3A4A8088002064081020520")


@pytest_asyncio.fixture(name="ipa", params=[BindingName.ASN1, BindingName.JSON, BindingName.COAPS])
async def _ipa(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[InjectedIpa]:
    made = InjectedIpa(pki(), tmp_path, request.param)
    await made.start()
    yield made
    await made.close()


def target(ipa: InjectedIpa, **details: Any) -> InjectionTarget:
    details.setdefault("anchors", pki().tls_ca.pem)
    return InjectionTarget.of(ipa.url, ipa.binding, connect=("127.0.0.1", ipa.port), timeout=20, **details)


def queue_enable(eim: VirtualEim) -> None:
    eim.queue(v.EID, content.psmo_package(content.enable(v.ICCID1, rollback=True)))


@pytest.mark.asyncio
async def test_result_is_verified_and_acknowledged(eim: VirtualEim, ipa: InjectedIpa) -> None:
    queue_enable(eim)
    ipa.answers = [RESULT]
    outcome = await inject(eim, v.EID, target(ipa))
    assert (outcome.end, outcome.package, outcome.verified) == (InjectionEnd.RESULT, 1, True)
    assert (outcome.acknowledged, outcome.confirmed, outcome.ok) == ((7,), True, True)
    request, acknowledgement = ipa.requests
    assert request == b"\xbf\x4e" + v.GER6[2:], "the package as it would have been fetched"
    assert acknowledgement == bytes.fromhex("BF4E06BF5303800107")
    package = eim.association(v.EID).package(1)
    assert package is not None
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.OK)
    kinds = [record.kind for record in eim.history.records]
    assert kinds == [RecordKind.RESULT, RecordKind.ACKNOWLEDGED]
    assert (await inject(eim, v.EID, target(ipa))).end is InjectionEnd.NOTHING


@pytest.mark.asyncio
async def test_result_with_notifications(eim: VirtualEim, ipa: InjectedIpa) -> None:
    queue_enable(eim)
    both = tlv.children(tlv.single(v.PR2).value)[1].raw
    ipa.answers = [tlv.build(0xBF4E, both)]
    outcome = await inject(eim, v.EID, target(ipa))
    assert (outcome.acknowledged, outcome.confirmed) == ((7, 8, 9), True)


@pytest.mark.asyncio
async def test_data_have_no_number_to_acknowledge(eim: VirtualEim, ipa: InjectedIpa) -> None:
    eim.queue(v.EID, content.data_request((0xA8,)))
    ipa.answers = [DATA]
    outcome = await inject(eim, v.EID, target(ipa))
    assert (outcome.end, outcome.acknowledged, outcome.confirmed, outcome.ok) == (InjectionEnd.RESULT, (), None, True)
    assert len(ipa.requests) == 1
    assert eim.association(v.EID).capabilities is not None


@pytest.mark.asyncio
async def test_trigger_is_received_and_not_handed_out_again(eim: VirtualEim, ipa: InjectedIpa) -> None:
    package = eim.queue(v.EID, content.download_trigger(activation_code="1$smdp.example.com$MATCH-01"))
    ipa.answers = [RECEIVED]
    outcome = await inject(eim, v.EID, target(ipa))
    assert (outcome.end, outcome.ok) == (InjectionEnd.RECEIVED, True)
    assert (package.state, package.open) == (PackageState.RECEIVED, True)
    assert await eim.answer(v.GEP1) == v.GER1
    assert await eim.answer(v.HN3) is None
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.OK)


@pytest.mark.asyncio
async def test_error_of_the_ipa_closes_the_package(eim: VirtualEim, ipa: InjectedIpa) -> None:
    queue_enable(eim)
    ipa.answers = [bytes.fromhex("BF4E03020102")]
    outcome = await inject(eim, v.EID, target(ipa))
    assert (outcome.end, outcome.error, outcome.ok) == (InjectionEnd.PACKAGE_ERROR, 2, False)
    package = eim.association(v.EID).package(1)
    assert package is not None
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.IPA_ERROR)


@pytest.mark.asyncio
async def test_busy_ipa_gets_the_same_package_later(eim: VirtualEim, ipa: InjectedIpa) -> None:
    queue_enable(eim)
    ipa.answers = [503, 403, RESULT]
    busy = await inject(eim, v.EID, target(ipa))
    assert (busy.end, busy.retry_after, busy.ok) == (InjectionEnd.BUSY, 30, False)
    assert (await inject(eim, v.EID, target(ipa))).end is InjectionEnd.REFUSED
    assert (await inject(eim, v.EID, target(ipa))).ok
    assert ipa.requests[0] == ipa.requests[1] == ipa.requests[2]


@pytest.mark.asyncio
async def test_result_that_comes_twice_is_news_once(eim: VirtualEim, ipa: InjectedIpa) -> None:
    queue_enable(eim)
    eim.knobs.acknowledge = Acknowledge.NONE
    ipa.answers = [RESULT]
    assert (await inject(eim, v.EID, target(ipa))).acknowledged == ()
    eim.knobs.acknowledge = Acknowledge.ALL
    assert await eim.answer(v.PR1) == bytes.fromhex("BF5006BF5303800107")
    results = [record for record in eim.history.records if record.kind is RecordKind.RESULT]
    assert [(record.function, record.news) for record in results] == [
        ("TransferEimPackage", True),
        ("ProvideEimPackageResult", False),
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize("answer", ["BF4E00", "BF4E04BF6F0100", "BF4F03020101", "05", "BF4E0205000500"])
async def test_answer_that_is_none_is_malformed(eim: VirtualEim, tmp_path: Path, answer: str) -> None:
    queue_enable(eim)
    ipa = InjectedIpa(pki(), tmp_path, BindingName.ASN1, answers=[bytes.fromhex(answer)])
    await ipa.start()
    outcome = await inject(eim, v.EID, target(ipa))
    await ipa.close()
    assert (outcome.end, outcome.status) == (InjectionEnd.MALFORMED, "HTTP 200")
    assert eim.association(v.EID).waiting() is not None


@pytest.mark.asyncio
async def test_server_of_another_ca_gets_nothing(eim: VirtualEim, ipa: InjectedIpa) -> None:
    queue_enable(eim)
    other = Pki.issue_tls_ca("Nobody's CA").pem
    outcome = await inject(eim, v.EID, target(ipa, anchors=other))
    assert outcome.end is InjectionEnd.UNREACHABLE
    assert not ipa.requests
    ipa.answers = [RESULT]
    assert (await inject(eim, v.EID, target(ipa, anchors=None))).ok, "any certificate"


@pytest.mark.asyncio
@pytest.mark.parametrize("binding", [BindingName.ASN1, BindingName.COAPS])
async def test_nobody_there(eim: VirtualEim, binding: BindingName) -> None:
    queue_enable(eim)
    kind = socket.SOCK_DGRAM if binding is BindingName.COAPS else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        if binding is BindingName.COAPS:
            taken.close()
        scheme = "coaps" if binding is BindingName.COAPS else "https"
        found = await inject(eim, v.EID, InjectionTarget.of(f"{scheme}://127.0.0.1:{port}", timeout=5))
    assert found.end is InjectionEnd.UNREACHABLE
    assert found.detail


@pytest.mark.asyncio
async def test_client_certificate_is_shown_and_the_connection_is_kept(eim: VirtualEim, tmp_path: Path) -> None:
    ipa = InjectedIpa(pki(), tmp_path, BindingName.ASN1, pki().tls_ca.pem, [RESULT])
    await ipa.start()
    queue_enable(eim)
    stranger = await inject(eim, v.EID, target(ipa))
    assert stranger.end is InjectionEnd.UNREACHABLE
    assert not ipa.requests
    outcome = await inject(eim, v.EID, target(ipa, credential=Pki.issue_tls_client("eim.example.com", pki().tls_ca)))
    await ipa.close()
    assert outcome.ok
    assert ipa.connections == {1}, "one for package and acknowledgement; the server counts those that it let in"
    assert ipa.headers[0]["user-agent"] == f"gsma-rsp-eim;{v.EIM_ID}"
    assert ipa.headers[0]["content-type"] == "application/x-gsma-rsp-asn1"


def test_answers_of_version_1_3_are_read() -> None:
    assert transfer.read_answer(bytes.fromhex("BF4E0BBF6008A0068004A1A2A3A4")).received
    error = transfer.read_answer(bytes.fromhex("BF4E1ABF6117A0125A1089049032001234567890000000100070810101"))
    assert error.error == 1


@pytest.mark.parametrize(
    ("url", "binding"),
    [
        ("https://ipa.test", BindingName.ASN1),
        ("https://ipa.test/gsma/rsp2/esipa/transferEimPackage", BindingName.JSON),
        ("coaps://ipa.test:5999", BindingName.COAPS),
    ],
)
def test_binding_follows_from_the_url(url: str, binding: BindingName) -> None:
    assert InjectionTarget.of(url).binding is binding


@pytest.mark.parametrize("url", ["http://ipa.test", "ipa.test", "https://", "https://ipa.test:99999"])
def test_url_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match=r"URL|[Pp]ort"):
        InjectionTarget.of(url)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"eimPackageReceived": true}', "BF4E020500"),
        (b'{"eimPackageError": 2}', "BF4E03020102"),
        (b'{"eimPackageError": 0, "eimPackageReceived": {}}', "BF4E020500"),
    ],
)
def test_forms_of_json_answers(body: bytes, message: str) -> None:
    assert json_transfer.to_message(body) == bytes.fromhex(message)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"euiccPackageResult": 7}',
        b'{"euiccPackageResult": "vwA="}',
        b'{"euiccPackageResult": "?"}',
        b'{"ePRAndNotifications": []}',
        b'{"ePRAndNotifications": [1]}',
        b'{"ePRAndNotifications": {"euiccPackageResult": "v1EA"}}',
        b'{"eimPackageError": "2"}',
        b'{"eimPackageError": true}',
    ],
)
def test_json_that_is_no_answer(body: bytes) -> None:
    with pytest.raises(MalformedRequestError):
        json_transfer.to_message(body)


class TestCoapsClient:
    """The client of CoAPS injection against the bench's endpoint."""

    @pytest.mark.asyncio
    async def test_large_bodies_go_both_ways_in_the_blocks_of_the_server(self) -> None:
        async with running() as pair:
            pair.server.knobs.block_size = 256
            client = await opened(pair.server.port)
            body = bytes(range(256)) * 12
            response = await client.post(("gsma", "rsp2", "asn1"), body)
            await client.close()
        assert (response.code, response.body) == ("2.04", body)

    @pytest.mark.asyncio
    async def test_separate_response_and_lost_datagrams(self) -> None:
        async with running() as pair:
            client = await opened(pair.server.port, ack_timeout=0.1)
            pair.server.knobs.separate = True
            pair.server.knobs.lose_received = 1
            response = await client.post(("gsma", "rsp2", "asn1"), b"hello")
            await client.close()
        assert response.body == b"hello"

    @pytest.mark.asyncio
    async def test_echo_is_repeated(self) -> None:
        async with running() as pair:
            pair.server.knobs.echo = True
            client = await opened(pair.server.port)
            assert (await client.post(("gsma", "rsp2", "asn1"), b"hello")).code == "2.04"
            await client.close()
        assert [252 in request.options for request in pair.server.requests] == [False, True]

    @pytest.mark.asyncio
    async def test_silence_ends(self) -> None:
        async with running() as pair:
            client = await opened(pair.server.port, ack_timeout=0.01, max_retransmit=1)
            pair.server.knobs.lose_received = 9
            with pytest.raises(CoapError, match="not acknowledged"):
                await client.post(("gsma", "rsp2", "asn1"), b"hello")
            await client.close()

    @pytest.mark.asyncio
    async def test_wrong_name(self) -> None:
        async with running() as pair:
            client = CoapsClient(DtlsClient("other.example.com", anchors=pki().tls_ca.pem))
            with pytest.raises(DtlsError, match="name"):
                await client.open("127.0.0.1", pair.server.port)
            await client.close()


async def opened(port: int, **timing: Any) -> CoapsClient:
    client = CoapsClient(DtlsClient("eim.example.com", anchors=pki().tls_ca.pem), **timing)
    await client.open("127.0.0.1", port)
    return client


def test_client_certificate_is_for_the_key_of_the_server() -> None:
    issued = Pki.issue_tls_client("eim.example.com", pki().tls_ca, pki().eim_tls.key)
    assert issued.public_key == pki().eim_tls.public_key
    usage = parse(issued.certificate).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
