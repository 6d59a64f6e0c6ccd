"""Answers to AT+CCHO, AT+CGLA and AT+CSIM in the ways of different modems."""

from __future__ import annotations

import pytest

from ipad.card.answers import apdu_from_answer, session_id
from ipad.errors import CardError
from ipad.modem.answer import AtAnswer


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("+CCHO: 1",), "1"),
        (("+CCHO:1",), "1"),
        (("1",), "1"),
        (("+CCHO: 000000000385a7cf",), "000000000385a7cf"),
        (('+CCHO: "2"',), "2"),
        (("noise line", "+CCHO: 3"), "3"),
        (("+CCHO: 1,9000",), "1"),
    ],
)
def test_the_session_id_stays_text(lines: tuple[str, ...], expected: str) -> None:
    assert session_id(AtAnswer("AT+CCHO", lines)) == expected


@pytest.mark.parametrize("lines", [(), ("+CCHO: ",), ("no session here",)])
def test_an_open_without_session_is_an_error(lines: tuple[str, ...]) -> None:
    with pytest.raises(CardError, match="expected a session id"):
        session_id(AtAnswer("AT+CCHO", lines))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('+CGLA: 4,"9000"', "9000"),
        ('+CGLA:4,"611A"', "611a"),
        ("+CGLA: 4,9000", "9000"),
        ('+CGLA: 10,"bf2e009000"', "bf2e009000"),
        ('+CGLA: 12,"BF2E009000"', "bf2e009000"),
        ('+CGLA: 9,"BF2E009000"', "bf2e009000"),
        ('+CGLA: 5,"BF2E009000"', "bf2e009000"),
        ('+CGLA: "9000"', "9000"),
        ('+CGLA: 4, "90 00"', "9000"),
    ],
)
def test_apdus_are_read_in_every_form(line: str, expected: str) -> None:
    assert apdu_from_answer("+CGLA", AtAnswer("AT+CGLA", (line,))).hex() == expected


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ((), "got OK alone"),
        (("+CSIM: 4",), "expected hexadecimal digits"),
        (('+CGLA: 4,"90"',), "expected \\+CSIM"),
        (('+CSIM: 4,"9G00"',), "expected hexadecimal digits"),
        (('+CSIM: 4,"900"',), "expected hexadecimal digits"),
        (('+CSIM: 4,"1234"',), "does not end in a status word"),
        (('+CSIM: 46,"BF3E9000"',), "46 digits announced, 8 came"),
    ],
)
def test_what_cannot_be_a_response_is_refused(lines: tuple[str, ...], problem: str) -> None:
    with pytest.raises(CardError, match=problem):
        apdu_from_answer("+CSIM", AtAnswer("AT+CSIM", lines))
