"""Events and decisions in words, the meaning of numbers, and the comparison of a dry run with a log."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, get_args

import pytest

from ipad.policy.decisions import Commit, Decision, EarlyPoll, Recover, Report, ReportKind, RunHook, Silence
from ipad.policy.events import (
    Action,
    ActionResult,
    Bearer,
    Event,
    Hints,
    Layer,
    Origin,
    Outcome,
    PackageRun,
    PollFailed,
    ProbeResult,
    SignalSample,
    SimShown,
    Sleep,
)
from ipad.policy.explain import numbers_in_words
from ipad.policy.meanings import MEANINGS, UNITLESS
from ipad.policy.narration import TITLES, narrate, narrate_record
from ipad.policy.radio import Access
from ipad.policy.settings import Settings
from ipad.policy.trace import DECISIONS, EVENTS


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        (SignalSample(access=Access.LTE, dbm=-118.0), "signal -118 dBm on lte"),
        (SignalSample(access=Access.GSM, dbm=None), "signal not measurable on gsm"),
        (Bearer(session="3/10.0.0.1"), "data bearer: 3/10.0.0.1"),
        (Bearer(session=None), "data bearer: none"),
        (SimShown(iccid="89…"), "the modem shows 89…"),
        (PackageRun(running=True), "package begins"),
        (PackageRun(running=False), "package ended"),
        (Sleep(seconds=7200.0), "sleep: for 2 h"),
        (Sleep(), "sleep: over"),
        (Hints(metered=True), "hints: metered"),
        (PollFailed(eim_id="eim1", layer=Layer.TCP), "poll: failed: eim1, layer tcp"),
        (ActionResult(action=Action.ROLLBACK, outcome=Outcome.BUSY), "action: rollback, busy"),
        (ProbeResult(reached=Layer.BEARER), "look along the path: reached bearer, nothing comes back"),
        (
            ProbeResult(reached=Layer.TCP, packets=True, others=True, clock=True, failure="early"),
            "look along the path: reached tcp, another server answers, a wrong clock explains the refusal, early",
        ),
        (
            Commit(iccid="89…", origin=Origin.PACKAGE, proven=True, after=42.4),
            "COMMIT 89…: an eIM answered after 42 s",
        ),
        (Recover(rung="cfun4", step=2, reason="not registered"), "RECOVER cfun4: not registered (step 2)"),
        (EarlyPoll(reason="weak signal", urgent=True), "POLL: weak signal (urgent)"),
        (Silence(on=True), "SILENCE is on"),
        (RunHook(program="/bin/x", rule="r", reason="why"), "HOOK /bin/x: why (rule r)"),
        (Report(kind=ReportKind.LOSS, text="offline", layer=Layer.DNS), "REPORT loss: offline (layer dns)"),
    ],
)
def test_words(thing: object, expected: str) -> None:
    assert narrate(thing) == expected


def test_everything_has_a_title() -> None:
    assert set(TITLES) == {*EVENTS, *DECISIONS}


@pytest.mark.parametrize("cls", [*get_args(Event), *get_args(Decision)], ids=lambda cls: cls.__name__)
def test_strange_fields_never_break_the_line(cls: type) -> None:
    name = next(name for name, known in (EVENTS | DECISIONS).items() if known is cls)
    strange: list[Any] = [None, True, [], "x", 1.5, {"a": 1}]
    for value in strange:
        given = {item.name: value for item in fields(cls) if item.default is MISSING or value is not None}
        assert "\n" not in narrate_record(name, {**given, "unknown": value})


def test_name_that_is_not_known_is_shown_as_it_is() -> None:
    assert narrate_record("from-the-future", {"a": 1, "b": [1, 2]}) == "from-the-future: a 1, b 1 2"


def test_every_number_has_a_meaning() -> None:
    keys = {key for key, _, _ in numbers_in_words(Settings())}
    assert keys == set(MEANINGS)
    assert set(MEANINGS) >= UNITLESS


def test_numbers_have_units_and_places() -> None:
    texts = {key: text for key, _, text in numbers_in_words(Settings(), lambda keys: f"x:{len(keys)}")}
    assert texts["supervision.deadline"].endswith("is 10 min [x:2]")
    assert texts["poll.per_day"].endswith("at most 48 [x:2]")
    assert texts["poll.quiet"].endswith("local hours none [x:2]")
    assert texts["fallback.enabled"].endswith("is used: yes [x:2]")
