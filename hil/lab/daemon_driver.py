"""The agent on a board: its service, its commands, its files, all by the board's shell."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import attr
from labgrid import step, target_factory
from labgrid.driver import Driver
from labgrid.driver.exception import ExecutionError
from labgrid.protocol import CommandProtocol

from hil.lab.remote_file import read_text, write_octets, write_text
from hil.lab.service import Service, service_of
from hil.waiting import looks

_LAST_LINES: Final = 6
_NOT_YET: Final = frozenset(("starting", "direct", "failed", "stopping"))


@dataclass(frozen=True)
class CommandAnswer:
    """`value` is the JSON object on standard output, empty when there was none; `errors` is everything else."""

    code: int
    value: Mapping[str, Any]
    errors: str


@target_factory.reg_driver
@attr.s(eq=False)
class IpadDaemonDriver(Driver):
    """Drives `ipad` over a CommandProtocol: SSH, a serial console, or this machine.

    agent: its command. config: its configuration file on the board. modem: the name of one of several modems. service:
    see `hil.lab.service.service_of`. folder: where a process without a service keeps its files. timeout: seconds for a
    command. pause: seconds between two questions while something is waited for.
    """

    bindings = {"cmd": CommandProtocol}  # noqa: RUF012 - the way of labgrid
    agent: str = attr.ib(default="ipad", validator=attr.validators.instance_of(str))
    config: str = attr.ib(default="/etc/ipad/ipad.toml", validator=attr.validators.instance_of(str))
    modem: str = attr.ib(default="", validator=attr.validators.instance_of(str))
    service: str = attr.ib(default="ipad.service", validator=attr.validators.instance_of(str))
    folder: str = attr.ib(default="", validator=attr.validators.instance_of(str))
    timeout: float = attr.ib(default=90.0, validator=attr.validators.instance_of(float))
    pause: float = attr.ib(default=0.5, validator=attr.validators.instance_of(float))

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._manager: Service = service_of(self.service, self.folder, self.command("run"))
        self._started: str | None = None

    def use(self, agent: str) -> None:
        """Another command in place of `agent`; a service runs what its own file says."""
        self.agent = agent
        self._manager = service_of(self.service, self.folder, self.command("run"))

    def command(self, *words: str) -> str:
        """The shell command for some words of `ipad`."""
        options = ["--config", self.config, *(("--modem", self.modem) if self.modem else ())]
        return f"{self.agent} {shlex.join([*options, *words])}"

    @Driver.check_active
    @step(args=["words"])
    def ipad(self, *words: str, timeout: float | None = None) -> CommandAnswer:
        """One command with --json. Raises ExecutionError when it does not end in time."""
        limit = self.timeout if timeout is None else timeout
        lines, errors, code = self.cmd.run(self.command("--json", *words), timeout=limit)
        value, rest = answer_of(lines)
        return CommandAnswer(code, value, "\n".join((*rest, *errors)))

    @Driver.check_active
    @step(args=["timeout"])
    def start(self, timeout: float = 180.0) -> None:
        """Start the service and wait until it serves the modem. Raises ExecutionError."""
        self._started = self.mark()
        self._control(self._manager.start(), "start")
        self.await_ready(timeout)

    @Driver.check_active
    @step()
    def stop(self) -> None:
        """Stop the service in good order; harmless when it does not run. Raises ExecutionError."""
        self._control(self._manager.stop(), "stop")

    @Driver.check_active
    @step()
    def kill(self) -> None:
        """End it as kill -9 does. Raises ExecutionError."""
        self._control(self._manager.kill(), "kill")

    @Driver.check_active
    def running(self) -> bool:
        """Whether the service is there."""
        return bool(self.cmd.run(self._manager.running(), timeout=self.timeout)[2] == 0)

    @Driver.check_active
    @step(args=["timeout"])
    def await_ready(self, timeout: float) -> None:
        """Wait until the agent has read its eUICC. Raises ExecutionError, with what it says of itself."""
        said = ""
        for _ in looks(timeout, self.pause):
            # Without an agent `status` would open the modem itself, just when the agent wants it.
            answer = self.ipad("operation", "list")
            if answer.code == 0:
                answer = self.ipad("status")
                if answer.code == 0 and answer.value.get("eid") and answer.value.get("state") not in _NOT_YET:
                    return
            said = _said(answer)
            if not self.service and not self.running():
                raise ExecutionError(f"the agent has ended: {said}{self._last_words()}")
        why = f"the agent does not serve its modem after {timeout:g} s"
        raise ExecutionError(f"{why}: {said}{self._last_words()}")

    def _last_words(self) -> str:
        """The end of what the service logged since it was started: its reason, when it does not run."""
        if self._started is None:
            return ""
        lines, _, code = self.cmd.run(self._manager.journal(self._started), timeout=self.timeout)
        return "".join(f"\n    {line}" for line in lines[-_LAST_LINES:]) if code == 0 else ""

    @Driver.check_active
    @step()
    def status(self) -> Mapping[str, Any]:
        """`ipad status`. Raises ExecutionError."""
        return self._value("status")

    @Driver.check_active
    @step()
    def profiles(self) -> Sequence[Mapping[str, Any]]:
        """`profiles` of `ipad profile list`. Raises ExecutionError."""
        return list(self._value("profile", "list")["profiles"])

    @Driver.check_active
    def mark(self) -> str:
        """Now, for `journal`. Raises ExecutionError."""
        lines = self.cmd.run_check(self._manager.mark())
        return str(lines[-1]).strip() if lines else "0"

    @Driver.check_active
    def journal(self, mark: str) -> str:
        """What the service logged since a mark. Raises ExecutionError."""
        return "\n".join(self.cmd.run_check(self._manager.journal(mark)))

    @Driver.check_active
    def exists(self, path: str) -> bool:
        """Whether the board has a file of that name. Raises ExecutionError when its shell does not answer."""
        return bool(self.cmd.run(f"[ -f {shlex.quote(path)} ]", timeout=self.timeout)[2] == 0)

    @Driver.check_active
    def read_file(self, path: str) -> str:
        """A text file of the board. Raises ExecutionError."""
        return read_text(self.cmd, path)

    @Driver.check_active
    def write_file(self, path: str, text: str) -> None:
        """Replace a text file of the board. Raises ExecutionError."""
        write_text(self.cmd, path, text)

    @Driver.check_active
    def write_octets(self, path: str, data: bytes) -> None:
        """Replace any file of the board. Raises ExecutionError."""
        write_octets(self.cmd, path, data)

    @Driver.check_active
    def shell(self, command: str) -> list[str]:
        """Lines that a command of the board's shell prints. Raises ExecutionError when it fails."""
        return list(self.cmd.run_check(command))

    def _control(self, command: str, what: str) -> None:
        out, errors, code = self.cmd.run(command, timeout=self.timeout)
        if code != 0:
            said = " ".join((*out, *errors)) or "nothing"
            raise ExecutionError(f"{what} of {self.service or 'the agent'}: exit code {code}, it said {said}")

    def _value(self, *words: str) -> Mapping[str, Any]:
        answer: CommandAnswer = self.ipad(*words)
        if answer.code != 0:
            raise ExecutionError(f"ipad {' '.join(words)}: exit code {answer.code}, {_said(answer)}")
        return answer.value


def answer_of(lines: Sequence[str]) -> tuple[Mapping[str, Any], list[str]]:
    """The JSON object of an answer and the other lines: a serial console mixes standard error with it."""
    for number in range(len(lines) - 1, -1, -1):
        if not lines[number].startswith("{"):
            continue
        try:
            value = json.loads(lines[number])
        except ValueError:
            continue
        if isinstance(value, dict) and "ok" in value:
            return value, [*lines[:number], *lines[number + 1 :]]
    return {}, list(lines)


def _said(answer: CommandAnswer) -> str:
    error = answer.value.get("error")
    if isinstance(error, Mapping):
        return str(error.get("message"))
    return str(answer.value.get("text") or answer.value.get("last_error") or answer.errors or "it said nothing")
