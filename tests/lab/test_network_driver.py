"""Words for the program of a test network."""

from __future__ import annotations

import math
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("labgrid")

import pexpect
from labgrid import Target
from labgrid.binding import StateError
from labgrid.driver.exception import ExecutionError

from hil.lab.command_driver import IpadLocalCommandDriver
from hil.lab.network_driver import IpadNetworkDriver, NetworkAction
from tests.lab.fakes import DONE, Output, Shell, active

ICCID = "89490000000000000023"


def network(answer: Callable[[str], Output] = lambda _: DONE, **settings: Any) -> tuple[Shell, IpadNetworkDriver]:
    """A network whose program is `net`, and the shell in which that runs."""
    target = Target("main")
    shell = Shell(target, "shell", answer=answer)
    return shell, active(target, IpadNetworkDriver(target, "network", program="net", **settings))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (lambda net: net.coverage(on=False), ["coverage", "off"]),
        (lambda net: net.coverage(on=True, iccid=ICCID), ["coverage", "on", ICCID]),
        (lambda net: net.data(on=False, iccid=ICCID), ["data", "off", ICCID]),
        (lambda net: net.reject(8, ICCID), ["reject", "8", ICCID]),
        (lambda net: net.reject(None), ["reject", "none"]),
        (lambda net: net.service({"search_time": 2}, ICCID), ["service", '{"search_time":2}', ICCID]),
        (lambda net: net.service({"data": True, "apns": ["it's"]}), ["service", '{"apns":["it\'s"],"data":true}']),
        (lambda net: net.signal(-120.5, -14, 0.0), ["signal", "-120.5", "-14", "0"]),
        (lambda net: net.cut(on=True), ["cut", "on"]),
        (lambda net: net.play("dead-data"), ["play", "dead-data"]),
        (lambda net: net.reset(), ["reset"]),
    ],
)
def test_action_is_one_command(told: Callable[[IpadNetworkDriver], None], words: list[str]) -> None:
    shell, driver = network()
    told(driver)
    (command,) = shell.ran
    assert shlex.split(command) == ["net", *words]


def test_shell_hands_the_arguments_on_as_they_are() -> None:
    target = Target("main")
    active(target, IpadLocalCommandDriver(target, None))
    driver = active(target, IpadNetworkDriver(target, "network", program="printf '<%s>\\n' one; exit 3 #"))
    with pytest.raises(ExecutionError, match="<one>"):
        driver.reset()
    driver.program = """python3 -c 'import sys; print(sys.argv[1:]); sys.exit(1)'"""
    with pytest.raises(ExecutionError) as caught:
        driver.service({"apns": ["$(touch /nowhere)", "a'b; c"]})
    assert repr(["service", '{"apns":["$(touch /nowhere)","a\'b; c"]}']) in caught.value.msg


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (lambda net: net.coverage(on=1), "on: expected True or False, found 1"),
        (lambda net: net.coverage(on=False, iccid="8949"), "iccid: expected 18 to 20 digits, found '8949'"),
        (lambda net: net.data(on=True, iccid=ICCID + "\n"), "iccid: expected"),
        (lambda net: net.reject(256), "cause: expected 0 to 255 or None, found 256"),
        (lambda net: net.reject(True), "cause: expected"),
        (lambda net: net.reject("8"), "cause: expected"),
        (lambda net: net.service({"speed": 1}), "service: unknown key 'speed'"),
        (lambda net: net.service({"data": "no"}), r"service\.data"),
        (lambda net: net.signal(math.nan, 0, 0), "signal: expected a number, found nan"),
        (lambda net: net.signal("-90", 0, 0), "signal: expected a number"),
        (lambda net: net.play("../x"), "play: expected the name of a scenario"),
    ],
)
def test_argument_that_makes_no_sense_is_never_sent(told: Callable[[IpadNetworkDriver], None], said: str) -> None:
    shell, driver = network()
    with pytest.raises(ValueError, match=said):
        told(driver)
    assert shell.ran == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((["asking", "no such cell"], [], 4), "network reject 8: exit code 4: no such cell"),
        ((["asking"], ["Connection refused", ""], 1), "network reject 8: exit code 1: Connection refused"),
        (([], [], 127), "network reject 8: exit code 127: it said nothing"),
    ],
)
def test_program_that_fails_is_told_with_its_last_line(answer: Output, said: str) -> None:
    _, driver = network(lambda _: answer)
    with pytest.raises(ExecutionError) as caught:
        driver.reject(8)
    assert caught.value.msg == said


@pytest.mark.parametrize("late", [subprocess.TimeoutExpired("ssh", 0.5), pexpect.TIMEOUT("console")])
def test_program_that_hangs_is_told(late: Exception) -> None:
    def hang(_: str) -> Output:
        raise late

    _, driver = network(hang, timeout=0.5)
    with pytest.raises(ExecutionError) as caught:
        driver.cut(on=False)
    assert caught.value.msg == "network cut off: not done within 0.5 s"


def test_program_can_do_what_its_owner_says_and_reset() -> None:
    assert all(network()[1].can(action) for action in NetworkAction)
    _, driver = network(actions=["coverage", "data"])
    assert [action.value for action in NetworkAction if driver.can(action)] == ["coverage", "data", "reset"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"program": " "}, "program: expected a command, found ' '"),
        ({"program": ["net"]}, "program: expected a command"),
        ({"program": "net", "actions": ["coverage", "dance"]}, "actions: expected a list of coverage, data, reject"),
        ({"program": "net", "actions": "coverage"}, "actions: expected a list"),
    ],
)
def test_setting_that_makes_no_sense_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        IpadNetworkDriver(Target("main"), "network", **settings)


def test_driver_that_is_not_active_tells_nothing() -> None:
    target = Target("main")
    shell = Shell(target, "shell")
    with pytest.raises(StateError):
        IpadNetworkDriver(target, "network", program="net").reset()
    assert shell.ran == []
