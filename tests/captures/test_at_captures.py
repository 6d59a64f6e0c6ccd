"""How other people's modems carry APDUs, through our parsers: an expectation for every sample."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ipad.card.answers import apdu_from_answer, session_id
from ipad.errors import CardError
from ipad.modem.answer import AtAnswer
from ipad.modem.at import AtParser, Completed, Ignored
from ipad.modem.fields import split_fields, split_prefix, unquote
from ipad.modem.sim import SimCondition, parse_cpin
from ipad.modem.urc import UrcTable
from tests.captures.dialogue import OPEN, Dialogue, final_error, script, values, wire
from tests.captures.samples import Sample, needs_captures, read


def at_01(sample: Sample) -> None:
    results = script(sample)
    assert [command for command, _ in results] == [
        "AT+CCHO=?",
        "AT+CCHC=?",
        "AT+CGLA=?",
        "AT+CCHC=1",
        "AT+CCHC=2",
        "AT+CCHC=3",
        "AT+CCHC=4",
    ]
    assert [result.ok for _, result in results] == [True, True, True, True, False, False, False]
    assert not any(result.lines for _, result in results)


def at_03(sample: Sample) -> None:
    close = AtParser(UrcTable())
    close.begin("AT+CCHC=1")
    events = close.feed(wire(sample.lines[:3]).encode())
    assert Completed(True, "OK", None, ()) in events
    rest = AtParser(UrcTable())
    rest.begin(OPEN)
    completed = [event for event in rest.feed(wire(sample.lines[3:]).encode()) if isinstance(event, Completed)]
    assert session_id(AtAnswer(OPEN, completed[0].lines)) == "1"


def at_04(sample: Sample) -> None:
    assert [(result.ok, result.final) for _, result in script(sample)] == [(False, "ERROR")]


def session(expected: str) -> Callable[[Sample], None]:
    def check(sample: Sample) -> None:
        assert session_id(Dialogue(sample, OPEN, tail="OK\r\n" if "OK" not in sample.lines else "").answer) == expected

    return check


def at_09(sample: Sample) -> None:
    command = sample.lines[0].partition(">")[2]
    dialogue = Dialogue(sample, command)
    assert apdu_from_answer("+CGLA", dialogue.answer) == b"\x90\x00"
    assert all(isinstance(event, Completed | Ignored) for event in dialogue.events)


def apdu(prefix: str, expected: str) -> Callable[[Sample], None]:
    def check(sample: Sample) -> None:
        command = sample.lines[0]
        answer = Dialogue(sample, command).answer
        response = apdu_from_answer(prefix, answer)
        assert response.hex().upper() == expected
        length, _, text = command.partition("=")[2].split(",", 1)[-1].rpartition(",")
        assert int(length.rpartition(",")[2] or command.partition("=")[2].split(",")[0]) == len(unquote(text))

    return check


def at_20(sample: Sample) -> None:
    opened = Dialogue(Sample(**{**vars(sample), "lines": sample.lines[:2]}), 'AT+CSIM=10,"0070000001"')
    assert apdu_from_answer("+CSIM", opened.answer) == bytes.fromhex("019000")
    refused = Dialogue(Sample(**{**vars(sample), "lines": sample.lines[2:]}), sample.lines[2])
    assert (refused.answers[0].ok, refused.answers[0].code) == (False, 0)


def at_25(sample: Sample) -> None:
    (line,) = Dialogue(sample, "AT+CRSM=176,12258,0,0,10").answers[0].lines
    sw1, sw2, data = split_fields(split_prefix(line)[1])
    assert (int(sw1) << 8 | int(sw2), unquote(data)) == (0x9408, "")


def at_28(sample: Sample) -> None:
    parser = AtParser(UrcTable())
    parser.begin('AT+CGLA=1,10,"80C0000015"')
    events = parser.feed(wire(sample.lines[:1]).encode())
    assert events == [Completed(False, "+CME ERROR: Incorrect parameters", None, ())]
    # The late answer belongs to nobody: it neither ends nor fills anything.
    late = parser.feed(wire(sample.lines[1:]).encode())
    assert all(isinstance(event, Ignored) for event in late)
    assert len(late) == 2


def at_33(sample: Sample) -> None:
    for _, value in values(sample):
        sw1, sw2, data = split_fields(value)
        assert (sw1, sw2) == ("144", "0")
        assert bytes.fromhex(unquote(data))[1:8] == b"THURAYA"


def at_34(sample: Sample) -> None:
    (line,) = Dialogue(sample, "AT+ESLOTSINFO?", tail="OK\r\n").answer.lines
    fields = [unquote(field) for field in split_fields(split_prefix(line)[1])]
    states = [state.condition for state in map(parse_cpin, fields) if state]
    assert states == [SimCondition.READY, SimCondition.EMPTY_EUICC]
    assert len(fields[11]) == 32


_KEY = "041481370F5125D0B1D408D4C3B232E6D25E795BEBFB"
EUICC_INFO1 = f"BF20358203020300A916{_KEY}AA16{_KEY}9000"


EXPECTED: dict[str, Callable[[Sample], None]] = {
    "at-01": at_01,
    "at-03": at_03,
    "at-04": at_04,
    "at-05": session("000000000385a7cf"),
    "at-06": session("00000000038aa32f"),
    "at-09": at_09,
    "at-13": session("1"),
    "at-14": apdu("+CGLA", "BF2E128010FDC5A60071053ABB4C0F91BC0620BCFD9000"),
    "at-15": apdu("+CGLA", EUICC_INFO1),
    "at-16": apdu("+CGLA", "9000"),
    "at-17": session("1"),
    "at-18": final_error(None),
    "at-19": final_error(13),
    "at-20": at_20,
    "at-25": at_25,
    "at-27": final_error(None),
    "at-28": at_28,
    "at-31": apdu("+CSIM", "BF31038001079000"),
    "at-33": at_33,
    "at-34": at_34,
    "at-35": final_error(4, command="AT^ICCID?"),
}
SAMPLES = read("at-apdu.txt")


@needs_captures
def test_every_sample_has_an_expectation() -> None:
    assert set(SAMPLES) == set(EXPECTED)


@needs_captures
@pytest.mark.parametrize("sample", SAMPLES.values(), ids=lambda sample: sample.id)
def test_sample(sample: Sample) -> None:
    EXPECTED[sample.id](sample)


@needs_captures
@pytest.mark.parametrize("sample", (SAMPLES | read("modem-status.txt")).values(), ids=lambda sample: sample.id)
def test_no_sample_breaks_a_parser_whatever_command_runs(sample: Sample) -> None:
    text = wire(sample.lines).encode()
    for command in ("AT", "AT+CEREG?", OPEN, 'AT+CGLA=1,10,"80C0000015"'):
        parser = AtParser(UrcTable())
        parser.begin(command)
        events = [event for octet in text for event in parser.feed(bytes((octet,)))]
        for event in events:
            if isinstance(event, Completed):
                try:
                    response = apdu_from_answer("+CGLA", AtAnswer(command, event.lines))
                except CardError:
                    continue
                assert len(response) >= 2
