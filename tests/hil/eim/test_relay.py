"""The eIM relays an indirect download: real card, real SM-DP+ and SM-DS behind HTTPS, a scripted IPA."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hil import codec, tlv
from hil.eim import VirtualEim, content
from hil.eim.association import Association, Outcome, Package
from hil.eim.history import RecordKind
from hil.rig import FIRST_EIM, Rig, RigOptions
from hil.rsp.faults import Fault, FaultKind
from hil.smdp.catalogue import CONFIRMATION_CODE, EVENT, FLEET, METER, SMALL, WITH_CODE
from hil.smdp.core import SmDpPlus
from hil.smdp.flaws import PackageFlaw
from hil.smdp.orders import ProfileState
from tests.hil.eim.ipa import RelayedDownload, error_of, txid_of
from tests.hil.smdp.lpa import DEVICE_INFO, outcome


@dataclass
class Site:
    rig: Rig
    ipa: RelayedDownload

    @property
    def eim(self) -> VirtualEim:
        return self.rig.eim(FIRST_EIM).core

    @property
    def smdp(self) -> SmDpPlus:
        assert self.rig.rsp is not None
        return self.rig.rsp.core

    @property
    def address(self) -> str:
        return self.smdp.identity.address

    @property
    def association(self) -> Association:
        return self.eim.association(self.rig.eid)

    def state(self, matching_id: str) -> ProfileState:
        return next(order.state for order in self.smdp.orders if order.matching_id == matching_id)

    async def triggered(self, **trigger: Any) -> tuple[Package, bytes]:
        package = self.eim.queue(self.rig.eid, content.download_trigger(**trigger))
        return package, txid_of(await self.ipa.poll())

    async def by_code(self, matching_id: str, tail: str = "", **trigger: Any) -> tuple[Package, bytes]:
        return await self.triggered(activation_code=f"1${self.address}${matching_id}{tail}", **trigger)

    def report(self, *bits: int) -> None:
        """What the IPA has said of itself in an IpaEuiccData."""
        features = tlv.build(0x80, *codec_bits(*bits))
        self.association.capabilities = tlv.build(0xA8, features)

    async def forwarded(self) -> None:
        assert self.eim.forwarder is not None
        await self.eim.forwarder.settled()


def codec_bits(*bits: int) -> tuple[bytes, bytes]:
    octets, size = codec.bits(*bits)
    return bytes([len(octets) * 8 - size]), octets


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with Rig(RigOptions(tmp_path / "rig", personality="plain")) as rig:
        yield Site(rig, RelayedDownload(rig.card, rig.eim(FIRST_EIM).core.answer))


def profiles(site: Site) -> list[str]:
    return [profile.iccid for profile in site.rig.card.profiles]


@pytest.mark.asyncio
@pytest.mark.parametrize("matching_id", [SMALL, METER, FLEET])
async def test_profile_is_downloaded_through_the_eim(site: Site, matching_id: str) -> None:
    package, txid = await site.by_code(matching_id)
    before = profiles(site)
    result = await site.ipa.download(txid, site.address, matching_id)
    assert outcome(result) == (None, None)
    answer = await site.ipa.deliver(result, txid)
    kind, acknowledged = codec.decode("ProvideEimPackageResultResponse", answer)
    assert kind == "eimAcknowledgements"
    number = codec.decode("ProfileInstallationResult", result)["profileInstallationResultData"]
    assert acknowledged == [number["notificationMetadata"]["seqNumber"]]
    assert package.outcome is Outcome.OK
    assert len(profiles(site)) == len(before) + 1
    await site.forwarded()
    assert site.state(matching_id) is ProfileState.INSTALLED
    assert site.smdp.notifications == [result]
    assert site.smdp.reports[-1].verified


@pytest.mark.asyncio
async def test_every_signed_object_passes_as_it_is(site: Site) -> None:
    _, txid = await site.by_code(SMALL)
    await site.ipa.download(txid, site.address, SMALL)
    session = next(iter(site.smdp.sessions.values()))
    initiated = site.ipa.messages[0xBF39][1]
    for part in (session.asked.server_signed1, session.asked.server_signature1, session.asked.certificate):
        assert part in initiated
    assert session.euicc is not None
    assert session.euicc.signature1 in site.ipa.messages[0xBF3B][0]
    offered = site.ipa.messages[0xBF3B][1]
    assert session.smdp_signed2 + session.smdp_signature2 in offered
    assert session.order is not None
    assert session.order.metadata.encode(site.address) in offered


@pytest.mark.asyncio
async def test_address_of_the_ipa_must_be_that_of_the_trigger(site: Site) -> None:
    _, txid = await site.by_code(SMALL)
    assert error_of(await site.ipa.initiate(txid=txid, address="elsewhere.example.com")) == 50
    host = site.address.partition(":")[0].upper()
    assert tlv.single(tlv.single(await site.ipa.initiate(txid=txid, address=host)).value).tag == 0xA0


@pytest.mark.asyncio
async def test_oid_of_the_activation_code_is_compared(site: Site) -> None:
    _, txid = await site.by_code(SMALL, "$2.999.99")
    assert error_of(await site.ipa.initiate(txid=txid)) == 51


@pytest.mark.asyncio
async def test_unknown_transactions_have_the_code_of_their_function(site: Site) -> None:
    await site.by_code(SMALL)
    assert error_of(await site.ipa.initiate(txid=b"\x01\x02")) == 52
    unknown = tlv.build(0x80, bytes(8))
    assert error_of(await site.ipa.call(tlv.build(0xBF3B, unknown, bytes.fromhex("BF3800")))) == 10
    assert error_of(await site.ipa.call(tlv.build(0xBF3A, unknown, bytes.fromhex("BF2100")))) == 95
    assert error_of(await site.ipa.call(tlv.build(0xBF41, unknown, bytes.fromhex("A103810105")))) == 1


@pytest.mark.asyncio
async def test_trigger_without_number_is_found_while_it_is_the_only_one(site: Site) -> None:
    await site.by_code(SMALL)
    initiated = await site.ipa.initiate(txid=None)
    assert tlv.single(tlv.single(initiated).value).tag == 0xA0


@pytest.mark.asyncio
async def test_held_download_data_give_address_and_matching_id(site: Site) -> None:
    site.report(1, 2)
    package, txid = await site.triggered(held=f"1${site.address}${SMALL}")
    assert package.content.body == bytes.fromhex("BF5400")
    assert outcome(await site.ipa.download(txid, None)) == (None, None)
    initiated = {
        part.tag: part.value for part in tlv.children(tlv.find(site.ipa.messages[0xBF39][1], 0xBF39, 0xA0).value)
    }
    assert initiated[0x0C] == SMALL.encode()


@pytest.mark.asyncio
async def test_context_is_made_by_the_eim_when_the_ipa_wants_it(site: Site) -> None:
    site.report(1, 3)
    device_info = codec.encode("DeviceInfo", DEVICE_INFO)
    site.association.device_info = tlv.build(0xA9, tlv.single(device_info).value)
    _, txid = await site.by_code(SMALL)
    assert outcome(await site.ipa.download(txid, site.address, "ignored")) == (None, None)
    context = tlv.find(site.ipa.messages[0xBF39][1], 0xBF39, 0xA0, 0xA2).value
    params = codec.decode("CtxParams1", context)[1]
    assert (params["matchingId"], params["deviceInfo"]["tac"]) == (SMALL, DEVICE_INFO["tac"])


@pytest.mark.asyncio
async def test_trigger_without_any_data_is_undefined(site: Site) -> None:
    _, txid = await site.triggered()
    assert error_of(await site.ipa.initiate(txid=txid)) == 127


@pytest.mark.asyncio
async def test_known_confirmation_code_goes_along_as_its_hash(site: Site) -> None:
    _, txid = await site.by_code(WITH_CODE, "$$1", confirmation_code=CONFIRMATION_CODE)
    assert outcome(await site.ipa.download(txid, site.address, WITH_CODE)) == (None, None)


@pytest.mark.asyncio
async def test_unknown_confirmation_code_is_missing_at_the_server(site: Site) -> None:
    _, txid = await site.by_code(WITH_CODE, "$$1")
    offered = await site.ipa.authenticate(await site.ipa.initiate(txid=txid), WITH_CODE)
    assert all(part.tag != 0x04 for part in tlv.children(tlv.find(offered, 0xBF3B, 0xA0).value))
    assert error_of(await site.ipa.get_package(offered)) == 2


@pytest.mark.asyncio
async def test_default_smdp_is_the_one_that_the_ipa_names(site: Site) -> None:
    _, txid = await site.triggered(default_smdp=True)
    assert error_of(await site.ipa.initiate(txid=txid)) == 127
    assert outcome(await site.ipa.download(txid, site.address)) == (None, None)


@pytest.mark.asyncio
async def test_event_of_the_smds_becomes_a_new_trigger(site: Site) -> None:
    assert site.rig.rsp is not None
    package, txid = await site.triggered(smds=site.rig.rsp.smds.fqdn)
    answer = await site.ipa.authenticate(await site.ipa.initiate(txid=txid), "")
    arm = tlv.find(answer, 0xBF3B, 0xA1)
    trigger = codec.decode("ProfileDownloadTriggerRequest", tlv.find(arm.value, 0xBF54).raw)
    assert trigger["eimTransactionId"] == txid
    assert trigger["profileDownloadData"] == ("activationCode", f"1${site.address}${EVENT}")
    result = await site.ipa.download(txid, site.address, EVENT)
    assert outcome(result) == (None, None)
    await site.ipa.deliver(result, txid)
    await site.forwarded()
    assert package.outcome is Outcome.OK
    assert site.rig.rsp.smds.server.smds.events == []


@pytest.mark.asyncio
async def test_smds_without_an_event_names_no_trigger(site: Site) -> None:
    assert site.rig.rsp is not None
    site.rig.rsp.discovery.delete(site.rig.card.eid, EVENT)
    _, txid = await site.triggered(smds="")
    answer = await site.ipa.authenticate(await site.ipa.initiate(txid=txid, address=site.rig.rsp.smds.fqdn), "")
    assert [part.tag for part in tlv.children(tlv.find(answer, 0xBF3B, 0xA1).value)] == [0x80]


@pytest.mark.asyncio
@pytest.mark.parametrize("form", ["implicit", "nested", "untagged"])
async def test_cancelled_session_reaches_the_server_in_every_form(site: Site, form: str) -> None:
    _, txid = await site.by_code(SMALL)
    await site.ipa.authenticate(await site.ipa.initiate(txid=txid), SMALL)
    response = site.ipa.cancel_at_card(3)
    forms = {
        "implicit": tlv.build(0xA1, tlv.single(response).value),
        "nested": tlv.build(0xA1, response),
        "untagged": response,
    }
    message = tlv.build(0xBF41, tlv.build(0x80, site.ipa.transaction_id), forms[form])
    assert (await site.ipa.call(message)).hex().upper() == "BF4102A000"
    assert site.state(SMALL) is ProfileState.ERROR


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("function", "code", "expected"),
    [
        ("initiateAuthentication", "8.8.1/3.8", (0xBF39, 1)),
        ("initiateAuthentication", "8.8.3/3.1", (0xBF39, 2)),
        ("initiateAuthentication", "8.8.2/3.1", (0xBF39, 3)),
        ("initiateAuthentication", "8.8.4/3.7", (0xBF39, 3)),
        ("initiateAuthentication", "1.2/4.2", (0xBF39, 127)),
        ("authenticateClient", "8.1.2/6.1", (0xBF3B, 1)),
        ("authenticateClient", "8.1.2/6.3", (0xBF3B, 2)),
        ("authenticateClient", "8.1.3/6.1", (0xBF3B, 3)),
        ("authenticateClient", "8.1.3/6.3", (0xBF3B, 4)),
        ("authenticateClient", "8.1/6.1", (0xBF3B, 5)),
        ("authenticateClient", "8.2.6/3.8", (0xBF3B, 6)),
        ("authenticateClient", "8.2/1.2", (0xBF3B, 6)),
        ("authenticateClient", "8.1.1/3.8", (0xBF3B, 7)),
        ("authenticateClient", "8.2.5/4.3", (0xBF3B, 8)),
        ("authenticateClient", "8.11.1/3.9", (0xBF3B, 9)),
        ("authenticateClient", "8.10.1/3.9", (0xBF3B, 10)),
        ("authenticateClient", "8.1/4.8", (0xBF3B, 11)),
        ("authenticateClient", "8.8.5/4.10", (0xBF3B, 18)),
        ("authenticateClient", "8.8.5/6.4", (0xBF3B, 127)),
        ("getBoundProfilePackage", "8.1/6.1", (0xBF3A, 1)),
        ("getBoundProfilePackage", "8.2.7/2.2", (0xBF3A, 2)),
        ("getBoundProfilePackage", "8.2.7/3.8", (0xBF3A, 3)),
        ("getBoundProfilePackage", "8.2.7/6.4", (0xBF3A, 4)),
        ("getBoundProfilePackage", "8.2/3.7", (0xBF3A, 5)),
        ("getBoundProfilePackage", "8.8.5/4.10", (0xBF3A, 6)),
        ("getBoundProfilePackage", "8.10.1/3.9", (0xBF3A, 95)),
    ],
)
async def test_status_of_the_server_becomes_a_code_for_the_ipa(
    site: Site, function: str, code: str, expected: tuple[int, int]
) -> None:
    assert site.rig.rsp is not None
    site.rig.rsp.smdp.server.faults.add(Fault(FaultKind.FAILED, function, text=code))
    _, txid = await site.by_code(SMALL)
    answer = await site.ipa.initiate(txid=txid)
    if expected[0] != 0xBF39:
        answer = await site.ipa.authenticate(answer, SMALL)
    if expected[0] == 0xBF3A:
        answer = await site.ipa.get_package(answer)
    assert (tlv.single(answer).tag, error_of(answer)) == expected


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("kind", "text"),
    [(FaultKind.STATUS, ""), (FaultKind.DROP_BEFORE, ""), (FaultKind.HTML, ""), (FaultKind.NOT_JSON, "[1]")],
)
async def test_server_without_an_answer_is_undefined(site: Site, kind: FaultKind, text: str) -> None:
    assert site.rig.rsp is not None
    site.rig.rsp.smdp.server.faults.add(Fault(kind, text=text))
    _, txid = await site.by_code(SMALL)
    assert error_of(await site.ipa.initiate(txid=txid)) == 127


@pytest.mark.asyncio
async def test_server_that_nobody_knows_is_undefined(site: Site) -> None:
    _, txid = await site.triggered(activation_code="1$smdp.elsewhere.example$A")
    assert error_of(await site.ipa.initiate(txid=txid)) == 127


@pytest.mark.asyncio
async def test_metadata_are_verified_when_the_ipa_leaves_it_to_the_eim(site: Site) -> None:
    site.report(1, 4)
    order = next(order for order in site.smdp.orders if order.matching_id == SMALL)
    original = order.metadata
    changes = {"policy_rules": (2,), "owner_mcc_mnc": b"\x00\xf1\x10"}
    order.metadata = type(original)(**{**original.__dict__, **changes})
    site.eim.knobs.allowed_policy_rules = (1,)
    _, txid = await site.by_code(SMALL)
    assert error_of(await site.ipa.authenticate(await site.ipa.initiate(txid=txid), SMALL)) == 50
    order.metadata = original
    site.smdp.knobs.package_flaw = PackageFlaw.OTHER_METADATA
    offered = await site.ipa.authenticate(await site.ipa.initiate(txid=txid), SMALL)
    assert error_of(await site.ipa.get_package(offered)) == 50


@pytest.mark.asyncio
async def test_codes_of_the_eim_come_on_demand(site: Site) -> None:
    site.eim.knobs.relay_errors = {"InitiateAuthentication": 50, "CancelSession": 2}
    _, txid = await site.by_code(SMALL)
    assert error_of(await site.ipa.initiate(txid=txid)) == 50
    assert error_of(await site.ipa.call(bytes.fromhex("BF410780010AA1028100"))) == 2


@pytest.mark.asyncio
async def test_compact_form_that_is_none_is_answered_and_recorded(site: Site) -> None:
    _, txid = await site.by_code(SMALL)
    await site.ipa.authenticate(await site.ipa.initiate(txid=txid), SMALL)
    compact = tlv.build(0xBF38, tlv.build(0xA2, b"\x05\x00"))
    assert error_of(await site.ipa.call(tlv.build(0xBF3B, tlv.build(0x80, site.ipa.transaction_id), compact))) == 127
    relayed = [record for record in site.eim.history.records if record.kind is RecordKind.RELAY]
    assert relayed[-1].summary == "AuthenticateClient compact form not expanded: A0 is missing"


@pytest.mark.asyncio
async def test_notification_that_the_server_does_not_take_is_tried_again_with_the_next(site: Site) -> None:
    assert site.rig.rsp is not None
    _, txid = await site.by_code(SMALL)
    result = await site.ipa.download(txid, site.address, SMALL)
    site.rig.rsp.smdp.server.faults.add(Fault(FaultKind.STATUS, "handleNotification"))
    await site.ipa.deliver(result, txid)
    await site.forwarded()
    assert site.smdp.notifications == []
    assert site.eim.forwarder is not None
    assert site.eim.forwarder.waiting == 1
    pending = tlv.children(tlv.find(site.ipa.lpa.call(bytes.fromhex("BF2B00"))[0], 0xBF2B, 0xA0).value)
    await site.ipa.exchange(tlv.build(0xBF3D, tlv.build(0xA0, pending[1].raw)))
    await site.forwarded()
    assert site.smdp.notifications == [result, pending[1].raw]
    assert site.smdp.events[-1].verified
    assert site.smdp.events[-1].operation == "install"
