"""The eIM against reference messages whose signatures are real, and its duties around them."""

from pathlib import Path

import pytest

from hil import codec, crypto, tlv
from hil.eim import VirtualEim, content
from hil.eim.association import Outcome, Package, PackageState, SigningFaults
from hil.eim.core import UnknownEuiccError, function_name
from hil.eim.history import Record, RecordKind
from hil.eim.knobs import Acknowledge, UnsignedError
from hil.eim.messages import MalformedRequestError
from hil.eim.signing import token_tlv
from hil.eim.store import EimStore, StoreError
from tests.hil.eim import vectors as v
from tests.hil.eim.conftest import make_eim

ENABLE = content.psmo_package(content.enable(v.ICCID1, rollback=True))


def enabled(eim: VirtualEim) -> Package:
    """Queue the enable of the examples and hand it out."""
    package = eim.queue(v.EID, ENABLE)
    assert eim.handle(v.GEP1) == v.GER6
    return package


def answer(eim: VirtualEim) -> bytes:
    response = eim.handle(v.GEP1)
    assert response is not None
    return response


def last(eim: VirtualEim, kind: RecordKind) -> Record:
    return next(record for record in reversed(eim.history.records) if record.kind is kind)


# GetEimPackage


def test_signed_package_is_the_reference_byte_for_byte(eim: VirtualEim) -> None:
    enabled(eim)


def test_empty_queue_is_answered_with_no_package_available(eim: VirtualEim) -> None:
    assert eim.handle(v.GEP1) == v.GER1


def test_data_request_with_all_tags_is_the_reference(eim: VirtualEim) -> None:
    eim.queue(v.EID, content.data_request())
    assert eim.handle(v.GEP1) == v.GER7


def test_download_trigger_is_the_reference(eim: VirtualEim) -> None:
    eim.queue(v.EID, content.download_trigger(activation_code="1$smdp.example.com$MATCH-01"))
    assert eim.handle(v.GEP1) == v.GER8


def test_raw_package_goes_out_as_it_is(eim: VirtualEim) -> None:
    eim.queue(v.EID, content.raw_package(bytes.fromhex("BF6F00")))
    assert eim.handle(v.GEP1) == bytes.fromhex("BF4F03BF6F00")


def test_unanswered_package_is_handed_out_again_with_the_same_bytes(eim: VirtualEim) -> None:
    package = enabled(eim)
    eim.queue(v.EID, content.data_request())
    assert eim.handle(v.GEP1) == v.GER6
    assert len(package.handed_out) == 2


def test_hand_out_limit_gives_the_package_up(eim: VirtualEim) -> None:
    eim.knobs.hand_out_limit = 1
    package = enabled(eim)
    assert eim.handle(v.GEP1) == v.GER1
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.LOST)


@pytest.mark.parametrize(
    ("request_hex", "code"),
    [
        ("BF4F00", 4),
        ("BF4F035A0189", 3),
        ("BF4F125A10AA049032001234567890000000100070", 3),
        ("BF4F125A1089049032001234567890000000100071", 2),
    ],
)
def test_wrong_eids_have_their_own_errors(eim: VirtualEim, request_hex: str, code: int) -> None:
    assert eim.handle(bytes.fromhex(request_hex)) == bytes.fromhex(f"BF4F030201{code:02X}")


def test_state_change_is_recorded_with_cause_and_network(eim: VirtualEim) -> None:
    eim.handle(v.GEP2)
    assert last(eim, RecordKind.POLL).details == {"cause": 1, "rPLMN": "130062"}
    assert eim.association(v.EID).registered_plmn == bytes.fromhex("130062")


def test_state_change_cause_zero_is_a_cause(eim: VirtualEim) -> None:
    eim.handle(bytes.fromhex("BF4F175A10890490320012345678900000001000708000810100"))
    assert eim.association(v.EID).state_change_cause == 0


def test_old_poll_with_plmn_under_81_is_understood(eim: VirtualEim) -> None:
    eim.handle(v.V1_POLL)
    assert eim.association(v.EID).version1
    assert eim.association(v.EID).registered_plmn == bytes.fromhex("00F110")


