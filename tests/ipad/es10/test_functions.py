"""Every function of ES10: the bytes of the request, the meaning of the response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ipad.codec import tlv
from ipad.codec.eim import EimConfigurationData, EimPublicKeyData
from ipad.codec.es10 import LpaeOption, ResetOptions
from ipad.codec.euicc_package import CmdResult, EuiccPackageRequest
from ipad.codec.notification import DeleteNotificationStatus, RetrieveNotificationsListRequestSearchCriteria
from ipad.codec.profile import NotificationEvent, SearchCriteria
from ipad.codec.rsp import (
    AuthenticateServerRequest,
    CancelSessionReason,
    CtxParams1,
    PrepareDownloadRequest,
    ServerSigned1,
    SmdpSigned2,
)
from ipad.errors import CodecError, EuiccResultError
from ipad.es10.euicc import Euicc
from ipad.ids import Eid, Iccid
from tests.ipad.es10.scripted import Answer, ScriptedSession
from tests.vectors.sgp32 import VECTORS

CI = bytes.fromhex("F54172BDF98A95D65CBEB88A38A1C11D800A85C3")
ICCID = Iccid.parse("89490200000000000110")
ICCID_TLV = "5A0A98942000000000001001"
AID = bytes.fromhex("A0000005591010FFFFFFFF8900001200")
AID_TLV = "4F10A0000005591010FFFFFFFF8900001200"
CERTIFICATE = bytes.fromhex("300A30030201053000030100")
Call = Callable[[Euicc], Awaitable[Any]]


def euicc(*answers: Answer) -> tuple[Euicc, ScriptedSession]:
    session = ScriptedSession(list(answers))
    return Euicc(session), session


def hex_of(key: str) -> str:
    return str(VECTORS[key]["hex"])


def answer(tag: int, *contents: str | bytes) -> bytes:
    """A TLV of hexadecimal digits and other TLVs."""
    return tlv.tlv(tag, *(bytes.fromhex(item) if isinstance(item, str) else item for item in contents))


def child(key: str) -> bytes:
    """The TLV inside the outer TLV of a vector."""
    return bytes(tlv.read_single(bytes.fromhex(hex_of(key))).value)


EIM = EimConfigurationData(
    eim_id="eim.example.com",
    counter_value=0,
    eim_public_key_data=EimPublicKeyData(eim_certificate=CERTIFICATE),
)

OK_FUNCTIONS: list[tuple[str, Call, str, str, bool]] = [
    # name, call, request, response, repeatable
    ("SetDefaultDpAddress", lambda e: e.set_default_dp_address("a.b"), "BF3F058003612E62", "BF3F03800100", True),
    ("SetDefaultDpAddress removes", lambda e: e.set_default_dp_address(""), "BF3F028000", "BF3F03800100", True),
    (
        "SetDefaultDpAddress IoT",
        lambda e: e.set_default_dp_address("a.b", iot=True),
        "BF65058003612E62",
        "BF6503800100",
        True,
    ),
    ("LpaeActivation", lambda e: e.lpae_activation(LpaeOption(2)), "BF420480020640", "BF4203800100", False),
    ("IpaeActivation", lambda e: e.ipae_activation(), hex_of("EZ3"), "BF4203800100", False),
    ("ImmediateEnable", lambda e: e.immediate_enable(), "BF5A038001FF", "BF5A03800100", False),
    ("ImmediateEnable later", lambda e: e.immediate_enable(refresh_flag=False), hex_of("EI3"), "BF5A03800100", False),
    (
        "ConfigureImmediateProfileEnabling",
        lambda e: e.configure_immediate_profile_enabling(
            immediate_enable_flag=True, default_smdp_address="smdp.example.com"
        ),
        hex_of("EI1"),
        "BF5903800100",
        True,
    ),
    ("ExecuteFallbackMechanism", lambda e: e.execute_fallback_mechanism(), hex_of("EF1"), "BF5D03800100", False),
    ("ReturnFromFallback", lambda e: e.return_from_fallback(), hex_of("EF3"), hex_of("EF4"), False),
    ("EnableEmergencyProfile", lambda e: e.enable_emergency_profile(), hex_of("EM1"), "BF5B03800100", False),
    ("DisableEmergencyProfile", lambda e: e.disable_emergency_profile(), hex_of("EM3"), hex_of("EM4"), False),
    ("EnableProfile", lambda e: e.enable_profile(ICCID), f"BF3111A00C{ICCID_TLV}8101FF", "BF3103800100", False),
    (
        "EnableProfile by AID, no REFRESH",
        lambda e: e.enable_profile(AID, refresh_flag=False),
        f"BF3117A012{AID_TLV}810100",
        "BF3103800100",
        False,
    ),
    ("DisableProfile", lambda e: e.disable_profile(ICCID), f"BF3211A00C{ICCID_TLV}8101FF", "BF3203800100", False),
    ("DeleteProfile", lambda e: e.delete_profile(ICCID), f"BF330C{ICCID_TLV}", "BF3303800100", False),
    ("DeleteProfile by AID", lambda e: e.delete_profile(AID), f"BF3312{AID_TLV}", "BF3303800100", False),
    ("SetNickname", lambda e: e.set_nickname(ICCID, "Ü"), f"BF2910{ICCID_TLV}9002C39C", "BF2903800100", True),
]

each_function = pytest.mark.parametrize(
    ("name", "call", "request_", "response", "repeatable"), OK_FUNCTIONS, ids=[entry[0] for entry in OK_FUNCTIONS]
)


@each_function
@pytest.mark.asyncio
async def test_function_without_an_answer_but_ok(
    name: str, call: Call, request_: str, response: str, repeatable: bool
) -> None:
    card, session = euicc(response)
    assert await call(card) is None
    assert session.requests == [request_]
    assert session.repeatable == [repeatable], "only what does no harm twice may be sent twice"


@each_function
@pytest.mark.parametrize("code", ["05", "7F", "63"])
@pytest.mark.asyncio
async def test_any_code_but_ok_is_an_error_that_names_function_and_code(
    name: str, call: Call, request_: str, response: str, repeatable: bool, code: str
) -> None:
    card, _ = euicc(response[:-2] + code)
    with pytest.raises(EuiccResultError) as caught:
        await call(card)
    assert caught.value.function.lower() == name.split(maxsplit=1)[0].lower()
    assert caught.value.code == int(code, 16)


@each_function
@pytest.mark.parametrize("wrong", ["", "9000", "BF3E00", "BF", "trailing"])
@pytest.mark.asyncio
async def test_answer_of_another_function_or_none_is_a_codec_error(
    name: str, call: Call, request_: str, response: str, repeatable: bool, wrong: str
) -> None:
    card, _ = euicc(response + "00" if wrong == "trailing" else wrong)
    with pytest.raises(CodecError):
        await call(card)


# --- ES10a, ES10c -------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_get_euicc_configured_addresses() -> None:
    card, session = euicc("BF3C088001618103622E63")
    found = await card.get_euicc_configured_addresses()
    assert (found.default_dp_address, found.root_ds_address) == ("a", "b.c")
    assert session.requests == ["BF3C00"]


@pytest.mark.asyncio
async def test_get_eid() -> None:
    card, session = euicc("BF3E125A1089049032001234567890000000100070")
    assert await card.get_eid() == Eid.parse("89049032001234567890000000100070")
    assert session.requests == ["BF3E035C015A"]


@pytest.mark.asyncio
async def test_get_profiles_info() -> None:
    profiles = answer(0xBF2D, answer(0xA0, answer(0xE3, ICCID_TLV, "9F700101")))
    card, session = euicc(profiles, "BF2D02A000")
    (profile,) = await card.get_profiles_info(
        search_criteria=SearchCriteria(iccid=ICCID.octets), tag_list=b"\x5a\x9f\x70"
    )
    assert profile.iccid == ICCID.octets
    assert await card.get_profiles_info() == ()
    assert session.requests == [f"BF2D13A00C{ICCID_TLV}5C035A9F70", "BF2D00"]


@pytest.mark.asyncio
async def test_get_profiles_info_refused() -> None:
    card, _ = euicc("BF2D0381010B")
    with pytest.raises(EuiccResultError, match=r"GetProfilesInfo: the eUICC answered profileChangeOngoing\(11\)"):
        await card.get_profiles_info()


@pytest.mark.parametrize(("iot", "tag"), [(False, "BF34"), (True, "BF64")])
@pytest.mark.asyncio
async def test_memory_reset_of_either_kind_of_euicc(iot: bool, tag: str) -> None:
    card, session = euicc(f"{tag}03800105")
    options = ResetOptions.DELETE_OPERATIONAL_PROFILES | ResetOptions.RESET_DEFAULT_SMDP_ADDRESS
    assert (await card.euicc_memory_reset(options, iot=iot)).reset_result == 5
    assert session.requests == [f"{tag}04820205A0"]
    assert session.repeatable == [False]


# --- ES10b of SGP.22 ----------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_euicc_info_and_challenge() -> None:
    key_ids = answer(0x04, CI.hex())
    info1 = answer(0xBF20, "8203020202", answer(0xA9, key_ids), answer(0xAA, key_ids))
    info2 = tlv.find(child("AC1"), 0xBF38, 0xA0, 0x30, 0xBF22)
    assert info2 is not None
    card, session = euicc(info1, bytes(info2.raw), "BF2E128010" + "AB" * 16)
    assert (await card.get_euicc_info1()).svn == b"\x02\x02\x02"
    assert (await card.get_euicc_info2()).svn == b"\x02\x05\x00"
    assert await card.get_euicc_challenge() == b"\xab" * 16
    assert session.requests == ["BF2000", "BF2200", "BF2E00"]


@pytest.mark.asyncio
async def test_authenticate_server_sends_what_the_server_signed_unchanged() -> None:
    # A length in long form where the short one would do: a signature is over these bytes.
    signed = bytes.fromhex("30814580080102030405060708811000112233445566778899AABBCCDDEEFF8310") + b"smdp.example.com"
    signed += bytes.fromhex("8410FFEEDDCCBBAA99887766554433221100")
    signed = signed[:2] + bytes([len(signed) - 3]) + signed[3:]
    context = CtxParams1(unknown=bytes.fromhex("A10100"))
    request = AuthenticateServerRequest(
        server_signed1=ServerSigned1.decode(signed),
        server_signature1=b"\xde\xad",
        euicc_ci_pk_id_to_be_used=CI,
        server_certificate=CERTIFICATE,
        ctx_params1=context,
    )
    response = child("AC2")[10:]
    card, session = euicc(response)
    assert (await card.authenticate_server(request)).encode() == response
    assert signed.hex().upper() in session.requests[0]


@pytest.mark.asyncio
async def test_prepare_download_and_cancel_session_hand_errors_on() -> None:
    prepare = PrepareDownloadRequest(
        smdp_signed2=SmdpSigned2(transaction_id=b"\1", cc_required_flag=False),
        smdp_signature2=b"\xde\xad",
        smdp_certificate=CERTIFICATE,
    )
    card, session = euicc("BF2108A106800101020102", "BF4103810105")
    downloaded = await card.prepare_download(prepare)
    assert downloaded.download_response_error is not None
    assert downloaded.download_response_error.download_error_code == 2
    cancelled = await card.cancel_session(b"\1\2", CancelSessionReason.POSTPONED)
    assert cancelled.cancel_session_response_error == 5
    assert session.requests[1] == "BF410780020102810101"
    assert session.repeatable == [False, False]


@pytest.mark.asyncio
async def test_list_notification() -> None:
    metadata = answer(0xBF2F, "800109", "81020640", answer(0x0C, "61"), ICCID_TLV)
    card, session = euicc(answer(0xBF28, answer(0xA0, metadata)), "BF280381017F")
    (found,) = await card.list_notification(NotificationEvent.NOTIFICATION_ENABLE)
    assert (found.seq_number, found.profile_management_operation) == (9, NotificationEvent.NOTIFICATION_ENABLE)
    with pytest.raises(EuiccResultError):
        await card.list_notification()
    assert session.requests == ["BF280481020640", "BF2800"]


@pytest.mark.asyncio
async def test_retrieve_notifications_list_hands_on_whatever_list_comes() -> None:
    card, session = euicc(*map(hex_of, ("EN3", "EN4", "EN5")), "BF2B0381017F")
    by_number = RetrieveNotificationsListRequestSearchCriteria(seq_number=7)
    results = await card.retrieve_notifications_list(by_number)
    assert results.euicc_package_result_list is not None
    assert results.encode().hex().upper() == hex_of("EN3")
    notifications = await card.retrieve_notifications_list(
        RetrieveNotificationsListRequestSearchCriteria(euicc_package_results=True)
    )
    assert notifications.notification_list is not None
    assert (await card.retrieve_notifications_list()).notification_list == ()
    assert (await card.retrieve_notifications_list()).notifications_list_result_error == 127
    assert session.requests == [hex_of("EN2"), hex_of("EN1"), "BF2B00", "BF2B00"]


@pytest.mark.asyncio
async def test_remove_notification_tells_the_status() -> None:
    card, session = euicc("BF3003800100", "BF3003800101")
    assert await card.remove_notification_from_list(128) is DeleteNotificationStatus.OK
    assert await card.remove_notification_from_list(1) is DeleteNotificationStatus.NOTHING_TO_DELETE
    assert session.requests == ["BF300480020080", "BF3003800101"]


@pytest.mark.asyncio
async def test_get_rat() -> None:
    rule = answer(0x30, "80020560", answer(0xA1, answer(0x30, "800300F110")), "82020780")
    card, session = euicc("BF4302A000", answer(0xBF43, answer(0xA0, rule)))
    assert await card.get_rat() == ()
    (rule,) = await card.get_rat()
    assert [owner.mcc_mnc.hex() for owner in rule.allowed_operators] == ["00f110"]
    assert session.requests == ["BF4300", "BF4300"]


@pytest.mark.asyncio
async def test_load_crl_tells_the_missing_parts() -> None:
    missing = answer(0xBF35, answer(0xA0, answer(0xA0, "020103", "020104")))
    card, session = euicc(missing, "BF3503810105")
    assert await card.load_crl(CERTIFICATE) == (3, 4)
    with pytest.raises(EuiccResultError, match=r"LoadCRL: .*fresherCrlAlreadyLoaded\(5\)"):
        await card.load_crl(CERTIFICATE)
    assert session.requests[0] == "BF350CA00A" + CERTIFICATE[2:].hex().upper()


# --- ES10b of SGP.32 ----------------------------------------------------------------------------------


@pytest.mark.parametrize("as_bytes", [True, False])
@pytest.mark.asyncio
async def test_package_and_result_pass_byte_for_byte(as_bytes: bool) -> None:
    package = bytes.fromhex(hex_of("EP3").replace("BF518192", "BF51820092"))
    result = hex_of("ER2").replace("BF5172", "BF518172")
    card, session = euicc(result)
    answered = await card.load_euicc_package(package if as_bytes else EuiccPackageRequest.decode(package))
    assert session.requests == [package.hex().upper()]
    assert session.repeatable == [False]
    assert answered.raw.hex().upper() == result


@pytest.mark.parametrize("key", ["EE1", "EU1", "EU2"])
@pytest.mark.asyncio
async def test_refused_package_is_a_result(key: str) -> None:
    card, _ = euicc(hex_of(key))
    assert (await card.load_euicc_package(bytes.fromhex(hex_of("EP1")))).raw.hex().upper() == hex_of(key)


@pytest.mark.asyncio
async def test_result_that_cannot_be_read_is_a_result_all_the_same() -> None:
    card, _ = euicc("BF5104A0023000")
    result = await card.load_euicc_package(bytes.fromhex(hex_of("EP1")))
    assert result.unknown == bytes.fromhex("A0023000")
    assert result.raw == bytes.fromhex("BF5104A0023000")


@pytest.mark.asyncio
async def test_add_initial_eim() -> None:
    eim = "800F65696D2E6578616D706C652E636F6D" + "830100" + "A50CA10A30030201053000030100"
    card, session = euicc(hex_of("EA3"), hex_of("EA5"))
    (entry,) = await card.add_initial_eim((EIM,))
    assert entry.association_token == 1
    with pytest.raises(EuiccResultError, match=r"associatedEimAlreadyExists\(2\)"):
        await card.add_initial_eim((EIM,))
    assert session.requests[0] == answer(0xBF57, answer(0xA0, answer(0x30, eim))).hex().upper()
    assert session.repeatable == [False, False]


@pytest.mark.asyncio
async def test_get_eim_configuration_data() -> None:
    card, session = euicc(hex_of("EG3"), hex_of("EG4"))
    (eim,) = await card.get_eim_configuration_data()
    assert eim.association_token == 1
    assert await card.get_eim_configuration_data("eim.example.com") == ()
    assert session.requests == [hex_of("EG1"), hex_of("EG2")]


@pytest.mark.asyncio
async def test_get_certs() -> None:
    card, session = euicc(hex_of("EC2"), hex_of("EC2"), hex_of("EC3"))
    certs = await card.get_certs()
    assert (certs.eum_certificate, certs.euicc_certificate) == (CERTIFICATE, CERTIFICATE)
    await card.get_certs(CI)
    with pytest.raises(EuiccResultError, match=r"invalidCiPkId\(1\)"):
        await card.get_certs(CI)
    assert session.requests == ["BF5600", hex_of("EC1"), hex_of("EC1")]


@pytest.mark.asyncio
async def test_profile_rollback_hands_refusal_and_result_on() -> None:
    card, session = euicc(hex_of("ER13"), hex_of("ER12"))
    assert (await card.profile_rollback(True)).cmd_result is CmdResult.ROLLBACK_NOT_ALLOWED
    done = await card.profile_rollback(False)
    assert done.euicc_package_result is not None
    assert done.euicc_package_result.raw.hex().upper() == hex_of("ER10")
    assert session.requests == ["BF58038001FF", "BF5803800100"]


@pytest.mark.asyncio
async def test_get_connectivity_parameters() -> None:
    card, session = euicc(hex_of("EX2"), hex_of("EX3"))
    assert (await card.get_connectivity_parameters()).http_params == bytes.fromhex("350703000002000000")
    with pytest.raises(EuiccResultError, match=r"parametersNotAvailable\(1\)"):
        await card.get_connectivity_parameters()
    assert session.requests == [hex_of("EX1"), hex_of("EX1")]


@pytest.mark.asyncio
async def test_alternative_that_is_not_known_is_a_codec_error() -> None:
    card, _ = euicc("BF5602A900")
    with pytest.raises(CodecError, match="GetCerts: unknown alternative A900"):
        await card.get_certs()


@pytest.mark.asyncio
async def test_session_is_reached_through_the_functions() -> None:
    card, session = euicc()
    assert card.fci == session.fci
    await card.close()
    await card.reset()
    assert session.calls == ["close", "reset"]
