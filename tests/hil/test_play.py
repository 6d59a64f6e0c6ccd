"""Every kind of scenario, played on a virtual modem with a clock that is moved by hand."""

from __future__ import annotations

from typing import Any

import pytest

from hil.modem.radio import Stat
from hil.network import Access, Network
from hil.play import Play
from hil.scenario import parse, read, shipped
from tests.hil.modem.bench import ModemBench

HOME, AWAY = "26201", "23410"
IMSI = "262010000000001"


class PlayedBench(ModemBench):
    """A modem with the subscriber of HOME in the world of a scenario."""

    def __init__(self, *steps: dict[str, Any], operators: dict[str, Any] | None = None, **more: Any) -> None:
        places = operators or {HOME: {"technologies": {"lte": -90.0}}}
        scenario = parse({"name": "test", "operator": places, "step": list(steps), **more}, "test")
        super().__init__(network=Network(open_world=False), fresh=True)
        self.play = Play(scenario, self.network, self.clock, self.modem)
        self.modem.power_on()
        self.clock.advance(5)
        self.play.start()

    @property
    def stat(self) -> Stat:
        return self.modem.device.radio.view.stat

    @property
    def serving(self) -> str | None:
        operator = self.modem.device.radio.view.operator
        return operator.plmn if operator else None

    @property
    def traffic(self) -> bool:
        return bool(self.bearer) and self.bearer[-1]


def test_coverage_gap_that_ends() -> None:
    bench = PlayedBench({"at": 60.0, "operator": HOME, "coverage": False, "lasts": 120.0})
    assert bench.stat is Stat.HOME
    bench.clock.advance(61)
    assert bench.stat is Stat.SEARCHING
    assert not bench.traffic
    bench.clock.advance(130)
    assert bench.stat is Stat.HOME
    assert bench.traffic
    assert [text for _, text in bench.play.timeline] == [f"{HOME} without coverage", f"over: {HOME} without coverage"]


def test_coverage_gap_that_does_not_end() -> None:
    bench = PlayedBench({"at": 60.0, "operator": HOME, "coverage": False})
    bench.clock.advance(7 * 86400)
    assert bench.stat is Stat.SEARCHING


def test_flapping_network() -> None:
    bench = PlayedBench({"at": 100.0, "operator": HOME, "coverage": False, "lasts": 50.0, "every": 100.0, "times": 10})
    bench.clock.advance(1300)
    assert bench.bearer.count(False) == 10
    assert bench.traffic


def test_signal_fades_evenly_and_the_modem_reports_it() -> None:
    bench = PlayedBench({"at": 10.0, "operator": HOME, "signal": -120.0, "over": 100.0})
    bench.clock.advance(60)
    signal = bench.modem.device.radio.signal
    assert signal is not None
    assert signal.rsrp == pytest.approx(-105.0, abs=2)
    bench.clock.advance(60)
    signal = bench.modem.device.radio.signal
    assert signal is not None
    assert signal.rsrp == -120.0
    assert bench.stat is Stat.HOME


def test_fading_signal_of_another_network_does_not_keep_a_modem_from_registering() -> None:
    bench = PlayedBench(
        {"at": 0.0, "imsi": IMSI, "service": {"search_time": 30.0}},
        {"at": 10.0, "operator": HOME, "coverage": False, "lasts": 5.0},
        {"at": 15.0, "operator": AWAY, "signal": -120.0, "over": 200.0},
        operators={HOME: {"technologies": {"lte": -90.0}}, AWAY: {"technologies": {"lte": -80.0}, "partners": []}},
    )
    bench.clock.advance(15 + 35)
    assert bench.stat is Stat.HOME


@pytest.mark.parametrize("cause", [2, 3, 5, 6, 7, 8, 11, 13, 15, 17, 22])
def test_reject_cause_of_one_subscriber(cause: int) -> None:
    bench = PlayedBench({"at": 10.0, "imsi": IMSI, "service": {"reject_cause": cause}, "lasts": 60.0})
    bench.clock.advance(20)
    assert bench.stat is Stat.DENIED
    assert bench.modem.device.radio.view.cause == cause
    bench.clock.advance(80)
    permanent = cause in (2, 3, 6, 7, 8)
    assert bench.stat is (Stat.DENIED if permanent else Stat.HOME)
    if permanent:  # the SIM is invalid until the modem is switched off and on
        bench.send("AT+CFUN=4", wait=1)
        bench.send("AT+CFUN=1", wait=5)
    assert bench.stat is Stat.HOME