@pytest.mark.parametrize("code", [1, 2, 3, 4, 127])
def test_poll_error_knob_keeps_the_queue(eim: VirtualEim, code: int) -> None:
    package = eim.queue(v.EID, ENABLE)
    eim.knobs.get_package_error = code
    assert eim.handle(v.GEP1) == tlv.build(0xBF4F, tlv.build(2, bytes([code])))
    assert package.state is PackageState.QUEUED


def test_counters_grow_strictly_over_packages(eim: VirtualEim) -> None:
    packages = [eim.queue(v.EID, ENABLE) for _ in range(3)]
    for package in packages:
        eim.handle(v.GEP1)
        package.state = PackageState.CLOSED
    assert [package.counter for package in packages] == [5, 6, 7]


def test_cancelled_package_is_never_handed_out(eim: VirtualEim) -> None:
    package = eim.queue(v.EID, ENABLE)
    eim.cancel(v.EID, package.number)
    assert package.outcome is Outcome.CANCELLED
    assert eim.handle(v.GEP1) == v.GER1


def test_unknown_eid_and_package_number_are_named(eim: VirtualEim) -> None:
    with pytest.raises(UnknownEuiccError, match="does not manage EID"):
        eim.queue(bytes(16), ENABLE)
    with pytest.raises(UnknownEuiccError, match="no package 9"):
        eim.cancel(v.EID, 9)


# Deliberately wrong packages


def signed_fields(response: bytes) -> tuple[dict[str, object], bytes, bytes]:
    """Decoded signed part, its raw bytes and the signature of a package that was handed out."""
    package = codec.decode("GetEimPackageResponse", response)[1]
    raw = tlv.find(response, 0xBF4F, 0xBF51, 0x30).raw
    return package["euiccPackageSigned"], raw, package["eimSignature"]


def verifies(raw: bytes, signature: bytes, token: int) -> bool:
    return crypto.verify(v.EIM_KEY.public_key(), signature, raw + token_tlv(token))


def test_bad_signature_differs_in_the_signature_only(eim: VirtualEim) -> None:
    eim.queue(v.EID, ENABLE, SigningFaults(bad_signature=True))
    response = answer(eim)
    assert response[:-1] == v.GER6[:-1]
    assert response != v.GER6


def test_wrong_fields_are_signed_properly(eim: VirtualEim) -> None:
    other = bytes.fromhex("89049032001234567890000000100071")
    faults = SigningFaults(eid=other, eim_id="other.example.com", counter=0x800000)
    eim.queue(v.EID, ENABLE, faults)
    fields, raw, signature = signed_fields(answer(eim))
    assert (fields["eidValue"], fields["eimId"], fields["counterValue"]) == (other, "other.example.com", 0x800000)
    assert verifies(raw, signature, 1)
    assert eim.association(v.EID).counter == 4


def test_wrong_token_signs_with_that_token(eim: VirtualEim) -> None:
    eim.queue(v.EID, ENABLE, SigningFaults(token=9))
    _, raw, signature = signed_fields(answer(eim))
    assert verifies(raw, signature, 9)
    assert not verifies(raw, signature, 1)


def test_association_without_token_signs_with_zero() -> None:
    eim = make_eim()
    eim.associate(v.EID, counter=18)
    eim.queue(v.EID, content.psmo_package(content.enable(v.ICCID1)), SigningFaults(no_transaction_id=True))
    expected = (
        "BF4F7EBF517B3036800F65696D2E6578616D706C652E636F6D5A1089049032001234567890000000100070810113A00EA30C5A0A98942000"
        "000000001001"
        "5F3740C7F62D237D29859CB8D1FA762CE406BD331AA5C1821BC9C0BABDC21C7280E375F2ABA14661DDB797B1708098"
        "585B455C561DB57B5ECBA19448DA56E42B11C6CB"
    )
    assert answer(eim).hex().upper() == expected


# ProvideEimPackageResult


def test_verified_result_is_acknowledged_and_closes_the_package(eim: VirtualEim) -> None:
    package = enabled(eim)
    assert eim.handle(v.PR1) == bytes.fromhex("BF5006BF5303800107")
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.OK)
    record = last(eim, RecordKind.RESULT)
    assert record.verified
    assert {check.name: check.passed for check in record.checks} == {
        "eimId": True,
        "signature": True,
        "eimTransactionId": True,
        "counterValue": True,
        "seqNumber": True,
        "results": True,
    }


