"""The agent's service and commands over a board's shell."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("labgrid")

from labgrid import Target
from labgrid.driver.exception import ExecutionError

from hil.lab.daemon_driver import IpadDaemonDriver, answer_of
from tests.lab.fakes import DONE, Output, Shell, active

READY = {"ok": True, "state": "idle", "eid": "8904"}


def board(answers: dict[str, Any], **members: Any) -> tuple[Shell, IpadDaemonDriver]:
    """A board whose shell knows these words; a list is given out one by one, its last for good."""

    def answer(command: str) -> Output:
        for words, said in answers.items():
            if words in command:
                one = said.pop(0) if isinstance(said, list) and len(said) > 1 else said
                one = one[0] if isinstance(one, list) else one
                return one if isinstance(one, tuple) else ([json.dumps(one)], [], 0)
        return DONE

    target = Target("main")
    shell = Shell(target, None, answer=answer)
    return shell, active(target, IpadDaemonDriver(target, None, pause=0.0, **members))


def test_command_is_put_together_from_agent_configuration_and_words() -> None:
    shell, daemon = board({}, agent="nice ipad", config="/etc/my ipad.toml", modem="wan")
    daemon.ipad("profile", "nickname", "8949", "it's")
    assert shell.ran == [
        """nice ipad --config '/etc/my ipad.toml' --modem wan --json profile nickname 8949 'it'"'"'s'"""
    ]


def test_another_agent_can_be_tested() -> None:
    shell, daemon = board({}, service="", folder="/run/lab")
    daemon.use("/opt/ipad")
    daemon.ipad("status")
    assert shell.ran[-1].startswith("/opt/ipad --config ")


def test_answer_is_found_among_what_else_was_printed() -> None:
    _, daemon = board({"status": (["a notice", '{"ok": true, "state": "idle"}', "{no json"], ["a warning"], 0)})
    answer = daemon.ipad("status")
    assert (answer.code, answer.value["state"]) == (0, "idle")
    assert answer.errors == "a notice\n{no json\na warning"


@pytest.mark.parametrize("lines", [[], ["text"], ["{"], ['{"event": "progress"}'], ["[1]"]])
def test_without_an_object_of_ipad_the_answer_is_empty(lines: list[str]) -> None:
    assert answer_of(lines) == ({}, lines)


def test_start_waits_until_the_euicc_was_read() -> None:
    operation: list[Any] = [([], [], 8), {"ok": True}]
    states = [{"ok": True, "state": "starting", "eid": None}, {"ok": True, "state": "failed", "eid": "8904"}, READY]
    shell, daemon = board({"operation list": operation, "--json status": states})
    daemon.start(5.0)
    assert shell.ran[1].endswith("systemctl start ipad.service")
    assert [command.rpartition("--json ")[2] for command in shell.ran[2:]] == [
        "operation list",
        *["operation list", "status"] * 3,
    ]


def test_agent_that_does_not_get_ready_says_why() -> None:
    states = {"ok": True, "state": "failed", "text": "failed: there is no such port"}
    _, daemon = board({"operation list": {"ok": True}, "--json status": states})
    with pytest.raises(ExecutionError) as caught:
        daemon.start(0.01)
    assert caught.value.msg.endswith("after 0.01 s: failed: there is no such port")


def test_agent_that_does_not_get_ready_is_told_with_the_end_of_its_log() -> None:
    log = ([f"line {number}" for number in range(9)], [], 0)
    _, daemon = board({"operation list": ([], [], 8), "journalctl": log, "date": (["1700000000"], [], 0)})
    with pytest.raises(ExecutionError) as caught:
        daemon.start(0.01)
    assert caught.value.msg.endswith(
        "it said nothing\n    line 3\n    line 4\n    line 5\n    line 6\n    line 7\n    line 8"
    )


def test_agent_without_a_service_that_has_ended_is_not_waited_for() -> None:
    answers = {
        "operation list": ([], [], 8),
        "kill -0": ([], [], 1),
        "/proc": ([], [], 1),
        "tail": (["ipad: why"], [], 0),
    }
    _, daemon = board(answers, service="", folder="/run/lab")
    with pytest.raises(ExecutionError, match="the agent has ended: it said nothing\n    ipad: why"):
        daemon.start(600.0)


def test_service_that_does_not_start_says_why() -> None:
    _, daemon = board({"systemctl": ([], ["Unit ipad.service not found."], 5)})
    with pytest.raises(ExecutionError) as caught:
        daemon.start()
    assert caught.value.msg == "start of ipad.service: exit code 5, it said Unit ipad.service not found."


def test_status_and_profiles_are_the_objects_of_the_commands() -> None:
    _, daemon = board({"--json status": READY, "profile list": {"ok": True, "profiles": [{"iccid": "8949"}]}})
    assert daemon.status() == READY
    assert daemon.profiles() == [{"iccid": "8949"}]


def test_failed_command_is_told_with_its_message() -> None:
    error = {"ok": False, "error": {"message": "the modem does not answer"}}
    _, daemon = board({"profile list": ([json.dumps(error)], [], 3)})
    with pytest.raises(ExecutionError) as caught:
        daemon.profiles()
    assert caught.value.msg == "ipad profile list: exit code 3, the modem does not answer"


def test_journal_begins_at_the_mark() -> None:
    shell, daemon = board({"date": (["1700000000"], [], 0), "journalctl": (["one", "two"], [], 0)})
    assert daemon.journal(daemon.mark()) == "one\ntwo"
    assert "--since=@1700000000" in shell.ran[-1]


def test_running_stop_and_kill_are_those_of_the_service() -> None:
    shell, daemon = board({"is-active": ([], [], 3)})
    assert not daemon.running()
    daemon.stop()
    daemon.kill()
    assert shell.ran[1:] == ["systemctl stop ipad.service", "systemctl kill --signal=KILL ipad.service"]
