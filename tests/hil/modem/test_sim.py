from __future__ import annotations

from dataclasses import replace

import pytest

from hil.modem import Knobs, load_personality
from hil.modem.personality import SimStyle
from tests.hil.modem.bench import ModemBench
from tests.hil.modem.fake_card import AWAY, HOME, FakeCard

SWITCH = "80E2910003BF3100"


def switch(bench: ModemBench) -> None:
    """Ask the card for the other profile; what the card announces is left to the modem."""
    session = bench.open_isdr()
    assert bench.apdu(session, SWITCH)[0] == '+CGLA: 4,"6106"'
    assert '0B"' in bench.apdu(session, "80C0000006")[0]


@pytest.mark.parametrize(
    ("name", "command", "expected"),
    [
        ("plain", "AT+CCID", f"+CCID: {HOME.iccid}"),
        ("quectel-eg25", "AT+QCCID", f"+QCCID: {HOME.iccid}"),
        ("simcom-a7600", "AT+CICCID", f"+ICCID: {HOME.iccid}"),
        ("sierra-em7565", "AT!ICCID?", f"!ICCID: {HOME.iccid}"),
        ("nordic-nrf91", "AT%XICCID", f"%XICCID: {HOME.iccid}F"),
    ],
)
def test_iccid_command_of_the_family(name: str, command: str, expected: str) -> None:
    assert ModemBench(name).send(command) == [expected, "OK"]


def test_identity_comes_from_the_card() -> None:
    bench = ModemBench()
    assert bench.send("AT+CIMI") == [HOME.imsi, "OK"]
    assert bench.send("AT+CPIN?") == ["+CPIN: READY", "OK"]
    assert bench.send('AT+CPINR="SIM PIN"') == ["+CPINR: SIM PIN,3,3", "OK"]
    assert bench.send('AT+CPIN="1234"') == ["+CME ERROR: 3"]


def test_terminal_announces_itself_before_it_reads() -> None:
    instructions = [apdu[1] for apdu in ModemBench().card.log]
    assert instructions[:2] == [0xAA, 0x10]
    assert 0xAA not in [apdu[1] for apdu in ModemBench("csim-only").card.log]


def test_restricted_access_reads_the_iccid_and_reports_missing_files() -> None:
    bench = ModemBench()
    assert bench.send("AT+CRSM=176,12258,0,0,10") == ['+CRSM: 144,0,"989400000000000000F1"', "OK"]
    assert bench.send("AT+CRSM=176,28423,0,0,9") == ['+CRSM: 144,0,"082926100000000010"', "OK"]
    assert bench.send("AT+CRSM=176,28540,0,0,9") == ["+CRSM: 106,130", "OK"]
    assert bench.send('AT+CRSM=176,28423,0,0,9,"","7FFF"')[0].startswith("+CRSM: 144,0,")
    assert bench.send("AT+CRSM=242")[0] == "+CRSM: 144,0"
    assert bench.send("AT+CRSM=999,12258")[0] == "+CME ERROR: 4"


def test_restricted_access_is_refused_where_the_family_refuses_it() -> None:
    bench = ModemBench("quectel-eg916q")
    assert bench.send("AT+CRSM=176,12258,0,0,10") == ["+CME ERROR: 3"]
    assert bench.send("AT+CRSM=176,28423,0,0,9")[-1] == "OK"


def test_card_without_usable_profile_answers_apdus_only() -> None:
    bench = ModemBench(card=FakeCard(profiles=[]))
    assert bench.send("AT+CPIN?") == ["+CME ERROR: 13"]
    assert bench.send("AT+CIMI") == ["+CME ERROR: 13"]
    assert bench.open_isdr() == "1"
    named = ModemBench("fibocom-fm350", FakeCard(profiles=[]))
    assert named.send("AT+CPIN?") == ["+CPIN: EMPTY_EUICC", "OK"]


def test_sim_is_busy_for_a_while_after_power_up() -> None:
    bench = ModemBench(fresh=True, knobs=Knobs(sim_busy=3.0))
    bench.modem.power_on()
    bench.clock.advance(1)
    bench.send("ATE0+CMEE=1")
    assert bench.send("AT+CPIN?") == ["+CME ERROR: 14"]
    assert bench.send('AT+CCHO="A0000005591010FFFFFFFF8900000100"') == ["+CME ERROR: 14"]
    bench.clock.advance(3)
    assert bench.send("AT+CPIN?") == ["+CPIN: READY", "OK"]


def test_refresh_comes_after_the_answer_and_ends_every_session() -> None:
    bench = ModemBench("quectel-eg25")
    switch(bench)
    resets = bench.card.resets
    assert bench.wait(1) == [
        "+CPIN: NOT READY",
        "+CPIN: READY",
        "+QUSIM: 1",
        "+QIND: SMS DONE",
        "+QIND: PB DONE",
    ]
    assert bench.card.resets == resets + 1
    assert bench.card.open_channels() == set()
    assert bench.apdu("1", SWITCH) == ["+CME ERROR: 50"]
    assert bench.send("AT+CIMI") == [AWAY.imsi, "OK"]
    assert bench.send("AT+QCCID") == [f"+QCCID: {AWAY.iccid}", "OK"]