def test_result_with_notifications_is_acknowledged_as_in_the_reference(eim: VirtualEim) -> None:
    enabled(eim)
    assert eim.handle(v.PR2) == v.PA1
    notifications = [record for record in eim.history.records if record.kind is RecordKind.NOTIFICATION]
    assert [record.details["seqNumber"] for record in notifications] == [8, 9]
    assert [record.summary for record in notifications] == [f"disable {v.ICCID2}", f"enable {v.ICCID1}"]
    assert not any(record.verified for record in notifications)


def test_repeated_result_is_acknowledged_each_time_and_news_once(eim: VirtualEim) -> None:
    enabled(eim)
    acknowledged = [eim.handle(v.PR1) for _ in range(3)]
    assert acknowledged == [bytes.fromhex("BF5006BF5303800107")] * 3
    news = [record.news for record in eim.history.records if record.kind is RecordKind.RESULT]
    assert news == [True, False, False]


def test_result_of_an_unknown_package_is_acknowledged_all_the_same(eim: VirtualEim) -> None:
    assert eim.handle(v.PR1) == bytes.fromhex("BF5006BF5303800107")
    assert {check.name: check.passed for check in last(eim, RecordKind.RESULT).checks}["package"] is None


def test_result_with_a_wrong_signature_is_not_acknowledged_and_not_asked_again(eim: VirtualEim) -> None:
    package = enabled(eim)
    spoilt = v.PR1[:-1] + bytes([v.PR1[-1] ^ 1])
    assert eim.handle(spoilt) == v.PA2
    assert (package.state, package.outcome) == (PackageState.RESULT_RECEIVED, Outcome.NOT_VERIFIED)
    assert "signature" in package.detail
    assert eim.handle(v.GEP1) == v.GER1


def test_result_under_another_token_is_refused(eim: VirtualEim) -> None:
    enabled(eim)
    eim.set_token(v.EID, 2)
    assert eim.handle(v.PR1) == v.PA2
    failed = [check.name for check in last(eim, RecordKind.RESULT).checks if check.passed is False]
    assert failed == ["signature"]


def test_without_a_key_nothing_is_verified_but_everything_acknowledged() -> None:
    eim = make_eim()
    eim.associate(v.EID, token=1, counter=4)
    enabled(eim)
    assert eim.handle(v.PR1) == bytes.fromhex("BF5006BF5303800107")
    assert next(check.passed for check in last(eim, RecordKind.RESULT).checks if check.name == "signature") is None


def test_result_for_another_counter_than_that_of_the_package_fails(eim: VirtualEim) -> None:
    package = eim.queue(v.EID, ENABLE)
    eim.association(v.EID).counter = 5
    eim.handle(v.GEP1)
    eim.handle(v.PR1)
    assert package.outcome is Outcome.NOT_VERIFIED
    assert "counterValue" in package.detail


def test_result_that_does_not_fit_the_commands_fails(eim: VirtualEim) -> None:
    package = eim.queue(v.EID, content.psmo_package(content.disable(v.ICCID1)))
    eim.handle(v.GEP1)
    eim.handle(v.PR1)
    assert package.outcome is Outcome.NOT_VERIFIED
    assert "results" in package.detail


def test_rollback_replaces_the_earlier_result(eim: VirtualEim) -> None:
    package = enabled(eim)
    eim.handle(v.PR1)
    delivered = tlv.build(0xBF50, tlv.build(0x5A, v.EID), v.ROLLBACK_5)
    assert eim.handle(delivered) == bytes.fromhex("BF5006BF5303800113")
    assert package.outcome is Outcome.ROLLED_BACK


def test_undecodable_result_is_recorded_and_the_package_not_closed(eim: VirtualEim) -> None:
    package = enabled(eim)
    assert eim.handle(tlv.build(0xBF50, tlv.build(0x5A, v.EID), bytes.fromhex("BF5102A000"))) == v.PA2
    assert (package.state, package.outcome) == (PackageState.RESULT_RECEIVED, Outcome.NOT_VERIFIED)
    assert not last(eim, RecordKind.RESULT).verified


