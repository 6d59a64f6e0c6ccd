"""Facts of the modem as events of policy."""

from __future__ import annotations

from typing import get_args

import pytest

from ipad.board import BoardLibrary
from ipad.board.values import Technology
from ipad.daemon.radio_events import radio_event, signal_interval, technologies
from ipad.ids import Iccid, Plmn
from ipad.modem.facts import (
    AntennaCondition,
    BearerFact,
    ModemCondition,
    ModemFact,
    RadioFact,
    RegistrationFact,
    SignalFact,
    SimFact,
    SleepFact,
)
from ipad.modem.registration import RegistrationStatus
from ipad.modem.signal import Signal
from ipad.modem.sim import SimCondition
from ipad.policy.events import (
    Antenna,
    Bearer,
    Event,
    ModemChanged,
    ModemState,
    Registration,
    SignalSample,
    SimShown,
    Sleep,
)
from ipad.policy.radio import Access, RegistrationState
from ipad.policy.rules import Rule
from ipad.policy.settings import PollSettings, Settings

ICCID = "89490000000000000015"


@pytest.mark.parametrize(
    ("fact", "event"),
    [
        (
            RegistrationFact(status=RegistrationStatus.ROAMING, technology="lte-m", plmn=Plmn("310", "260")),
            Registration(state=RegistrationState.ROAMING, access=Access.LTE_M, plmn="310260", country="US"),
        ),
        (
            RegistrationFact(status=RegistrationStatus.DENIED, cause=7),
            Registration(state=RegistrationState.DENIED, cause=7),
        ),
        (
            RegistrationFact(status=RegistrationStatus.HOME, plmn=Plmn("901", "40")),
            Registration(state=RegistrationState.HOME, plmn="90140", country=None),
        ),
        (
            SignalFact(technology="nb-iot", dbm=-121.0, signal=Signal(rsrp=-121.0)),
            SignalSample(access=Access.NB_IOT, dbm=-121.0),
        ),
        (SimFact(iccid=Iccid.parse(ICCID), condition=SimCondition.READY), SimShown(iccid=ICCID)),
        (SimFact(iccid=None, condition=SimCondition.ABSENT), SimShown(iccid=None)),
        (
            ModemFact(condition=ModemCondition.FLIGHT, antenna=AntennaCondition.MISSING),
            ModemChanged(state=ModemState.FLIGHT, antenna=Antenna.MISSING),
        ),
        (BearerFact(session="3/10.0.0.1", attached=True), Bearer(session="3/10.0.0.1")),
        (SleepFact(seconds=30.0), Sleep(seconds=30.0)),
    ],
)
def test_each_fact_is_an_event(fact: RadioFact, event: Event) -> None:
    assert radio_event(fact) == event


def test_policy_has_a_word_for_everything_that_the_modem_can_say() -> None:
    for status in RegistrationStatus:
        assert isinstance(radio_event(RegistrationFact(status=status)), Registration)
    for condition in ModemCondition:
        assert radio_event(ModemFact(condition=condition)) == ModemChanged(state=ModemState(condition.value))
    for antenna in AntennaCondition:
        fact = ModemFact(condition=ModemCondition.ON, antenna=antenna)
        assert radio_event(fact) == ModemChanged(state=ModemState.ON, antenna=Antenna(antenna.value))
    assert [Access(technology) for technology in get_args(Technology)] == list(Access)


def test_technologies_of_a_board() -> None:
    assert technologies(BoardLibrary().load("quectel-bg96")) == (Access.GSM, Access.LTE_M, Access.NB_IOT)


@pytest.mark.parametrize(
    ("weak_time", "rules", "interval"),
    [
        (900.0, {}, 300.0),
        (0.0, {}, 0.0),
        (900.0, {"w": Rule(when="weak-signal", do="poll", hold=300)}, 100.0),
        (0.0, {"w": Rule(when="weak-signal", do="poll", hold=30)}, 60.0),
        (0.0, {"w": Rule(when="weak-signal", do="poll", enabled=False)}, 0.0),
        (0.0, {"b": Rule(when="first-boot", do="poll")}, 0.0),
    ],
)
def test_the_signal_is_measured_as_often_as_policy_needs_it(
    weak_time: float, rules: dict[str, Rule], interval: float
) -> None:
    assert signal_interval(Settings(poll=PollSettings(weak_time=weak_time), rules=rules)) == interval
