"""The supervised window after a profile change, on a device with a scripted network."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ipad.policy.decisions import (
    Commit,
    EarlyPoll,
    EnableProfile,
    ExecuteFallback,
    Notice,
    Recover,
    Report,
    ReportKind,
    Rollback,
)
from ipad.policy.events import (
    Bearer,
    Boot,
    CardRead,
    EuiccKind,
    Layer,
    ModemChanged,
    ModemState,
    Origin,
    ProbeResult,
    ProfileChanged,
    SignalSample,
)
from ipad.policy.radio import Access
from tests.ipad.policy.device import A, B, Card, Device, F, Plan, Radio

HOUR = 3600.0
START = 1000.0


def switched(
    plan: Plan | Radio,
    *,
    rollback: bool = True,
    card: Card | None = None,
    access: Access = Access.LTE,
    registration: float = 20.0,
) -> Device:
    """A device that is online with A until a package enables B, which meets `plan` (times from the switch on)."""
    met = [(0.0, plan)] if isinstance(plan, Radio) else [(START + moment, radio) for moment, radio in plan]
    device = Device({A: [(0.0, Radio.FULL)], B: met, F: [(0.0, Radio.FULL)]}, card=card or Card(), access=access)
    device.boot()
    device.run(START)
    assert device.online
    device.registration = registration
    device.package(B, rollback=rollback)
    return device


def moment_of(device: Device, kind: type) -> float | None:
    """Seconds after the switch at which a decision was made first."""
    made = [moment for moment, _ in device.made(kind) if moment >= START]
    return made[0] - START if made else None


def test_profile_that_comes_online_is_committed_when_the_eim_answered() -> None:
    device = switched(Radio.FULL)
    device.run(START + 300)
    (_, commit), *_ = [entry for entry in device.made(Commit) if entry[0] >= START]
    assert isinstance(commit, Commit)
    assert (commit.iccid, commit.origin, commit.proven) == (B, Origin.PACKAGE, True)
    assert commit.after < 40.0
    assert device.state.window is None
    assert not device.made(Rollback)
    assert not device.made(ExecuteFallback)


def test_eim_is_polled_as_soon_as_there_is_a_bearer() -> None:
    device = switched(Radio.FULL)
    device.run(START + 60)
    polls = [(moment - START, poll) for moment, poll in device.made(EarlyPoll) if moment > START]
    assert polls[0][0] == pytest.approx(23.0, abs=0.5)
    assert isinstance(polls[0][1], EarlyPoll)
    assert polls[0][1].urgent


@pytest.mark.parametrize(
    ("radio", "earliest", "latest"),
    [
        (Radio.NONE, 290, 320),
        (Radio.ILLEGAL, 60, 100),
        (Radio.UNKNOWN_IMSI, 590, 620),
        (Radio.NO_ROAMING, 290, 320),
        (Radio.DEAD_DATA, 590, 620),
        (Radio.WALLED, 3600, 3600 * 1.5 + 10),
        (Radio.NO_EIM, 43200, 43200 * 1.5 + 10),
    ],
)
def test_profile_without_service_is_rolled_back_in_the_time_that_its_failure_deserves(
    radio: Radio, earliest: float, latest: float
) -> None:
    device = switched(radio)
    device.run(START + 20 * HOUR)
    moment = moment_of(device, Rollback)
    assert moment is not None
    assert earliest <= moment <= latest
    assert device.card.enabled == A
    assert device.online
    assert len(device.made(Rollback)) == 1


def test_imei_that_is_blocked_is_no_reason_to_wait_longer() -> None:
    device = switched(Radio.ILLEGAL)
    device.run(START + 120)
    rollback = device.made(Rollback)[0][1]
    assert isinstance(rollback, Rollback)
    assert "illegal UE" in rollback.reason


def test_outage_of_the_eim_that_ends_undoes_nothing() -> None:
    device = switched([(0, Radio.NO_EIM), (11 * HOUR, Radio.FULL)])
    device.run(START + 24 * HOUR)
    assert not device.made(Rollback)
    assert device.card.enabled == B
    assert device.made(Commit)


def test_short_gap_at_the_end_of_a_long_outage_of_the_eim_undoes_nothing() -> None:
    device = switched(
        [(0, Radio.NO_EIM), (5 * HOUR, Radio.NONE), (5 * HOUR + 300, Radio.NO_EIM), (6 * HOUR, Radio.FULL)]
    )
    device.run(START + 8 * HOUR)
    assert not device.made(Rollback)
    assert device.card.enabled == B
    assert device.state.window is None
    lasting = switched([(0, Radio.NO_EIM), (5 * HOUR, Radio.NONE)])
    lasting.run(START + 6 * HOUR)
    assert lasting.card.enabled == A


def test_proof_that_comes_while_the_card_is_rolled_back_does_not_commit_in_between() -> None:
    card = Card()
    device = switched([(0, Radio.NONE), (320, Radio.FULL)], card=card)
    card.busy = 3
    device.run(START + 1200)
    origins = [commit.origin for moment, commit in device.made(Commit) if moment > START and isinstance(commit, Commit)]
    assert origins == [Origin.PACKAGE]
    assert card.enabled == B
    assert device.online


def test_wrong_local_clock_is_no_loss_and_no_proof() -> None:
    device = switched([(0, Radio.CLOCK), (5 * HOUR, Radio.FULL)])
    device.run(START + 4 * HOUR)
    assert device.state.window is not None
    device.run(START + 6 * HOUR)
    assert device.card.enabled == B
    assert device.state.window is None
    assert not device.made(Rollback)


def test_path_that_works_is_enough_where_no_eim_wished_the_change() -> None:
    device = switched(Radio.NO_EIM, rollback=False)
    device.run(START + 2 * HOUR)
    commit = device.made(Commit)[-1][1]
    assert isinstance(commit, Commit)
    assert not commit.proven
    assert device.card.enabled == B
    assert not device.made(ExecuteFallback)


def test_slow_search_gets_more_time_and_a_permanent_cause_does_not() -> None:
    slow = switched(Radio.NONE, access=Access.NB_IOT)
    slow.run(START + 1790)
    assert moment_of(slow, Rollback) is None
    slow.run(START + 1830)
    assert moment_of(slow, Rollback) == pytest.approx(1800, abs=20)
    refused = switched(Radio.ILLEGAL, access=Access.NB_IOT)
    refused.run(START + 120)
    assert moment_of(refused, Rollback) == pytest.approx(80, abs=5)


def test_weak_signal_doubles_the_time_for_registration() -> None:
    device = switched(Radio.NONE)
    device.tell(SignalSample(access=Access.LTE, dbm=-121.0))
    device.run(START + 590)
    assert moment_of(device, Rollback) is None
    device.run(START + 620)
    assert moment_of(device, Rollback) == pytest.approx(610, abs=10)


def test_registration_that_succeeds_late_is_in_time_on_a_slow_technology() -> None:
    device = switched(Radio.FULL, access=Access.NB_IOT, registration=840.0)
    device.run(START + 1200)
    assert device.card.enabled == B
    assert device.state.window is None


def test_old_session_right_after_the_switch_proves_nothing() -> None:
    device = switched(Radio.NONE)
    stale = device.state.situation.stale
    assert stale is not None
    device.tell(Bearer(session=stale))
    device.tell(ProbeResult(reached=Layer.EIM, session=stale))
    assert device.state.window is not None
    device.tell(ProbeResult(reached=Layer.EIM, session=None))
    assert device.state.window is not None


def test_rollback_that_is_refused_leads_to_the_fallback_profile() -> None:
    card = Card()
    device = switched(Radio.NONE, card=card)
    card.undo = None
    device.run(START + HOUR)
    assert card.enabled == F
    assert device.online
    reports = [report for _, report in device.made(Report) if isinstance(report, Report)]
    assert any(report.kind is ReportKind.REFUSED and "rollback" in report.text for report in reports)


def test_busy_card_is_asked_again_after_growing_pauses() -> None:
    card = Card()
    device = switched(Radio.NONE, card=card)
    card.busy = 4
    device.run(START + HOUR)
    moments = [moment for moment, _ in device.made(Rollback)]
    pauses = [later - sooner for sooner, later in pairwise(moments)]
    assert pauses == pytest.approx([32, 62, 122], abs=3)
    assert card.enabled == A


def test_without_rollback_the_fallback_profile_helps() -> None:
    device = switched(Radio.NONE, rollback=False)
    device.run(START + HOUR)
    assert not device.made(Rollback)
    assert device.card.enabled == F
    notices = [poll.notice for _, poll in device.made(EarlyPoll) if isinstance(poll, EarlyPoll)]
    assert Notice.FALLBACK in notices


def test_without_any_remedy_it_says_so_keeps_trying_and_notices_the_end() -> None:
    device = switched([(0, Radio.NONE), (30 * HOUR, Radio.FULL)], rollback=False, card=Card(fallback=None))
    device.run(START + 29 * HOUR)
    kinds = [report.kind for _, report in device.made(Report) if isinstance(report, Report)]
    assert kinds.count(ReportKind.STRANDED) == 1
    assert len(device.made(Recover)) > 10
    device.run(START + 32 * HOUR)
    assert device.online
    kinds = [report.kind for _, report in device.made(Report) if isinstance(report, Report)]
    assert kinds[-1] is ReportKind.BACK


def test_modem_that_is_off_stops_the_window() -> None:
    device = switched(Radio.NONE)
    device.tell(ModemChanged(state=ModemState.FLIGHT))
    device.run(START + 5 * HOUR)
    assert not device.made(Rollback)
    device.tell(ModemChanged(state=ModemState.ON))
    device.run(START + 5 * HOUR + 330)
    assert len(device.made(Rollback)) == 1


def test_boots_within_the_window_go_on_with_it_and_cost_time() -> None:
    device = switched(Radio.NONE)
    for boot in range(8):
        device.at(START + 90.0 * (boot + 1), device.boot)
    device.run(START + 720)
    moment = moment_of(device, Rollback)
    assert moment is not None
    assert 180 <= moment <= 500


def test_first_boots_leave_time_to_register() -> None:
    device = switched([(0, Radio.NONE), (330, Radio.FULL)])
    device.at(START + 290, device.boot)
    device.run(START + 600)
    assert device.card.enabled == B
    assert device.online
    assert not device.made(Rollback)


def test_switch_that_a_power_cut_hid_is_found_on_the_card() -> None:
    device = switched(Radio.NONE)
    device.cut = True
    device.run(START + HOUR)
    assert device.card.enabled == A
    assert device.online
    reports = [report for _, report in device.made(Report) if isinstance(report, Report)]
    assert any(report.kind is ReportKind.CARD and "rollback" in report.text for report in reports)
    commits = [commit for _, commit in device.made(Commit) if isinstance(commit, Commit)]
    assert commits[-1].origin is Origin.ROLLBACK


def test_modem_that_ignores_refresh_is_helped_by_the_ladder() -> None:
    device = Device({A: [(0.0, Radio.FULL)], B: [(0.0, Radio.FULL)]})
    device.boot()
    device.run(START)
    device.blind_to_refresh = "cfun0"
    device.package(B, rollback=True)
    device.run(START + 240)
    rungs = [act.rung for moment, act in device.made(Recover) if isinstance(act, Recover) and moment > START]
    assert rungs == ["wait", "cfun4", "cfun0"]
    assert device.card.enabled == B
    assert device.state.window is None


def test_modem_reset_in_the_middle_of_the_switch_stops_the_clock() -> None:
    device = switched(Radio.FULL)
    device.tell(ModemChanged(state=ModemState.ABSENT))
    device.run(START + 5.0)
    device.after(25.0, device._modem_back)
    device.run(START + 300)
    assert device.card.enabled == B
    assert device.online
    assert not device.made(Rollback)


def test_disabled_profile_without_successor_opens_no_window() -> None:
    device = Device({A: [(0.0, Radio.FULL)]})
    device.boot()
    device.run(START)
    device.package(None, rollback=False)
    device.run(START + 12 * HOUR)
    assert device.state.window is None
    assert not device.made(ExecuteFallback)


def test_consumer_card_keeps_the_previous_profile_until_the_new_one_is_proven() -> None:
    card = Card(kind=EuiccKind.CONSUMER, fallback=None)
    device = Device({A: [(0.0, Radio.FULL)], B: [(0.0, Radio.NONE)]}, card=card)
    device.boot()
    device.run(START)
    card.enabled = B
    device._changed(Origin.LOCAL, A, rollback=True)
    device.run(START + HOUR)
    assert [act.iccid for _, act in device.made(EnableProfile) if isinstance(act, EnableProfile)] == [A]
    assert card.enabled == A
    assert device.online


def test_reader_without_a_modem_supervises_nothing() -> None:
    device = Device({})
    device.tell(Boot(radio=False))
    device.tell(CardRead(enabled=A, installed=(A, B), fallback=F))
    device.tell(ProfileChanged(origin=Origin.PACKAGE, iccid=B, previous=A, rollback=True))
    assert device.state.window is None
    device.run(48 * HOUR)
    assert not [decision for _, decision in device.log if not isinstance(decision, EarlyPoll)]