@pytest.mark.parametrize(
    ("choice", "response"),
    [
        (Acknowledge.ALL, "BF500CBF5309800107800108800109"),
        (Acknowledge.NONE, "BF50023000"),
        (Acknowledge.EMPTY_LIST, "BF5003BF5300"),
        (Acknowledge.PARTIAL, "BF5006BF5303800107"),
        (Acknowledge.WRONG, "BF5012BF530F80030186A780030186A880030186A9"),
        (Acknowledge.DUPLICATE, "BF5015BF5312800107800107800108800108800109800109"),
    ],
)
def test_acknowledgement_knob(eim: VirtualEim, choice: Acknowledge, response: str) -> None:
    enabled(eim)
    eim.knobs.acknowledge = choice
    assert eim.handle(v.PR2) == bytes.fromhex(response)


def test_package_without_acknowledgement_closes_when_its_result_comes_again(eim: VirtualEim) -> None:
    package = enabled(eim)
    eim.knobs.acknowledge = Acknowledge.NONE
    eim.handle(v.PR1)
    assert package.state is PackageState.RESULT_RECEIVED
    eim.knobs.acknowledge = Acknowledge.ALL
    eim.handle(v.PR1)
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.OK)


@pytest.mark.parametrize("code", [2, 3, 4, 127])
def test_result_error_knob_processes_nothing(eim: VirtualEim, code: int) -> None:
    package = enabled(eim)
    eim.knobs.result_error = code
    assert eim.handle(v.PR1) == tlv.build(0xBF50, tlv.build(2, bytes([code])))
    assert package.state is PackageState.HANDED_OUT


def test_result_of_a_foreign_euicc_is_answered_with_eid_not_found(eim: VirtualEim) -> None:
    foreign = v.PR1.replace(v.EID, v.EID[:-1] + b"\x71")
    assert eim.handle(foreign) == bytes.fromhex("BF5003020102")


# Errors of the eUICC and of the IPA


def test_first_replay_error_leads_to_a_new_copy_with_a_counter_well_ahead(eim: VirtualEim) -> None:
    package = enabled(eim)
    assert eim.handle(v.PR3) == v.PA2
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.REFUSED)
    fields, raw, signature = signed_fields(answer(eim))
    assert fields["counterValue"] == 5 + 16 + 1
    assert verifies(raw, signature, 1)


def test_replay_error_after_a_repeated_hand_out_asks_for_stored_results(eim: VirtualEim) -> None:
    package = enabled(eim)
    eim.handle(v.GEP1)
    eim.handle(v.PR3)
    assert answer(eim) == bytes.fromhex("BF4F0CBF52095C01A28304A1A2A3A4")
    stored = tlv.build(0xA0, tlv.build(0xA2, v.EPR_5), tlv.build(0x87, v.TRANSACTION_ID))
    delivered = tlv.build(0xBF50, tlv.build(0x5A, v.EID), tlv.build(0xBF52, stored))
    package.transaction_id, search = v.TRANSACTION_ID, eim.association(v.EID).packages[-1]
    search.transaction_id = None
    assert eim.handle(delivered) == bytes.fromhex("BF5006BF5303800107")
    assert package.outcome is Outcome.OK


def test_replay_without_a_stored_result_asks_how_the_profiles_stand(eim: VirtualEim) -> None:
    package = enabled(eim)
    eim.handle(v.GEP1)
    eim.handle(v.PR3)
    eim.handle(v.GEP1)
    search = eim.association(v.EID).packages[-1]
    assert search.recovers == package.number
    package.transaction_id = b"\x01"
    empty = tlv.build(0xBF52, tlv.build(0xA0, tlv.build(0x87, v.TRANSACTION_ID)))
    eim.handle(tlv.build(0xBF50, tlv.build(0x5A, v.EID), empty))
    assert package.outcome is Outcome.LOST
    fields, _, _ = signed_fields(answer(eim))
    assert fields["euiccPackage"] == ("psmoList", [("listProfileInfo", {})])


def test_replay_of_a_deliberately_stale_package_is_left_alone(eim: VirtualEim) -> None:
    eim.queue(v.EID, ENABLE, SigningFaults(counter=5))
    eim.handle(v.GEP1)
    eim.handle(v.PR3)
    assert eim.handle(v.GEP1) == v.GER1


def test_replay_recovery_can_be_switched_off(eim: VirtualEim) -> None:
    eim.knobs.recover_replays = False
    enabled(eim)
    eim.handle(v.PR3)
    assert eim.handle(v.GEP1) == v.GER1