def test_other_subscribers_are_not_refused_with_it() -> None:
    bench = PlayedBench({"at": 10.0, "imsi": "262019", "service": {"reject_cause": 3}})
    bench.clock.advance(60)
    assert bench.stat is Stat.HOME


def test_roaming_is_refused_at_the_border_without_an_agreement() -> None:
    operators = {
        HOME: {"technologies": {"lte": -90.0}},
        AWAY: {"technologies": {"lte": -95.0}, "partners": ["20801"]},
    }
    bench = PlayedBench(
        {"at": 10.0, "operator": HOME, "coverage": False},
        {"at": 300.0, "operator": AWAY, "partners": ["20801", HOME]},
        operators=operators,
    )
    bench.clock.advance(60)
    assert bench.stat is Stat.DENIED
    assert bench.modem.device.radio.view.cause == 11
    bench.clock.advance(300)
    bench.send("AT+CFUN=4", wait=1)
    bench.send("AT+CFUN=1", wait=5)
    assert bench.stat is Stat.ROAMING
    assert bench.serving == AWAY


def test_barred_cells_are_seen_but_let_nobody_in() -> None:
    bench = PlayedBench({"at": 10.0, "operator": HOME, "barred": True, "lasts": 600.0})
    bench.clock.advance(20)
    assert bench.stat is Stat.HOME
    assert not bench.traffic
    bench.send("AT+CFUN=4", wait=1)
    bench.send("AT+CFUN=1", wait=60)
    assert bench.stat is Stat.SEARCHING
    assert bench.modem.device.radio.view.cause is None
    assert [operator.plmn for operator in bench.modem.device.radio.visible()] == [HOME]
    bench.clock.advance(600)
    assert bench.stat is Stat.HOME
    assert bench.traffic


def test_data_path_breaks_behind_a_good_registration() -> None:
    bench = PlayedBench({"at": 10.0, "imsi": IMSI, "service": {"data": False}, "lasts": 50.0})
    bench.clock.advance(20)
    assert bench.stat is Stat.HOME
    assert bench.modem.device.contexts.sessions
    assert not bench.traffic
    bench.clock.advance(50)
    assert bench.traffic


def test_slow_registration() -> None:
    bench = PlayedBench(
        {"at": 0.0, "imsi": IMSI, "service": {"search_time": 240.0}},
        {"at": 10.0, "operator": HOME, "coverage": False, "lasts": 5.0},
    )
    bench.clock.advance(200)
    assert bench.stat is Stat.SEARCHING
    bench.clock.advance(100)
    assert bench.stat is Stat.HOME


def test_refused_session_leaves_a_registration_without_bearer() -> None:
    bench = PlayedBench(
        {"at": 0.0, "imsi": IMSI, "service": {"session_cause": 33}},
        {"at": 10.0, "operator": HOME, "coverage": False, "lasts": 5.0},
    )
    bench.clock.advance(120)
    assert bench.stat is Stat.HOME
    assert not bench.modem.device.contexts.sessions


def test_antenna_that_is_off_receives_nothing_at_all() -> None:
    bench = PlayedBench({"at": 10.0, "antenna": False, "lasts": 100.0})
    bench.clock.advance(20)
    assert bench.stat is Stat.SEARCHING
    assert bench.modem.device.radio.signal is None
    assert bench.modem.device.radio.visible() == []
    bench.clock.advance(120)
    assert bench.stat is Stat.HOME


def test_sunset_of_technologies() -> None:
    operators = {HOME: {"technologies": {"gsm": -80.0, "umts": -85.0, "lte": -90.0}}}
    bench = PlayedBench(
        {"at": 10.0, "operator": HOME, "technology": "umts", "coverage": False},
        {"at": 20.0, "operator": HOME, "technology": "gsm", "coverage": False},
        operators=operators,
        technologies=["gsm", "umts"],
    )
    assert bench.modem.device.radio.view.operator is not None
    assert bench.modem.device.radio.view.operator.access is Access.UTRAN
    bench.clock.advance(15)
    assert bench.modem.device.radio.view.operator.access is Access.GSM
    bench.clock.advance(15)
    assert bench.stat is Stat.SEARCHING


