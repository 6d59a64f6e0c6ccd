"""GetEimPackage against reference messages whose signatures are real: what is handed out when, and how often."""

from __future__ import annotations

import pytest

from hil import tlv
from hil.eim import VirtualEim, content
from hil.eim.association import Outcome, PackageState
from hil.eim.core import UnknownEuiccError
from hil.eim.history import RecordKind
from tests.hil.eim import vectors as v
from tests.hil.eim.conftest import make_eim
from tests.hil.eim.order import ENABLE, enabled, last


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
