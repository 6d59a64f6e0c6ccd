"""The agent under test as a process beside the virtual rig."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from hil.agent_log import AgentLog
from hil.rig import Rig
from hil.suite.abilities import Answer
from hil.suite.activation import ActivationCode
from hil.suite.errors import TargetError
from hil.suite.limits import Limits
from hil.suite.toml_text import dumps, merged
from hil.suite.virtual.control import Call, call_for, send
from hil.waiting import looks

_LOOK: Final = 0.01
_TAIL: Final = 4000

POLICY: Final[Mapping[str, Any]] = {
    "supervision": {
        "registration": 2,
        "registration_slow": 2,
        "deadline": 3,
        "deadline_slow": 3,
        "weak_factor": 1,
        "reject_hold": 1,
        "path_unclear": 3,
        "path_alive": 5,
        "probe_first": 1,
        "probe_limit": 2,
        "boot_cost": 1,
        "boot_settle": 3,
        "busy_first": 1,
        "busy_limit": 4,
        "action_limit": 20,
    },
    "fallback": {
        "loss_time": 2.5,
        "loss_time_slow": 2.5,
        "reject_time": 1.5,
        "spread": 0,
        "ladder_time": 0,
        "return_first": 4,
        "return_minimum": 4,
        "switches_per_day": 48,
    },
    "recovery": {"first": 60, "search": 60, "hard_interval": 1, "hard_per_day": 96},
    "poll": {"per_day": 1440, "early_interval": 1, "boot_spread": 0, "on_new_network": False, "weak_time": 0},
}
"""Seconds where a fleet has minutes and hours."""


def configuration(rig: Rig, folder: Path) -> dict[str, Any]:
    """What the agent of a rig is configured with."""
    names = {
        f"https://{endpoint.fqdn}": f"127.0.0.1:{urlsplit(endpoint.url).port}"
        for endpoint in rig.eims.values()
        if ":" not in endpoint.fqdn
    }
    found: dict[str, Any] = {
        "state": {"directory": str(folder / "state")},
        "control": {"socket": str(folder / "ipad.sock")},
        "modem": {"port": str(rig.tty), "board": "quectel-eg25", "max_data": 255},
        "esipa": {"poll_interval": 604800, "retry_delays": [0.1, 0.2, 0.4], "exchange_timeout": 5},
        "probe": {"timeout": 2},
        "net": {"ca_file": str(rig.ca_file), "addresses": names},
        "timers": {"session": 10, "first_session": 5, "session_check": 0.2, "reconnect": 1},
        "policy": {"file": str(folder / "policy.toml")},
        "log": {"events": str(folder / "events.jsonl"), "events_size": 16_777_216, "lines_per_hour": 0},
    }
    if rig.rsp is not None:
        found["rsp"] = {
            "ci_files": [str(rig.rsp.ci_file)],
            "retry_delays": [0.2, 0.5],
            "download_retry_delays": [1.0],
            "exchange_timeout": 10,
        }
    return found


class AgentProcess:
    """`ipad run`, its commands, its configuration: the ability gateway. Everything is below `folder`."""

    def __init__(self, rig: Rig, folder: Path, limits: Limits, command: str | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._limits = limits
        self._command: Sequence[str] = shlex.split(command) if command else (sys.executable, "-m", "ipad")
        self._base = configuration(rig, folder)
        self._process: subprocess.Popen[bytes] | None = None
        self._changed = False
        self._offset = 0
        self.events = AgentLog(folder / "events.jsonl")
        """Its log of events and decisions."""
        self._write({}, {})

    @property
    def _socket(self) -> Path:
        return self._folder / "ipad.sock"

    @property
    def _log(self) -> Path:
        return self._folder / "ipad.log"

    def _write(self, more: Mapping[str, Any], policy: Mapping[str, Any]) -> None:
        (self._folder / "ipad.toml").write_text(dumps(merged(self._base, more)), encoding="utf-8")
        (self._folder / "policy.toml").write_text(dumps(merged(POLICY, policy)), encoding="utf-8")

    # Life

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        if not self.running:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603 - the command of whoever runs the suite
                    [*_dies_with_us(), *self._command, "-vv", "--config", str(self._folder / "ipad.toml"), "run"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self._folder,
                    env={**os.environ, "PYTHONUNBUFFERED": "1"},
                    # Ctrl-C is for the suite, which needs the agent to restore the device.
                    start_new_session=True,
                )
        self._await_service()

    def _await_service(self) -> None:
        for _ in looks(self._limits.start, _LOOK):
            if self._serves():
                return
            if not self.running:
                raise TargetError(f"ipad run has ended\n{self.journal()[-_TAIL:]}")
        raise TargetError(f"ipad run did not serve within {self._limits.start:g} s\n{self.journal()[-_TAIL:]}")

    def _serves(self) -> bool:
        try:
            answer = send(self._socket, Call("GET", "/v1/status"), 1.0)
        except (OSError, ValueError):
            return False
        return answer.code == 0 and answer.value.get("eid") is not None

    def await_idle(self) -> None:
        """Until it has nothing to do but to wait. Raises TargetError."""
        state = None
        for _ in looks(self._limits.start, _LOOK):
            state = self.status().get("state")
            if state == "idle":
                return
        raise TargetError(f"ipad run is {state}, not idle, after {self._limits.start:g} s")

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(self._limits.start)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TargetError("ipad run did not end on SIGTERM") from None
        self._process = None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    # Commands

    def ipad(self, *words: str, within: float | None = None, code: int | None = 0) -> Answer:
        limit = self._limits.command if within is None else within
        answer = self._ask(words, limit)
        if code is not None and answer.code != code:
            said = f"{dict(answer.value)}\n{answer.errors}"
            raise AssertionError(f"ipad {' '.join(words)}: exit code {answer.code}, expected {code}: {said}")
        return answer

    def _ask(self, words: Sequence[str], limit: float) -> Answer:
        call = call_for(words) if self.running else None
        if call is None:
            return self._execute(words, limit)
        try:
            return send(self._socket, call, limit)
        except (ConnectionError, FileNotFoundError):
            # As the command would do: without an agent it acts itself.
            return self._execute(words, limit)
        except TimeoutError:
            raise AssertionError(f"ipad {' '.join(words)} did not end within {limit:g} s") from None

    def _execute(self, words: Sequence[str], limit: float) -> Answer:
        command = [*self._command, "--config", str(self._folder / "ipad.toml"), "--json", *words]
        try:
            done = subprocess.run(  # noqa: S603 - the command of whoever runs the suite
                command, check=False, capture_output=True, text=True, cwd=self._folder, timeout=limit
            )
        except subprocess.TimeoutExpired:
            raise AssertionError(f"ipad {' '.join(words)} did not end within {limit:g} s") from None
        return answer_of(done.returncode, done.stdout, done.stderr)

    def poll(self, eim_id: str | None = None, *, within: float | None = None, code: int | None = None) -> Answer:
        words = ("poll",) if eim_id is None else ("poll", eim_id)
        return self.ipad(*words, within=self._limits.poll if within is None else within, code=code)

    def download(self, code: ActivationCode, *, within: float | None = None) -> Answer:
        words = ["profile", "download", code.text]
        limit = self._limits.download if within is None else within
        if code.confirmation_code is None:
            return self.ipad(*words, within=limit)
        path = self._folder / "confirmation-code"
        path.write_text(code.confirmation_code, encoding="utf-8")
        try:
            return self.ipad(*words, "--confirmation-code-file", str(path), within=limit)
        finally:
            path.unlink()

    def status(self) -> Mapping[str, Any]:
        return self.ipad("status").value

    # Configuration and log

    def configure(self, toml: str = "", *, policy: str = "") -> None:
        self._changed = True
        self._write(tomllib.loads(toml), tomllib.loads(policy))
        self.restart()

    def journal(self) -> str:
        try:
            with self._log.open("rb") as log:
                log.seek(self._offset)
                return log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def begin(self) -> None:
        """What is logged from now on belongs to the case."""
        self._offset = self._log.stat().st_size if self._log.exists() else 0

    def calm(self) -> None:
        """The configuration of before the case."""
        if self._changed:
            self._changed = False
            self._write({}, {})
            if self.running:
                self.restart()


def _dies_with_us() -> list[str]:
    """What lets the agent end when this process is killed: no agent is left behind with a rig that is gone."""
    return ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []


def answer_of(code: int, out: str, errors: str) -> Answer:
    """What a process of `ipad --json` answered: an object on standard output, where there is one."""
    try:
        value = json.loads(out) if out.strip() else {}
    except ValueError:
        value = {"text": out}
    return Answer(code, value if isinstance(value, dict) else {"value": value}, errors)