def test_unsigned_error_closes_the_package_and_changes_no_token(eim: VirtualEim) -> None:
    package = enabled(eim)
    assert eim.handle(v.UNSIGNED_WITH_TOKEN) == v.PA2
    assert (package.outcome, eim.association(v.EID).token) == (Outcome.UNSIGNED, 1)
    assert eim.handle(v.GEP1) == v.GER1


def test_token_of_an_unsigned_error_is_adopted_only_on_order(eim: VirtualEim) -> None:
    eim.knobs.unsigned_error = UnsignedError.ADOPT_TOKEN
    enabled(eim)
    eim.handle(v.UNSIGNED_WITH_TOKEN)
    _, raw, signature = signed_fields(answer(eim))
    assert eim.association(v.EID).token == 2
    assert verifies(raw, signature, 2)


def test_unsigned_error_without_token_is_accepted(eim: VirtualEim) -> None:
    package = enabled(eim)
    assert eim.handle(v.PR4) == v.PA2
    assert package.outcome is Outcome.UNSIGNED


def test_unsigned_error_names_the_eim_id_of_the_wrong_package(eim: VirtualEim) -> None:
    package = eim.queue(v.EID, ENABLE, SigningFaults(eim_id="stranger"))
    eim.handle(v.GEP1)
    error = tlv.build(0xA2, tlv.build(0x80, b"stranger"), tlv.build(0x82, v.TRANSACTION_ID))
    eim.handle(tlv.build(0xBF50, tlv.build(0x5A, v.EID), tlv.build(0xBF51, error)))
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.UNSIGNED)


@pytest.mark.parametrize(
    ("message", "code"), [(v.PR10, 2), (v.PR11, 1), (v.PR12, 127)], ids=["unknown", "invalid", "undefined"]
)
def test_error_answer_of_the_ipa_ends_the_package(eim: VirtualEim, message: bytes, code: int) -> None:
    package = enabled(eim)
    assert eim.handle(message) == v.PA2
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.IPA_ERROR)
    assert package.detail == f"eimPackageResultError {code}"


def test_error_answer_belongs_to_the_raw_package_that_has_its_transaction_id(eim: VirtualEim) -> None:
    package = eim.queue(v.EID, content.raw_package(tlv.build(0xBF52, tlv.build(0x83, v.TRANSACTION_ID))))
    eim.handle(v.GEP1)
    assert eim.handle(v.PR11) == v.PA2
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.IPA_ERROR)


# Data, downloads, notifications


def test_data_answer_is_stored_and_its_token_compared(eim: VirtualEim) -> None:
    package = eim.queue(v.EID, content.data_request())
    eim.handle(v.GEP1)
    assert eim.handle(v.PR5) == v.PA2
    assert package.outcome is Outcome.OK
    association = eim.association(v.EID)
    assert association.capabilities == bytes.fromhex("A808800206C081020780")
    record = last(eim, RecordKind.DATA)
    assert [check.passed for check in record.checks] == [True]
    assert record.decoded["ipaEuiccData"]["rootSmdsAddress"] == "lpa.ds.gsma.com"


def test_data_answer_without_the_outer_arm_is_read_as_well(eim: VirtualEim) -> None:
    package = eim.queue(v.EID, content.data_request())
    eim.handle(v.GEP1)
    inner = tlv.find(v.PR5, 0xBF50, 0xBF52, 0xA0).value
    assert eim.handle(tlv.build(0xBF50, tlv.build(0x5A, v.EID), tlv.build(0xBF52, inner))) == v.PA2
    assert package.outcome is Outcome.OK
    assert last(eim, RecordKind.DATA).details == {"enveloped": False}


def test_data_without_arm_that_begins_with_notifications_is_no_arm(eim: VirtualEim) -> None:
    data = tlv.build(0xBF52, tlv.build(0xA0, v.NOTIFICATION_8))
    assert eim.handle(tlv.build(0xBF50, tlv.build(0x5A, v.EID), data)) == bytes.fromhex("BF5006BF5303800108")


def test_wrong_token_in_the_data_is_a_failed_check(eim: VirtualEim) -> None:
    eim.set_token(v.EID, 5)
    package = eim.queue(v.EID, content.data_request())
    eim.handle(v.GEP1)
    eim.handle(v.PR5)
    assert (package.outcome, package.detail) == (Outcome.NOT_VERIFIED, "associationToken")


