"""AT commands over a console of labgrid's own making."""

from __future__ import annotations

import pytest

pytest.importorskip("labgrid")

from labgrid import Target
from labgrid.binding import StateError
from labgrid.driver.exception import ExecutionError

from hil.lab.at_driver import IpadAtDriver
from tests.lab.fakes import ModemConsole, active

OK = b"\r\nOK\r\n"


def modem(target: Target | None = None, **answers: object) -> tuple[ModemConsole, IpadAtDriver]:
    target = target or Target("main")
    console = ModemConsole(target, "at", answers={name.replace("_", "+"): said for name, said in answers.items()})
    return console, active(target, IpadAtDriver(target, "at", timeout=0.2, pause=0.0))


def test_answer_is_the_information_lines() -> None:
    console, at = modem(AT_CSQ=b"\r\n+CSQ: 20,99\r\n" + OK)
    assert at.at("AT+CSQ") == ["+CSQ: 20,99"]
    assert console.sent[-1] == b"AT+CSQ\r"


def test_what_came_before_the_echo_is_no_answer() -> None:
    console, at = modem(AT_CSQ=b"\r\n+CSQ: 20,99\r\n" + OK)
    console.say(b"\r\n+CREG: 1\r\n" + OK)
    assert at.at("AT+CSQ") == ["+CSQ: 20,99"]


@pytest.mark.parametrize("final", ["ERROR", "+CME ERROR: 10", "+CMS ERROR: 500", "NO CARRIER"])
def test_any_other_end_than_ok_is_an_error(final: str) -> None:
    _, at = modem(AT_CPIN=f"\r\n{final}\r\n".encode())
    with pytest.raises(ExecutionError) as caught:
        at.at("AT+CPIN")
    assert caught.value.msg == f"AT+CPIN: {final}"


def test_silence_is_an_error() -> None:
    _, at = modem()
    with pytest.raises(ExecutionError) as caught:
        at.at("AT+COPS=?", timeout=0.05)
    assert caught.value.msg == "AT+COPS=?: no answer within 0.05 s"


@pytest.mark.parametrize("command", ["", "A", "AT\rAT", "AT+CMGS=\x1a", "AT\u00e4", "AT" + "+" * 2000])
def test_only_one_printable_command_is_sent(command: str) -> None:
    console, at = modem()
    before = len(console.sent)
    with pytest.raises(ValueError, match="expected one AT command"):
        at.at(command)
    assert len(console.sent) == before


def test_modem_that_says_nothing_is_refused_at_activation() -> None:
    target = Target("main")
    ModemConsole(target, "at", answers={"ATE1": [b"", b"", b""]}, echoes=False)
    driver = IpadAtDriver(target, "at", timeout=0.02)
    with pytest.raises(ExecutionError):
        target.activate(driver)


def test_modem_with_half_a_command_on_its_line_is_asked_again() -> None:
    target = Target("main")
    console = ModemConsole(target, "at", answers={"ATE1": [b"\r\nERROR\r\n", OK]})
    active(target, IpadAtDriver(target, "at", timeout=0.05))
    assert console.sent == [b"\rATE1\r", b"\rATE1\r"]


def test_sim_is_awaited() -> None:
    _, at = modem(
        **{"AT_CPIN?": [b"\r\n+CME ERROR: 14\r\n", b"\r\n+CPIN: SIM PIN\r\n" + OK, b"\r\n+CPIN: READY\r\n" + OK]}
    )
    at.await_sim(1.0)


def test_sim_that_never_gets_ready_is_told() -> None:
    _, at = modem(**{"AT_CPIN?": b"\r\n+CPIN: SIM PUK\r\n" + OK})
    with pytest.raises(ExecutionError) as caught:
        at.await_sim(0.01)
    assert caught.value.msg == "the SIM is not ready after 0.01 s: +CPIN: SIM PUK"


def test_commands_need_an_active_driver() -> None:
    target = Target("main")
    ModemConsole(target, "at")
    with pytest.raises(StateError):
        IpadAtDriver(target, "at").at("AT")
