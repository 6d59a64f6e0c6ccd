"""What is known before the eUICC was ever read is about the profile that it then shows."""

from __future__ import annotations

from ipad.policy.events import Bearer, Boot, CardRead, Registration
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
