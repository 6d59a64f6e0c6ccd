"""Downloads that must fail: one clear error each, session cancelled if there is one, old profile enabled, eIM told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hil import tlv
from hil.euicc.config import AuthorisationRule, CardConfig, OperatorId, PolicyRule, default_card
from hil.pki import Pki
from hil.pki import certificates as shape
from hil.pki.pki import Credential, Role
from hil.rsp import status
from hil.rsp.status import StatusCode
from hil.smdp.orders import confirmation_hash
from ipad.codec.activation_code import ActivationCode
from ipad.codec.rsp import AuthenticateErrorCode, DownloadErrorCode
from ipad.errors import (
    DownloadCheckError,
    EuiccResultError,
    ExchangeError,
    RspStatusError,
    ServerResultError,
)
from ipad.procedures.certificate_dates import ClockPolicy
from ipad.procedures.download_settings import DownloadSettings
from ipad.procedures.download_trigger import target_of_code
from ipad.procedures.triggered_download import download_locally
from tests.ipad.procedures.download_bench import (
    CODE,
    ICCID,
    SMDP,
    TXID,
    DownloadBench,
    ProfileState,
    code_data,
    make_order,
)
from tests.ipad.procedures.download_failures import WAYS, cancel_calls, failed, replaced

# --- triggers ------------------------------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "code", ["2$smdp.example.com$X", "1$$X", "1$smdp.example.com", "1$smdp example$X", "1$a\x07b$X"]
)
async def test_malformed_activation_code_is_refused_before_any_network(world: DownloadBench, code: str) -> None:
    await world.associate(relays=False)
    world.eim.offer(code_data(code))
    (package,) = (await world.run()).packages
    assert package.download is None
    error = world.told().eim_package_result_response_error
    assert error is not None
    assert (error.eim_transaction_id, error.eim_package_result_error_code) == (TXID, 1)
    assert world.network.calls == []


@pytest.mark.asyncio
async def test_trigger_without_any_way_is_an_unknown_package(world: DownloadBench) -> None:
    await world.associate(relays=False)
    world.settings["rsp"] = None
    world.eim.offer(code_data())
    await world.run()
    error = world.told().eim_package_result_response_error
    assert error is not None
    assert error.eim_package_result_error_code == 2


@pytest.mark.asyncio
async def test_missing_default_sm_dp_is_told(pki: Pki, tmp_path: Path) -> None:
    world = DownloadBench(pki, tmp_path, default_card(smdp_address=""))
    await world.associate(relays=False)
    world.eim.offer(tlv.build(0x81, b""))
    await world.run()
    assert world.told_error() is None


# --- the server is not the right one -------------------------------------------------------------------


@pytest.mark.asyncio
async def test_wrong_host_is_found_before_the_card_is_asked(world: DownloadBench) -> None:
    world.network.servers["other.example.com"] = world.smdp_server.functions
    report = await failed(world, code="1$other.example.com$TEST-1")
    assert isinstance(report.error, RspStatusError)
    assert (report.error.subject, report.error.reason) == ("8.8.1", "3.8")
    assert report.error_response == bytes.fromhex("BF3903810101")
    assert cancel_calls(world) == 0


@pytest.mark.asyncio
async def test_server_that_signs_another_address_is_refused(world: DownloadBench, pki: Pki) -> None:
    smdp = world.make_smdp(address="elsewhere.example.com")
    initiate = smdp.initiate_authentication
    smdp.__dict__["initiate_authentication"] = lambda challenge, info, address: initiate(
        challenge, info, "elsewhere.example.com"
    )
    world.smdp_server.smdp = smdp
    report = await failed(world)
    assert isinstance(report.error, DownloadCheckError)
    assert "elsewhere.example.com" in str(report.error)
    assert cancel_calls(world) == 0


@pytest.mark.asyncio
@WAYS
async def test_wrong_oid_is_found_before_the_card_is_asked(world: DownloadBench, relays: bool) -> None:
    world.smdp.orders.add(make_order())
    report = await failed(world, relays=relays, code=f"{CODE}$2.999.77")
    assert isinstance(report.error, DownloadCheckError)
    assert "2.999.77" in str(report.error)
    assert cancel_calls(world) == 0


@pytest.mark.asyncio
async def test_right_oid_is_accepted(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order())
    assert (await world.triggered(code_data(f"{CODE}$2.999.10"), relays=False)).installed


@pytest.mark.asyncio
async def test_certificate_in_tls_must_be_of_the_same_server(world: DownloadBench, pki: Pki) -> None:
    world.network.tls_certificates[SMDP] = pki[Role.SMDS_TLS].certificate
    report = await failed(world)
    assert isinstance(report.error, DownloadCheckError)
    assert "TLS" in str(report.error)


@pytest.mark.asyncio
async def test_certificate_in_tls_with_the_oid_of_the_server_passes(world: DownloadBench, pki: Pki) -> None:
    world.network.tls_certificates[SMDP] = pki[Role.SMDP_TLS].certificate
    world.smdp.orders.add(make_order())
    assert (await world.triggered(relays=False)).installed


@pytest.mark.asyncio
async def test_wrong_ci_is_refused_by_the_card_and_the_server_learns_it(
    world: DownloadBench, pki: Pki, tmp_path: Path
) -> None:
    other = Pki.generate(tmp_path / "other", eid=world.card.eid)
    credentials = {pki.ci_key_id: other[Role.SMDP_AUTH]}
    object.__setattr__(world.smdp.identity, "credentials", credentials)
    report = await failed(world)
    assert isinstance(report.error, EuiccResultError)
    assert report.error.code == AuthenticateErrorCode.INVALID_CERTIFICATE
    assert report.error_response is not None
    assert report.error_response.startswith(b"\xbf\x38")
    assert world.network.calls == ["initiateAuthentication", "authenticateClient"]
    assert all(session.finished for session in world.smdp.sessions.values())


def reissued(pki: Pki, role: Role, policy: str, oid: str, **validity: datetime) -> Credential:
    key = pki[role].key
    issuer = shape.Issuer.of(pki.ci.certificate, pki.ci.key)
    dates = shape.Validity(**validity) if validity else shape.DEFAULT_VALIDITY
    extensions = shape.server_extensions(policy, oid)
    return Credential(shape.issue(shape.name("again"), key.public_key(), issuer, extensions, dates), key)


OLD = {"begin": datetime(2020, 1, 1, tzinfo=UTC), "end": datetime(2021, 1, 1, tzinfo=UTC)}


@pytest.mark.asyncio
@WAYS
async def test_expired_authentication_certificate_ends_before_the_card(
    world: DownloadBench, pki: Pki, relays: bool
) -> None:
    expired = reissued(pki, Role.SMDP_AUTH, shape.ROLE_DP_AUTH, world.smdp.oid, **OLD)
    object.__setattr__(world.smdp.identity, "credentials", {pki.ci_key_id: expired})
    report = await failed(world, relays=relays)
    assert "expired on 2021-01-01" in str(report.error)
    assert cancel_calls(world) == 0


@pytest.mark.asyncio
@WAYS
async def test_expired_binding_certificate_cancels_the_session(world: DownloadBench, pki: Pki, relays: bool) -> None:
    world.smdp.orders.add(make_order())
    expired = reissued(pki, Role.SMDP_PB, shape.ROLE_DP_PB, world.smdp.oid, **OLD)
    world.smdp.binding_credentials = {pki.ci_key_id: expired}
    report = await failed(world, relays=relays)
    assert "expired on 2021-01-01" in str(report.error)
    assert cancel_calls(world) == 1
    assert world.order.history[-1] == "Error: cancelled with reason 127"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("policy", "installed"),
    [(ClockPolicy.WHEN_SET, True), (ClockPolicy.NEVER, True), (ClockPolicy.ALWAYS, False)],
)
async def test_clock_that_is_not_set_is_a_matter_of_configuration(
    world: DownloadBench, pki: Pki, policy: ClockPolicy, installed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    world.smdp.orders.add(make_order())
    expired = reissued(pki, Role.SMDP_AUTH, shape.ROLE_DP_AUTH, world.smdp.oid, **OLD)
    object.__setattr__(world.smdp.identity, "credentials", {pki.ci_key_id: expired})
    world.clock.now = 1000.0
    world.settings["download"] = DownloadSettings(clock_policy=policy)
    report = await world.triggered(relays=False)
    assert report.installed is installed
    assert ("are not checked" in caplog.text) is (policy is ClockPolicy.WHEN_SET)


@pytest.mark.asyncio
async def test_binding_certificate_of_another_server_cancels_the_session(world: DownloadBench, pki: Pki) -> None:
    world.smdp.orders.add(make_order())
    other = reissued(pki, Role.SMDP_PB, shape.ROLE_DP_PB, "2.999.66")
    world.smdp.binding_credentials = {pki.ci_key_id: other}
    report = await failed(world)
    assert "2.999.66" in str(report.error)
    assert cancel_calls(world) == 1


# --- signatures ----------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_bad_server_signature_is_refused_by_the_card(world: DownloadBench) -> None:
    replaced(world, "initiateAuthentication", serverSignature1=tlv.build(0x5F37, bytes(64)))
    report = await failed(world)
    assert isinstance(report.error, EuiccResultError)
    assert report.error.code == AuthenticateErrorCode.INVALID_SIGNATURE
    assert cancel_calls(world) == 0


@pytest.mark.asyncio
async def test_bad_smdp_signature_is_refused_by_the_card_and_the_server_learns_it(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order())
    replaced(world, "authenticateClient", smdpSignature2=tlv.build(0x5F37, bytes(64)))
    report = await failed(world)
    assert isinstance(report.error, EuiccResultError)
    assert report.error.code == DownloadErrorCode.INVALID_SIGNATURE
    assert report.error_response is not None
    assert report.error_response.startswith(b"\xbf\x21")
    assert world.network.calls == ["initiateAuthentication", "authenticateClient", "getBoundProfilePackage"]


@pytest.mark.asyncio
@pytest.mark.parametrize("member", ["serverSigned1", "serverCertificate", "serverSignature1", "euiccCiPKIdToBeUsed"])
async def test_missing_member_of_initiate_authentication_is_named(world: DownloadBench, member: str) -> None:
    replaced(world, "initiateAuthentication", **{member: None})
    report = await failed(world)
    assert isinstance(report.error, ExchangeError)
    assert member in str(report.error)


@pytest.mark.asyncio
@pytest.mark.parametrize("member", ["profileMetadata", "smdpSigned2", "smdpSignature2", "smdpCertificate"])
async def test_missing_member_of_authenticate_client_cancels_the_session(world: DownloadBench, member: str) -> None:
    world.smdp.orders.add(make_order())
    replaced(world, "authenticateClient", **{member: None})
    report = await failed(world)
    assert isinstance(report.error, ExchangeError)
    assert member in str(report.error)
    assert cancel_calls(world) == 1


@pytest.mark.asyncio
async def test_challenge_that_is_not_echoed_is_found(world: DownloadBench) -> None:
    signed = tlv.build(
        0x30, tlv.build(0x80, bytes(16)), tlv.build(0x81, bytes(16)), tlv.build(0x83, SMDP.encode()),
        tlv.build(0x84, bytes(16)),
    )  # fmt: skip
    replaced(world, "initiateAuthentication", serverSigned1=signed, transactionId="00" * 16)
    report = await failed(world)
    assert isinstance(report.error, DownloadCheckError)
    assert "euiccChallenge" in str(report.error)


# --- refusals of the server ----------------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("code", "response"),
    [
        (status.MATCHING_ID_REFUSED, "BF3B03820106"),
        (status.EID_MISMATCH, "BF3B03820107"),
        (status.NOT_ELIGIBLE, "BF3B03820108"),
        (status.INSUFFICIENT_MEMORY, "BF3B0382010B"),
        (status.ORDER_EXPIRED, "BF3B03820112"),
        (status.MALFORMED, "BF3B0382017F"),
    ],
)
async def test_refusal_in_authenticate_client_is_told_in_the_form_of_esipa(
    world: DownloadBench, code: StatusCode, response: str
) -> None:
    world.network.refuse["authenticateClient"] = code
    report = await failed(world)
    assert isinstance(report.error, RspStatusError)
    assert (report.error.subject, report.error.reason) == (code.subject, code.reason)
    assert world.told_error() == bytes.fromhex(response)
    assert cancel_calls(world) == 0


@pytest.mark.asyncio
async def test_profile_of_another_eid_is_refused(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order(eid="89049032000000000000000000000021"))
    report = await failed(world)
    assert isinstance(report.error, RspStatusError)
    assert report.error.subject == "8.1.1"


@pytest.mark.asyncio
async def test_three_wrong_confirmation_codes_end_the_order_and_not_before(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order(confirmation_hash=confirmation_hash("12345678")))
    ipa = await world.start()
    target = target_of_code(ActivationCode.parse(CODE))
    reasons = []
    for _ in range(3):
        (report,) = await download_locally(ipa, target, "00000000")
        assert isinstance(report.error, RspStatusError)
        reasons.append((report.error.subject, report.error.reason))
        assert (world.order.state is ProfileState.ERROR) is (len(reasons) == 3)
    assert reasons == [("8.2.7", "3.8"), ("8.2.7", "3.8"), ("8.2.7", "6.4")]
    assert ICCID not in world.iccids()


@pytest.mark.asyncio
async def test_right_code_after_a_wrong_one_installs(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order(confirmation_hash=confirmation_hash("12345678")))
    ipa = await world.start()
    target = target_of_code(ActivationCode.parse(CODE))
    await download_locally(ipa, target, "00000000")
    (report,) = await download_locally(ipa, target, "12345678")
    assert report.installed


@pytest.mark.asyncio
@WAYS
async def test_missing_confirmation_code_postpones(world: DownloadBench, relays: bool) -> None:
    world.smdp.orders.add(make_order(confirmation_hash=confirmation_hash("12345678")))
    report = await failed(world, relays=relays)
    assert "confirmation code" in str(report.error)
    assert world.order.history == ["Released: postponed with reason 1"]


@pytest.mark.asyncio
async def test_wrong_code_of_the_eim_leaves_the_order_open(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order(confirmation_hash=confirmation_hash("12345678")))
    world.eim.confirmation_hash = confirmation_hash("00000000")
    report = await failed(world, relays=True)
    assert isinstance(report.error, ServerResultError)
    assert world.told_error() == bytes.fromhex("BF3A03810103")
    assert world.eim.cancelled == [1]


@pytest.mark.asyncio
@pytest.mark.parametrize("code", [1, 3, 50, 51, 52, 127])
async def test_eim_that_refuses_to_begin_is_told_its_own_answer(world: DownloadBench, code: int) -> None:
    world.eim.refuse[0xBF39] = code
    report = await failed(world, relays=True)
    assert isinstance(report.error, ServerResultError)
    assert world.told_error() == tlv.build(0xBF39, tlv.build(0x81, bytes([code])))
    assert cancel_calls(world) == 0


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("tag", "code", "reason"), [(0xBF3B, 50, 3), (0xBF3B, 6, 127), (0xBF3A, 50, 4), (0xBF3A, 95, 127)]
)
async def test_eim_that_refuses_later_gets_the_cancelled_session(
    world: DownloadBench, tag: int, code: int, reason: int
) -> None:
    world.smdp.orders.add(make_order())
    world.eim.refuse[tag] = code
    report = await failed(world, relays=True)
    assert isinstance(report.error, ServerResultError)
    assert world.eim.cancelled == [reason]


@pytest.mark.asyncio
@pytest.mark.parametrize("key_id", [b"", b"\xff\xee"])
async def test_ci_key_that_the_card_does_not_have_is_refused(world: DownloadBench, key_id: bytes) -> None:
    world.eim.key_id = key_id
    report = await world.triggered(relays=True) if key_id == b"" else await failed(world, relays=True)
    if key_id:
        assert "fits 0 of the eUICC's CI keys" in str(report.error)


# --- what the IPA refuses ------------------------------------------------------------------------------


@pytest.mark.asyncio
@WAYS
async def test_profile_that_is_installed_already_cancels_the_session(world: DownloadBench, relays: bool) -> None:
    world.smdp.orders.add(make_order(iccid=world.card.profiles[1].iccid))
    report = await failed(world, relays=relays)
    assert "is on the eUICC already" in str(report.error)
    assert cancel_calls(world) == 1


def owner(**members: object) -> dict[str, object]:
    return {"owner_mcc_mnc": b"\x00\xf1\x20", **members}


@pytest.mark.asyncio
@WAYS
async def test_ppr1_beside_an_operational_profile_is_not_allowed(world: DownloadBench, relays: bool) -> None:
    world.smdp.orders.add(make_order(metadata=owner(policy_rules=(1,))))
    world.smdp.knobs.ignore_eligibility = True
    report = await failed(world, relays=relays)
    assert "PPR1" in str(report.error)
    assert world.order.history[-1] == "Error: cancelled with reason 3"


@pytest.mark.asyncio
@pytest.mark.parametrize(("consent", "installed"), [(True, True), (False, False)])
async def test_consent_is_what_the_configuration_says(world: DownloadBench, consent: bool, installed: bool) -> None:
    world.smdp.orders.add(make_order(metadata=owner(policy_rules=(2,))))
    world.settings["download"] = DownloadSettings(consent=consent)
    report = await world.triggered(relays=False)
    assert report.installed is installed
    if not installed:
        assert world.order.history[-1] == "Error: cancelled with reason 0"


def restricted(rules: tuple[AuthorisationRule, ...]) -> CardConfig:
    return CardConfig(**{**vars_of(default_card()), "rules_authorisation_table": rules})


def vars_of(config: CardConfig) -> dict[str, object]:
    return {name: getattr(config, name) for name in CardConfig.__slots__}


@pytest.mark.asyncio
async def test_owner_that_the_table_does_not_name_is_not_allowed(pki: Pki, tmp_path: Path) -> None:
    rule = AuthorisationRule(PolicyRule.PPR2, (OperatorId(b"\x62\xf2\x10"),), consent_required=False)
    world = DownloadBench(pki, tmp_path, restricted((rule,)))
    world.smdp.orders.add(make_order(metadata=owner(policy_rules=(2,))))
    world.smdp.knobs.ignore_eligibility = True
    report = await failed(world)
    assert "PPR2 is not allowed" in str(report.error)
