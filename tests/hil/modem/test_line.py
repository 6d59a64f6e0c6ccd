from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.modem.command import Argument, Command, Form, parse_line
from hil.modem.line import BUFFER_LIMIT, Framing, LineEditor, LineSettings, command_body, final_result, information
from hil.modem.reply import Refused
from tests.hil.modem.bench import ModemBench


def test_echo_is_on_after_power_up_and_ends_with_the_carriage_return() -> None:
    bench = ModemBench(fresh=True)
    bench.modem.power_on()
    bench.clock.advance(5)
    assert bench.raw("at") == b"at\r\r\nOK\r\n"
    assert bench.raw("ATE0") == b"ATE0\r\r\nOK\r\n"
    assert bench.raw("AT") == b"\r\nOK\r\n"


def test_short_results_are_digits_and_quiet_mode_has_none() -> None:
    bench = ModemBench()
    assert bench.raw("ATV0") == b"0\r"
    assert bench.raw("AT+CGMM") == b"VM-1\r\n0\r"
    assert bench.raw("AT+NONSENSE") == b"4\r"
    assert bench.raw("ATV1") == b"\r\nOK\r\n"
    assert bench.raw("ATQ1") == b""
    assert bench.raw("AT") == b""
    assert bench.raw("ATQ0") == b"\r\nOK\r\n"


def test_line_without_prefix_is_ignored_and_noise_before_it_dropped() -> None:
    bench = ModemBench()
    assert bench.raw("hello") == b""
    assert bench.raw("\x00\x7f~~AT") == b"\r\nOK\r\n"


def test_line_feed_after_the_command_does_no_harm() -> None:
    bench = ModemBench()
    bench.output.clear()
    bench.modem.receive(b"AT\r\nAT\r\n")
    assert bench.lines(bytes(bench.output)) == ["OK", "OK"]


def test_commands_of_one_line_share_one_result_and_stop_at_the_first_error() -> None:
    bench = ModemBench()
    assert bench.send("ATE0V1+CFUN?;+CMEE?") == ["+CFUN: 1", "+CMEE: 1", "OK"]
    assert bench.send("AT+CMEE?;+NONSENSE;+CFUN?") == ["+CMEE: 1", "ERROR"]


def test_error_form_follows_cmee() -> None:
    bench = ModemBench()
    assert bench.send("AT+CFUN=99") == ["+CME ERROR: 50"]
    bench.send("AT+CMEE=2")
    assert bench.send("AT+CFUN=99") == ["+CME ERROR: Incorrect parameters"]
    bench.send("AT+CMEE=0")
    assert bench.send("AT+CFUN=99") == ["ERROR"]


def test_input_during_a_slow_command_waits_for_its_turn() -> None:
    bench = ModemBench()
    bench.output.clear()
    bench.modem.receive(b"AT+COPS=?\rAT+CFUN?\r")
    assert bench.output == b""
    bench.clock.advance(2)
    assert [line.split(":")[0] for line in bench.lines(bytes(bench.output))] == ["+COPS", "OK", "+CFUN", "OK"]


def test_editor_takes_back_characters_and_survives_a_flood() -> None:
    editor = LineEditor()
    editor.feed(b"ATX\x08I\r")
    assert editor.next_line() == (b"ATX\x08I\r", b"ATI")
    editor.feed(b"A" * (2 * BUFFER_LIMIT))
    editor.next_line()
    editor.feed(b"A\r")
    assert editor.next_line()[1] == b""
    editor.feed(b"AT\r")
    assert editor.next_line()[1] == b"AT"


def test_unsolicited_line_waits_while_a_line_is_echoed() -> None:
    bench = ModemBench()
    bench.send("AT+CEREG=1")
    bench.raw("ATE1")
    bench.output.clear()
    bench.modem.receive(b"AT+CF")
    bench.network.set_signal("26201", None)
    assert bench.output == b"AT+CF"
    bench.modem.receive(b"UN?\r")
    assert bench.lines(bytes(bench.output)) == ["AT+CFUN?", "+CFUN: 1", "OK", "+CEREG: 2"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", []),
        ("E0V1", [Command("E", Form.EXECUTE, (Argument("0"),)), Command("V", Form.EXECUTE, (Argument("1"),))]),
        ("&F", [Command("&F", Form.EXECUTE, (Argument(""),))]),
        ("+cpin?", [Command("+CPIN", Form.READ)]),
        ("+CCHO=?", [Command("+CCHO", Form.TEST)]),
        ("S3=13", [Command("S3", Form.SET, (Argument("13"),))]),
        (
            '+X=1,"a,b;c",,',
            [Command("+X", Form.SET, (Argument("1"), Argument("a,b;c", True), Argument(""), Argument("")))],
        ),
        (
            "+CFUN=0;+CFUN=1",
            [Command("+CFUN", Form.SET, (Argument("0"),)), Command("+CFUN", Form.SET, (Argument("1"),))],
        ),
        ("!ICCID?", [Command("!ICCID", Form.READ)]),
    ],
)
def test_line_is_taken_apart(body: str, expected: list[Command]) -> None:
    assert parse_line(body) == expected


@pytest.mark.parametrize("body", ["?", '+CPIN="12', "+CFUN?1", "~"])
def test_what_is_no_command_is_refused(body: str) -> None:
    with pytest.raises(Refused):
        parse_line(body)


def test_body_starts_after_the_prefix_in_any_case() -> None:
    assert command_body(b"xxaT+CFUN?") == "+CFUN?"
    assert command_body(b"nothing") is None


def test_framing_variants() -> None:
    settings = LineSettings()
    assert information(("a", "b"), settings, Framing()) == b"\r\na\r\nb\r\n"
    assert information(("a", "b"), settings, Framing(blank_between=True)) == b"\r\na\r\n\r\nb\r\n"
    assert information(("a",), settings, Framing(leading_crlf=False)) == b"a\r\n"
    assert final_result("OK", settings, Framing(leading_crlf=False)) == b"OK\r\n"


FINALS = ("OK", "ERROR", "+CME ERROR")


@given(st.lists(st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=60), max_size=5))
def test_any_command_line_ends_in_one_final_result(bodies: list[str]) -> None:
    bench = ModemBench()
    for body in bodies:
        bench.send("ATE0V1Q0+CMEE=1", wait=200)
        bench.output.clear()
        bench.modem.receive(b"AT+" + body.encode("latin-1") + b"\r")
        bench.clock.advance(200)
        finals = [line for line in bench.lines(bytes(bench.output)) if line.startswith(FINALS)]
        assert len(finals) == 1, (body, bytes(bench.output))


def test_number_of_absurd_length_is_an_error_and_no_accident() -> None:
    assert ModemBench().send("AT+CFUN=" + "1" * 4000) == ["+CME ERROR: 50"]
