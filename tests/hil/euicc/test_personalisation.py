"""The factory refuses what contradicts itself and numbers its ISD-Ps without clashes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil.euicc import CardConfig, EuiccError, ProfileSpec, default_card
from hil.euicc.identifiers import (
    eid_octets,
    iccid_digits,
    iccid_octets,
    imsi_octets,
    luhn_digit,
    make_eid,
    plmn_octets,
)
from hil.euicc.personalisation import first_state
from hil.euicc.records import from_plain, to_plain
from hil.euicc.state import CardState, isdp_aid
from tests.hil.euicc.bench import EID, two_profiles


def spec(iccid: str = "89490200000000000110", **changes: object) -> ProfileSpec:
    return replace(ProfileSpec(iccid, "001010000000001", "001-01", "Op", "IoT"), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("profiles", "reason"),
    [
        ((spec(), spec()), "ICCID"),
        ((spec("12"),), "ICCID"),
        ((spec(imsi="1"),), "IMSI"),
        ((spec(plmn="26201"),), "PLMN"),
        ((spec(enabled=True), spec("89490200000000002227", enabled=True)), "enabled"),
        ((spec(fallback_attribute=True), spec("89490200000000002227", fallback_attribute=True)), "fallback"),
        ((spec(isdp_aid=isdp_aid(16)), spec("89490200000000002227", isdp_aid=isdp_aid(16))), "AID"),
    ],
)
def test_contradictions_are_refused(profiles: tuple[ProfileSpec, ...], reason: str) -> None:
    with pytest.raises(EuiccError, match=reason):
        first_state(CardConfig(EID, profiles=profiles))


def test_wrong_check_digits_of_the_eid_are_refused() -> None:
    with pytest.raises(EuiccError, match="check digits"):
        first_state(CardConfig("89049032001234567890000000100071"))


def test_numbers_of_isd_ps_avoid_the_configured_ones() -> None:
    profiles = (spec(isdp_aid=isdp_aid(0x10)), spec("89490200000000002227"), spec("89490200000000003333"))
    state = first_state(CardConfig(EID, profiles=profiles))
    assert [profile.aid for profile in state.profiles] == [isdp_aid(0x10), isdp_aid(0x11), isdp_aid(0x12)]
    assert state.next_isdp == 0x13


@pytest.mark.parametrize("config", [default_card(), two_profiles(), CardConfig(EID)])
def test_state_survives_being_written_down(config: CardConfig) -> None:
    state = first_state(config)
    assert from_plain(CardState, to_plain(state)) == state


@pytest.mark.parametrize("change", [{"next_isdp": "1"}, {"eims": 1}, {"rollback": 1}, {"config": {}}])
def test_state_of_the_wrong_shape_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(EuiccError, match=next(iter(change))):
        from_plain(CardState, {**to_plain(first_state(two_profiles())), **change})


def test_identifiers_in_octets() -> None:
    assert int(make_eid("89049032")) % 97 == 1
    assert eid_octets(EID).hex() == EID
    assert iccid_octets("8988123456789012345").hex().upper() == "988821436587092143F5"
    assert iccid_digits(bytes.fromhex("988821436587092143F5")) == "8988123456789012345"
    assert imsi_octets("001010123456789").hex() == "080910101032547698"
    assert imsi_octets("26201012345678").hex() == "0821261010325476f8"
    assert plmn_octets("310-260").hex() == "130062"
    assert plmn_octets("262-01").hex() == "62f210"
    assert luhn_digit("7992739871") == "3"
    for profile in default_card().profiles:
        assert luhn_digit(profile.iccid[:-1]) == profile.iccid[-1]
