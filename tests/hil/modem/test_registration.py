from __future__ import annotations

import pytest

from hil.modem import Knobs, Nitz
from hil.network import Network, Operator, Service, Signal
from tests.hil.modem.bench import ModemBench
from tests.hil.modem.test_sim import switch

HOME_PLMN, AWAY_PLMN = "26201", "23410"


def test_modem_registers_by_itself_and_reports_each_step() -> None:
    bench = ModemBench(fresh=True)
    bench.modem.power_on()
    bench.clock.advance(0.15)
    bench.send("ATE0+CEREG=2;+CGEREP=2,1")
    assert bench.wait(1.0) == ["+CEREG: 2", '+CEREG: 1,"142D","04F2C791",7', "+CGEV: ME PDN ACT 1,0"]
    assert bench.bearer == [True]
    assert bench.send("AT+CEREG?") == ['+CEREG: 2,1,"142D","04F2C791",7', "OK"]


def test_read_forms_of_the_registration_commands() -> None:
    bench = ModemBench()
    assert bench.send("AT+CREG?") == ["+CREG: 0,1", "OK"]
    bench.send("AT+CGREG=2")
    assert bench.send("AT+CGREG?") == ['+CGREG: 2,1,"142D","04F2C791",7,"01"', "OK"]
    assert bench.send("AT+CEREG=?") == ["+CEREG: (0-5)", "OK"]
    assert bench.send("AT+CEREG=6") == ["+CME ERROR: 50"]
    assert ModemBench("nordic-nrf91").send("AT+CREG?") == ["ERROR"]
    unquoted = ModemBench("sierra-em7565")
    unquoted.send("AT+CEREG=2")
    assert unquoted.send("AT+CEREG?")[0] == "+CEREG: 2,1,142D,04F2C791,7"


def test_operator_in_three_formats_and_scan() -> None:
    bench = ModemBench(network=Network([Operator("26202", "Other", "Oth", signal=Signal(rsrp=-100))]))
    assert bench.send("AT+COPS?") == ['+COPS: 0,0,"Virtual 26201",7', "OK"]
    bench.send("AT+COPS=3,2")
    assert bench.send("AT+COPS?") == ['+COPS: 0,2,"26201",7', "OK"]
    assert bench.send("AT+COPS=?", wait=2) == [
        '+COPS: (2,"Virtual 26201","V26201","26201",7),(1,"Other","Oth","26202",7),,(0-4),(0-2)',
        "OK",
    ]


def test_manual_selection_deregistration_and_automatic_again() -> None:
    bench = ModemBench(network=Network([Operator("26202", "Other", "Oth")]))
    bench.send('AT+COPS=1,2,"26202"')
    bench.clock.advance(2)
    bench.send("AT+COPS=3,2")
    assert bench.send("AT+COPS?")[0] == '+COPS: 1,2,"26202",7'
    assert bench.send("AT+CEREG?")[0] == "+CEREG: 0,5"
    bench.send("AT+COPS=2")
    assert bench.send("AT+COPS?")[0] == "+COPS: 2"
    assert bench.send("AT+CGATT?")[0] == "+CGATT: 0"
    bench.send("AT+COPS=0")
    bench.clock.advance(2)
    assert bench.send("AT+COPS?")[0] == '+COPS: 0,2,"26201",7'


def test_manual_selection_of_a_network_that_is_not_there_finds_nothing() -> None:
    bench = ModemBench()
    bench.send('AT+COPS=1,2,"99999"')
    bench.clock.advance(30)
    assert bench.send("AT+CEREG?")[0] == "+CEREG: 0,2"
    assert bench.send('AT+COPS=1,2,"nonsense"') == ["+CME ERROR: 50"]


def test_switch_of_profile_deregisters_and_registers_with_the_new_identity() -> None:
    bench = ModemBench("quectel-eg25")
    bench.send("AT+CEREG=1")
    before = bench.send("AT+CGPADDR=1")[0]
    switch(bench)
    lines = bench.wait(5)
    assert [line for line in lines if line.startswith("+CEREG")] == ["+CEREG: 0", "+CEREG: 2", "+CEREG: 1"]
    assert bench.bearer == [True, False, True]
    bench.send("AT+COPS=3,2")
    assert bench.send("AT+COPS?")[0] == f'+COPS: 0,2,"{AWAY_PLMN}",7'
    after = bench.send("AT+CGPADDR=1")[0]
    assert after != before
    assert after.startswith('+CGPADDR: 1,"10.64.')


