"""The agent on a board as the abilities gateway and modem of the suite."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from labgrid.driver.exception import ExecutionError

from hil.lab.board_files import BoardFiles
from hil.suite.abilities import Answer
from hil.suite.activation import ActivationCode
from hil.suite.errors import TargetError
from hil.suite.limits import Limits
from hil.suite.through_agent import AgentModem, await_modem


class BoardGateway:
    """`daemon` is an IpadDaemonDriver that is active, `files` its configuration in the hands of the suite."""

    def __init__(self, daemon: Any, files: BoardFiles, limits: Limits) -> None:
        self._daemon = daemon
        self._files = files
        self._limits = limits
        self._mark = "0"
        self._changed = False

    @property
    def running(self) -> bool:
        return bool(self._done(self._daemon.running))

    def start(self) -> None:
        self._done(lambda: self._daemon.start(self._limits.start))

    def stop(self) -> None:
        self._done(self._daemon.stop)

    def kill(self) -> None:
        self._done(self._daemon.kill)

    def restart(self) -> None:
        self.stop()
        self.start()

    def ipad(self, *words: str, within: float | None = None, code: int | None = 0) -> Answer:
        limit = self._limits.command if within is None else within
        try:
            said = self._daemon.ipad(*words, timeout=limit)
        except ExecutionError as error:
            raise AssertionError(f"ipad {' '.join(words)}: {error.msg}") from error
        if code is not None and said.code != code:
            raise AssertionError(
                f"ipad {' '.join(words)}: exit code {said.code}, expected {code}: {dict(said.value)}\n{said.errors}"
            )
        return Answer(said.code, said.value, said.errors)

    def poll(self, eim_id: str | None = None, *, within: float | None = None, code: int | None = None) -> Answer:
        words = ("poll",) if eim_id is None else ("poll", eim_id)
        return self.ipad(*words, within=self._limits.poll if within is None else within, code=code)

    def download(self, code: ActivationCode, *, within: float | None = None) -> Answer:
        words = ["profile", "download", code.text]
        limit = self._limits.download if within is None else within
        if code.confirmation_code is None:
            return self.ipad(*words, within=limit)
        path = self._done(lambda: self._files.put_secret(str(code.confirmation_code)))
        try:
            return self.ipad(*words, "--confirmation-code-file", path, within=limit)
        finally:
            self._done(self._files.remove_secret)

    def status(self) -> Mapping[str, Any]:
        return self.ipad("status").value

    def configure(self, toml: str = "", *, policy: str = "") -> None:
        self._changed = True
        self._done(lambda: self._files.apply(tomllib.loads(toml), tomllib.loads(policy)))
        self.restart()

    def journal(self) -> str:
        return str(self._done(lambda: self._daemon.journal(self._mark)))

    def begin(self) -> None:
        """What is logged from now on belongs to the case."""
        self._mark = str(self._done(self._daemon.mark))

    def calm(self) -> None:
        """The configuration of before the case."""
        if self._changed:
            self._changed = False
            self._done(lambda: self._files.apply({}, {}))
            if self.running:
                self.restart()

    @staticmethod
    def _done(action: Any) -> Any:
        try:
            return action()
        except ExecutionError as error:
            raise TargetError(str(error.msg)) from error


class BoardModem(AgentModem):
    """AT commands through the agent, or on a port beside it (`port`: an IpadAtDriver).

    `line`: a ResetProtocol driver for the reset line, None: the modem is told to restart.
    """

    def __init__(self, gateway: BoardGateway, limits: Limits, *, port: Any = None, line: Any = None) -> None:
        super().__init__(gateway, limits)
        self._agent = gateway
        self._times = limits
        self._port = port
        self._line = line

    def at(self, command: str) -> list[str]:
        if self._port is None:
            return super().at(command)
        try:
            return [str(line) for line in self._port.at(command)]
        except ExecutionError as error:
            raise AssertionError(str(error.msg)) from error

    def reset(self) -> None:
        if self._line is None:
            super().reset()
            return
        self._line.reset()
        await_modem(self._agent, self._times.recovery)
