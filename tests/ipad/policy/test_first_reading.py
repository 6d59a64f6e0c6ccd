"""What is known before the eUICC was ever read is about the profile that it then shows."""

from __future__ import annotations

import pytest

from ipad.policy.events import Bearer, Boot, CardRead, Event, Origin, ProfileChanged, Registration, SimShown
from ipad.policy.radio import RegistrationState
from ipad.policy.situation import Situation, observe

ONE, TWO = "89490000000000000015", "89490000000000000023"


def test_bearer_that_was_told_before_the_first_reading_is_that_of_the_profile() -> None:
    s = Situation()
    for event in (
        Boot(),
        Registration(state=RegistrationState.HOME, plmn="00101"),
        Bearer(session="1"),
        CardRead(enabled=ONE, installed=(ONE, TWO)),
        Bearer(session="1"),
    ):
        s = observe(s, event, 1.0)
    assert s.connected
    assert s.stale is None


def test_bearer_of_before_is_none_of_another_profile() -> None:
    s = Situation(enabled=TWO, enabled_told=True)
    for event in (
        Boot(),
        Registration(state=RegistrationState.HOME, plmn="00101"),
        Bearer(session="1"),
        CardRead(enabled=ONE, installed=(ONE, TWO)),
        Bearer(session="1"),
    ):
        s = observe(s, event, 1.0)
    assert s.bearer is None
    assert s.stale == "1"


FOUND = CardRead(enabled=ONE, installed=(ONE, TWO))
TOLD = ProfileChanged(origin=Origin.PACKAGE, iccid=ONE, previous=TWO, rollback=True)


@pytest.mark.parametrize("switch", [FOUND, TOLD], ids=["card", "journal"])
def test_switch_of_an_earlier_process_that_the_modem_has_followed_takes_no_bearer_away(switch: Event) -> None:
    s = Situation(enabled=TWO, enabled_told=True)
    for event in (
        Boot(),
        Registration(state=RegistrationState.HOME, plmn="00101"),
        SimShown(iccid=ONE),
        Bearer(session="1"),
        switch,
        FOUND,
    ):
        s = observe(s, event, 1.0)
    assert s.connected
    assert (s.bearer, s.stale, s.enabled) == ("1", None, ONE)


def test_switch_that_the_modem_has_not_followed_yet_takes_the_bearer_away() -> None:
    s = Situation(enabled=TWO, enabled_told=True)
    for event in (Boot(), SimShown(iccid=TWO), Bearer(session="1"), FOUND, Bearer(session="1")):
        s = observe(s, event, 1.0)
    assert (s.bearer, s.stale) == (None, "1")


def test_switch_of_this_process_takes_the_bearer_away_whatever_the_modem_shows() -> None:
    s = Situation(enabled=ONE, enabled_told=True)
    other = ProfileChanged(origin=Origin.PACKAGE, iccid=TWO, previous=ONE, rollback=True)
    for event in (Boot(), SimShown(iccid=ONE), Bearer(session="1"), FOUND, other, SimShown(iccid=ONE), TOLD):
        s = observe(s, event, 1.0)
    assert (s.bearer, s.stale) == (None, "1")


def test_change_that_card_and_modem_have_shown_before_it_is_told_takes_no_bearer_away() -> None:
    """A package that an earlier process left is resumed only after the eUICC was read."""
    s = Situation(enabled=TWO, enabled_told=True)
    for event in (Boot(), SimShown(iccid=ONE), Bearer(session="1"), FOUND, TOLD, Bearer(session="1")):
        s = observe(s, event, 1.0)
    assert (s.bearer, s.stale, s.enabled) == ("1", None, ONE)


def test_change_that_the_card_alone_has_shown_before_it_is_told_takes_the_bearer_away() -> None:
    s = Situation(enabled=ONE, enabled_told=True)
    for event in (Boot(), SimShown(iccid=TWO), Bearer(session="1"), FOUND, TOLD, Bearer(session="1")):
        s = observe(s, event, 1.0)
    assert (s.bearer, s.stale) == (None, "1")