@pytest.mark.parametrize("cause", [3, 7, 8])
def test_denial_of_the_sim_is_final_until_the_transmitter_was_off(cause: int) -> None:
    network = Network()
    network.set_service(Service(reject_cause=cause), imsi="26201")
    bench = ModemBench(network=network)
    bench.send("AT+CEREG=3")
    assert bench.send("AT+CEREG?")[0] == f"+CEREG: 3,3,,,,0,{cause}"
    assert bench.send("AT+CEER")[0] == f'+CEER: "EMM cause {cause}"'
    network.set_service(Service(), imsi="26201")
    bench.clock.advance(120)
    assert bench.send("AT+CEREG?")[0].startswith("+CEREG: 3,3")
    bench.send("AT+CFUN=4")
    bench.send("AT+CFUN=1")
    bench.clock.advance(2)
    assert bench.send("AT+CEREG?")[0].startswith("+CEREG: 3,1")


def test_transient_denial_is_tried_again() -> None:
    network = Network()
    network.set_service(Service(reject_cause=17))
    bench = ModemBench(network=network)
    assert bench.send("AT+CEREG?")[0] == "+CEREG: 0,3"
    network.set_service(Service())
    bench.clock.advance(1)
    assert bench.send("AT+CEREG?")[0] == "+CEREG: 0,1"


def test_forbidden_network_is_left_for_the_next_one() -> None:
    network = Network(
        [
            Operator(HOME_PLMN, signal=None),
            Operator("20801", signal=Signal(rsrp=-70), partners=frozenset()),
            Operator("20810", signal=Signal(rsrp=-100)),
        ]
    )
    bench = ModemBench(network=network)
    bench.send("AT+COPS=3,2")
    assert bench.send("AT+COPS?")[0] == '+COPS: 0,2,"20810",7'
    assert bench.send("AT+CEREG?")[0] == "+CEREG: 0,5"


def test_coverage_ends_and_returns() -> None:
    bench = ModemBench()
    bench.send("AT+CGEREP=2,1")
    bench.output.clear()
    bench.network.set_signal(HOME_PLMN, None)
    assert bench.lines(bytes(bench.output)) == ["+CGEV: NW DETACH"]
    assert bench.send("AT+CSQ")[0] == "+CSQ: 99,99"
    assert bench.bearer == [True, False]
    bench.clock.advance(3600)
    bench.network.set_signal(HOME_PLMN, Signal(rsrp=-110, rsrq=-12))
    bench.clock.advance(2)
    assert bench.bearer == [True, False, True]
    assert bench.send("AT+CESQ")[0] == "+CESQ: 99,99,255,255,16,31"


def test_signal_codes() -> None:
    bench = ModemBench()
    assert bench.send("AT+CSQ")[0] == "+CSQ: 27,99"
    assert bench.send("AT+CESQ")[0] == "+CESQ: 99,99,255,255,22,56"
    assert ModemBench("quectel-eg25").send("AT+QCSQ")[0] == '+QCSQ: "LTE",-57,-85,170,-9'
    assert ModemBench("simcom-a7600").send("AT+CPSI?")[0].startswith("+CPSI: LTE,Online,262-01,0x142D,")


def test_knob_denies_and_heals() -> None:
    bench = ModemBench()
    bench.modem.set_knobs(Knobs(registration_cause=15))
    bench.clock.advance(2)
    assert bench.send("AT+CEREG?")[0] == "+CEREG: 0,3"
    bench.modem.set_knobs(Knobs())
    bench.clock.advance(2)
    assert bench.send("AT+CEREG?")[0] == "+CEREG: 0,1"
    assert bench.bearer == [True, False, True]


@pytest.mark.parametrize(("nitz", "year"), [(Nitz.SENT, "26"), (Nitz.MISSING, "80"), (Nitz.WRONG, "07")])
def test_network_time(nitz: Nitz, year: str) -> None:
    bench = ModemBench(knobs=Knobs(nitz=nitz))
    assert bench.send("AT+CCLK?")[0].startswith(f'+CCLK: "{year}/')


def test_network_time_is_reported_when_asked_for() -> None:
    bench = ModemBench()
    bench.send("AT+CTZR=2")
    bench.send("AT+CFUN=4")
    bench.send("AT+CFUN=1")
    assert bench.wait(2)[0].startswith('+CTZE: +00,0,"2026/')
    assert bench.send('AT+CCLK="26/05/01,10:00:00+08"') == ["OK"]
    bench.clock.advance(60)
    assert bench.send("AT+CCLK?")[0] == '+CCLK: "26/05/01,10:01:00+08"'
    assert bench.send('AT+CCLK="yesterday"') == ["+CME ERROR: 50"]
