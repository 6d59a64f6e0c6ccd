"""Quirks of families in APDU access."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil.modem import Knobs, load_personality
from hil.modem.personality import ApduStyle, LineStyle, Personality
from hil.modem.terminal import class_byte
from tests.hil.modem.bench import ModemBench
from tests.hil.modem.fake_card import FakeCard

EID_COMMAND = "80E2910006BF3E035C015A"
ISDR = "A0000005591010FFFFFFFF8900000100"


def plain(**apdu: object) -> Personality:
    return replace(load_personality("plain"), apdu=replace(ApduStyle(), **apdu))  # type: ignore[arg-type]


def test_session_is_a_bare_number_on_some_modems() -> None:
    assert ModemBench("fibocom-fm350").send(f'AT+CCHO="{ISDR}"') == ["1", "OK"]


def test_prefix_without_blank() -> None:
    bench = ModemBench("simcom-a7600")
    assert bench.send(f'AT+CCHO="{ISDR}"') == ["+CCHO:1", "OK"]
    assert bench.apdu("1", EID_COMMAND) == ['+CGLA:4,"6115"', "OK"]


def test_handle_of_64_bits_is_taken_back_as_it_was_given() -> None:
    bench = ModemBench("sierra-em7565")
    handle = bench.open_isdr()
    assert len(handle) == 16
    int(handle, 16)
    assert bench.apdu(handle, EID_COMMAND)[-1] == "OK"
    assert bench.apdu("1", EID_COMMAND) == ["ERROR"]
    assert bench.send(f"AT+CCHC={handle}") == ["OK"]
    assert bench.open_isdr() != handle


def test_channel_bits_are_those_of_the_session_whatever_the_client_sends() -> None:
    bench = ModemBench()
    bench.open_isdr()
    session = bench.open_isdr()
    assert session == "2"
    for cla in ("80", "81", "83"):
        assert bench.apdu(session, cla + EID_COMMAND[2:])[0] == '+CGLA: 4,"6115"'
    assert bench.card.log[-1][0] == 0x82


def test_channel_bits_stay_when_the_modem_does_not_patch() -> None:
    bench = ModemBench(plain(patch_cla=False))
    session = bench.open_isdr()
    assert bench.apdu(session, EID_COMMAND)[0] == '+CGLA: 4,"6D00"'
    assert bench.apdu(session, "81" + EID_COMMAND[2:])[0] == '+CGLA: 4,"6115"'


@pytest.mark.parametrize(("cla", "channel", "expected"), [(0x80, 3, 0x83), (0x00, 4, 0x40), (0x80, 19, 0xCF)])
def test_class_byte_of_a_channel(cla: int, channel: int, expected: int) -> None:
    assert class_byte(cla, channel) == expected


def test_missing_quotation_marks() -> None:
    strict, lenient = ModemBench("quectel-eg25"), ModemBench("plain")
    assert strict.send(f"AT+CCHO={ISDR}") == ["ERROR"]
    assert lenient.send(f"AT+CCHO={ISDR}") == ["+CCHO: 1", "OK"]


def test_lower_case_digits() -> None:
    strict, lenient = ModemBench("csim-only"), ModemBench("plain")
    assert strict.send('AT+CSIM=10,"00a4000400"') == ["+CME ERROR: 50"]
    assert strict.send('AT+CSIM=10,"00A4000400"')[-1] == "OK"
    assert lenient.send('AT+CSIM=10,"00a4000400"')[-1] == "OK"


@pytest.mark.parametrize(
    "command", ['AT+CSIM=12,"0070000001"', 'AT+CSIM=9,"007000001"', 'AT+CSIM=4,"0070"', "AT+CSIM=10", 'AT+CSIM=x,"00"']
)
def test_wrong_length_or_digits_are_refused(command: str) -> None:
    assert ModemBench().send(command) == ["+CME ERROR: 50"]


def test_modem_that_fetches_the_answer_itself() -> None:
    bench = ModemBench(plain(get_response=True))
    session = bench.open_isdr()
    answer = bench.apdu(session, EID_COMMAND)[0]
    assert answer.startswith('+CGLA: 46,"BF3E125A10')


def test_apdu_longer_than_the_modem_takes() -> None:
    bench = ModemBench("ublox-sara-r5")
    session = bench.open_isdr()
    fits, too_long = "80E2110080" + "00" * 128, "80E21100FF" + "00" * 255
    assert bench.apdu(session, fits)[-1] == "OK"
    assert bench.apdu(session, too_long) == ["+CME ERROR: 50"]


def test_line_longer_than_the_modem_takes() -> None:
    personality = replace(load_personality("plain"), line=LineStyle(max_line=100))
    bench = ModemBench(personality)
    session = bench.open_isdr()
    assert bench.apdu(session, "80E2110040" + "00" * 64) == ["ERROR"]
    assert bench.apdu(session, EID_COMMAND)[-1] == "OK"


def test_modem_gives_up_when_the_card_takes_too_long() -> None:
    bench = ModemBench(plain(timer=0.3), knobs=Knobs(apdu_time=2.0))
    assert bench.send(f'AT+CCHO="{ISDR}"', wait=2.0)[-1] == "OK"
    assert bench.apdu("1", EID_COMMAND) == []
    assert bench.wait(0.3) == ["ERROR"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("plain", ["+CCHO: <dfname>", "OK"]), ("fibocom-fm350", ["OK"]), ("sierra-em7565", ["ERROR"])],
)
def test_test_form_of_ccho(name: str, expected: list[str]) -> None:
    assert ModemBench(name).send("AT+CCHO=?") == expected


@pytest.mark.parametrize(("name", "expected"), [("quectel-eg25", "ERROR"), ("quectel-eg916q", "+CME ERROR: 13")])
def test_card_without_isdr(name: str, expected: str) -> None:
    bench = ModemBench(name, FakeCard(isdr=False))
    assert bench.send(f'AT+CCHO="{ISDR}"') == [expected]
    assert bench.card.open_channels() == set()


def test_csim_that_opens_channels_but_refuses_select() -> None:
    bench = ModemBench("quectel-eg95")
    assert bench.send('AT+CSIM=10,"0070000001"') == ['+CSIM: 6,"019000"', "OK"]
    assert bench.send('AT+CSIM=24,"01A4040007A0000005590010"') == ["+CME ERROR: 0"]


def test_own_lpa_holds_the_isdr_until_it_is_switched_off_and_the_modem_reset() -> None:
    bench = ModemBench("quectel-rg650e")
    assert bench.send(f'AT+CCHO="{ISDR}"') == ["ERROR"]
    bench.send('AT+QESIM="lpa_enable",0')
    assert bench.send(f'AT+CCHO="{ISDR}"') == ["ERROR"]
    bench.send("AT+CFUN=1,1")
    bench.clock.advance(5)
    bench.send("ATE0")
    assert bench.send(f'AT+CCHO="{ISDR}"') == ["+CCHO: 1", "OK"]


def test_close_command_may_not_exist() -> None:
    bench = ModemBench(plain(cchc=False))
    bench.open_isdr()
    assert bench.send("AT+CCHC=1") == ["ERROR"]


def test_closing_twice_and_using_a_closed_session_are_errors() -> None:
    bench = ModemBench()
    session = bench.open_isdr()
    assert bench.send(f"AT+CCHC={session}") == ["OK"]
    assert bench.send(f"AT+CCHC={session}") == ["+CME ERROR: 50"]
    assert bench.apdu(session, EID_COMMAND) == ["+CME ERROR: 50"]


def test_sessions_run_out_and_come_back() -> None:
    bench = ModemBench()
    sessions = [bench.open_isdr() for _ in range(3)]
    assert bench.send(f'AT+CCHO="{ISDR}"') == ["+CME ERROR: 126"]
    bench.send(f"AT+CCHC={sessions[1]}")
    assert bench.open_isdr() == sessions[1]


def test_apdus_are_counted_with_their_bytes() -> None:
    bench = ModemBench()
    session = bench.open_isdr()
    bench.apdu(session, EID_COMMAND)
    bench.apdu(session, "80C0000015")
    counters = bench.modem.counters
    assert (counters.apdus, counters.apdu_bytes_up, counters.apdu_bytes_down) == (2, 16, 25)
