"""The AT parser: framing, echo, results, events, cut anywhere."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipad.modem.at import AtParser, Completed, Event, Ignored, Prompt, Urc
from ipad.modem.urc import UrcTable

OPEN = 'AT+CCHO="A0000005591010FFFFFFFF8900000100"'
APDU = 'AT+CGLA=1,22,"80E2910006BF3E035C015A"'


def parser(*urcs: str, max_line: int = 32768) -> AtParser:
    return AtParser(UrcTable(("+QIND", "+QUSIM", "+CFUN", "RDY", *urcs)), max_line=max_line)


def run(command: str, data: bytes, *, at: AtParser | None = None, numeric: bool = False) -> list[Event]:
    at = at or parser()
    at.begin(command, numeric=numeric)
    return [event for event in at.feed(data) if not isinstance(event, Ignored)]


def answer(command: str, data: bytes) -> Completed:
    completed = [event for event in run(command, data) if isinstance(event, Completed)]
    assert len(completed) == 1
    return completed[0]


GOLDEN = [
    (OPEN, b"\r\n+CCHO: 1\r\n\r\nOK\r\n", ("+CCHO: 1",)),
    (APDU, b'\r\n+CGLA: 4,"6115"\r\n\r\nOK\r\n', ('+CGLA: 4,"6115"',)),
    (
        'AT+CGLA=1,10,"80C0000015"',
        b'\r\n+CGLA: 46,"BF3E125A10890490321234512345123456789012359000"\r\n\r\nOK\r\n',
        ('+CGLA: 46,"BF3E125A10890490321234512345123456789012359000"',),
    ),
    ("AT+CCHC=1", b"\r\nOK\r\n", ()),
    ("AT+CGMM", b"nRF9160\r\nOK\r\n", ("nRF9160",)),
    ("AT+CIMI", b"AT+CIMI\r\r\n001010123456789\r\n\r\nOK\r\n", ("001010123456789",)),
    (
        "ATI",
        b"\r\nQuectel\r\nEG25\r\nRevision: EG25GGBR07A08M2G\r\n\r\nOK\r\n",
        ("Quectel", "EG25", "Revision: EG25GGBR07A08M2G"),
    ),
]


@pytest.mark.parametrize(("command", "data", "lines"), GOLDEN)
def test_reads_a_dialogue_whole_and_bytewise(command: str, data: bytes, lines: tuple[str, ...]) -> None:
    expected = [Completed(ok=True, final="OK", code=None, lines=lines)]
    assert run(command, data) == expected
    at = parser()
    at.begin(command)
    events = [event for octet in data for event in at.feed(bytes((octet,)))]
    assert [event for event in events if not isinstance(event, Ignored)] == expected
    assert not at.running


@given(st.sampled_from(GOLDEN), st.lists(st.integers(0, 80), max_size=12))
def test_chunk_boundaries_change_nothing(dialogue: tuple[str, bytes, tuple[str, ...]], cuts: list[int]) -> None:
    command, data, lines = dialogue
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    at = parser()
    at.begin(command)
    events = [event for start, end in pairwise(edges) for event in at.feed(data[start:end])]
    assert [event for event in events if not isinstance(event, Ignored)] == [Completed(True, "OK", None, lines)]


@pytest.mark.parametrize(
    ("final", "code"),
    [
        (b"ERROR", None),
        (b"+CME ERROR: 13", 13),
        (b"+CME ERROR:0", 0),
        (b"+CME ERROR: Incorrect parameters", None),
        (b"+CMS ERROR: 500", 500),
        (b"+cme error: 3", 3),
        (b"COMMAND NOT SUPPORT", None),
        (b"ABORTED", None),
        (b"Parameters error", None),
    ],
)
def test_every_error_is_final(final: bytes, code: int | None) -> None:
    result = answer("AT+CGSN", b"\r\n" + final + b"\r\n")
    assert not result.ok
    assert (result.final, result.code) == (final.decode(), code)


@pytest.mark.parametrize("urc", [b"+QIND: SMS DONE", b"RDY", b"+CEREG: 1", b"+CTZV: +32", b"RING", b"NO CARRIER"])
@pytest.mark.parametrize(("command", "data", "lines"), GOLDEN)
def test_an_event_at_any_line_boundary_is_taken_out(
    command: str, data: bytes, lines: tuple[str, ...], urc: bytes
) -> None:
    boundaries = [0, *(index + 1 for index, octet in enumerate(data) if octet == 0x0A)]
    for boundary in boundaries:
        at = parser()
        at.begin(command)
        events = at.feed(data[:boundary] + b"\r\n" + urc + b"\r\n" + data[boundary:])
        assert [event for event in events if isinstance(event, Urc)] == [Urc(urc.decode())]
        assert [event for event in events if isinstance(event, Completed)] == [Completed(True, "OK", None, lines)]


def test_registration_events_are_told_from_the_answer_by_their_fields() -> None:
    events = run(
        "AT+CEREG?", b'\r\n+CEREG: 2\r\n\r\n+CEREG: 2,1,"4B00","13F306",7\r\n+CEREG: 5,"4B00","13F306",7\r\nOK\r\n'
    )
    assert events[0] == Urc("+CEREG: 2")
    assert events[1] == Urc('+CEREG: 5,"4B00","13F306",7')
    assert isinstance(events[2], Completed)
    assert events[2].lines == ('+CEREG: 2,1,"4B00","13F306",7',)


def test_a_line_with_the_prefix_of_a_set_command_is_an_event() -> None:
    assert run("AT+CFUN=1", b"\r\n+CFUN: 1\r\n\r\nOK\r\n")[0] == Urc("+CFUN: 1")
    assert answer("AT+CFUN?", b"\r\n+CFUN: 1\r\n\r\nOK\r\n").lines == ("+CFUN: 1",)


@pytest.mark.parametrize(
    ("line", "lines", "urc"),
    [
        (b'+CGLA: 4,"9000"+CEREG: 1', ('+CGLA: 4,"9000"',), "+CEREG: 1"),
        (b'+QUSIM: 1+CGLA: 4,"9000"', ('+CGLA: 4,"9000"',), "+QUSIM: 1"),
    ],
)
def test_an_event_glued_to_an_answer_is_parted(line: bytes, lines: tuple[str, ...], urc: str) -> None:
    events = run(APDU, b"\r\n" + line + b"\r\n\r\nOK\r\n")
    assert Urc(urc) in events
    assert events[-1] == Completed(True, "OK", None, lines)


def test_an_event_glued_to_the_final_result_is_parted() -> None:
    assert run("AT", b"\r\nOK+CEREG: 0\r\n") == [Completed(True, "OK", None, ()), Urc("+CEREG: 0")]


def test_text_in_quotes_is_never_taken_for_an_event() -> None:
    line = '+ESLOTSINFO: 2, "+CPIN: READY", "1"'
    assert answer("AT+ESLOTSINFO?", f"\r\n{line}\r\nOK\r\n".encode()).lines == (line,)


@pytest.mark.parametrize(
    "echo", [f"{APDU}\r".encode(), b"T" + APDU[2:].encode() + b"\r", b'=4,"9000">' + APDU.encode() + b"\r", b""]
)
def test_echoes_whole_cut_or_glued_are_no_answers(echo: bytes) -> None:
    assert answer(APDU, echo + b'\r\n+CGLA: 4,"9000"\r\n\r\nOK\r\n').lines == ('+CGLA: 4,"9000"',)


def test_an_echo_glued_to_its_answer_is_cut_off() -> None:
    assert answer("AT+CSQ", b"AT+CSQ+CSQ: 20,99\r\nOK\r\n").lines == ("+CSQ: 20,99",)


def test_the_ok_of_an_earlier_command_glued_to_the_echo_ends_nothing() -> None:
    events = run(APDU, b"OK" + APDU.encode() + b"\r\r\n" + b'+CGLA: 4,"9000"\r\nOK\r\n')
    assert events == [Completed(True, "OK", None, ('+CGLA: 4,"9000"',))]


def test_the_list_of_commands_is_no_echo() -> None:
    assert answer("AT+CLAC", b"\r\nAT+CSQ\r\nAT+CREG\r\nOK\r\n").lines == ("AT+CSQ", "AT+CREG")


def test_an_apdu_answer_broken_across_lines_is_joined_up_to_its_length() -> None:
    data = b'\r\n+CSIM: 46,"BF3E125A10890490321234\r\n\r\n+QIND: PB DONE\r\n512345123456\r\n789012359000"\r\nOK\r\n'
    events = run('AT+CSIM=10,"01C0000015"', data)
    assert events[0] == Urc("+QIND: PB DONE")
    assert isinstance(events[1], Completed)
    assert events[1].lines == ('+CSIM: 46,"BF3E125A10890490321234512345123456789012359000"',)


def test_a_bare_session_number_is_an_answer_line() -> None:
    assert answer(OPEN, b"\r\n1\r\n\r\nOK\r\n").lines == ("1",)


@pytest.mark.parametrize(("digit", "ok"), [(b"0\r", True), (b"4\r", False)])
def test_numeric_results_are_read_while_the_dialogue_starts(digit: bytes, ok: bool) -> None:
    assert [event.ok for event in run("ATV1", digit, numeric=True) if isinstance(event, Completed)] == [ok]
    assert run("AT+CCHC=1", digit) == []


def test_a_prompt_is_seen_without_line_end() -> None:
    at = parser()
    at.begin("AT+CMGS=5")
    events = [event for octet in b"\r\n> " for event in at.feed(bytes((octet,)))]
    assert events == [Prompt()]


def test_an_endless_line_is_dropped_and_the_next_one_read() -> None:
    at = parser(max_line=100)
    at.begin("AT+CSQ")
    dropped = at.feed(b"X" * 150) + at.feed(b"Y" * 150)
    assert [type(event) for event in dropped] == [Ignored, Ignored][: len(dropped)]
    assert dropped
    assert at.feed(b"Z\r\n+CSQ: 20,99\r\nOK\r\n")[-1] == Completed(True, "OK", None, ("+CSQ: 20,99",))


@given(st.binary(max_size=300))
def test_garbage_never_raises_and_keeps_the_buffer_bounded(data: bytes) -> None:
    at = parser(max_line=64)
    at.begin("AT+CSQ")
    at.feed(data)
    at.feed(b"\r\n")
    if at.running:
        assert any(isinstance(event, Completed) for event in at.feed(b"OK\r\n"))


def test_lines_while_idle_are_events_or_ignored() -> None:
    at = parser()
    assert at.feed(b"\r\n+CEREG: 0\r\nwhatever\r\n") == [Urc("+CEREG: 0"), Ignored("whatever", "no command runs")]


def test_a_call_result_ends_only_a_call() -> None:
    assert answer("ATD*99#", b"\r\nCONNECT 150000000\r\n").ok
    assert not answer("ATD*99#", b"\r\nNO CARRIER\r\n").ok


def test_control_characters_of_a_waking_uart_are_dropped() -> None:
    assert answer("AT", b"\x00\x00\xff\r\n\x00OK\r\n").ok
