"""Commands beside a running agent: they go through its socket and print what they print without it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil.euicc import EuiccKind, VirtualEuicc
from ipad.cli.main import run
from tests.ipad.cli.agent_thread import AgentThread

TWO = "89490000000000000023"
_PATIENCE = 20.0


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "ipad.toml"
    file.write_text(
        f'[state]\ndirectory = "{tmp_path}/state"\n[modem]\ncard = "pcsc:"\n'
        f'[log]\nevents = ""\n[control]\nsocket = "{tmp_path}/ipad.sock"\n'
    )
    return file


@pytest.fixture
def agent(config: Path) -> Iterator[AgentThread]:
    found = AgentThread(config)
    yield found
    found.stop()


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(config: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command with the configuration; exit code, output and errors."""

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([*arguments, "--config", str(config), "-q"])
        printed = capsys.readouterr()
        told = [line for line in printed.err.splitlines(keepends=True) if line.startswith(("ipad: ", "hint: "))]
        return code, printed.out, "".join(told)  # the agent logs to the same standard error here

    return call


BOTH_WAYS = [
    ["euicc", "info"],
    ["profile", "list"],
    ["profile", "info", TWO],
    ["profile", "info", "8900000000000000000"],
    ["profile", "enable", "nonsense"],
    ["profile", "delete", TWO],
    ["profile", "download", "LPA:nonsense"],
    ["eim", "list"],
    ["eim", "poll", "nobody.example.com"],
    ["eim", "poll"],
    ["notification", "list"],
    ["notification", "remove", "999999"],
    ["modem", "at", "hello"],
    ["euicc", "reset", "--operational"],
]


@pytest.mark.parametrize("kind", [EuiccKind.IOT, EuiccKind.CONSUMER])
def test_output_and_exit_code_are_the_same_whichever_way(
    kind: EuiccKind, insert: Callable[[EuiccKind], VirtualEuicc], agent: AgentThread, command: Command
) -> None:
    insert(kind)
    texts = [command(*arguments) for arguments in BOTH_WAYS]
    objects = [command(*arguments, "--json") for arguments in BOTH_WAYS]
    agent.start()
    for arguments, text, found in zip(BOTH_WAYS, texts, objects, strict=True):
        assert command(*arguments) == text, arguments
        assert _comparable(command(*arguments, "--json")) == _comparable(found), arguments


def _comparable(outcome: tuple[int, str, str]) -> object:
    code, out, err = outcome
    return code, json.loads(out), err


def test_profile_is_switched_through_the_agent(
    consumer_card: VirtualEuicc, agent: AgentThread, command: Command
) -> None:
    agent.start()
    code, out, _ = command("profile", "enable", TWO)
    assert (code, out.splitlines()[-1]) == (0, "the profile is enabled")
    assert next(profile.enabled for profile in consumer_card.profiles if profile.iccid == TWO)
    assert "was enabled already" in command("profile", "enable", TWO)[1]
    _, out, _ = command("audit", "--full")
    assert f"enable {TWO}" in out


@pytest.mark.usefixtures("iot_card")
def test_failed_download_shows_its_stages_and_its_error(agent: AgentThread, command: Command) -> None:
    agent.start()
    code, out, err = command("profile", "download", "LPA:1$smdp.invalid$ABC", "--json")
    assert (code, json.loads(out)["ok"]) == (4, False)
    assert "trusted" in json.loads(out)["error"]["message"]
    assert err == ""


@pytest.mark.usefixtures("iot_card")
def test_what_only_the_agent_knows(agent: AgentThread, command: Command) -> None:
    for arguments in (
        ["metrics"],
        ["log", "follow"],
        ["policy", "status"],
        ["policy", "return"],
        ["operation", "list"],
    ):
        code, _, err = command(*arguments)
        assert code == 8, arguments
        assert "the agent does not run" in err
    agent.start()
    code, out, _ = command("metrics", "--json")
    names = {sample["name"] for sample in json.loads(out)["samples"]}
    assert code == 0
    assert "ipad_build_info" in names
    assert command("metrics")[1].startswith("# HELP")
    assert json.loads(command("status", "--json")[1])["modem"] == "modem"
    assert json.loads(command("policy", "hints", "--metered", "--power", "low", "--json")[1])["power"] == "low"
    assert json.loads(command("policy", "status", "--json")[1])["hints"] == {"metered": True, "power": "low"}
    assert command("operation", "cancel", "77")[0] == 10
    assert json.loads(command("poll", "--json")[1])["message"] == "no eIM can be polled"
    assert "poll now" in command("operation", "list")[1]


@pytest.mark.usefixtures("consumer_card")
def test_return_needs_a_fallback(agent: AgentThread, command: Command) -> None:
    agent.start()
    code, _, err = command("policy", "return")
    assert code == 4
    assert "nothing to return from" in err


@pytest.mark.usefixtures("iot_card")
def test_second_instance_is_one_clear_message(agent: AgentThread, command: Command) -> None:
    agent.start()
    for arguments in (["run"], ["run", "--once"]):
        code, _, err = command(*arguments)
        assert code == 75
        assert err.splitlines()[0] == "ipad: a second instance: an agent runs and serves this card"


@pytest.mark.usefixtures("iot_card")
def test_another_card_is_not_that_of_the_agent(agent: AgentThread, command: Command) -> None:
    agent.start()
    assert command("profile", "list", "--port", "/dev/does-not-exist")[0] == 6


@pytest.mark.parametrize(
    "answer",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", b"HTTP/1.1 200 OK\r\n\r\n{"],
)
@pytest.mark.usefixtures("iot_card")
def test_socket_of_something_else_is_not_taken_for_an_agent(answer: bytes, tmp_path: Path, command: Command) -> None:
    stopped = threading.Event()

    async def serve() -> None:
        async def reply(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer)
            writer.close()

        async with await asyncio.start_unix_server(reply, str(tmp_path / "ipad.sock")):
            up.set()
            await asyncio.to_thread(stopped.wait)

    up = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert up.wait(_PATIENCE)
    try:
        assert command("profile", "list")[0] == 0
        assert command("metrics")[0] == 8
    finally:
        stopped.set()
        thread.join(_PATIENCE)
