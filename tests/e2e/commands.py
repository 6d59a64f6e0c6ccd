"""Commands of the agent, run to their end."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipad.cli.main import run
from tests.own_log import own_log


@dataclass(frozen=True)
class Finished:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        """The JSON object that it printed."""
        return json.loads(self.out)

    @property
    def errors(self) -> list[str]:
        """The lines on standard error that are no advice."""
        return [line for line in self.err.splitlines() if not line.startswith("hint: ")]

    def answered(self, code: int) -> Any:
        """The same as `answer`; it has to have ended with `code`."""
        assert self.code == code, f"exit code {self.code}\n{self.out}\n{self.err}"
        return self.answer


class Commands:
    """Whose agent is run in this process, always with the configuration file `config`."""

    config: Path

    def ipad(self, *arguments: str) -> Finished:
        """Run one command to its end."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), own_log():
            code = run([*arguments, "--config", str(self.config)])
        return Finished(int(code), out.getvalue(), err.getvalue())

    def json(self, *arguments: str, code: int = 0) -> Any:
        """Run one command with --json; it has to end with `code`. Returns what it printed."""
        return self.ipad(*arguments, "--json").answered(code)


def fails(agent: Commands, command: tuple[str, ...], code: int, kind: str) -> str:
    """Run a command that must fail; in text it is one line. Returns the message."""
    answer = agent.json(*command, code=code)
    assert (answer["ok"], answer["error"]["class"]) == (False, kind)
    done = agent.ipad(*command, "-q")
    assert done.code == code
    assert done.out == ""
    assert done.errors == [f"ipad: {answer['error']['message']}"]
    return str(answer["error"]["message"])
