"""Rules at work: each trigger and each deed, within the limits that policy keeps for itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ipad.policy.conditions import Stay
from ipad.policy.decisions import (
    EarlyPoll,
    EnableProfile,
    ExecuteFallback,
    Notice,
    Recover,
    ReturnFromFallback,
    Rollback,
    RunHook,
)
from ipad.policy.events import EuiccKind, Registration, RulesLoaded, SignalSample, TimeSet, Traffic
from ipad.policy.radio import Access, RegistrationState
from ipad.policy.rules import Rule
from ipad.policy.settings import FallbackSettings, RecoverySettings, Settings
from ipad.policy.stopwatch import Instant, Stopwatch
from tests.ipad.policy.device import A, B, Card, Device, F, Plan, Radio

HOUR = 3600.0
DAY = 24 * HOUR
TELL = {"do": "hook", "program": "/bin/tell"}
# 2027-03-01 00:00:00 UTC
MARCH = 1_803_859_200.0


def device(
    *rules: dict[str, Any], plans: dict[str, Plan] | None = None, card: Card | None = None, quiet: bool = True
) -> Device:
    """Online with A for an hour; without `quiet` the built-in fallback and ladder act as well."""
    made = Device(
        plans or {A: [(0.0, Radio.FULL)], B: [(0.0, Radio.FULL)], F: [(0.0, Radio.FULL)]},
        Settings(
            rules={f"r{number}": Rule(**rule) for number, rule in enumerate(rules)},
            fallback=FallbackSettings(loss_time=DAY) if quiet else FallbackSettings(),
            recovery=RecoverySettings(enabled=not quiet),
        ),
        card,
        chance=0.0,
    )
    made.boot()
    made.run(HOUR)
    return made


def hooks(made: Device) -> list[float]:
    return [moment for moment, _ in made.made(RunHook)]


def test_hook_is_told_rule_and_reason() -> None:
    made = device({"when": "weak-signal", "hold": 0, **TELL})
    made.tell(SignalSample(access=Access.LTE, dbm=-120.0))
    hook = made.made(RunHook)[0][1]
    assert hook == RunHook(program="/bin/tell", rule="r0", reason="rule r0: signal of -120 dBm is below -115 dBm")


def test_trigger_must_hold_without_interruption() -> None:
    made = device({"when": "weak-signal", "hold": 600, **TELL})
    made.tell(SignalSample(access=Access.LTE, dbm=-120.0))
    made.run(HOUR + 590)
    made.tell(SignalSample(access=Access.LTE, dbm=-100.0))
    made.tell(SignalSample(access=Access.LTE, dbm=-120.0))
    made.run(HOUR + 1100)
    assert hooks(made) == []
    made.run(HOUR + 1300)
    assert hooks(made) == [pytest.approx(HOUR + 1190, abs=2)]


def test_rule_rests_after_it_acted() -> None:
    made = device({"when": "weak-signal", "hold": 0, "again": 1800, **TELL})
    made.tell(SignalSample(access=Access.LTE, dbm=-120.0))
    made.run(2 * HOUR + 10)
    assert [round(moment - HOUR) for moment in hooks(made)] == [0, 1800, 3600]


def test_limit_and_technology_of_a_weak_signal_are_the_rules_own() -> None:
    made = device({"when": "weak-signal", "hold": 0, "below": -100, "access": ("nb-iot",), **TELL})
    made.tell(SignalSample(access=Access.LTE, dbm=-120.0))
    assert hooks(made) == []
    made.tell(SignalSample(access=Access.NB_IOT, dbm=-101.0))
    assert len(hooks(made)) == 1


def test_disabled_rule_does_nothing() -> None:
    made = device({"when": "weak-signal", "hold": 0, "enabled": False, **TELL})
    made.tell(SignalSample(access=Access.LTE, dbm=-120.0))
    assert hooks(made) == []


@pytest.mark.parametrize(
    ("when", "radio"),
    [
        ("loss-of-service", Radio.NONE),
        ("loss-of-service", Radio.DEAD_DATA),
        ("data-path-broken", Radio.DEAD_DATA),
        ("roaming-refused", Radio.NO_ROAMING),
    ],
)
def test_bad_service_triggers(when: str, radio: Radio) -> None:
    made = device({"when": when, "hold": 30, **TELL}, plans={A: [(0.0, Radio.FULL), (HOUR, radio)]})
    made.run(4 * HOUR)
    assert len(hooks(made)) == 1
    healthy = device({"when": when, "hold": 30, **TELL})
    healthy.run(4 * HOUR)
    assert hooks(healthy) == []


def test_bad_data_triggers() -> None:
    made = device(
        {"when": "slow-data", "kbps": 64, "hold": 0, **TELL}, {"when": "lossy-data", "percent": 10, "hold": 0, **TELL}
    )
    made.tell(Traffic(kbps=100, loss=5))
    assert hooks(made) == []
    made.tell(Traffic(kbps=10, loss=5))
    made.tell(Traffic(kbps=10, loss=50))
    assert [hook.rule for _, hook in made.made(RunHook) if isinstance(hook, RunHook)] == ["r0", "r1"]


def test_first_boot_happens_once_in_a_life() -> None:
    made = device({"when": "first-boot", "do": "poll"})
    made.boot()
    made.run(3 * HOUR)
    reasons = [poll.reason for _, poll in made.made(EarlyPoll) if isinstance(poll, EarlyPoll)]
    assert sum("first start" in reason for reason in reasons) == 1


def test_refresh_comes_round_also_over_restarts() -> None:
    made = device({"when": "refresh", "every": 4 * HOUR, **TELL})
    made.run(6 * HOUR)
    made.boot()
    made.run(21 * HOUR)
    assert len(hooks(made)) in (4, 5)


def test_expiry_needs_a_clock_that_can_be_believed() -> None:
    made = device({"when": "expiry", "date": "2027-03-31", "days": 10, **TELL})
    made.tell(TimeSet(wall=MARCH + 25 * DAY, trusted=False))
    made.run(2 * HOUR)
    assert hooks(made) == []
    made.tell(TimeSet(wall=MARCH + 15 * DAY))
    made.run(2 * HOUR + 4 * DAY)
    assert hooks(made) == []
    made.run(2 * HOUR + 6 * DAY)
    assert hooks(made)[0] - 2 * HOUR == pytest.approx(5 * DAY, abs=10)


def test_change_of_the_policy_file_is_a_trigger_and_the_first_reading_is_none() -> None:
    made = device({"when": "policy-changed", **TELL})
    made.tell(RulesLoaded(digest="1"))
    made.tell(RulesLoaded(digest="1"))
    assert hooks(made) == []
    made.tell(RulesLoaded(digest="2"))
    assert len(hooks(made)) == 1
    made.run(DAY)
    assert len(hooks(made)) == 1


def roam(made: Device, plmn: str, state: RegistrationState = RegistrationState.ROAMING) -> None:
    made.tell(Registration(state=state, access=Access.LTE, plmn=plmn))


def test_permanent_roaming_counts_days_in_a_country() -> None:
    made = device({"when": "permanent-roaming", "countries": ("BR", "TR"), "days": 85, **TELL})
    roam(made, "72405")
    made.run(HOUR + 84 * DAY)
    assert hooks(made) == []
    made.run(HOUR + 86 * DAY)
    assert len(hooks(made)) >= 1
    assert "roaming in BR for 85 days" in made.made(RunHook)[0][1].reason  # type: ignore[union-attr]


def test_leaving_the_country_or_coming_home_begins_the_count_anew() -> None:
    made = device({"when": "permanent-roaming", "countries": ("BR",), "days": 85, **TELL})
    roam(made, "72405")
    made.run(HOUR + 80 * DAY)
    roam(made, "74801")
    roam(made, "72405")
    made.run(HOUR + 160 * DAY)
    roam(made, "72405", RegistrationState.HOME)
    roam(made, "72405")
    made.run(HOUR + 240 * DAY)
    assert hooks(made) == []


def test_wall_clock_adds_the_days_without_power() -> None:
    stay = Stay(country="BR", watch=Stopwatch(10 * DAY, Instant(0.0)), wall=MARCH)
    assert stay.days(None, 0.0) == 10
    assert stay.days(MARCH + 30 * DAY, 0.0) == 30
    assert stay.days(MARCH - DAY, 0.0) == 10


def test_poll_tells_the_cause_of_the_rule() -> None:
    made = device({"when": "weak-signal", "hold": 0, "do": "poll", "cause": "local"})
    made.run(2 * HOUR)
    made.tell(SignalSample(access=Access.LTE, dbm=-120.0))
    poll = made.made(EarlyPoll)[-1][1]
    assert isinstance(poll, EarlyPoll)
    assert poll.notice is Notice.LOCAL
    assert not poll.urgent


def test_rule_brings_the_fallback_forward_and_the_return() -> None:
    made = device(
        {"when": "roaming-refused", "hold": 120, "do": "fallback"},
        {"when": "refresh", "every": 10 * HOUR, "do": "return"},
        plans={A: [(0.0, Radio.FULL), (HOUR, Radio.NO_ROAMING), (3 * HOUR, Radio.FULL)], F: [(0.0, Radio.FULL)]},
    )
    made.run(HOUR + 300)
    assert made.card.enabled == F
    assert made.made(ExecuteFallback)[0][0] - HOUR == pytest.approx(140, abs=5)
    made.run(11 * HOUR)
    assert made.card.enabled == A
    assert made.made(ReturnFromFallback)


def test_rollback_by_a_rule_needs_a_profile_on_trial() -> None:
    rule = {"when": "weak-signal", "hold": 60, "do": "rollback", "again": 60}
    made = device(rule, plans={A: [(0.0, Radio.FULL)], B: [(0.0, Radio.NO_EIM)]})
    made.tell(SignalSample(access=Access.LTE, dbm=-125.0))
    made.run(HOUR + 600)
    assert not made.made(Rollback)
    made.package(B, rollback=True)
    made.run(HOUR + 700)
    assert made.made(Rollback)
    assert made.card.enabled == A
    refused = device(rule, plans={A: [(0.0, Radio.FULL)], B: [(0.0, Radio.NO_EIM)]})
    refused.tell(SignalSample(access=Access.LTE, dbm=-125.0))
    refused.package(B, rollback=False)
    refused.run(HOUR + 3000)
    assert not refused.made(Rollback)


def test_rung_of_a_rule_shares_the_budget_of_restarts() -> None:
    made = device({"when": "weak-signal", "hold": 0, "do": "recover", "rung": "reset", "again": 60})
    made.tell(SignalSample(access=Access.LTE, dbm=-120.0))
    made.run(HOUR + DAY)
    assert 8 <= len(made.made(Recover)) <= 16


def test_rung_that_the_board_does_not_have_is_left_out() -> None:
    made = device({"when": "weak-signal", "hold": 0, "do": "recover", "rung": "power"})
    made.tell(SignalSample(access=Access.LTE, dbm=-120.0))
    made.run(2 * HOUR)
    assert not made.made(Recover)


CONSUMER = {"when": "loss-of-service", "hold": 300, "do": "enable", "profiles": (A, B, F), "again": 1200}


def consumer(a: Plan, b: Plan, f: Plan) -> Device:
    card = Card(kind=EuiccKind.CONSUMER, fallback=None)
    made = device(CONSUMER, plans={A: a, B: b, F: f}, card=card)
    made.settings = replace(made.settings, euicc=EuiccKind.CONSUMER)
    return made


def test_consumer_card_changes_to_the_next_profile_of_the_list() -> None:
    made = consumer([(0.0, Radio.FULL), (HOUR, Radio.NONE)], [(0.0, Radio.FULL)], [(0.0, Radio.FULL)])
    made.run(2 * HOUR)
    assert made.card.enabled == B
    assert made.online
    assert made.state.window is None


def test_consumer_card_brings_the_previous_profile_back_and_tries_the_one_after() -> None:
    made = consumer([(0.0, Radio.FULL), (HOUR, Radio.NONE)], [(0.0, Radio.NONE)], [(0.0, Radio.FULL)])
    made.run(12 * HOUR)
    enabled = [act.iccid for _, act in made.made(EnableProfile) if isinstance(act, EnableProfile)]
    assert enabled[:2] == [B, A]
    assert made.card.enabled == F
    assert made.online


def test_consumer_card_never_flips_without_end() -> None:
    dead: Plan = [(0.0, Radio.NONE)]
    made = consumer([(0.0, Radio.FULL), (HOUR, Radio.NONE)], dead, dead)
    made.run(HOUR + 10 * DAY)
    assert len(made.made(EnableProfile)) <= 2 * (12 + 12 * 10)
