"""When to contact which eIM."""

from __future__ import annotations

import pytest

from ipad.errors import NetworkError
from ipad.policy.limits import Timers
from ipad.policy.schedule import Schedule

ERROR = NetworkError("no route", layer="tcp")


def schedule() -> Schedule:
    return Schedule(timers=Timers(poll_interval=3600.0)).with_eims(("a", "b"), 100.0)


def test_new_eims_are_due_at_once_and_gone_ones_forgotten() -> None:
    first = schedule()
    assert first.due(100.0) == ("a", "b")
    later = first.after_success("a", 100.0, 0.0).with_eims(("a", "c"), 200.0)
    assert later.due(200.0) == ("c",)
    assert set(later.contacts) == {"a", "c"}
    assert Schedule().next_at() is None


def test_success_waits_for_the_interval_but_never_less_than_the_minimum() -> None:
    assert schedule().after_success("a", 100.0, 1.0).contacts["a"].due == pytest.approx(4060.0)
    short = Schedule(timers=Timers(poll_interval=1.0)).with_eims(("a",), 0.0)
    assert short.after_success("a", 0.0, 0.0).next_at() == 60.0


def test_failures_back_off_and_success_forgets_them() -> None:
    plan = schedule()
    pauses = []
    for _ in range(3):
        plan = plan.after_failure("a", ERROR, 0.0, 0.0)
        pauses.append(plan.contacts["a"].due)
    assert pauses == [60.0, 120.0, 240.0]
    plan = plan.after_success("a", 0.0, 0.0).after_failure("a", ERROR, 0.0, 0.0)
    assert plan.contacts["a"].due == 60.0


def test_eim_that_repeats_itself_is_asked_ever_more_rarely() -> None:
    plan = schedule()
    pauses = []
    for _ in range(9):
        plan = plan.after_repetition("a", 0.0, 0.0)
        pauses.append(plan.contacts["a"].due)
    assert pauses[:3] == [60.0, 120.0, 240.0]
    assert pauses[-1] == plan.timers.failure_limit


@pytest.mark.parametrize("jitter", [-1.0, 0.0, 0.4, 1.0])
def test_chance_lengthens_the_pause_of_an_eim_that_repeats_itself_as_after_a_failure(jitter: float) -> None:
    repeated = schedule().after_repetition("a", 0.0, jitter)
    failed = schedule().after_failure("a", ERROR, 0.0, jitter)
    assert repeated.contacts["a"] == failed.contacts["a"]


def test_one_eims_failure_does_not_move_another() -> None:
    plan = schedule().after_failure("a", ERROR, 100.0, 0.0)
    assert plan.due(100.0) == ("b",)
    assert plan.next_at() == 100.0


def test_longest_waiting_comes_first() -> None:
    plan = schedule().after_failure("a", ERROR, 0.0, 0.0).after_cap("b", 10.0)
    assert plan.due(1000.0) == ("a", "b")
    assert plan.contacts["b"].due == 70.0


def test_trigger_makes_due_now_and_an_unknown_eid_rarely() -> None:
    plan = schedule().after_unknown_eid("a", 0.0, 0.0).after_success("b", 0.0, 0.0)
    assert plan.contacts["a"].due == 86400.0
    assert plan.triggered(5.0, ("a",)).due(5.0) == ("a",)
    assert plan.triggered(5.0).due(5.0) == ("a", "b")


def test_outcome_of_an_eim_that_left_meanwhile_is_ignored() -> None:
    plan = schedule()
    assert plan.after_failure("gone", ERROR, 0.0, 0.0) == plan


def test_gate_holds_back_what_is_due_and_names_the_moment() -> None:
    plan = schedule().after_success("b", 0.0, 0.0)
    assert plan.released(200.0, lambda due: due) == ("a",)
    assert plan.released(200.0, lambda due: due + 500.0) == ()
    assert plan.next_release(lambda due: due + 500.0) == 600.0
    assert Schedule().next_release(lambda due: due) is None


def test_waking_modem_is_used_by_what_would_be_due_soon() -> None:
    plan = schedule().after_success("a", 0.0, 0.0).after_failure("b", ERROR, 3000.0, 0.0)
    assert plan.contacts["a"].due == 3600.0
    assert plan.awake(3010.0, 900.0).due(3010.0) == ("a",)
    assert plan.awake(2000.0, 900.0) == plan


def test_shorter_interval_is_no_longer_waited_for_and_failures_keep_their_pause() -> None:
    plan = schedule().after_success("a", 100.0, 0.0).after_failure("b", ERROR, 100.0, 0.0)
    shorter = plan.within(Timers(poll_interval=600.0), {}, 200.0)
    assert shorter.contacts["a"].due == 800.0
    assert shorter.contacts["b"] == plan.contacts["b"]
    assert shorter.timers.poll_interval == 600.0


def test_interval_of_one_eim_counts_for_it_alone_and_a_longer_one_from_the_next_poll() -> None:
    plan = schedule().after_success("a", 100.0, 0.0).after_success("b", 100.0, 0.0)
    changed = plan.within(Timers(poll_interval=7200.0), {"a": 60.0}, 200.0)
    assert changed.contacts["a"].due == 260.0
    assert changed.contacts["b"].due == plan.contacts["b"].due
