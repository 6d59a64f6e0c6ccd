"""The recovery ladder: which rung, when, and when no more."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ipad.policy.decisions import Recover
from ipad.policy.events import Action, ActionResult, ModemChanged, ModemState, Outcome, SimShown
from ipad.policy.recovery import Fault, RecoveryState, rungs_for
from ipad.policy.settings import RecoverySettings, Settings
from tests.ipad.policy.device import A, B, Card, Device, Radio

HOUR = 3600.0
ALL = ("wait", "cfun4", "cfun0", "simdet", "reset", "power", "hook")


def offline(
    *, rungs: tuple[str, ...] = ("wait", "cfun4", "cfun0", "reset"), settings: Settings | None = None
) -> Device:
    device = Device(
        {A: [(0.0, Radio.FULL), (HOUR, Radio.NONE)]}, settings, Card(fallback=None), rungs=rungs, chance=0.0
    )
    device.boot()
    device.run(HOUR)
    return device


def climbs(device: Device, since: float = HOUR) -> list[tuple[float, str]]:
    return [
        (moment - since, act.rung)
        for moment, act in device.made(Recover)
        if isinstance(act, Recover) and moment >= since
    ]


def test_rungs_fit_the_fault() -> None:
    assert rungs_for(Fault.CARD, ALL) == ALL
    assert rungs_for(Fault.NETWORK, ALL) == ("cfun4", "cfun0", "reset", "power", "hook")
    assert rungs_for(Fault.MODEM, ALL) == ("power", "hook")


def test_rungs_follow_each_other_only_while_the_fault_lasts() -> None:
    device = offline()
    device.run(HOUR + 700)
    assert climbs(device) == [(120, "cfun4"), (300, "cfun0"), (480, "reset")]
    device.plans = {A: [(0.0, Radio.FULL)]}
    device._radio_changed(A)
    device.run(HOUR + 5 * HOUR)
    assert len(climbs(device)) == 3
    assert device.online


def test_pauses_grow_to_a_limit_after_the_top() -> None:
    device = offline(rungs=("cfun4",))
    device.run(HOUR + 12 * HOUR)
    pauses = [later[0] - sooner[0] for sooner, later in pairwise(climbs(device))]
    assert pauses[:5] == [360, 720, 1440, 2880, 3600]
    assert set(pauses[4:]) == {3600}


def test_restarts_have_a_budget_that_the_gentle_rungs_do_not_wait_for() -> None:
    device = offline()
    device.run(HOUR + 48 * HOUR)
    hard = [moment for moment, rung in climbs(device) if rung == "reset"]
    assert len(hard) <= 8 + 16
    assert all(later - sooner >= 300 for sooner, later in pairwise(hard))
    gentle = [moment for moment, rung in climbs(device) if rung != "reset"]
    assert max(later - sooner for sooner, later in pairwise(gentle)) <= 3800


def test_wrong_iccid_climbs_fast_and_stops_when_the_right_one_is_shown() -> None:
    device = Device({A: [(0.0, Radio.FULL)]}, rungs=ALL)
    device.boot()
    device.run(HOUR)
    device.tell(SimShown(iccid=B))
    device.run(HOUR + 25)
    assert climbs(device) == [(10, "wait"), (20, "cfun4")]
    device.tell(SimShown(iccid=A))
    device.run(HOUR + 1000)
    assert len(climbs(device)) == 2


def test_modem_that_is_gone_gets_what_needs_no_port() -> None:
    device = Device({A: [(0.0, Radio.FULL)]}, rungs=ALL)
    device.boot()
    device.run(HOUR)
    device.tell(ModemChanged(state=ModemState.ABSENT))
    device._radio_on = False
    device.run(HOUR + 500)
    assert climbs(device)[:2] == [(120, "power"), (420, "hook")]


def test_modem_that_is_off_on_purpose_is_left_alone() -> None:
    device = Device({A: [(0.0, Radio.FULL)]}, rungs=ALL)
    device.boot()
    device.run(HOUR)
    device.tell(ModemChanged(state=ModemState.OFF))
    device._radio_on = False
    device.run(10 * HOUR)
    assert climbs(device) == []


def test_reset_that_makes_the_modem_vanish_does_not_begin_the_climb_anew() -> None:
    device = offline()
    device.run(HOUR + 2000)
    rungs = [rung for _, rung in climbs(device)]
    assert rungs[:6] == ["cfun4", "cfun0", "reset", "cfun4", "cfun0", "reset"]
    assert device.state.recovery.ladder(Fault.NETWORK).cycles == 2


def test_rung_without_an_end_blocks_the_next_one_only_for_a_while() -> None:
    device = offline()
    device._recover = lambda rung: None  # type: ignore[method-assign]
    device.run(HOUR + 1500)
    assert climbs(device) == [(120, "cfun4"), (720, "cfun0"), (1320, "reset")]


def test_ladder_can_be_switched_off_and_a_board_may_have_none() -> None:
    device = offline(settings=Settings(recovery=RecoverySettings(enabled=False)))
    device.run(HOUR + 24 * HOUR)
    assert climbs(device) == []
    device = offline(rungs=())
    device.run(HOUR + 24 * HOUR)
    assert climbs(device) == []


def test_stray_result_of_an_action_is_ignored() -> None:
    device = offline()
    before = device.state
    device.tell(ActionResult(action=Action.RECOVER, outcome=Outcome.FAILED))
    assert device.state.recovery == before.recovery


@pytest.mark.parametrize("fault", list(Fault))
def test_each_fault_has_a_ladder_of_its_own(fault: Fault) -> None:
    state = RecoveryState()
    changed = state.with_ladder(fault, state.ladder(fault).__class__(next=2, cycles=1))
    assert changed.ladder(fault).next == 2
    assert all(changed.ladder(other) == state.ladder(other) for other in Fault if other is not fault)