def test_modem_ignores_refresh_for_a_while() -> None:
    bench = PlayedBench({"at": 10.0, "modem": {"ignore_refresh": True, "apdu_time": 0.5}, "lasts": 100.0})
    bench.clock.advance(20)
    assert bench.modem.knobs.ignore_refresh
    bench.clock.advance(100)
    assert not bench.modem.knobs.ignore_refresh
    assert bench.modem.knobs.apdu_time == 0.0


def test_steps_that_overlap_undo_only_their_own_members() -> None:
    bench = PlayedBench(
        {"at": 10.0, "modem": {"ignore_refresh": True}, "lasts": 100.0},
        {"at": 20.0, "modem": {"no_traffic": True}, "lasts": 200.0},
    )
    bench.clock.advance(120)
    assert (bench.modem.knobs.ignore_refresh, bench.modem.knobs.no_traffic) == (False, True)


def test_modem_resets_in_the_middle() -> None:
    bench = PlayedBench({"at": 10.0, "power": "restart"})
    bench.clock.advance(10.5)
    assert bench.stat is not Stat.HOME
    bench.clock.advance(60)
    assert bench.stat is Stat.HOME


def test_modem_without_power_comes_back_after_the_step() -> None:
    bench = PlayedBench(
        {"at": 10.0, "power": "off", "lasts": 30.0}, {"at": 100.0, "power": "off"}, {"at": 130.0, "power": "on"}
    )
    bench.clock.advance(20)
    assert not bench.modem.device.powered
    bench.clock.advance(40)
    assert bench.stat is Stat.HOME
    bench.clock.advance(50)
    assert not bench.modem.device.powered
    bench.clock.advance(40)
    assert bench.stat is Stat.HOME


def test_network_without_time() -> None:
    bench = PlayedBench({"at": 10.0, "modem": {"nitz": "missing"}})
    bench.send("AT+CTZU=1;+CTZR=2")
    bench.clock.advance(20)
    bench.send("AT+CFUN=4", wait=1)
    bench.send("AT+CFUN=1")
    assert not [line for line in bench.wait(30) if line.startswith("+CTZ")]


def test_play_that_is_stopped_changes_nothing_more() -> None:
    bench = PlayedBench({"at": 60.0, "operator": HOME, "coverage": False})
    bench.play.stop()
    bench.clock.advance(600)
    assert bench.stat is Stat.HOME
    assert bench.play.timeline == []


def test_timeline_reads_well() -> None:
    bench = PlayedBench(
        {"at": 1.0, "note": "the truck leaves"},
        {"at": 2.0, "operator": HOME, "technology": "lte", "signal": -100.0, "over": 20.0},
        {"at": 3.0, "plmn": HOME, "service": {"reject_cause": 22}},
        {"at": 4.0, "antenna": False},
        {"at": 5.0, "modem": {"silent": True}},
        {"at": 6.0, "operator": HOME, "barred": True, "partners": []},
        {"at": 7.0, "power": "restart"},
        {"at": 8.0},
    )
    bench.clock.advance(10)
    assert bench.play.text().splitlines() == [
        "       1.0 s  the truck leaves",
        "       2.0 s  26201 lte at -100 dBm within 20 s",
        "       3.0 s  IMSI any on 26201: reject_cause=22",
        "       4.0 s  antenna off",
        "       5.0 s  modem: silent=True",
        "       6.0 s  26201 barred partners none",
        "       7.0 s  modem restart",
        "       8.0 s  nothing",
    ]


def test_open_world_keeps_the_home_of_every_subscriber() -> None:
    bench = PlayedBench(operators={AWAY: {"technologies": {"lte": -90.0}}}, open_world=True)
    assert bench.serving == HOME
    closed = PlayedBench(operators={AWAY: {"technologies": {"lte": -90.0}}})
    closed.clock.advance(60)
    assert closed.serving == AWAY


@pytest.mark.parametrize("path", list(shipped()), ids=lambda path: path.stem)
def test_shipped_scenario_plays_to_its_end_in_no_time(path: Any) -> None:
    scenario = read(path)
    bench = ModemBench(network=Network(open_world=False), fresh=True)
    play = Play(scenario, bench.network, bench.clock, bench.modem)
    bench.modem.power_on()
    play.start()
    bench.clock.advance(scenario.length)
    moments = [moment for moment, _ in play.timeline]
    assert moments == sorted(moments)
    assert len(moments) >= sum(step.times for step in scenario.steps)
