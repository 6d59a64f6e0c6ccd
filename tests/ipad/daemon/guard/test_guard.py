"""The guard: decisions in order, one at a time, with their ends told, and nothing done twice or too late."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipad.daemon.guard.executor import is_stale
from ipad.daemon.guard.guard import Guard
from ipad.daemon.guard.observation import Observation
from ipad.daemon.guard.ward import CardView
from ipad.errors import HttpStatusError, NetworkError
from ipad.ids import Eid, Iccid
from ipad.policy.decisions import Commit, EarlyPoll, ExecuteFallback, Probe, Recover, Rollback, Silence
from ipad.policy.events import (
    Action,
    Bearer,
    CardRead,
    Emergency,
    ModemState,
    Origin,
    Outcome,
    ProfileChanged,
    Registration,
    SimShown,
)
from ipad.policy.radio import RegistrationState
from ipad.policy.state import Pending
from ipad.policy.stopwatch import Instant
from ipad.procedures.observer import Switch, Work, tell_outcome
from tests.ipad.daemon.fakes import ICCID, FakeAgent, HeldClock, make_guard

NEW = "89490000000000000023"
EID = Eid.parse("89049032001234567890000000100070")


class Aside:
    """A bearer that notes when it is held."""

    def __init__(self) -> None:
        self.held: list[str] = []

    def package(self) -> Aside:
        return self

    async def __aenter__(self) -> None:
        self.held.append("held")

    async def __aexit__(self, *_: object) -> None:
        self.held.append("let go")


class SwitchingAgent(FakeAgent):
    """Tells the switch as the procedures do."""

    observation: Observation | None = None
    shown = NEW

    async def look_at_card(self, *, again: bool = False) -> CardView:
        return CardView(card=CardRead(enabled=self.shown, installed=(ICCID, NEW), fallback=ICCID))

    async def roll_back(self, former: str | None) -> Outcome:
        assert self.observation is not None
        self.shown = ICCID
        self.observation.switched(Switch(origin=Origin.ROLLBACK, iccid=Iccid.parse(ICCID), previous=Iccid.parse(NEW)))
        return await super().roll_back(former)


def radio_guard(clock: HeldClock | None = None) -> Guard:
    guard = make_guard(clock or HeldClock(), radio=True)
    guard.feed(CardRead(enabled=ICCID, installed=(ICCID, NEW), fallback=ICCID))
    guard.feed(Registration(state=RegistrationState.HOME, plmn="00101"))
    guard.feed(Bearer(session="1"))
    return guard


def on_trial(clock: HeldClock) -> Guard:
    guard = radio_guard(clock)
    guard.take_early()
    guard.feed(ProfileChanged(origin=Origin.PACKAGE, iccid=NEW, previous=ICCID, rollback=True))
    return guard


@pytest.mark.asyncio
async def test_rollback_is_decided_carried_out_and_told() -> None:
    clock = HeldClock()
    guard = on_trial(clock)
    assert guard.undecided
    guard.feed(Registration(state=RegistrationState.DENIED, cause=3))
    clock.now += 61.0
    guard.feed(Registration(state=RegistrationState.DENIED, cause=3))
    decision = guard.take()
    assert isinstance(decision, Rollback)
    agent = SwitchingAgent()
    agent.observation = Observation(guard, Aside(), None)  # type: ignore[arg-type]
    await guard.executor.carry_out(agent, decision)
    assert agent.log == [f"roll back to {ICCID}"]
    assert agent.asked
    assert guard.engine.state.pending is None
    assert guard.situation.enabled == ICCID
    assert not guard.undecided
    assert guard.on_trial
    assert guard.take() is None


@pytest.mark.asyncio
async def test_busy_euicc_is_asked_again_later() -> None:
    class Busy(SwitchingAgent):
        async def roll_back(self, former: str | None) -> Outcome:
            return Outcome.BUSY

    clock = HeldClock()
    guard = on_trial(clock)
    guard.feed(Registration(state=RegistrationState.DENIED, cause=3))
    clock.now += 61.0
    guard.feed(Registration(state=RegistrationState.DENIED, cause=3))
    decision = guard.take()
    assert decision is not None
    await guard.executor.carry_out(Busy(), decision)
    assert guard.take() is None
    clock.now += 31.0
    guard.feed(Registration(state=RegistrationState.DENIED, cause=3))
    assert isinstance(guard.take(), Rollback)


def test_overtaken_decisions_are_not_carried_out() -> None:
    guard = radio_guard()
    state = guard.engine.state
    assert is_stale(Rollback(reason=""), state)
    assert is_stale(
        ExecuteFallback(reason=""), replace(state, pending=Pending(action=Action.ROLLBACK, at=Instant(0.0)))
    )
    assert not is_stale(
        ExecuteFallback(reason=""), replace(state, pending=Pending(action=Action.FALLBACK, at=Instant(0.0)))
    )
    recover = replace(state, pending=Pending(action=Action.RECOVER, at=Instant(0.0)))
    assert is_stale(Recover(rung="cfun4", step=1, reason=""), recover)
    assert not is_stale(Recover(rung="cfun4", step=0, reason="a rule"), recover)
    assert not is_stale(Commit(iccid=ICCID, origin=Origin.PACKAGE, proven=True, after=1.0), state)
    assert is_stale(Commit(iccid=NEW, origin=Origin.PACKAGE, proven=True, after=1.0), state)


def test_poll_that_was_granted_over_the_bearer_of_before_is_dropped() -> None:
    guard = radio_guard()
    guard.feed(ProfileChanged(origin=Origin.PACKAGE, iccid=NEW, previous=ICCID, rollback=True))
    assert guard.take_early() is None
    guard.feed(Registration(state=RegistrationState.HOME, plmn="00102"))
    guard.feed(Bearer(session="1"))
    assert guard.take_early() is None
    guard.feed(Bearer(session="2"))
    early = guard.take_early()
    assert isinstance(early, EarlyPoll)
    assert early.urgent


def test_scheduled_polls_wait_for_a_bearer_and_not_at_all_on_trial_without_one() -> None:
    clock = HeldClock()
    guard = radio_guard(clock)
    assert guard.release(clock.now) == clock.now
    guard.feed(Bearer(session=None))
    assert guard.release(clock.now) == clock.now + 60.0
    guard.feed(ProfileChanged(origin=Origin.PACKAGE, iccid=NEW, previous=ICCID, rollback=True))
    assert guard.release(clock.now) == float("inf")


def test_polls_that_an_outage_held_up_are_spread_over_as_long_a_time() -> None:
    clock = HeldClock()
    guard = radio_guard(clock)
    guard.feed(Bearer(session=None))
    due = clock.now + 100.0
    clock.now += 600.0
    guard.feed(Bearer(session="2"))
    assert guard.release(due) == clock.now + 600.0 * guard.situation.chance
    assert guard.release(clock.now + 5.0) == clock.now + 5.0


def test_profile_on_trial_is_polled_for_without_delay_after_an_outage() -> None:
    clock = HeldClock()
    guard = radio_guard(clock)
    guard.feed(ProfileChanged(origin=Origin.PACKAGE, iccid=NEW, previous=ICCID, rollback=True))
    clock.now += 60.0
    guard.feed(Registration(state=RegistrationState.HOME, plmn="00102"))
    guard.feed(Bearer(session="2"))
    assert guard.release(clock.now) == clock.now


def test_silence_during_an_emergency_call() -> None:
    clock = HeldClock()
    guard = radio_guard(clock)
    guard.feed(Emergency(active=True))
    assert guard.silent
    assert guard.release(clock.now) == float("inf")
    guard.feed(Emergency(active=False))
    assert not guard.silent
    assert isinstance(Silence(on=False), Silence)


@pytest.mark.asyncio
async def test_answers_of_an_eim_prove_the_bearer_once_for_each_run() -> None:
    clock = HeldClock()
    guard = on_trial(clock)
    guard.feed(Registration(state=RegistrationState.HOME, plmn="00102"))
    guard.feed(Bearer(session="2"))
    aside = Aside()
    seen = Observation(guard, aside, None)  # type: ignore[arg-type]
    seen.begin_run()
    tell_outcome(seen, "eim1", NetworkError("reset", layer="tcp"))
    assert guard.on_trial
    tell_outcome(seen, "eim1", HttpStatusError("503", status=503, transient=True))
    assert not guard.on_trial
    assert guard.engine.state.polls.budget.spent == 2.0
    seen.answered("eim1")
    assert guard.engine.state.polls.budget.spent == 2.0
    async with seen.executing(Work.PACKAGE):
        assert guard.situation.package_at is not None
        assert aside.held == ["held"]
    assert guard.situation.package_at is None
    async with seen.executing(Work.DOWNLOAD):
        assert guard.situation.package_at is not None
    assert aside.held == ["held", "let go"]


def test_switch_that_is_told_twice_opens_one_window() -> None:
    clock = HeldClock()
    guard = on_trial(clock)
    window = guard.engine.state.window
    clock.now += 100.0
    Observation(guard, Aside(), None).switched(  # type: ignore[arg-type]
        Switch(origin=Origin.PACKAGE, iccid=Iccid.parse(NEW), previous=Iccid.parse(ICCID), rollback=True)
    )
    assert guard.engine.state.window == window


@pytest.mark.asyncio
async def test_switch_that_the_modem_still_ignores_is_waited_for() -> None:
    clock = HeldClock()
    guard = on_trial(clock)
    agent = SwitchingAgent()
    agent.shown = ICCID
    await guard.read_card(agent)
    assert guard.situation.enabled == NEW
    assert guard.undecided


@pytest.mark.asyncio
async def test_rung_is_climbed_while_nothing_is_open() -> None:
    clock = HeldClock()
    climbed: list[str] = []

    async def rescue(rung: str) -> None:
        climbed.append(rung)

    guard = radio_guard(clock)
    guard.rescue = rescue
    guard.lost_port()
    assert guard.situation.modem is ModemState.ABSENT
    clock.now += 200.0
    guard.feed(Bearer(session=None))
    rung = guard.take_rescue()
    assert rung is not None
    await guard.executor.rescue(rung)
    assert climbed == ["power"]
    assert guard.engine.state.pending is None


def test_memory_of_another_euicc_is_dropped() -> None:
    clock = HeldClock()
    guard = on_trial(clock)
    guard.meet(EID)
    assert guard.undecided
    guard.meet(Eid.parse("89049032001234567890000000200079"))
    assert not guard.on_trial


def test_probe_without_an_open_device_is_no_harm() -> None:
    guard = radio_guard()
    guard._decided(Probe(reason="test"))
    assert guard.take() is None


class MisreadAgent(FakeAgent):
    """The first reading has a wrong bit: no profile seems to be enabled."""

    def __init__(self) -> None:
        super().__init__()
        self.readings: list[bool] = []

    async def look_at_card(self, *, again: bool = False) -> CardView:
        self.readings.append(again)
        enabled = ICCID if again else None
        return CardView(card=CardRead(enabled=enabled, installed=(ICCID, NEW), fallback=ICCID))


@pytest.mark.asyncio
async def test_profile_that_changed_without_a_word_is_read_again_before_it_is_believed() -> None:
    guard, agent = radio_guard(), MisreadAgent()
    await guard.read_card(agent)
    assert agent.readings == [False, True]
    assert guard.situation.enabled == ICCID
    assert not guard.on_trial


class LookingAgent(SwitchingAgent):
    """Notes how the modem is looked at, and tells what it shows when all is to be told."""

    def __init__(self, guard: Guard, *, told: bool) -> None:
        super().__init__()
        self.shown = ICCID
        self.looks: list[bool] = []
        self.readings: list[bool] = []
        self._guard = guard
        self._told = told

    async def look_at_card(self, *, again: bool = False) -> CardView:
        self.readings.append(again)
        return await super().look_at_card(again=again)

    async def look_around(self, *, anew: bool = True) -> None:
        self.looks.append(anew)
        if anew or not self._told:
            self._guard.feed(Registration(state=RegistrationState.HOME, plmn="00101"))
            self._guard.feed(Bearer(session="1"))
            self._guard.feed(SimShown(iccid=self.shown))


@pytest.mark.asyncio
@pytest.mark.parametrize("told", [True, False], ids=["told before", "told meanwhile"])
async def test_modem_that_has_told_everything_is_not_asked_again_at_the_start(told: bool) -> None:
    guard = radio_guard() if told else make_guard(HeldClock(), radio=True)
    if told:
        guard.feed(SimShown(iccid=ICCID))
    agent = LookingAgent(guard, told=told)
    await guard.take_up(agent)
    assert agent.looks == [False]
    assert guard.connected


@pytest.mark.asyncio
async def test_modem_is_asked_again_about_a_profile_that_turns_out_to_be_another_one() -> None:
    guard = radio_guard()
    guard.feed(SimShown(iccid=ICCID))
    agent = LookingAgent(guard, told=True)
    agent.shown = NEW
    await guard.take_up(agent)
    assert agent.looks == [False, True]
    assert guard.situation.shown == NEW


@pytest.mark.asyncio
async def test_euicc_is_read_anew_where_the_modem_shows_another_profile() -> None:
    guard = radio_guard()
    guard.feed(SimShown(iccid=NEW))
    agent = LookingAgent(guard, told=True)
    pending = Pending(action=Action.RECOVER, at=Instant(0.0))
    guard.engine.state = replace(guard.engine.state, pending=pending)
    await guard.executor.carry_out(agent, Recover(rung="cfun", step=0, reason="no service"))
    assert agent.readings[0] is True
