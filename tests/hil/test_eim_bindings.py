"""The rig's eIMs on all bindings: through the link, from the control API and from the command line."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography import x509

from hil import codec, crypto, tlv
from hil.cli.client import ControlClient
from hil.cli.parser import build_parser
from hil.coap import CoapError, CoapsClient
from hil.dtls_client import DtlsClient, DtlsError
from hil.eim import EimProtocol, content
from hil.eim.association import PackageState
from hil.eim.history import RecordKind
from hil.eim.http_binding import CONTENT_TYPE
from hil.eim.knobs import BindingName, EimVersion
from hil.eim.tls import Leaf, TlsKnobs, TlsVersion
from hil.link import Passage
from hil.rig import FIRST_EIM, SECOND_EIM, Rig, RigOptions
from hil.smdp.catalogue import FLEET, METER, SMALL
from hil.webserver import Request
from tests.coaps import pki
from tests.hil.eim.compacted import compacted
from tests.hil.eim.injected import RECEIVED, InjectedIpa
from tests.hil.eim.ipa import RelayedDownload, txid_of
from tests.hil.eim.json_ipa import JsonIpa
from tests.hil.operated import Operated, operated_rig

PATH = ("gsma", "rsp2", "asn1")


class Bound(Operated):
    @property
    def poll(self) -> bytes:
        return tlv.build(0xBF4F, tlv.build(0x5A, self.rig.eid))

    @contextlib.asynccontextmanager
    async def coaps(self, name: str = FIRST_EIM, ack_timeout: float = 5.0) -> AsyncIterator[CoapsClient]:
        """A CoAPS client of an eIM, by the way that a device goes."""
        dtls = DtlsClient("localhost", anchors=self.rig.pki.tls_anchors)
        port = int(self.rig.eim(name).coaps_url.split(":")[2].split("/")[0])
        client = CoapsClient(dtls, ack_timeout=ack_timeout, max_retransmit=1)
        try:
            await client.open("127.0.0.1", port)
            yield client
        finally:
            await client.close()


@pytest_asyncio.fixture(name="operated")
async def _operated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Bound]:
    async with operated_rig(Bound, tmp_path, capsys, eim_protocols=(EimProtocol.COAPS,)) as operated:
        # The modem needs most of a second to register, which is not what these tests are about.
        operated.rig.link.bearer = Passage.OPEN
        yield operated


@pytest.mark.asyncio
async def test_ready_line_names_the_ways_over_coaps(operated: Bound) -> None:
    check_line(operated.rig.ready_line(operated.control_url))


def check_line(line: dict[str, Any]) -> None:
    for url, fqdn in (("esipa_coaps_url", "eim_fqdn"), ("eim2_coaps_url", "eim2_fqdn")):
        assert line[url] == f"coaps://{line[fqdn]}/gsma/rsp2/asn1", "one eimFqdn for both transports"
    request = codec.decode("AddInitialEimRequest", Path(line["initial_eim_file"]).read_bytes())
    configuration = request["eimConfigurationDataList"][0]
    assert codec.has_bit(configuration["eimSupportedProtocol"], EimProtocol.COAPS.bit)
    assert not codec.has_bit(configuration["eimSupportedProtocol"], EimProtocol.HTTPS.bit)
    certificate = x509.load_pem_x509_certificate(Path(line["eim_client_cert_file"]).read_bytes())
    key = certificate.public_key()
    assert crypto.spki(key) == configuration["trustedPublicKeyDataTls"][1]  # type: ignore[arg-type]
    assert line["eim2_client_cert_file"] != line["eim_client_cert_file"]


@pytest.mark.asyncio
async def test_polls_over_coaps_need_a_bearer(operated: Bound) -> None:
    rig = operated.rig
    rig.link.bearer = Passage.SHUT
    with pytest.raises((DtlsError, OSError)):
        async with asyncio.timeout(5), operated.coaps():
            pass
    wait = functools.partial(ControlClient(operated.control_url).get, "/wait", bearer="up", timeout=20)
    assert (await asyncio.to_thread(wait))["met"]
    for name in (FIRST_EIM, SECOND_EIM):
        async with operated.coaps(name) as client:
            assert (await client.post(PATH, operated.poll)).body == bytes.fromhex("BF4F03020101")
    texts = [event.text for event in rig.timeline.events() if event.interface == "ESIPA"]
    assert any(text.startswith("eim1 CoAP 2.04") for text in texts)
    async with operated.coaps(ack_timeout=0.05) as client:
        rig.force_shut(shut=True)
        with pytest.raises((CoapError, OSError)):
            await client.post(PATH, operated.poll)
        rig.force_shut(shut=False)


@pytest.mark.asyncio
async def test_certificate_changes_for_tls_and_dtls(operated: Bound) -> None:
    assert await operated.done("eim", "tls", "expired") == ""
    endpoint = operated.rig.eim(FIRST_EIM)
    assert (endpoint.server.leaf, endpoint.coaps.leaf) == (Leaf.EXPIRED, Leaf.EXPIRED)
    with pytest.raises(DtlsError, match="certificate verify failed"):
        async with operated.coaps():
            pass
    await operated.done("eim", "tls", "good")
    async with operated.coaps():
        pass


@pytest.mark.asyncio
async def test_options_of_tls(operated: Bound) -> None:
    await operated.done("eim", "tls", "--max", "1.2", "--tickets", "1", "--session-tickets", "off", "--forget")
    server = operated.rig.eim(FIRST_EIM).server
    assert server.tls == TlsKnobs(TlsVersion.V1_2, 1, session_tickets=False)
    shown = json.loads(await operated.done("eim", "tls"))
    assert shown == {"leaf": "good", "maximum": "1.2", "tickets": 1, "session_tickets": False}
    code, _, err = await operated.run("eim", "tls", "wrong-name", "--tickets", "99")
    assert (code, server.leaf) == (1, Leaf.GOOD)
    assert "expected 0 to 16" in err


@pytest.mark.asyncio
async def test_knobs_of_coap(operated: Bound) -> None:
    coaps = operated.rig.eim(FIRST_EIM).coaps
    shown = json.loads(await operated.done("eim", "coap", "block_size=256", "resumption=ticket", "block_fault=endless"))
    assert (shown["block_size"], shown["resumption"], shown["block_fault"]) == (256, "ticket", "endless")
    assert (coaps.knobs.block_size, coaps.dtls_knobs.resumption) == (256, "ticket")
    code, _, err = await operated.run("eim", "coap", "block_size=100")
    assert (code, "expected one of 16" in err) == (1, True)
    assert json.loads(await operated.done("eim", "coap"))["counters"]["handshakes"] == 0
    for word in ("sessions", "associations", "close"):
        await operated.done("eim", "coap", "--end", word)


@pytest.mark.asyncio
async def test_refusals_of_coap(operated: Bound) -> None:
    await operated.done("eim", "coap", "--refuse", "5.03", "--max-age", "30")
    async with operated.coaps() as client:
        refused = await client.post(PATH, operated.poll)
        assert (refused.code, refused.max_age) == ("5.03", 30)
        assert (await client.post(PATH, operated.poll)).code == "2.04"
    await operated.done("eim", "coap", "--refuse", "4.00", "--times", "0")
    await operated.done("eim", "coap", "--refuse", "clear")
    assert operated.rig.eim(FIRST_EIM).coaps.knobs.refusals == []
    code, _, err = await operated.run("eim", "coap", "--refuse", "2.04")
    assert (code, "expected a code" in err) == (1, True)


@pytest.mark.asyncio
async def test_protocols_of_an_eim_that_is_added(operated: Bound) -> None:
    await operated.done("eim", "knob", "--eim", "eim2", 'supported_protocols=["https","inject-coaps"]')
    configuration = codec.decode("EimConfigurationData", operated.rig.configuration(SECOND_EIM))
    assert configuration["eimSupportedProtocol"] == (b"\x90", 4)


@pytest.mark.asyncio
@pytest.mark.parametrize("binding", list(BindingName))
async def test_injection_from_the_command_line(operated: Bound, tmp_path: Path, binding: BindingName) -> None:
    rig = operated.rig
    ipa = InjectedIpa(pki(), tmp_path, binding, answers=[RECEIVED, bytes.fromhex("BF4E03020102")])
    if binding is not BindingName.COAPS:
        ipa.client_ca = rig.pki.tls_anchors
    await ipa.start()
    url = ipa.url.replace("localhost", "127.0.0.1") if binding is BindingName.COAPS else ipa.url
    package = rig.eim(FIRST_EIM).core.queue(rig.eid, content.download_trigger(default_smdp=True))
    inject = functools.partial(operated.run, "eim", "inject", url, "--binding", binding.value)
    if binding is not BindingName.COAPS:
        code, out, _ = await inject("--client", "stranger", "--timeout", "10")
        assert (code, "unreachable" in out) == (1, True)
        assert not ipa.requests, "a stranger is refused by TLS"
    code, out, err = await inject("--all")
    assert (code, err) == (0, "")
    first, last = out.splitlines()
    assert (first.split()[:2], last) == (["1", "received"], "nothing")
    assert package.state is PackageState.RECEIVED
    rig.eim(FIRST_EIM).core.queue(rig.eid, content.data_request((0xA8,)))
    code, out, _ = await inject("--json")
    (outcome,) = json.loads(out)["outcomes"]
    assert (code, outcome["end"], outcome["error"], outcome["ok"]) == (1, "package-error", 2, False)
    kinds = {record.kind for record in rig.eim(FIRST_EIM).core.history.records}
    assert {RecordKind.RECEIVED, RecordKind.PACKAGE_ERROR} <= kinds
    assert not [door for door in rig.link.doors if "injection" in door.name]
    await ipa.close()


@pytest.mark.asyncio
async def test_injection_needs_a_bearer(operated: Bound, tmp_path: Path) -> None:
    rig = operated.rig
    ipa = InjectedIpa(pki(), tmp_path, BindingName.ASN1, answers=[RECEIVED])
    await ipa.start()
    rig.eim(FIRST_EIM).core.queue(rig.eid, content.download_trigger(default_smdp=True))
    rig.force_shut(shut=True)
    code, out, _ = await operated.run("eim", "inject", ipa.url, "--timeout", "5")
    assert (code, "unreachable" in out) == (1, True)
    rig.force_shut(shut=False)
    assert "received" in await operated.done("eim", "inject", ipa.url)
    await ipa.close()


@pytest.mark.asyncio
async def test_injection_orders_that_make_no_sense(operated: Bound, tmp_path: Path) -> None:
    code, _, err = await operated.run("eim", "inject", "http://localhost")
    assert (code, "no URL" in err) == (1, True)
    code, _, err = await operated.run("eim", "inject", "https://localhost", "--ca", str(tmp_path / "none"))
    assert code == 1
    code, _, err = await operated.run("eim", "inject", "https://localhost", "--eim", "eim7")
    assert (code, "there is no eIM" in err) == (1, True)


def test_options_of_the_rig() -> None:
    words = ["rig", "--eim-protocol", "https,coaps", "--eim-version", "1.0", "--tls-max", "1.2", "--tls-tickets", "0"]
    options = build_parser().parse_args(words)
    assert options.eim_protocol == (EimProtocol.HTTPS, EimProtocol.COAPS)
    assert (options.eim_version, options.tls_max, options.tls_tickets) == (EimVersion.V1_0, TlsVersion.V1_2, 0)


@pytest.mark.parametrize("words", [("--eim-protocol", "mqtt"), ("--tls-tickets", "17"), ("--eim-version", "1.1")])
def test_options_of_the_rig_that_make_no_sense(words: tuple[str, str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["rig", *words])


@pytest.mark.asyncio
async def test_version_of_the_rig_holds_for_both_eims(tmp_path: Path) -> None:
    options = RigOptions(tmp_path, personality="plain", eim_version=EimVersion.V1_0, tls=TlsKnobs(TlsVersion.V1_2))
    async with Rig(options) as rig:
        for name in (FIRST_EIM, SECOND_EIM):
            endpoint = rig.eim(name)
            assert endpoint.core.knobs.version is EimVersion.V1_0
            assert endpoint.server.tls.maximum is TlsVersion.V1_2


# Compact messages over each binding


Exchange = Callable[[bytes], Awaitable[bytes | None]]


class Minimizing:
    """Makes messages compact on their way, and keeps both."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.pairs: list[tuple[bytes, bytes]] = []

    async def __call__(self, message: bytes) -> bytes | None:
        short = compacted(message)
        if short != message:
            self.pairs.append((message, short))
        return await self._exchange(short)


