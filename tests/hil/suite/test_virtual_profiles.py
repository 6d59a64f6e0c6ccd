"""Profiles that a case puts on the virtual card, and metadata that it changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.euicc import VirtualEuicc, default_card
from hil.euicc.config import PolicyRule
from hil.euicc.identifiers import iccid_octets
from hil.pki import Pki
from hil.suite.virtual.profiles import CardProfiles


@pytest.fixture(name="card")
def _card(tmp_path: Path) -> VirtualEuicc:
    pki = Pki.open(tmp_path / "pki")
    return VirtualEuicc.create(tmp_path / "card", default_card(eid=pki.eid), pki)


def test_installed_profiles_are_new_disabled_and_distinct(card: VirtualEuicc) -> None:
    before = {profile.iccid for profile in card.profiles}
    profiles = CardProfiles(card)
    first, second = profiles.install(), profiles.install(policy_rules=PolicyRule.PPR2)
    assert {profile.iccid for profile in card.profiles} == before | {first, second}
    assert not any(profile.enabled for profile in card.profiles if profile.iccid in (first, second))
    aids = [profile.aid for profile in card.engine.state.profiles]
    assert len(set(aids)) == len(aids)
    installed = card.engine.state.profile(iccid_octets(second))
    assert installed is not None
    assert installed.policy_rules is PolicyRule.PPR2


def test_changed_metadata_are_undone_and_states_stay(card: VirtualEuicc) -> None:
    iccid = iccid_octets(next(profile.iccid for profile in card.profiles if profile.enabled))
    profiles = CardProfiles(card)
    profiles.change(next(item.iccid for item in card.profiles if item.enabled), policy_rules=PolicyRule.PPR1)
    profiles.change(next(item.iccid for item in card.profiles if item.enabled), enabled=False)
    profiles.calm()
    found = card.engine.state.profile(iccid)
    assert found is not None
    assert found.policy_rules is PolicyRule.NONE
    assert not found.enabled


def test_profile_that_was_deleted_stays_deleted(card: VirtualEuicc) -> None:
    profiles = CardProfiles(card)
    iccid = profiles.install()
    profiles.change(iccid, policy_rules=PolicyRule.PPR2)
    card.engine.commit(card.engine.state.without_profiles((iccid_octets(iccid),)))
    profiles.calm()
    assert iccid not in {profile.iccid for profile in card.profiles}


def test_unknown_profile_cannot_be_changed(card: VirtualEuicc) -> None:
    with pytest.raises(KeyError, match="8949"):
        CardProfiles(card).change("89499999999999999990", policy_rules=PolicyRule.PPR1)
