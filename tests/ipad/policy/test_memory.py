"""What of policy survives restarts, and what time means then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ipad.errors import StateError
from ipad.policy.allowance import UNSPENT, Allowance, Quota
from ipad.policy.events import Action, Bearer, Boot, CardRead, Origin, ProfileChanged, Registration
from ipad.policy.fallback import FallbackState
from ipad.policy.memory import remember, restore, worth_saving
from ipad.policy.polling import PollState
from ipad.policy.radio import RegistrationState
from ipad.policy.settings import Settings
from ipad.policy.state import Entry, Pending, State
from ipad.policy.stopwatch import Instant, Stopwatch
from ipad.policy.supervisor import step
from tests.ipad.policy.device import A, B, F


def busy_state(now: float) -> State:
    state = State(history=(Entry(what="x", why="y", at=Instant(now - 5), wall=1.0),))
    for event in (
        Boot(),
        CardRead(enabled=A, installed=(A, B, F), fallback=F),
        Registration(state=RegistrationState.HOME, plmn="26201"),
        Bearer(session="1"),
        ProfileChanged(origin=Origin.PACKAGE, iccid=B, previous=A, rollback=True),
    ):
        state = step(Settings(), state, event, now).state
    return replace(state, pending=Pending(action=Action.ROLLBACK, at=Instant(now - 1), target=A))


def test_new_device_begins_with_nothing() -> None:
    assert restore(None, "boot", 0.0) == State()
    assert restore({}, "boot", 0.0) == State()


def test_everything_that_matters_survives() -> None:
    state = busy_state(1000.0)
    again = restore(remember(state, "one", 1000.0), "two", 50.0)
    assert again.window is not None
    assert state.window is not None
    assert again.window.remedies == state.window.remedies
    assert again.pending == Pending(action=Action.ROLLBACK, at=Instant(49.0), target=A)
    assert again.situation.enabled == B
    assert again.history[0].what == "x"
    assert again.history[0].at == 45.0
    assert again.fallback.switches == state.fallback.switches


def test_after_a_boot_the_time_without_power_counts_for_nothing() -> None:
    state = State(fallback=FallbackState(active=True, entered_at=Instant(400.0), loss=Stopwatch(60.0, Instant(900.0))))
    again = restore(remember(state, "one", 1000.0), "two", 7.0)
    assert again.fallback.entered_at == 7.0 - 600.0
    assert again.fallback.loss.value(7.0) == 160.0


def test_after_a_restart_in_the_same_boot_the_time_in_between_counts() -> None:
    state = State(fallback=FallbackState(active=True, entered_at=Instant(400.0)))
    again = restore(remember(state, "one", 1000.0), "one", 1500.0)
    assert again.fallback.entered_at == 400.0


def test_clock_that_runs_behind_the_save_is_another_boot_whatever_its_name() -> None:
    state = State(fallback=FallbackState(entered_at=Instant(400.0)))
    again = restore(remember(state, "", 1000.0), "", 10.0)
    assert again.fallback.entered_at == -590.0


def test_rung_that_was_under_way_is_forgotten() -> None:
    state = State(pending=Pending(action=Action.RECOVER, at=Instant(1.0)))
    assert restore(remember(state, "one", 2.0), "two", 0.0).pending is None


def test_budgets_do_not_refill_while_the_device_is_off() -> None:
    quota = Quota.per_day(12)
    used = Allowance()
    for _ in range(12):
        used = used.spend(quota, 100.0)
    state = State(fallback=FallbackState(switches=used))
    again = restore(remember(state, "one", 100.0), "two", 0.0)
    assert not again.fallback.switches.permits(quota, 0.0)
    assert again.fallback.switches.permits(quota, 7200.0)


@pytest.mark.parametrize(
    "damage",
    [
        {"window": 5},
        {"window": {"origin": "package"}},
        {"window": {"origin": "sideways", "iccid": A}},
        {"fallback": {"turns": "many"}},
        {"fallback": {"loss": {"total": float("nan")}}},
        {"rules": [1]},
        {"history": {"what": "x"}},
        {"clock": "noon"},
        {"enabled": 7},
    ],
)
def test_damaged_memory_is_refused(damage: dict[str, Any]) -> None:
    plain = {**remember(busy_state(100.0), "one", 100.0), **damage}
    with pytest.raises(StateError, match="memory of policy"):
        restore(plain, "two", 0.0)


def test_entries_of_a_newer_version_are_no_damage() -> None:
    plain = {**remember(busy_state(100.0), "one", 100.0), "version": 9, "moods": ["good"]}
    assert restore(plain, "two", 0.0).window is not None


def test_plain_values_are_plain() -> None:
    def check(value: object) -> None:
        if isinstance(value, dict):
            assert all(isinstance(key, str) for key in value)
            for entry in value.values():
                check(entry)
        elif isinstance(value, list):
            for entry in value:
                check(entry)
        else:
            assert value is None or type(value) in (bool, int, float, str)

    check(remember(busy_state(100.0), "one", 100.0))


def test_save_is_worth_it_for_news_and_for_ages_that_grew() -> None:
    state = busy_state(1000.0)
    saved = remember(state, "one", 1000.0)
    assert worth_saving(None, saved)
    assert not worth_saving(saved, remember(state, "one", 1001.0))
    assert not worth_saving(saved, remember(state, "one", 1100.0))
    assert worth_saving(saved, remember(state, "one", 1200.0))
    assert worth_saving(saved, remember(replace(state, pending=None), "one", 1001.0))


def test_ages_alone_are_saved_ever_more_rarely() -> None:
    state, saved, saves = busy_state(0.0), None, 0
    for minute in range(7 * 24 * 60):
        plain = remember(state, "one", minute * 60.0)
        if worth_saving(saved, plain):
            saved, saves = plain, saves + 1
    assert saves < 30


def test_single_polls_are_not_worth_a_write_and_many_are() -> None:
    state = State()
    saved = remember(state, "one", 0.0)
    quota = Settings().poll.budget
    budget = UNSPENT
    for number in range(8):
        assert not worth_saving(saved, remember(replace(state, polls=PollState(budget=budget)), "one", 10.0 * number))
        budget = budget.spend(quota, 10.0 * number)
    budget = budget.spend(quota, 80.0)
    assert worth_saving(saved, remember(replace(state, polls=PollState(budget=budget)), "one", 80.0))


def heard_after(event: Boot, boot: str) -> bool:
    """Whether something was ever received, for a process that starts after another one has found a network."""
    state = step(Settings(), State(), Boot(), 0.0).state
    state = step(Settings(), state, Registration(state=RegistrationState.HOME, plmn="26201"), 10.0).state
    assert state.situation.heard
    return step(Settings(), restore(remember(state, "one", 20.0), boot, 30.0), event, 30.0).state.situation.heard


def test_process_that_starts_again_suspects_no_antenna_that_worked_since_the_device_booted() -> None:
    assert heard_after(Boot(reboot=False), "one")


def test_antenna_has_to_prove_itself_in_each_boot_of_the_device() -> None:
    assert not heard_after(Boot(reboot=True), "two")
    assert not heard_after(Boot(reboot=False), "two")


def test_first_sign_of_a_network_is_worth_a_write() -> None:
    state = step(Settings(), State(), Boot(), 0.0).state
    saved = remember(state, "one", 1.0)
    found = replace(state, situation=replace(state.situation, heard=True))
    assert not worth_saving(saved, remember(state, "one", 2.0))
    assert worth_saving(saved, remember(found, "one", 2.0))
