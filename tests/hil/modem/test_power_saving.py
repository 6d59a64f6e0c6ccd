"""Power saving mode of the virtual modem (3GPP TS 23.682 4.5.4, TS 27.007 7.38)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil.modem import Knobs, load_personality
from hil.modem.power_saving import Phase
from tests.hil.modem.bench import ModemBench

ASK = 'AT+CPSMS=1,,,"00000100","00001111"'
"""T3412 40 min, T3324 30 s."""


def sleeping(personality: str) -> ModemBench:
    bench = ModemBench(personality, knobs=Knobs(power_saving=True))
    bench.send("AT+CEREG=5" if personality != "quectel-bg95" else "AT+CEREG=4")
    bench.send("AT+CSCON=1")
    bench.send(ASK)
    bench.modem.device.power_saving.traffic()
    return bench


def test_connection_active_time_sleep_and_update_follow_each_other() -> None:
    bench = sleeping("quectel-bg95")
    assert bench.wait(6) == ["+CSCON: 0"]
    assert bench.send("AT") == ["OK"]
    assert bench.wait(31) == ["PSM POWER DOWN"]
    assert bench.send("AT", wait=10) == []
    assert bench.wait(2400 - 60) == []
    assert bench.wait(25) == ["RDY", "APP RDY"]
    assert bench.send("AT")[-1] == "OK"


def test_granted_timers_are_shown_with_the_registration() -> None:
    bench = sleeping("ublox-sara-r5")
    assert bench.send("AT+CEREG?")[0].endswith(',,,"00001111","00000100"')
    lines = bench.send("AT+CPSMS=0")
    assert any(line.startswith("+CEREG: 1,") and "00001111" not in line for line in lines)


def test_a_modem_that_forgets_nothing_only_stops_hearing() -> None:
    bench = sleeping("ublox-sara-r5")
    assert bench.wait(40) == ["+CSCON: 0"]
    assert bench.modem.device.power_saving.asleep
    assert bench.wait(2380) == ["+CSCON: 1", "+CSCON: 0"]
    assert bench.send("AT+CSCON?") == ["+CSCON: 1,0", "OK"]


@pytest.mark.parametrize(
    ("setting", "granting"),
    [
        ("AT+CPSMS=0", True),
        (ASK, False),
        ('AT+CPSMS=1,,,"00000100","11100000"', True),
        ('AT+CPSMS=1,,,"11100000","00001111"', True),
    ],
)
def test_without_timers_there_is_no_sleep(setting: str, granting: bool) -> None:
    bench = ModemBench("ublox-sara-r5", knobs=Knobs(power_saving=granting))
    bench.send(setting)
    bench.wait(4000)
    assert bench.modem.device.power_saving.phase is Phase.IDLE
    assert bench.send("AT") == ["OK"]


def test_power_saving_ends_with_the_registration() -> None:
    bench = sleeping("ublox-sara-r5")
    bench.send("AT+CFUN=4")
    assert bench.modem.device.power_saving.phase is Phase.OFF
    assert bench.wait(600) == []


def test_reports_that_go_to_another_port() -> None:
    plain = load_personality("plain")
    bench = ModemBench(replace(plain, registration=replace(plain.registration, events=False)))
    assert bench.send("AT+CEREG=2") == ["OK"]
    bench.modem.set_knobs(Knobs(registration_cause=7))
    assert bench.wait(10) == []
    assert bench.send("AT+CEREG?")[0].startswith("+CEREG: 2,3")
