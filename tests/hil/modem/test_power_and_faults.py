from __future__ import annotations

import pytest

from hil.aka import AkaKey, Algorithm
from hil.modem import CommandFault, Direction, Knobs
from tests.hil.modem.bench import ModemBench
from tests.hil.modem.fake_card import HOME, SWITCH_REQUEST, FakeCard

EID_COMMAND = "80E2910006BF3E035C015A"
AUTHENTICATE = bytes.fromhex("00880081")


def with_fault(**values: object) -> ModemBench:
    bench = ModemBench()
    bench.modem.set_knobs(Knobs(faults=(CommandFault(**values),)))  # type: ignore[arg-type]
    return bench


def test_nothing_answers_before_the_modem_has_booted() -> None:
    bench = ModemBench("quectel-eg25", fresh=True)
    assert bench.raw("AT") == b""
    bench.modem.power_on()
    assert bench.raw("AT") == b""
    assert bench.wait(0.1) == ["RDY", "+CFUN: 1"]
    assert bench.raw("AT") == b"AT\r\r\nOK\r\n"


def test_reset_makes_the_port_vanish_and_the_settings_fall_back() -> None:
    bench = ModemBench("quectel-eg25")
    session = bench.open_isdr()
    assert bench.send("AT+CFUN=1,1") == ["OK"]
    assert bench.port == [False]
    assert bench.bearer == [True, False]
    assert bench.raw("AT") == b""
    bench.clock.advance(5)
    assert bench.port == [False, True]
    assert bench.raw("AT") == b"AT\r\r\nOK\r\n"
    assert bench.bearer == [True, False, True]
    assert bench.apdu(session, EID_COMMAND)[-1] == "ERROR"


def test_reset_over_a_uart_leaves_the_port() -> None:
    bench = ModemBench("ublox-sara-r5")
    bench.send("AT+CFUN=16")
    bench.clock.advance(5)
    assert bench.port == []
    assert bench.raw("AT") == b"AT\r\r\nOK\r\n"


@pytest.mark.parametrize(("name", "command"), [("simcom-a7600", "AT+CRESET"), ("sierra-em7565", "AT!RESET")])
def test_reset_command_of_the_vendor(name: str, command: str) -> None:
    bench = ModemBench(name)
    resets = bench.card.resets
    assert bench.send(command) == ["OK"]
    bench.clock.advance(5)
    assert bench.card.resets == resets + 1


def test_switched_off_until_somebody_supplies_it() -> None:
    bench = ModemBench("quectel-eg25")
    assert bench.send("AT+QPOWD=1") == ["OK"]
    bench.clock.advance(600)
    assert bench.port == [False]
    assert not bench.card.powered
    bench.modem.power_on()
    bench.clock.advance(5)
    assert bench.raw("AT") != b""


def test_power_loss_of_the_card_takes_the_whole_device() -> None:
    bench = ModemBench(card=FakeCard(power_loss_at=SWITCH_REQUEST))
    lost: list[bool] = []
    bench.modem.on_power_loss(lambda: lost.append(True))
    session = bench.open_isdr()
    assert bench.apdu(session, "80E2910003BF3100") == []
    assert lost == [True]
    assert bench.port == [False]
    assert bench.bearer == [True, False]
    bench.modem.power_on()
    bench.clock.advance(5)
    bench.send("ATE0")
    assert bench.send("AT+CPIN?") == ["+CPIN: READY", "OK"]


def test_power_loss_while_the_network_asks_for_a_signature_takes_the_device_too() -> None:
    bench = ModemBench()
    bench.network.enrol(HOME.imsi, AkaKey(Algorithm.MILENAGE, bytes(16), bytes(16)))
    lost: list[bool] = []
    bench.modem.on_power_loss(lambda: lost.append(True))
    bench.send("AT+CFUN=4")
    bench.card.power_loss_at = AUTHENTICATE
    bench.send("AT+CFUN=1")
    bench.clock.advance(20)
    assert lost == [True]
    assert bench.port == [False]