def test_refresh_without_reset_is_answered_by_terminal_response() -> None:
    bench = ModemBench("ublox-sara-r5", FakeCard(qualifier=9))
    switch(bench)
    resets = bench.card.resets
    assert bench.wait(1) == ["+UUSIMSTAT: 9", "+UUSIMSTAT: 6"]
    assert bench.card.resets == resets
    response = next(apdu for apdu in bench.card.log if apdu[1] == 0x14)
    assert response.hex() == "801400000c810301010982028281830100"
    assert bench.send("AT+CIMI") == [AWAY.imsi, "OK"]


def test_ignored_refresh_leaves_the_old_identity_until_the_card_is_read_again() -> None:
    bench = ModemBench("quectel-eg916q")
    switch(bench)
    bench.clock.advance(60)
    assert bench.send("AT+CIMI") == [HOME.imsi, "OK"]
    bench.send("AT+CFUN=0")
    bench.send("AT+CFUN=1")
    bench.clock.advance(5)
    assert bench.send("AT+CIMI") == [AWAY.imsi, "OK"]


def test_refresh_may_make_the_port_vanish() -> None:
    bench = ModemBench("fibocom-fm350")
    switch(bench)
    bench.clock.advance(0.2)
    assert bench.port == [False]
    bench.clock.advance(2)
    assert bench.port == [False, True]
    assert bench.send("AT+CIMI") == [AWAY.imsi, "OK"]


def test_sessions_die_without_notice_or_with_a_line() -> None:
    bench = ModemBench(knobs=Knobs(session_loss_urc="+CCHC: 1"))
    switch(bench)
    assert bench.wait(1) == ["+CCHC: 1"]


def test_dead_sessions_may_lead_to_a_closed_channel() -> None:
    bench = ModemBench(knobs=Knobs(keep_dead_sessions=True))
    switch(bench)
    bench.clock.advance(1)
    assert bench.apdu("1", SWITCH) == ['+CGLA: 4,"6881"', "OK"]


def test_stale_iccid_and_echo_after_refresh() -> None:
    bench = ModemBench(knobs=Knobs(stale_iccid=HOME.iccid, echo_on_refresh=True))
    switch(bench)
    bench.clock.advance(1)
    assert bench.send("AT+CCID") == ["AT+CCID", f"+CCID: {HOME.iccid}", "OK"]
    assert bench.send("AT+CIMI") == ["AT+CIMI", AWAY.imsi, "OK"]


def test_card_is_taken_out_and_put_back() -> None:
    bench = ModemBench("quectel-eg25")
    bench.output.clear()
    bench.modem.set_knobs(Knobs(card_removed=True))
    assert bench.lines(bytes(bench.output)) == ["+CPIN: NOT INSERTED"]
    assert bench.send("AT+CPIN?") == ["+CME ERROR: 10"]
    assert bench.send("AT+QSIMSTAT?") == ["+QSIMSTAT: 1,0", "OK"]
    assert bench.bearer == [True, False]
    bench.modem.set_knobs(Knobs())
    bench.clock.advance(5)
    assert bench.send("AT+CPIN?") == ["+CPIN: READY", "OK"]
    assert bench.bearer == [True, False, True]


def test_minimum_functionality_takes_the_supply_from_the_card() -> None:
    bench = ModemBench()
    session = bench.open_isdr()
    assert bench.send("AT+CFUN=0") == ["OK"]
    assert not bench.card.powered
    assert bench.send("AT+CPIN?") == ["+CME ERROR: 13"]
    bench.send("AT+CFUN=1")
    bench.clock.advance(5)
    assert bench.apdu(session, SWITCH) == ["+CME ERROR: 50"]
    assert bench.send("AT+CFUN?") == ["+CFUN: 1", "OK"]


def test_transmitter_off_keeps_the_card() -> None:
    bench = ModemBench()
    session = bench.open_isdr()
    bench.send("AT+CFUN=4")
    assert bench.apdu(session, "80E2910006BF3E035C015A")[-1] == "OK"
    assert bench.bearer[-1] is False


def test_swapped_iccid_digits() -> None:
    personality = replace(load_personality("plain"), sim=SimStyle(iccid_swapped=True))
    assert ModemBench(personality).send("AT+CCID")[0] == "+CCID: 989400000000000000F1"


def test_unknown_proactive_command_is_answered_as_beyond_capabilities() -> None:
    bench = ModemBench()
    session = bench.open_isdr()
    bench.card._proactive = bytes.fromhex("D009810301130082028183")
    bench.apdu(session, "80E2910006BF3E035C015A")
    bench.apdu(session, "80C0000015")
    bench.clock.advance(1)
    assert bench.card.log[-1].hex() == "801400000c810301130082028281830130"
    assert bench.apdu(session, "80E2910006BF3E035C015A")[-1] == "OK"