def test_token_is_learnt_from_the_data_when_none_is_known() -> None:
    eim = make_eim()
    eim.associate(v.EID)
    eim.handle(v.PR5)
    assert eim.association(v.EID).token == 1


def test_data_error_ends_the_request(eim: VirtualEim) -> None:
    package = eim.queue(v.EID, content.data_request())
    eim.handle(v.GEP1)
    assert eim.handle(v.PR6) == v.PA2
    assert (package.outcome, package.detail) == (Outcome.IPA_ERROR, "ipaEuiccDataError 1")


def test_installation_result_is_acknowledged_by_its_sequence_number(eim: VirtualEim) -> None:
    package = eim.queue(v.EID, content.download_trigger(default_smdp=True))
    eim.handle(v.GEP1)
    assert eim.handle(v.PR7) == bytes.fromhex("BF5006BF5303800109")
    assert package.outcome is Outcome.OK


@pytest.mark.parametrize(("message", "reason"), [(v.PR8, 127), (v.PR9, 104)])
def test_download_error_ends_the_trigger(eim: VirtualEim, message: bytes, reason: int) -> None:
    package = eim.queue(v.EID, content.download_trigger())
    eim.handle(v.GEP1)
    assert eim.handle(message) == v.PA2
    assert (package.outcome, package.detail) == (Outcome.IPA_ERROR, f"profileDownloadError {reason}")


@pytest.mark.parametrize(
    ("message", "form", "seq_number"),
    [
        (v.HN1, "otherSignedNotification", 9),
        (v.HN2, "profileInstallationResult", 9),
        (v.HN4, "profileInstallationResult", 9),
        (v.HN5, "compactProfileInstallationResult", 9),
        (v.HN6, "compactOtherSignedNotification", 10),
    ],
    ids=["other", "installed", "failed", "compact-installed", "compact-other"],
)
def test_notification_has_no_answer_and_is_recorded(
    eim: VirtualEim, message: bytes, form: str, seq_number: int
) -> None:
    assert eim.handle(message) is None
    details = last(eim, RecordKind.NOTIFICATION).details
    assert (details["form"], details["seqNumber"]) == (form, seq_number)


def test_notification_with_a_good_signature_is_verified(eim: VirtualEim) -> None:
    metadata = tlv.single(v.NOTIFICATION_9).value[: 3 + 0x25]
    signature = tlv.build(0x5F37, crypto.sign(v.EUICC_KEY, metadata))
    genuine = tlv.build(0xA1, metadata, signature)
    assert eim.handle(tlv.build(0xBF3D, tlv.build(0xA0, genuine))) is None
    assert last(eim, RecordKind.NOTIFICATION).verified


def test_result_inside_handle_notification_ends_the_trigger(eim: VirtualEim) -> None:
    package = eim.queue(v.EID, content.download_trigger(default_smdp=True))
    eim.handle(v.GEP1)
    assert eim.handle(v.HN3) is None
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.OK)


# Other versions, other functions, malformed messages


def test_old_result_without_eid_is_matched_and_answered_in_the_old_form(eim: VirtualEim) -> None:
    package = enabled(eim)
    assert eim.handle(v.V1_RESULT) == bytes.fromhex("BF5006BF5303800107")
    assert package.outcome is Outcome.OK


def test_old_empty_answer_is_an_empty_sequence(eim: VirtualEim) -> None:
    eim.knobs.acknowledge = Acknowledge.NONE
    enabled(eim)
    assert eim.handle(v.V1_RESULT_WITH_NOTIFICATIONS) == bytes.fromhex("BF5000")
    assert last(eim, RecordKind.NOTIFICATION).details["seqNumber"] == 9


def test_old_errors_are_read(eim: VirtualEim) -> None:
    request = eim.queue(v.EID, content.data_request())
    eim.handle(v.GEP1)
    assert eim.handle(v.V1_DATA_ERROR) == bytes.fromhex("BF5000")
    assert request.detail == "ipaEuiccDataError 1"
    trigger = eim.queue(v.EID, content.download_trigger())
    eim.handle(v.GEP1)
    assert eim.handle(v.V1_DOWNLOAD_ERROR) == bytes.fromhex("BF5000")
    assert trigger.outcome is Outcome.IPA_ERROR


