"""Early polls, quiet hours, budgets, hints, and looks through the layers."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from ipad.policy.decisions import EarlyPoll, Notice, Probe
from ipad.policy.events import (
    Bearer,
    Boot,
    Event,
    Hints,
    Layer,
    PollFailed,
    PollWanted,
    Power,
    ProbeResult,
    Registration,
    SignalSample,
    Sleep,
    Tick,
    TimeSet,
)
from ipad.policy.evidence import Verdict
from ipad.policy.fallback import FallbackState
from ipad.policy.polling import (
    CATCH_UP_LIMIT,
    Outage,
    PollState,
    ProbeState,
    Wish,
    caught_up,
    next_probe,
    quiet_until,
    release,
    slack,
    spent,
    stretched,
    wish,
)
from ipad.policy.radio import Access, RegistrationState
from ipad.policy.settings import PollSettings, Settings, SupervisionSettings
from ipad.policy.situation import Situation, observe
from ipad.policy.state import State
from ipad.policy.stopwatch import Instant
from ipad.policy.supervisor import step
from tests.ipad.policy.device import A, Device, Radio

HOUR = 3600.0
# 2027-01-15 00:00:00 UTC
MIDNIGHT = 1_799_971_200.0


def device(settings: PollSettings | None = None, *, chance: float = 0.0) -> Device:
    made = Device({A: [(0.0, Radio.FULL)]}, replace(Settings(), poll=settings or PollSettings()), chance=chance)
    made.boot()
    made.run(HOUR)
    return made


def polls(made: Device, since: float = HOUR) -> list[EarlyPoll]:
    return [poll for moment, poll in made.made(EarlyPoll) if moment >= since and isinstance(poll, EarlyPoll)]


def moments(made: Device, since: float = HOUR) -> list[float]:
    return [moment - since for moment, _ in made.made(EarlyPoll) if moment >= since]


def roam(made: Device, plmn: str) -> None:
    made.tell(Registration(state=RegistrationState.ROAMING, access=Access.LTE, plmn=plmn))


def test_first_poll_after_a_boot_is_spread_by_chance() -> None:
    assert moments(device(chance=0.0), 0.0)[0] == pytest.approx(28, abs=2)
    assert moments(device(chance=1.0), 0.0)[0] == pytest.approx(300, abs=2)
    assert not [poll for poll in polls(device(PollSettings(on_boot=False)), 0.0) if poll.reason == "boot"]


def test_restart_of_the_process_alone_polls_without_delay() -> None:
    made = device(chance=1.0)
    made.boot(reboot=False)
    made.run(HOUR + 60)
    assert moments(made)[0] == pytest.approx(28, abs=2)


def test_another_network_and_another_country_are_reasons_to_poll() -> None:
    made = device()
    roam(made, "26202")
    assert [poll.reason for poll in polls(made)] == ["registered in another network: 26202"]
    made.run(HOUR + 1000)
    roam(made, "20801")
    made.run(HOUR + 2000)
    assert polls(made)[1].reason == "registered in another country: FR"
    assert polls(made)[1].notice is Notice.UNDEFINED
    assert polls(made)[1].plmn == "20801"


def test_several_codes_of_one_country_are_no_change_of_country() -> None:
    made = device(PollSettings(on_new_network=False))
    roam(made, "310260")
    made.run(HOUR + 1000)
    before = len(polls(made))
    roam(made, "311480")
    made.run(HOUR + 3000)
    assert len(polls(made)) == before


def test_early_polls_keep_their_distance_but_a_person_is_obeyed_at_once() -> None:
    made = device()
    for number in range(10):
        roam(made, f"2620{number % 2 + 1}")
        made.run(made.now + 60)
    assert len(polls(made)) == 1
    made.tell(PollWanted(reason="signal"))
    assert polls(made)[-1].reason == "signal"
    assert polls(made)[-1].urgent


def test_budget_of_the_day_holds_early_polls_and_refills() -> None:
    made = device(PollSettings(per_day=4, early_interval=1.0))
    for number in range(200):
        roam(made, f"2620{number % 2 + 1}")
        made.run(made.now + 600)
    assert 4 <= len(polls(made)) <= 4 + 6


def test_weak_signal_that_lasts_brings_the_eim_in_while_it_can_be_reached() -> None:
    made = device()
    made.tell(SignalSample(access=Access.LTE, dbm=-119.0))
    made.run(HOUR + 890)
    assert polls(made) == []
    made.run(HOUR + 910)
    assert polls(made)[0].reason == "the signal is weak"
    assert polls(made)[0].notice is Notice.UNDEFINED
    made.run(HOUR + 20 * HOUR)
    assert len(polls(made)) == 1
    made.tell(SignalSample(access=Access.LTE, dbm=-90.0))
    made.tell(SignalSample(access=Access.LTE, dbm=-119.0))
    made.run(HOUR + 22 * HOUR)
    assert len(polls(made)) == 2


def test_low_power_allows_urgent_polls_only() -> None:
    made = device()
    made.tell(Hints(power=Power.LOW))
    roam(made, "26202")
    made.run(HOUR + 100)
    assert polls(made) == []
    made.tell(Hints())
    made.run(2 * HOUR)
    assert len(polls(made)) == 1


def test_sleeping_modem_is_not_woken_for_an_early_poll() -> None:
    made = device()
    made.tell(Sleep(seconds=1000))
    roam(made, "26202")
    made.run(HOUR + 990)
    assert polls(made) == []
    made.run(HOUR + 1010)
    assert len(polls(made)) == 1


def test_wishes_merge_into_the_urgent_one_and_keep_the_notice() -> None:
    first = wish(PollState(), Wish(reason="weak", notice=Notice.UNDEFINED))
    second = wish(first, Wish(reason="switch", urgent=True))
    assert second.wish == Wish(reason="switch", notice=Notice.UNDEFINED, urgent=True)
    third = wish(second, Wish(reason="network"))
    assert third.wish == second.wish
    boot = wish(PollState(), Wish(reason="boot", not_before=Instant(50.0)))
    assert wish(boot, Wish(reason="network")).wish == Wish(reason="network", not_before=Instant(50.0))


def situation(*events: Event) -> Situation:
    known = Situation()
    for event in (Boot(chance=0.5), *events):
        known = observe(known, event, 1000.0)
    return known


@pytest.mark.parametrize(
    ("local", "quiet", "wait"),
    [
        (23.0, "22:00-05:30", 6.5),
        (3.0, "22:00-05:30", 2.5),
        (5.5, "22:00-05:30", None),
        (12.0, "22:00-05:30", None),
        (22.0, "22:00-05:30", 7.5),
        (12.0, "11:00-13:00", 1.0),
        (12.0, "", None),
    ],
)
def test_quiet_hours_end_in_local_time(local: float, quiet: str, wait: float | None) -> None:
    s = situation(TimeSet(wall=MIDNIGHT + (local - 2) * HOUR, east=2 * HOUR))
    end = quiet_until(quiet, s, 1000.0)
    assert end == (None if wait is None else pytest.approx(1000.0 + wait * HOUR))


def test_clock_that_is_not_set_knows_no_quiet_hours() -> None:
    assert quiet_until("00:00-23:59", situation(), 1000.0) is None
    assert quiet_until("00:00-23:59", situation(TimeSet(wall=5.0, trusted=False)), 1000.0) is None


def test_scheduled_poll_waits_for_the_end_of_quiet_hours_with_a_spread() -> None:
    s = situation(TimeSet(wall=MIDNIGHT + 23 * HOUR))
    settings = PollSettings(quiet="22:00-05:00")
    assert release(1000.0, PollState(), s, settings, 1000.0) == pytest.approx(1000.0 + 6 * HOUR + 150)
    assert release(900.0, PollState(), situation(), settings, 1000.0) == 1000.0


def test_scheduled_poll_waits_for_the_modem_and_the_budget() -> None:
    asleep = situation(Sleep(seconds=500))
    assert release(1000.0, PollState(), asleep, PollSettings(), 1000.0) == 1500.0
    used = PollState()
    for _ in range(24):
        used = spent(used, PollSettings(per_day=24), 1000.0)
    assert release(1000.0, used, situation(), PollSettings(per_day=24), 1000.0) == 1000.0 + HOUR


def test_hints_make_intervals_longer_and_waking_makes_them_shorter() -> None:
    settings = PollSettings()
    assert stretched(100.0, Hints(), settings) == 100.0
    assert stretched(100.0, Hints(metered=True), settings) == 200.0
    assert stretched(100.0, Hints(metered=True, power=Power.LOW), settings) == 800.0
    assert slack(40_000.0, settings) == 10_000.0


def looks(made: Device, since: float) -> list[float]:
    return [moment - since for moment, _ in made.made(Probe) if moment >= since]


def test_healthy_path_is_looked_at_rarely_and_a_doubtful_one_often() -> None:
    made = device()
    made.run(24 * HOUR)
    assert 20 <= len(looks(made, HOUR)) <= 24
    made.plans = {A: [(0.0, Radio.DEAD_DATA)]}
    made.tell(PollFailed(eim_id="eim", layer=Layer.DNS, session=made._session))
    made.run(24 * HOUR + 100)
    pauses = [later - sooner for sooner, later in pairwise(looks(made, 24 * HOUR))]
    assert looks(made, 24 * HOUR)[0] == 0
    assert pauses == [30, 60]


def test_look_that_is_under_way_is_not_asked_for_again_by_other_events() -> None:
    settings = Settings()
    made = device()
    made.run(2 * HOUR)
    state = made.state
    probed_at = state.situation.probed_at
    assert probed_at is not None
    now = probed_at + settings.poll.probe_interval
    asked = []
    for moment in (now, now + 0.1, now + 0.2):
        done = step(settings, state, Tick(), moment)
        state = done.state
        asked.append(any(isinstance(decision, Probe) for decision in done.decisions))
    assert asked == [True, False, False]


def test_looks_can_be_left_to_the_polls() -> None:
    made = device(PollSettings(probe_interval=0.0))
    made.run(24 * HOUR)
    assert looks(made, HOUR) == []


WORKING = Situation(
    state=RegistrationState.HOME, bearer="1", bearer_told=True, verdict=Verdict.PROVEN, probed_at=Instant(0.0)
)
OFFLINE = replace(WORKING, bearer=None, verdict=Verdict.NONE)


def first_look(
    away: float,
    chance: float = 1.0,
    *,
    before: ProbeState | None = None,
    lost: Situation = OFFLINE,
    on_trial: bool = False,
    settings: PollSettings | None = None,
) -> float:
    """Seconds until the look through the bearer that comes so long after the one before was lost, at 100 s."""

    def turn(state: ProbeState, s: Situation, now: float) -> ProbeState:
        given = replace(s, chance=chance)
        return next_probe(state, given, settings or PollSettings(), SupervisionSettings(), now, on_trial=on_trial)[0]

    state = turn(ProbeState(session="1"), WORKING, 90.0) if before is None else before
    for moment in (100.0, 100.0 + away / 2):
        state = turn(state, lost, moment)
    state = turn(state, replace(OFFLINE, bearer="2"), 100.0 + away)
    assert state.due is not None
    return state.due - (100.0 + away)


def test_first_look_after_an_outage_is_spread_over_as_long_a_time() -> None:
    assert [first_look(120.0, chance) for chance in (0.0, 0.5, 1.0)] == [2.0, 62.0, 122.0]


def test_first_look_after_an_outage_is_put_off_by_the_longest_pause_between_looks_at_most() -> None:
    assert first_look(36_000.0) == 302.0
    assert first_look(36_000.0, settings=PollSettings(probe_retry_limit=60.0)) == 62.0


def test_path_that_was_in_doubt_before_it_was_lost_is_looked_at_as_soon_as_it_is_back() -> None:
    assert first_look(600.0, before=ProbeState(session="1", tries=1)) == 2.0


def test_first_bearer_of_all_is_looked_through_at_once() -> None:
    assert first_look(600.0, before=ProbeState()) == 2.0


def first_look_of_a_boot(*, online_before: bool, **boot: float) -> float:
    """Seconds from the boot to the look, with a bearer after 20 s."""
    since = Instant(-9000.0) if online_before else None
    made = Device({})
    made.state = State(fallback=FallbackState(online_at=since))
    made.tell(Boot(**boot))
    made.run(20.0)
    made.tell(Registration(state=RegistrationState.HOME))
    made.tell(Bearer(session="1"))
    made.run(400.0)
    return looks(made, 0.0)[0]


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 22.0), (0.05, 22.0), (0.5, 152.0), (1.0, 302.0)])
def test_first_look_of_a_boot_that_a_fleet_may_share_comes_after_the_first_poll(chance: float, seconds: float) -> None:
    assert first_look_of_a_boot(online_before=True, chance=chance) == pytest.approx(seconds)


def test_device_that_is_started_by_itself_looks_at_once() -> None:
    assert first_look_of_a_boot(online_before=True, chance=1.0, uptime=400.0) == pytest.approx(22.0)


def test_device_that_was_offline_before_the_boot_looks_at_once() -> None:
    assert first_look_of_a_boot(online_before=False, chance=1.0) == pytest.approx(22.0)


def test_bearer_of_a_modem_that_slept_is_looked_through_at_once() -> None:
    assert first_look(600.0, lost=replace(OFFLINE, awake_at=Instant(500.0))) == 2.0


def test_bearer_of_a_profile_on_trial_is_looked_through_at_once() -> None:
    assert first_look(600.0, on_trial=True) == SupervisionSettings().probe_first


def test_poll_that_was_answered_after_an_outage_saves_the_look() -> None:
    poll, supervision = PollSettings(), SupervisionSettings()
    state = ProbeState(session="2", due=Instant(160.0))
    back = replace(WORKING, bearer="2", probed_at=Instant(159.0))
    state, look = next_probe(state, back, poll, supervision, 160.0, on_trial=False)
    assert look is None
    assert state.due == 159.0 + poll.probe_interval


def test_modem_without_a_named_bearer_is_looked_through_as_well() -> None:
    made = Device({})
    made.tell(Boot(bearers=False))
    made.tell(Registration(state=RegistrationState.HOME))
    made.run(60.0)
    assert len(looks(made, 0.0)) >= 2
    made.tell(ProbeResult(reached=Layer.EIM))
    assert made.state.situation.proven_at == 60.0


def test_metered_link_is_looked_at_half_as_often() -> None:
    made = device()
    made.tell(Hints(metered=True))
    made.run(24 * HOUR)
    assert 10 <= len(looks(made, HOUR)) <= 12


def test_what_an_outage_held_up_is_spread_over_half_an_hour_at_most() -> None:
    short, long = Outage(end=1000.0, seconds=200.0), Outage(end=1000.0, seconds=36_000.0)
    assert [caught_up(900.0, short, chance) for chance in (0.0, 0.5, 1.0)] == [1000.0, 1100.0, 1200.0]
    assert caught_up(900.0, long, 1.0) == 1000.0 + CATCH_UP_LIMIT
    assert caught_up(1001.0, long, 1.0) == 1001.0
