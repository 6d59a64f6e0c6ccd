"""A network that was found late is not lost again by the agent's own impatience."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ipad.policy.decisions import Decision, ExecuteFallback, Recover, Report, Rollback
from ipad.policy.events import (
    Action,
    ActionResult,
    Bearer,
    Boot,
    CardRead,
    Event,
    Origin,
    Outcome,
    ProfileChanged,
    Registration,
    Tick,
)
from ipad.policy.radio import Access, RegistrationState
from ipad.policy.settings import Settings
from ipad.policy.situation import NEW_REGISTRATION
from ipad.policy.state import State
from ipad.policy.supervisor import step

A, B = "89490000000000000015", "89490000000000000023"
SEARCHING = Registration(state=RegistrationState.SEARCHING, access=Access.LTE)
HOME = Registration(state=RegistrationState.HOME, access=Access.LTE, plmn="00101")
HOUR = 3600.0


class Core:
    """Policy alone; time passes from one wake-up to the next."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.state = State()
        self.now = 0.0
        self.wake_at = 0.0
        self.decisions: list[tuple[float, Decision]] = []
        card = CardRead(enabled=A, installed=(A, B), fallback=A)
        self.tell(Boot(technologies=(Access.LTE,), rungs=("cfun0", "reset"), chance=0.0), card)

    def tell(self, *events: Event) -> None:
        for event in events:
            done = step(self.settings, self.state, event, self.now)
            self.state, self.wake_at = done.state, done.wake_at
            self.decisions += [(self.now, decision) for decision in done.decisions]
            if any(isinstance(decision, Recover) for decision in done.decisions):
                self.tell(ActionResult(action=Action.RECOVER, outcome=Outcome.DONE))

    def pass_until(self, moment: float) -> None:
        while self.wake_at <= moment:
            self.now = max(self.now, self.wake_at)
            self.tell(Tick())
        self.now = moment
        self.tell(Tick())

    def made(self, *kinds: type) -> Iterator[float]:
        return (at for at, decision in self.decisions if isinstance(decision, kinds))


def on_trial(settings: Settings | None = None) -> Core:
    core = Core(settings)
    core.tell(HOME, Bearer(session="1"))
    core.tell(ProfileChanged(origin=Origin.PACKAGE, iccid=B, previous=A, rollback=True), SEARCHING)
    return core


def test_first_search_on_trial_is_not_begun_anew_by_a_rung() -> None:
    core = on_trial()
    core.pass_until(299.0)
    assert list(core.made(Recover, Rollback)) == []


def test_modem_that_is_stuck_without_a_search_on_trial_is_helped_early() -> None:
    core = on_trial()
    core.tell(Registration(state=RegistrationState.IDLE))
    core.pass_until(299.0)
    assert next(core.made(Recover)) <= 121.0


def test_rung_that_is_due_is_put_off_once_when_the_modem_has_just_registered() -> None:
    core = Core()
    core.tell(Bearer(session=None), SEARCHING)
    core.pass_until(119.5)
    core.tell(HOME, Bearer(session=None))
    core.pass_until(119.5 + 59.0)
    assert list(core.made(Recover)) == []
    core.tell(SEARCHING)
    core.pass_until(core.now + 0.1)
    core.tell(HOME, Bearer(session=None))
    core.pass_until(200.0)
    assert len(list(core.made(Recover))) == 1


def test_window_that_had_more_time_for_the_search_does_not_end_with_the_registration() -> None:
    settings = Settings()
    core = on_trial(replace(settings, supervision=replace(settings.supervision, registration=900.0)))
    core.pass_until(700.0)
    core.tell(HOME, Bearer(session=None))
    core.pass_until(700.0 + NEW_REGISTRATION - 1.0)
    assert list(core.made(Rollback)) == []
    core.pass_until(700.0 + NEW_REGISTRATION + 1.0)
    assert len(list(core.made(Rollback))) == 1


def test_network_that_appears_after_hours_of_silence_is_not_left_in_the_same_moment() -> None:
    core = Core()
    core.tell(CardRead(enabled=B, installed=(A, B), fallback=A), SEARCHING, Bearer(session=None))
    core.state = replace(core.state, window=None)
    core.pass_until(6 * HOUR)
    assert list(core.made(ExecuteFallback)) == []
    core.tell(HOME)
    core.pass_until(6 * HOUR + NEW_REGISTRATION - 1.0)
    assert list(core.made(ExecuteFallback)) == []
    core.pass_until(6 * HOUR + NEW_REGISTRATION + 1.0)
    assert len(list(core.made(ExecuteFallback, Report))) >= 1


def test_network_of_the_profile_before_is_not_that_of_the_new_one() -> None:
    core = on_trial()
    assert core.state.situation.plmn is None
