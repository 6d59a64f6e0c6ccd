"""Ports and modems that are not what they should be: one message, one exit code, and the work waits."""

from __future__ import annotations

import fcntl
import os
import pty
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hil.eim import content
from hil.eim.association import PackageState
from hil.modem.knobs import Knobs
from ipad.modem.serial import opener
from tests.e2e.commands import fails
from tests.e2e.virtual.device import PORT, TWO, Device

COMMANDS = [("run", "--once"), ("euicc", "info"), ("profile", "list"), ("modem", "info")]


@pytest.fixture(name="waiting")
def _waiting(device: Device) -> Iterator[Device]:
    """A package waits at the eIM; whatever the test did, it is executed once, as soon as the modem is a good one."""
    (package,) = device.queue(content.psmo_package(content.list_profile_info()))
    yield device
    assert package.state is PackageState.QUEUED
    assert device.loaded == []
    device.configure()
    device.insert("quectel-eg25")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ipad.daemon.link.opener", device.open_link)
        assert device.json("run", "--once")["outcome"] == "done"
    assert package.state is PackageState.CLOSED
    assert len(device.loaded) == 1


@pytest.fixture(name="at_machine")
def _at_machine(waiting: Device, monkeypatch: pytest.MonkeyPatch) -> Device:
    """The same, with the serial ports of this machine."""
    monkeypatch.setattr("ipad.daemon.link.opener", opener)
    return waiting


@pytest.mark.parametrize("command", COMMANDS)
def test_port_that_is_missing(at_machine: Device, command: tuple[str, ...]) -> None:
    path = at_machine.folder / "ttyUSB2"
    at_machine.configure(modem=f'port = "{path}"')
    message = fails(at_machine, command, 6, "port")
    assert message.startswith(f"{path}: ")
    assert "no such port" in message


def test_port_that_is_a_file(at_machine: Device) -> None:
    path = at_machine.folder / "file"
    path.write_bytes(b"AT\r\r\nOK\r\n")
    at_machine.configure(modem=f'port = "{path}"')
    assert str(path) in fails(at_machine, ("run", "--once"), 6, "port")


@pytest.fixture(name="terminal")
def _terminal() -> Iterator[tuple[Path, int]]:
    """A terminal with nobody at the other end, and a descriptor of it."""
    master, slave = pty.openpty()
    yield Path(os.ttyname(slave)), slave
    os.close(slave)
    os.close(master)


def lock(descriptor: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def make_exclusive(descriptor: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCEXCL)


@pytest.mark.parametrize("claim", [lock, make_exclusive])
def test_port_that_is_busy(at_machine: Device, terminal: tuple[Path, int], claim: Callable[[int], None]) -> None:
    path, descriptor = terminal
    if claim is make_exclusive and os.geteuid() == 0:
        pytest.skip("root opens exclusive terminals")
    claim(descriptor)
    at_machine.configure(modem=f'port = "{path}"')
    message = fails(at_machine, ("run", "--once"), 6, "port")
    assert message == f"{path} is in use by another program"


def test_port_with_nobody_at_the_other_end(at_machine: Device, terminal: tuple[Path, int]) -> None:
    path, _ = terminal
    at_machine.configure(modem=f'port = "{path}"')
    assert fails(at_machine, ("run", "--once"), 3, "port-timeout").startswith(f"{path}: no answer to ")


@pytest.mark.parametrize("command", COMMANDS)
def test_modem_that_is_silent(waiting: Device, command: tuple[str, ...]) -> None:
    waiting.modem.set_knobs(Knobs(silent=True))
    began = waiting.clock.monotonic()
    assert fails(waiting, command, 3, "port-timeout") == f"{PORT}: no answer to 6 AT commands"
    assert waiting.clock.monotonic() - began < 60
    assert not waiting.port.in_use


class Babbler:
    """Something at the line that answers every write with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._output: Callable[[bytes], None] = lambda _data: None
        self.port_present = True

    def on_output(self, callback: Callable[[bytes], None]) -> None:
        self._output = callback

    def on_port(self, _callback: Callable[[bool], None]) -> None:
        return None

    def receive(self, _data: bytes) -> None:
        self._output(self._answer)


NOTHING, NONSENSE = "no answer to 6 AT commands", "expected OK to 6 AT commands, got what is no AT result, such as "
GARBAGE = {
    "zeros": (bytes(200), NOTHING),
    "wrong speed": (bytes.fromhex("f80078e0fe00e6c0fefe") * 20, NOTHING),
    "a line that never ends": (b"A" * 5000, NOTHING),
    "echo": (b"AT\r", NONSENSE + "'AT'"),
    "login": (b"login: \r\nPassword: \r\nLogin incorrect\r\n", NONSENSE + "'Login incorrect'"),
    "shell": (b"\r\n-sh: AT: not found\r\n# ", NONSENSE + "'-sh: AT: not found'"),
    "NMEA": (b"$GPGGA,,,,,,0,,,,,,,,*66\r\n", NONSENSE + "'$GPGGA,,,,,,0,,,,,,,,*66'"),
}


@pytest.mark.parametrize(("garbage", "problem"), GARBAGE.values(), ids=GARBAGE)
def test_modem_that_answers_garbage(waiting: Device, garbage: bytes, problem: str) -> None:
    babbler: Any = Babbler(garbage)
    waiting.port.modem = babbler
    babbler.on_output(waiting.port._from_modem)
    began = waiting.clock.monotonic()
    assert fails(waiting, ("run", "--once"), 3, "port-timeout") == f"{PORT}: {problem}"
    assert waiting.clock.monotonic() - began < 60


def test_garbage_in_front_of_the_first_answer_is_overlooked(device: Device) -> None:
    device.modem.set_knobs(Knobs(garbage="fffe0041ff0d0a7f"))
    assert device.json("euicc", "info")["eid"] == device.card.eid


def test_modem_that_says_error_to_everything(waiting: Device) -> None:
    babbler: Any = Babbler(b"\r\nERROR\r\n")
    waiting.port.modem = babbler
    babbler.on_output(waiting.port._from_modem)
    message = fails(waiting, ("run", "--once"), 6, "port")
    assert message == f"{PORT}: AT was answered ERROR; none of 6 commands was answered OK"


def test_modem_that_says_ok_to_everything_has_no_card(waiting: Device) -> None:
    babbler: Any = Babbler(b"\r\nOK\r\n")
    waiting.port.modem = babbler
    babbler.on_output(waiting.port._from_modem)
    fails(waiting, ("run", "--once"), 1, "card")


def test_holder_without_a_card(waiting: Device) -> None:
    waiting.insert("quectel-eg25", card=None)
    assert "SIM not inserted" in fails(waiting, ("run", "--once"), 1, "card")
    assert waiting.json("modem", "info")["sim"] == "absent"


@pytest.mark.parametrize("moment", [b"\xbf\x4f", b"\xbf\x50"], ids=["package", "result"])
def test_port_that_goes_away_in_the_middle_of_a_run_loses_nothing(device: Device, moment: bytes) -> None:
    (package,) = device.queue(content.psmo_package(content.enable(TWO, rollback=True)))

    def hang_up(message: bytes, answer: bytes) -> bytes:
        if message.startswith(moment):
            device.internet.spoil = None
            device.modem.hang_up(20)
        return answer

    device.internet.spoil = hang_up
    assert fails(device, ("run", "--once"), 6, "port") == f"{PORT}: there is no such port"
    device.clock.advance(20)
    assert device.ipad("run", "--once").code == 0
    assert package.state is PackageState.CLOSED
    assert device.states[TWO]
    assert len(device.loaded) == 1
