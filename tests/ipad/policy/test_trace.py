"""Events and decisions as records, and the dry run of a policy on a recorded log."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from ipad.errors import CodecError, UsageError
from ipad.policy.decisions import Decision, EarlyPoll, ExecuteFallback, Notice, Probe, Rollback
from ipad.policy.events import Bearer, Boot, CardRead, Event, Origin, PollDone, ProfileChanged, Registration, Tick
from ipad.policy.radio import RegistrationState
from ipad.policy.rules import Rule
from ipad.policy.settings import Settings
from ipad.policy.state import State
from ipad.policy.supervisor import step, tick
from ipad.policy.trace import DECISIONS, EVENTS, decision_record, event_record, read_event, simulate
from tests.ipad.policy.device import A, B, F


def log(*events: tuple[float, Event]) -> list[str]:
    return [json.dumps(event_record(event, moment)) for moment, event in events]


def begin(moment: float = 10.0) -> list[tuple[float, Event]]:
    return [
        (moment, Boot(chance=0.0)),
        (moment + 1, CardRead(enabled=A, installed=(A, B, F), fallback=F)),
        (moment + 5, Registration(state=RegistrationState.HOME, plmn="26201")),
        (moment + 6, Bearer(session="1")),
        (moment + 20, PollDone(eim_id="eim", session="1")),
    ]


def decided(settings: Settings, lines: list[str]) -> list[tuple[float, str]]:
    return [
        (round(entry.at), type(decision).__name__)
        for entry in simulate(settings, lines)
        for decision in entry.decisions
        if not isinstance(decision, Probe | EarlyPoll)
    ]


def test_every_event_has_a_name_and_survives_its_record() -> None:
    assert set(EVENTS.values()) == set(get_args(Event))
    assert set(DECISIONS.values()) == set(get_args(Decision))
    for moment, event in [
        *begin(),
        (40.0, ProfileChanged(origin=Origin.PACKAGE, iccid=B, rollback=True)),
        (50.5, Tick()),
    ]:
        assert read_event(json.loads(json.dumps(event_record(event, moment)))) == (moment, event)


def test_records_are_short_and_speak() -> None:
    assert event_record(Registration(state=RegistrationState.DENIED, cause=3), 12.5) == {
        "t": 12.5,
        "event": "registration",
        "state": "denied",
        "cause": 3,
    }
    poll = EarlyPoll(reason="boot", notice=Notice.FALLBACK)
    assert decision_record(poll, 1) == {"t": 1, "decision": "early-poll", "reason": "boot", "notice": 1}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([], "JSON object"),
        ({"event": "tick"}, "t: expected seconds"),
        ({"t": True, "event": "tick"}, "t: expected seconds"),
        ({"t": 1, "event": "tock"}, "unknown event"),
        ({"t": 1, "event": ["tick"]}, "unknown event"),
        ({"t": 1, "event": "registration"}, "registration.state: is missing"),
        ({"t": 1, "event": "registration", "state": "happy"}, "expected one of"),
        ({"t": 1, "event": "registration", "state": "home", "plnm": "26201"}, "unknown entry 'plnm'"),
        ({"t": 1, "event": "registration", "state": "home", "cause": "3"}, "expected int"),
        ({"t": 1, "event": "boot", "rungs": "cfun4"}, "expected a list"),
        ({"t": 1, "event": "sleep", "seconds": float("inf")}, "expected a number"),
    ],
)
def test_record_that_is_wrong_says_where(record: object, message: str) -> None:
    with pytest.raises(CodecError, match=message):
        read_event(record)


def test_dry_run_decides_also_between_the_records() -> None:
    lines = log(
        *begin(),
        (100.0, ProfileChanged(origin=Origin.PACKAGE, iccid=B, previous=A, rollback=True)),
        (110.0, Registration(state=RegistrationState.SEARCHING)),
        (2000.0, Tick()),
    )
    assert decided(Settings(), lines)[0] == (400, "Rollback")


def test_dry_run_shows_what_other_rules_would_have_done() -> None:
    lines = log(
        *begin(),
        (100.0, Registration(state=RegistrationState.DENIED, cause=11)),
        (4000.0, Tick()),
    )
    assert "ExecuteFallback" in {name for _, name in decided(Settings(), lines)}
    rule = Rule(when="roaming-refused", do="fallback", hold=120.0)
    first = decided(Settings(rules={"border": rule}), lines)[0:4]
    assert (220, "ExecuteFallback") in first


def test_dry_run_goes_over_boots_and_skips_recorded_decisions() -> None:
    lines = [
        *log(*begin()),
        json.dumps(decision_record(Rollback(reason="x"), 90.0)),
        "",
        *log(*begin(3.0), (50.0, Tick())),
    ]
    entries = list(simulate(Settings(), lines))
    assert entries[-1].at == 50.0
    assert entries[-1].state.situation.enabled == A


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 6 of the trace"),
        ('{"t": 20, "event": "tick"}', "time goes back from 30 to 20 without a boot"),
        ('{"t": 40, "event": "tik"}', "line 6 of the trace: unknown event 'tik'"),
    ],
)
def test_line_that_is_no_record_is_named(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        list(simulate(Settings(), [*log(*begin()), line]))


def test_step_is_pure() -> None:
    state, decisions = State(), []
    for moment, event in begin():
        first, second = step(Settings(), state, event, moment), step(Settings(), state, event, moment)
        assert first == second
        state = first.state
        decisions.append(first.decisions)
    assert tick(Settings(), state, 31.0) == tick(Settings(), state, 31.0)


def test_supervisor_never_asks_to_be_woken_at_once_or_never() -> None:
    state = State()
    for moment, event in begin():
        done = step(Settings(), state, event, moment)
        assert moment + 1.0 <= done.wake_at <= moment + 3600.0
        state = done.state


def test_permanent_loss_in_a_log_names_its_reason() -> None:
    lines = log(*begin(), (100.0, Registration(state=RegistrationState.SEARCHING)), (8000.0, Tick()))
    acts = [act for entry in simulate(Settings(), lines) for act in entry.decisions if isinstance(act, ExecuteFallback)]
    assert "not registered for" in acts[0].reason