def test_old_notification_with_a_result_is_read(eim: VirtualEim) -> None:
    trigger = eim.queue(v.EID, content.download_trigger())
    eim.handle(v.GEP1)
    assert eim.handle(v.V1_NOTIFICATION_WITH_RESULT) is None
    assert trigger.outcome is Outcome.OK


@pytest.mark.parametrize(
    ("message", "response"),
    [
        (v.IA1, "BF3903810134"),
        (v.AC2, "BF3B0382017F"),
        (v.GB2, "BF3A0381017F"),
        (v.CS4, "BF410381017F"),
    ],
)
def test_relay_functions_are_refused_with_their_own_errors(eim: VirtualEim, message: bytes, response: str) -> None:
    assert eim.handle(message) == bytes.fromhex(response)


@pytest.mark.parametrize(
    "body", ["", "00", "BF4F", "BF4F125A10", "BF4F0030", "BF6F00", "BF4E020500", "BF500530033001FF", "BF3D00"]
)
def test_what_is_no_message_is_refused(eim: VirtualEim, body: str) -> None:
    with pytest.raises(MalformedRequestError):
        eim.handle(bytes.fromhex(body))


def test_function_names_come_from_the_outer_tag() -> None:
    names = [function_name(message) for message in (v.GEP1, v.PR1, v.HN1, v.IA1, b"", b"\x30\x00")]
    assert names == [
        "GetEimPackage",
        "ProvideEimPackageResult",
        "HandleNotification",
        "InitiateAuthentication",
        "unknown",
        "unknown",
    ]


# Persistence


def test_restarted_eim_hands_out_the_same_bytes_and_knows_repeats(tmp_path: Path) -> None:
    first = make_eim(EimStore(tmp_path))
    first.associate(v.EID, public_key=v.EUICC_KEY.public_key(), token=1, counter=4)
    enabled(first)
    second = make_eim(EimStore(tmp_path), b"\x09" * 8)
    assert second.handle(v.GEP1) == v.GER6
    assert second.handle(v.PR1) == bytes.fromhex("BF5006BF5303800107")
    third = make_eim(EimStore(tmp_path))
    assert third.handle(v.PR1) == bytes.fromhex("BF5006BF5303800107")
    assert last(third, RecordKind.RESULT).news is False
    assert third.history.records[0].number == 1


def test_torn_history_line_is_dropped(tmp_path: Path) -> None:
    first = make_eim(EimStore(tmp_path))
    first.associate(v.EID)
    first.handle(v.GEP2)
    path = tmp_path / "history.jsonl"
    with path.open("a") as file:
        file.write('{"number": 2, "ti')
    second = make_eim(EimStore(tmp_path))
    second.handle(v.GEP2)
    assert [record.number for record in make_eim(EimStore(tmp_path)).history.records] == [1, 2]


@pytest.mark.parametrize("text", ["", "{}", '{"version": 9}', '{"version": 1, "associations": [{}]}'])
def test_unreadable_state_is_an_error_with_its_place(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(StoreError, match=r"state\.json"):
        make_eim(EimStore(tmp_path))


def test_provisioning_tells_a_new_token_once() -> None:
    class Card:
        token: int | None = None

        def association_token(self, eid: bytes, eim_id: str) -> int | None:
            assert (eid, eim_id) == (v.EID, v.EIM_ID)
            return self.token

    card = Card()
    made = make_eim()
    eim = VirtualEim(made.identity, made._clock, provisioning=card)
    eim.associate(v.EID)
    eim.handle(v.GEP1)
    assert eim.association(v.EID).token is None
    card.token = 3
    eim.handle(v.GEP1)
    assert eim.association(v.EID).token == 3
    eim.set_token(v.EID, 8)
    eim.handle(v.GEP1)
    assert eim.association(v.EID).token == 8


def test_result_for_what_is_no_euicc_package_is_not_believed(eim: VirtualEim) -> None:
    package = eim.queue(v.EID, content.data_request((0xA8,)))
    eim.handle(v.GEP1)
    eim.handle(v.PR1)
    assert (package.state, package.outcome) == (PackageState.RESULT_RECEIVED, Outcome.NOT_VERIFIED)
    assert any("is no eUICC Package" in check.detail for check in eim.history.records[-1].checks if not check.passed)
