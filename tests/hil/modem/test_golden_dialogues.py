"""Dialogues with the ISD-R, byte for byte as the commands are defined in 3GPP TS 27.007 8.43 to 8.46."""

from __future__ import annotations

import pytest

from hil.modem import personality_names
from tests.hil.modem.bench import ModemBench

OPEN = 'AT+CCHO="A0000005591010FFFFFFFF8900000100"'
EID = "89049032123451234512345678901235"


def test_open_read_eid_close() -> None:
    bench = ModemBench("quectel-eg25")
    assert bench.raw(OPEN) == b"\r\n+CCHO: 1\r\n\r\nOK\r\n"
    assert bench.raw('AT+CGLA=1,22,"80E2910006BF3E035C015A"') == b'\r\n+CGLA: 4,"6115"\r\n\r\nOK\r\n'
    answer = bench.raw('AT+CGLA=1,10,"80C0000015"')
    assert answer == f'\r\n+CGLA: 46,"BF3E125A10{EID}9000"\r\n\r\nOK\r\n'.encode()
    assert bench.raw("AT+CCHC=1") == b"\r\nOK\r\n"
    assert bench.card.open_channels() == set()


def test_own_channel_over_csim() -> None:
    bench = ModemBench()
    assert bench.send('AT+CSIM=10,"0070000001"') == ['+CSIM: 6,"019000"', "OK"]
    assert bench.send('AT+CSIM=42,"01A4040010A0000005591010FFFFFFFF8900000100"') == ['+CSIM: 4,"6102"', "OK"]
    assert bench.send('AT+CSIM=10,"01C0000002"') == ['+CSIM: 8,"6F009000"', "OK"]
    assert bench.send('AT+CSIM=22,"81E2910006BF3E035C015A"') == ['+CSIM: 4,"6115"', "OK"]
    assert bench.send('AT+CSIM=10,"0070800100"') == ['+CSIM: 4,"9000"', "OK"]


@pytest.mark.parametrize("name", personality_names())
def test_every_personality_reads_the_eid_over_some_channel(name: str) -> None:
    bench = ModemBench(name)
    if not bench.personality.apdu.managed:
        assert bench.send(OPEN) == ["ERROR"]
        assert bench.send('AT+CSIM=10,"0070000001"')[-1] == "OK"
        bench.send('AT+CSIM=42,"01A4040010A0000005591010FFFFFFFF8900000100"')
        answer = bench.send('AT+CSIM=22,"81E2910006BF3E035C015A"')
        if not bench.personality.apdu.get_response:
            assert answer == ['+CSIM: 4,"6115"', "OK"]
            answer = bench.send('AT+CSIM=10,"81C0000015"')
    else:
        if bench.personality.apdu.isdr_held:
            assert bench.send(OPEN) == ["ERROR"]
            assert bench.send('AT+QESIM="lpa_enable",0') == ["OK"]
            bench.send("AT+CFUN=1,1")
            bench.clock.advance(5)
            bench.send("ATE0")
        session = bench.open_isdr()
        bench.apdu(session, "80E2910006BF3E035C015A")
        answer = bench.apdu(session, "80C0000015")
    assert f'46,"BF3E125A10{EID}9000"' in answer[0]
    assert answer[-1] == "OK"


def test_dialogue_does_not_depend_on_how_the_characters_arrive() -> None:
    whole, bytewise = ModemBench(), ModemBench()
    line = OPEN.encode() + b"\r"
    whole.output.clear()
    whole.modem.receive(line)
    bytewise.output.clear()
    for byte in line:
        bytewise.modem.receive(bytes([byte]))
    assert bytewise.output == whole.output
