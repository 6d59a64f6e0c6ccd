"""The agent as a black box: its configuration file and its process. The bench never imports it."""

import asyncio
import os
import shlex
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.agent_log import AgentLog

_LIMIT_SECONDS: Final = 120.0
_END_WITHIN: Final = 20.0

_CONFIGURATION: Final = """\
[state]
directory = "{folder}/state"

[modem]
port = "{port}"
{modem}
[rsp]
ci_files = ["{ci_file}"]

[timers]
session = 60
session_check = 0.5

[policy]
file = "{folder}/policy.toml"

[log]
events = "{folder}/events.jsonl"

[control]
socket = ""
"""


@dataclass(frozen=True)
class AgentRun:
    """One finished process."""

    words: str
    exit_code: int
    seconds: float
    output: str
    errors: str


class Agent:
    """Runs `command` (default: this interpreter with `-m ipad`) with a configuration of its own in `folder`.

    `ci_file`: certificates (PEM) under which SM-DP+ and SM-DS are trusted. `more`: tables (TOML) beside those that
    every run needs; `modem`: lines for the table of the modem.
    """

    def __init__(
        self, folder: Path, port: Path, ci_file: Path, command: str | None = None, more: str = "", modem: str = ""
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._configuration = folder / "ipad.toml"
        self._policy = folder / "policy.toml"
        self._output = folder / "ipad.log"
        text = _CONFIGURATION.format(folder=folder, port=port, ci_file=ci_file, modem=modem) + more
        self._configuration.write_text(text, encoding="utf-8")
        self.follow("")
        self._command = shlex.split(command) if command else [sys.executable, "-m", "ipad"]
        self._running: asyncio.subprocess.Process | None = None
        self.log = AgentLog(folder / "events.jsonl")
        """Its log of events."""

    def follow(self, policy: str) -> None:
        """Write another policy file, for the processes that begin from now on."""
        self._policy.write_text(policy, encoding="utf-8")

    async def run(self, *words: str) -> AgentRun:
        """Run one command to its end; after two minutes it is killed and the exit code negative."""
        started = time.monotonic()
        self._running = process = await self._start(words, asyncio.subprocess.PIPE)
        try:
            async with asyncio.timeout(_LIMIT_SECONDS):
                output, errors = await process.communicate()
        except TimeoutError:
            process.kill()
            output, errors = await process.communicate()
        code = process.returncode
        return AgentRun(
            " ".join(words),
            -1 if code is None else code,
            time.monotonic() - started,
            output.decode(errors="replace"),
            errors.decode(errors="replace"),
        )

    def kill(self) -> None:
        """End the command that runs, as a power cut does."""
        if self._running is not None:
            with suppress(ProcessLookupError):
                self._running.kill()

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator["Daemon"]:
        """`ipad run` while the context lasts; at its end it gets SIGTERM, and after 20 seconds it is killed."""
        words = ("run",)
        with self._output.open("wb") as output:
            process = await self._start(words, output.fileno())
        daemon = Daemon(process, " ".join(words), self._output)
        try:
            yield daemon
        finally:
            await daemon.stop()

    async def _start(self, words: Sequence[str], output: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._command,
            "--config",
            str(self._configuration),
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )


class Daemon:
    """An agent that stays."""

    def __init__(self, process: asyncio.subprocess.Process, words: str, output: Path) -> None:
        self._process = process
        self._words = words
        self._output = output
        self._started = time.monotonic()

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.returncode is not None

    def poll_now(self) -> None:
        """Have every eIM polled at once (SIGUSR1). It must have its signals in hand: once an eIM has heard of it."""
        self._process.send_signal(signal.SIGUSR1)

    def kill(self) -> None:
        """End it as a power cut does."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self) -> AgentRun:
        """End it by SIGTERM; how it ended. After 20 seconds it is killed and the exit code negative."""
        if not self.ended:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_END_WITHIN):
                code = await self._process.wait()
        except TimeoutError:
            self.kill()
            code = await self._process.wait()
        output = self._output.read_text(encoding="utf-8", errors="replace")
        return AgentRun(self._words, code, time.monotonic() - self._started, "", output)