def test_final_result_is_dropped() -> None:
    bench = with_fault(command="+CGMM", drop_final=True)
    assert bench.send("AT+CGMM") == ["VM-1"]
    assert bench.send("AT+CGMM") == ["VM-1", "OK"]


def test_answer_comes_late_and_shifts_the_next_one() -> None:
    bench = with_fault(command="+CGMM", delay=10.0)
    assert bench.send("AT+CGMM", wait=9) == []
    assert bench.send("AT") == []
    assert bench.wait(1) == ["VM-1", "OK", "OK"]


def test_modem_is_silent_for_one_command_or_for_all() -> None:
    bench = with_fault(command="+CGMM", silent=True)
    assert bench.send("AT+CGMM") == []
    assert bench.send("AT+CGMM") == ["VM-1", "OK"]
    bench.modem.set_knobs(Knobs(silent=True))
    assert bench.send("AT", wait=100) == []


def test_unsolicited_line_between_the_lines_of_an_answer() -> None:
    bench = with_fault(command="I", urc="RING")
    assert bench.send("ATI") == ["Virtual", "RING", "VM-1", "VM-1-01.00", "OK"]


def test_other_final_result_with_and_without_effect() -> None:
    bench = with_fault(command="+CFUN=4", answer="COMMAND NOT SUPPORT", execute=False)
    assert bench.send("AT+CFUN=4") == ["COMMAND NOT SUPPORT"]
    assert bench.send("AT+CFUN?")[0] == "+CFUN: 1"
    bench = with_fault(command="+CFUN=4", answer="CME 100")
    assert bench.send("AT+CFUN=4") == ["+CME ERROR: 100"]
    assert bench.send("AT+CFUN?")[0] == "+CFUN: 4"


def test_port_goes_in_the_middle_of_an_apdu_sequence() -> None:
    bench = ModemBench()
    session = bench.open_isdr()
    bench.modem.set_knobs(Knobs(faults=(CommandFault("+CGLA", contains="80E2", skip=1, hang_up=True),)))
    assert bench.apdu(session, EID_COMMAND)[-1] == "OK"
    assert bench.apdu(session, "80C0000015")[-1] == "OK"
    assert bench.apdu(session, EID_COMMAND) == []
    assert bench.card.log[-1].hex().endswith("bf3e035c015a")
    assert bench.port == [False]
    bench.clock.advance(1)
    assert bench.port == [False, True]
    assert bench.modem.counters.hang_ups == 1


def test_garbage_before_the_first_answer_only() -> None:
    bench = ModemBench(fresh=True, knobs=Knobs(garbage="00FFFE"))
    bench.modem.power_on()
    bench.clock.advance(5)
    assert bench.raw("ATE0") == b"ATE0\r\x00\xff\xfe\r\nOK\r\n"
    assert bench.raw("AT") == b"\r\nOK\r\n"


def test_output_in_dribbles() -> None:
    bench = ModemBench(knobs=Knobs(dribble=0.01))
    bench.clock.advance(1)
    pieces: list[bytes] = []
    bench.modem.on_output(pieces.append)
    bench.modem.receive(b"AT\r")
    bench.clock.advance(1)
    assert pieces == [bytes([byte]) for byte in b"\r\nOK\r\n"]


def test_answer_is_traced_and_counted() -> None:
    bench = ModemBench()
    bench.trace.clear()
    before = bench.modem.counters.commands, bench.modem.counters.bytes_in, bench.modem.counters.bytes_out
    bench.raw("AT+CGMM")
    assert [entry[1:] for entry in bench.trace] == [
        (Direction.COMMAND, "AT+CGMM"),
        (Direction.ANSWER, "VM-1"),
        (Direction.ANSWER, "OK"),
    ]
    after = bench.modem.counters.commands, bench.modem.counters.bytes_in, bench.modem.counters.bytes_out
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 8, 14]


def test_fault_skips_and_repeats_as_it_says() -> None:
    bench = with_fault(command="+CGMM", skip=1, times=2, answer="ERROR")
    results = [bench.send("AT+CGMM")[-1] for _ in range(4)]
    assert results == ["OK", "ERROR", "ERROR", "OK"]
