"""Data, download results and notifications that arrive."""

from __future__ import annotations

import pytest

from hil import crypto, tlv
from hil.eim import VirtualEim, content
from hil.eim.association import Outcome, PackageState
from hil.eim.history import RecordKind
from tests.hil.eim import vectors as v
from tests.hil.eim.conftest import make_eim
from tests.hil.eim.order import last


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
