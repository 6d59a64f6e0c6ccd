"""ProvideEimPackageResult: what is verified, acknowledged and closed."""

from __future__ import annotations

import pytest

from hil import tlv
from hil.eim import VirtualEim, content
from hil.eim.association import Outcome, PackageState
from hil.eim.history import RecordKind
from hil.eim.knobs import Acknowledge
from tests.hil.eim import vectors as v
from tests.hil.eim.conftest import make_eim
from tests.hil.eim.order import ENABLE, enabled, last


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


def test_result_for_what_is_no_euicc_package_is_not_believed(eim: VirtualEim) -> None:
    package = eim.queue(v.EID, content.data_request((0xA8,)))
    eim.handle(v.GEP1)
    eim.handle(v.PR1)
    assert (package.state, package.outcome) == (PackageState.RESULT_RECEIVED, Outcome.NOT_VERIFIED)
    assert any("is no eUICC Package" in check.detail for check in eim.history.records[-1].checks if not check.passed)
