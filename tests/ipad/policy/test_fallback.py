"""Permanent loss of connectivity, the fallback profile, and the way back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipad.policy.bounds import online_bound
from ipad.policy.decisions import (
    Commit,
    EarlyPoll,
    EnableProfile,
    ExecuteFallback,
    Notice,
    Recover,
    Report,
    ReportKind,
    ReturnFromFallback,
    Rollback,
    Silence,
)
from ipad.policy.events import (
    Antenna,
    Boot,
    CardRead,
    Emergency,
    EuiccKind,
    ModemChanged,
    ModemState,
    Origin,
    PackageRun,
    PollDone,
    ProfileChanged,
    Registration,
    ReturnWanted,
    Sleep,
)
from ipad.policy.evidence import Verdict
from ipad.policy.fallback import FallbackState, watch_loss
from ipad.policy.radio import RegistrationState
from ipad.policy.settings import FallbackSettings, Settings
from ipad.policy.situation import Situation
from tests.ipad.policy.device import A, B, Card, Device, F, Plan, Radio

HOUR = 3600.0
LOSS = 2 * HOUR
SWITCHES = (ExecuteFallback, ReturnFromFallback, Rollback, EnableProfile)


def lost(
    plan: Plan | Radio,
    fallback: Plan | Radio = Radio.FULL,
    *,
    card: Card | None = None,
    settings: Settings | None = None,
    chance: float = 0.0,
    hears: bool = True,
) -> Device:
    """A device online with A, whose service is `plan` from the moment LOSS on; F meets `fallback` from the start."""
    met = [(0.0, plan)] if isinstance(plan, Radio) else plan
    device = Device(
        {
            A: [(0.0, Radio.FULL), *((LOSS + moment, radio) for moment, radio in met)],
            F: [(0.0, fallback)] if isinstance(fallback, Radio) else fallback,
        },
        settings,
        card,
        chance=chance,
        hears=hears,
    )
    device.boot()
    device.run(LOSS - 1)
    assert device.online
    return device


def switches(device: Device) -> list[object]:
    return [decision for _, decision in device.log if isinstance(decision, SWITCHES)]


def test_gap_in_coverage_that_ends_changes_nothing() -> None:
    device = lost([(0, Radio.NONE), (25 * 60, Radio.FULL)])
    device.run(LOSS + 6 * HOUR)
    assert switches(device) == []
    assert device.online


def test_gap_that_does_not_end_leads_to_the_fallback_profile() -> None:
    device = lost(Radio.NONE)
    device.run(LOSS + HOUR)
    moment, decision = device.made(ExecuteFallback)[0]
    assert moment - LOSS == pytest.approx(1830, abs=30)
    assert isinstance(decision, ExecuteFallback)
    assert "not registered" in decision.reason
    assert device.card.enabled == F
    assert device.online
    commit = device.made(Commit)[-1][1]
    assert isinstance(commit, Commit)
    assert commit.proven


def test_eim_is_told_the_cause_and_the_network() -> None:
    device = lost(Radio.NONE)
    device.run(LOSS + HOUR)
    polls = [poll for moment, poll in device.made(EarlyPoll) if moment > LOSS and isinstance(poll, EarlyPoll)]
    assert [(poll.notice, poll.plmn) for poll in polls][:1] == [(Notice.FALLBACK, "26201")]


def test_chance_spreads_a_fleet_over_half_an_hour() -> None:
    device = lost(Radio.NONE, chance=1.0)
    device.run(LOSS + 2 * HOUR)
    assert device.made(ExecuteFallback)[0][0] - LOSS == pytest.approx(3630, abs=30)


def test_ladder_has_its_turn_before_the_fallback() -> None:
    device = lost(Radio.NONE)
    device.run(LOSS + HOUR)
    before = [act.rung for _, act in device.made(Recover) if isinstance(act, Recover)]
    assert before[:3] == ["cfun4", "cfun0", "reset"]


@pytest.mark.parametrize("rung", ["cfun4", "cfun0", "reset"])
def test_modem_that_hangs_is_woken_and_no_profile_is_given_up(rung: str) -> None:
    device = lost(Radio.FULL)
    device.run(LOSS)
    device.wedge(rung)
    device.run(LOSS + 3 * HOUR)
    assert switches(device) == []
    assert device.online
    assert device.made(Recover)[-1][1].rung == rung  # type: ignore[union-attr]


def test_outage_of_the_eim_alone_never_moves_a_device() -> None:
    for radio in (Radio.NO_EIM, Radio.WALLED, Radio.CLOCK):
        device = lost(radio)
        device.run(LOSS + 5 * 24 * HOUR)
        assert switches(device) == [], radio


def test_dead_data_path_under_a_good_registration_is_a_loss() -> None:
    device = lost(Radio.DEAD_DATA)
    device.run(LOSS + 3 * HOUR)
    decision = device.made(ExecuteFallback)[0][1]
    assert isinstance(decision, ExecuteFallback)
    assert "DNS: timed out" in decision.reason
    assert device.online


def test_permanent_refusal_decides_sooner_but_not_at_once() -> None:
    device = lost(Radio.ILLEGAL, chance=1.0)
    device.run(LOSS + HOUR)
    moment = device.made(ExecuteFallback)[0][0]
    assert 900 <= moment - LOSS <= 1300


def test_refusals_of_a_broken_register_that_is_repaired_change_nothing() -> None:
    device = lost([(0, Radio.ILLEGAL), (600, Radio.FULL)])
    device.run(LOSS + 3 * HOUR)
    assert switches(device) == []
    assert device.online


def test_roaming_refused_at_a_border_is_a_loss() -> None:
    device = lost(Radio.NO_ROAMING)
    device.run(LOSS + HOUR)
    assert device.card.enabled == F


@pytest.mark.parametrize(
    "event",
    [
        ModemChanged(state=ModemState.OFF),
        ModemChanged(state=ModemState.FLIGHT),
        ModemChanged(state=ModemState.ABSENT),
        ModemChanged(state=ModemState.ON, antenna=Antenna.MISSING),
        Sleep(seconds=400 * HOUR),
        Emergency(active=True),
    ],
)
def test_loss_does_not_count_while_something_explains_it(event: object) -> None:
    device = lost(Radio.NONE)
    device.run(LOSS + 10)
    device.tell(event)  # type: ignore[arg-type]
    device.run(LOSS + 72 * HOUR)
    assert switches(device) == []


def test_running_package_holds_the_fallback_but_not_for_ever() -> None:
    device = lost(Radio.NONE)
    device.run(LOSS + 10)
    device.tell(PackageRun(running=True))
    device.run(LOSS + 1700)
    device.tell(PackageRun(running=False))
    device.run(LOSS + 3000)
    assert switches(device) == []
    device.tell(PackageRun(running=True))
    device.run(LOSS + 2 * HOUR)
    assert device.card.enabled == F


def test_antenna_that_is_off_since_boot_is_not_the_networks_fault() -> None:
    device = Device({A: [(0.0, Radio.NONE)], F: [(0.0, Radio.NONE)]}, chance=0.0, hears=False)
    device.boot()
    device.run(11 * HOUR)
    assert switches(device) == []
    device.run(72 * HOUR)
    assert 1 <= len(switches(device)) <= 6
    never = replace(Settings(), fallback=FallbackSettings(silent_time=0.0))
    device = Device({A: [(0.0, Radio.NONE)], F: [(0.0, Radio.FULL)]}, never, hears=False)
    device.boot()
    device.run(100 * HOUR)
    assert switches(device) == []


def test_emergency_call_means_silence_and_a_notice_afterwards() -> None:
    device = lost(Radio.FULL)
    device.tell(Emergency(active=True))
    before = len(device.log)
    device.run(LOSS + 5 * HOUR)
    assert [type(decision) for _, decision in device.log[before - 1 :]] == [Silence]
    device.tell(Emergency(active=False))
    device.run(LOSS + 5 * HOUR + 60)
    polls = [poll for moment, poll in device.made(EarlyPoll) if moment > LOSS and isinstance(poll, EarlyPoll)]
    assert polls[0].notice is Notice.EMERGENCY_PROFILE


def test_missing_attribute_leaves_nothing_but_trying() -> None:
    device = lost([(0, Radio.NONE), (20 * HOUR, Radio.FULL)], card=Card(fallback=None))
    device.run(LOSS + 19 * HOUR)
    assert switches(device) == []
    assert len(device.made(Recover)) > 8
    device.run(LOSS + 22 * HOUR)
    assert device.online


def test_card_that_has_no_fallback_after_all_is_asked_once() -> None:
    card = Card()
    device = lost(Radio.NONE, card=card)
    card.fallback = None
    device.run(LOSS + 10 * HOUR)
    assert len(device.made(ExecuteFallback)) == 1
    reports = [report for _, report in device.made(Report) if isinstance(report, Report)]
    assert any(report.kind is ReportKind.REFUSED for report in reports)


def test_consumer_card_has_no_fallback_mechanism() -> None:
    device = lost(Radio.NONE, card=Card(kind=EuiccKind.CONSUMER))
    device.run(LOSS + 10 * HOUR)
    assert switches(device) == []


def test_return_is_tried_after_growing_intervals() -> None:
    device = lost(Radio.DEAD_DATA)
    device.run(LOSS + 14 * 24 * HOUR)
    entered = device.made(ExecuteFallback)[0][0]
    moments = [moment for moment, _ in device.made(ReturnFromFallback)]
    assert moments[0] - entered == pytest.approx(6 * HOUR, abs=10)
    assert [round((moment - entered) / HOUR) for moment in moments[:4]] == [6, 18, 42, 91]
    assert device.online


def test_former_profile_that_has_service_again_is_kept() -> None:
    device = lost([(0, Radio.NONE), (4 * HOUR, Radio.FULL)])
    device.run(LOSS + 24 * HOUR)
    assert device.card.enabled == A
    assert device.online
    assert [origin for _, origin, _ in device.card.switches] == ["fallback", "return"] * 3


def test_network_that_comes_into_sight_again_brings_the_return_forward() -> None:
    device = lost(Radio.NONE, settings=Settings())
    device.run(LOSS + 3600 + 1700)
    assert device.card.enabled == F
    device.run(LOSS + 2 * HOUR)
    # The fallback profile is served by the network that the former one had lost.
    assert device.made(ReturnFromFallback)[0][0] - device.made(ExecuteFallback)[0][0] == pytest.approx(3600, abs=30)


def test_person_may_ask_for_the_return() -> None:
    device = lost([(0, Radio.DEAD_DATA), (HOUR, Radio.FULL)])
    device.run(LOSS + 2 * HOUR)
    assert device.card.enabled == F
    device.tell(ReturnWanted())
    device.run(LOSS + 2 * HOUR + 120)
    assert device.card.enabled == A
    assert device.online


def test_eim_that_enables_a_profile_ends_the_fallback() -> None:
    device = lost(Radio.NONE)
    device.plans = {**device.plans, B: [(0.0, Radio.FULL)]}
    device.run(LOSS + HOUR)
    device.package(B, rollback=False)
    device.run(LOSS + 10 * 24 * HOUR)
    assert device.card.enabled == B
    assert not device.state.fallback.active
    assert not device.made(ReturnFromFallback)


def test_of_two_dead_profiles_the_one_that_returns_is_found_within_the_bound() -> None:
    for profile in (A, F):
        device = Device({A: [(0.0, Radio.FULL), (LOSS, Radio.NONE)], F: [(0.0, Radio.NONE)]}, chance=1.0)
        device.boot()
        device.run(LOSS + 40 * HOUR)
        assert not device.online
        device.plans = {**device.plans, profile: [*device.plans[profile], (device.now, Radio.FULL)]}
        device.run(LOSS + 40 * HOUR + online_bound(Settings()))
        assert device.card.enabled == profile
        assert device.online


def test_two_dead_profiles_are_not_worn_out() -> None:
    device = Device({A: [(0.0, Radio.FULL), (LOSS, Radio.NONE)], F: [(0.0, Radio.NONE)]})
    device.boot()
    device.run(LOSS + 10 * 24 * HOUR)
    assert len(switches(device)) <= 125
    hard = [act for _, act in device.made(Recover) if isinstance(act, Recover) and act.rung == "reset"]
    assert len(hard) <= 8 * 11


def test_flapping_network_does_not_make_the_device_flap() -> None:
    plan = [(number * 1200.0, Radio.NONE if number % 2 else Radio.FULL) for number in range(200)]
    device = lost(plan)
    device.run(LOSS + 48 * HOUR)
    assert switches(device) == []
    long = [(number * 3 * HOUR, Radio.NONE if number % 2 else Radio.FULL) for number in range(100)]
    device = lost(long)
    device.run(LOSS + 240 * HOUR)
    assert len(switches(device)) <= 30


def test_sunset_of_a_technology_ends_in_the_fallback_profile_for_good() -> None:
    device = lost(Radio.NONE)
    device.run(LOSS + 60 * 24 * HOUR)
    away = [moment for moment, _ in device.made(ReturnFromFallback)]
    assert len(away) <= 36
    assert away[-1] - away[-2] >= 47 * HOUR


def test_loss_and_its_end_are_reported_once_with_the_layer() -> None:
    device = lost([(0, Radio.DEAD_DATA), (HOUR / 3, Radio.FULL)])
    device.run(LOSS + 3 * HOUR)
    reports = [report for moment, report in device.made(Report) if moment > LOSS and isinstance(report, Report)]
    assert [report.kind for report in reports] == [ReportKind.LOSS, ReportKind.BACK]
    assert reports[0].layer == "dns"


def test_unregistered_modem_of_a_card_without_profile_is_no_loss() -> None:
    device = Device({}, card=Card(enabled=None))
    device.boot()
    device.tell(Registration(state=RegistrationState.LIMITED))
    device.run(24 * HOUR)
    assert switches(device) == []


def test_device_that_boots_again_and_again_while_it_is_offline_comes_to_a_decision() -> None:
    device = lost(Radio.NONE)
    for number in range(40):
        device.at(LOSS + 300.0 * (number + 1), device.boot)
    device.run(LOSS + 40 * 300.0 + 600)
    assert device.card.enabled == F
    assert device.made(ExecuteFallback)[0][0] - LOSS <= 2.5 * HOUR


def test_boots_without_reception_give_up_nothing_at_once() -> None:
    device = Device({A: [(0.0, Radio.FULL)], F: [(0.0, Radio.FULL)]}, hears=False)
    device.plans = {A: [(0.0, Radio.NONE), (20_000.0, Radio.FULL)], F: [(0.0, Radio.FULL)]}
    for number in range(100):
        device.at(200.0 * number, device.boot)
    device.run(30_000.0)
    assert switches(device) == []
    assert device.card.enabled == A
    assert device.online


def test_sleeping_modem_is_not_power_cycled() -> None:
    device = lost(Radio.FULL)
    device.rungs = ("power",)
    device.boot(reboot=False)
    device.run(LOSS + 60)
    device.tell(Sleep(seconds=10 * HOUR))
    device.tell(ModemChanged(state=ModemState.ABSENT))
    device._radio_on = False
    device.run(LOSS + 9 * HOUR)
    assert not [moment for moment, _ in device.made(Recover) if moment > LOSS]


def test_planned_return_keeps_enough_of_the_budget_to_come_back() -> None:
    settings = Settings(fallback=FallbackSettings(switches_per_day=2, return_first=3600.0, return_minimum=3600.0))
    device = lost(Radio.DEAD_DATA, settings=settings)
    device.run(LOSS + 10 * 24 * HOUR)
    for (moment, _), (later, _) in zip(device.made(ReturnFromFallback), device.made(ExecuteFallback)[1:], strict=False):
        assert later - moment < 1200


def test_fallback_that_is_switched_off_while_in_use_leaves_only_the_way_back() -> None:
    device = lost(Radio.DEAD_DATA)
    device.run(LOSS + HOUR)
    assert device.card.enabled == F
    device.settings = Settings(fallback=FallbackSettings(enabled=False))
    device.run(LOSS + 10 * 24 * HOUR)
    assert device.card.enabled == F
    assert device.online
    device.plans = {A: [(0.0, Radio.FULL)], F: [(0.0, Radio.NONE)]}
    device._radio_changed(F)
    device.run(device.now + 3 * HOUR)
    assert device.card.enabled == A
    assert device.online


def test_modem_whose_bearer_nobody_can_tell_is_judged_by_what_the_eim_answers() -> None:
    device = Device({})
    device.tell(Boot(bearers=False, chance=0.0))
    device.tell(CardRead(enabled=A, installed=(A, B, F), fallback=F))
    device.tell(ProfileChanged(origin=Origin.PACKAGE, iccid=B, previous=A, rollback=True))
    device.tell(PollDone(eim_id="eim"))
    assert device.state.window is not None
    device.tell(Registration(state=RegistrationState.HOME))
    device.tell(PollDone(eim_id="eim"))
    assert device.state.window is None


def test_refused_subscription_is_reported_once() -> None:
    device = lost(Radio.ILLEGAL)
    device.run(LOSS + 600)
    reports = [report for _, report in device.made(Report) if isinstance(report, Report)]
    assert [report.text for report in reports if report.kind is ReportKind.REJECTED] == [
        "refused with cause 3 (illegal UE)"
    ]


def test_device_that_was_proven_online_stays_so_while_packets_come_back() -> None:
    settings = Settings().fallback
    proven = Situation(state=RegistrationState.HOME, bearer="1", bearer_told=True, verdict=Verdict.PROVEN)
    alive = replace(proven, verdict=Verdict.ALIVE)
    state = watch_loss(FallbackState(), proven, settings, 100.0)
    assert watch_loss(state, alive, settings, 3700.0).online_at == 100.0
    assert watch_loss(FallbackState(), alive, settings, 3700.0).online_at is None
    assert watch_loss(state, replace(proven, verdict=Verdict.DEAD), settings, 3700.0).online_at is None
