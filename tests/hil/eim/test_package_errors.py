"""Errors of the eUICC and of the IPA: what the eIM makes of them."""

from __future__ import annotations

import pytest

from hil import tlv
from hil.eim import VirtualEim, content
from hil.eim.association import Outcome, PackageState, SigningFaults
from hil.eim.knobs import UnsignedError
from tests.hil.eim import vectors as v
from tests.hil.eim.order import ENABLE, answer, enabled
from tests.hil.eim.test_signing import signed_fields, verifies


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