async def download(operated: Bound, ipa: RelayedDownload, matching_id: str) -> None:
    """An indirect download with its notification, by a card that knows nothing of what happens on the way."""
    rig = operated.rig
    assert rig.rsp is not None
    address = rig.rsp.core.identity.address
    rig.eim(FIRST_EIM).core.queue(rig.eid, content.download_trigger(activation_code=f"1${address}${matching_id}"))
    txid = txid_of(await ipa.poll())
    result = await ipa.download(txid, address, matching_id)
    await ipa.call(tlv.build(0xBF3D, tlv.build(0xA0, result)))
    await ipa.deliver(result, txid)


@pytest.mark.asyncio
async def test_compact_messages_are_rebuilt_and_verified_over_each_binding(operated: Bound) -> None:
    endpoint = operated.rig.eim(FIRST_EIM)

    async def over_https(message: bytes) -> bytes | None:
        headers = (("content-type", CONTENT_TYPE),)
        reply = await endpoint.server._answer(Request("POST", "/gsma/rsp2/asn1", headers, message, 0, 1))
        assert reply.status in (200, 204)
        return reply.body or None

    async with operated.coaps() as client:

        async def over_coaps(message: bytes) -> bytes | None:
            response = await client.post(PATH, message)
            assert response.code == "2.04", response
            return response.body or None

        ipa = RelayedDownload(operated.rig.card, over_https)
        await download(operated, ipa, SMALL)
        ways: list[tuple[Exchange, str]] = [
            (JsonIpa(endpoint.server._answer).exchange, METER),
            (over_coaps, FLEET),
        ]
        for exchange, matching_id in ways:
            before = len(endpoint.core.compact.expanded)
            ipa.exchange = minimizing = Minimizing(exchange)
            await download(operated, ipa, matching_id)
            assert [tlv.single(short).tag for _, short in minimizing.pairs] == [0xBF3B, 0xBF3A, 0xBF3D]
            assert endpoint.core.compact.expanded[before:] == [short for _, short in minimizing.pairs]
            full, _ = minimizing.pairs[-1]
            arrived = [record for record in endpoint.core.history.records if record.kind is RecordKind.NOTIFICATION]
            raws = [record.raw for record in arrived if record.function == "HandleNotification"]
            assert raws[-1] == tlv.single(tlv.single(full).value).value.hex().upper(), "byte for byte"
            assert all(record.verified for record in arrived)
        assert len(operated.rig.card.profiles) == 4 + 3
