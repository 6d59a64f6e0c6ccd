"""`ipad modem` over a line, with the faults that a line can have."""

import fcntl
import json
import os
import pty
from collections.abc import Iterator

import pytest

from ipad.cli.main import run
from tests.ipad.daemon.at_server import AtServer
from tests.ipad.daemon.fakes import BriskClock, SwiftClock


@pytest.fixture
def tty() -> Iterator[str]:
    """A serial line with nobody at the other end."""
    master, slave = pty.openpty()
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


def test_info_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    with AtServer() as server:
        assert run(["modem", "info", "--port", server.port, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is True
    assert answer["board"] == "quectel-eg25"
    assert answer["iccid"] == "8988123456789012345"
    assert answer["signal_dbm"] == -73.0
    assert answer["data_session"] == ["10.0.0.7"]


def test_info_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    with AtServer() as server:
        assert run(["modem", "info", "--port", server.port]) == 0
    assert "manufacturer: Quectel" in capsys.readouterr().out


def test_at_prints_what_the_modem_says(capsys: pytest.CaptureFixture[str]) -> None:
    with AtServer() as server:
        assert run(["modem", "at", "AT+CPIN?", "--port", server.port]) == 0
        assert capsys.readouterr().out == "+CPIN: READY\nOK\n"
        assert run(["modem", "at", "AT+CPIN?", "--port", server.port, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lines"] == ["+CPIN: READY"]


def test_error_of_the_modem_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with AtServer() as server:
        assert run(["modem", "at", "AT+NONSENSE", "--port", server.port, "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["class"], error["code"]) == ("modem", 4)


@pytest.mark.parametrize("command", ["hello", "AT\r", "ATé"])
def test_only_at_commands_are_sent(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["modem", "at", command + "x", "--port", "/dev/null"]) == 2
    assert "expected a command" in capsys.readouterr().err


def test_port_that_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["modem", "info", "--port", "/dev/does-not-exist"]) == 6
    assert capsys.readouterr().err.splitlines()[0] == "ipad: /dev/does-not-exist: there is no such port"


def test_port_that_another_program_uses(tty: str, capsys: pytest.CaptureFixture[str]) -> None:
    other = os.open(tty, os.O_RDWR | os.O_NOCTTY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert run(["modem", "info", "--port", tty]) == 6
    finally:
        os.close(other)
    assert capsys.readouterr().err.splitlines()[0] == f"ipad: {tty} is in use by another program"


def test_port_at_which_nobody_answers(
    tty: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipad.cli.reach.SystemClock", SwiftClock)
    assert run(["modem", "info", "--port", tty]) == 3
    message, hint = capsys.readouterr().err.splitlines()
    assert message == f"ipad: {tty}: no answer to 6 AT commands"
    assert hint.startswith("hint: ")


def test_port_at_which_something_else_talks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipad.cli.reach.SystemClock", BriskClock)
    with AtServer(dict.fromkeys(("AT", "ATQ0"), "$GPGGA,hello")) as server:
        server.silent_results = True
        assert run(["modem", "info", "--port", server.port]) == 3
    message, hint = capsys.readouterr().err.splitlines()
    assert "what is no AT result, such as '$GPGGA,hello'" in message
    assert "line speed" in hint


def test_no_port_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["modem", "info"]) == 78
    assert "no modem is configured" in capsys.readouterr().err


def test_unknown_board_is_a_wrong_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["modem", "info", "--port", "/dev/null", "--board", "nonsense"]) == 78
    assert "there is no board definition 'nonsense'" in capsys.readouterr().err
