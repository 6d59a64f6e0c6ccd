"""The agent as a black box: its configuration file and its process. The bench never imports it."""

import asyncio
import os
import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LIMIT_SECONDS: Final = 120.0

_CONFIGURATION: Final = """\
[state]
directory = "{directory}"

[modem]
port = "{port}"

[rsp]
ci_files = ["{ci_file}"]

[timers]
session = 60
session_check = 0.5
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

    `ci_file`: certificates (PEM) under which SM-DP+ and SM-DS are trusted.
    """

    def __init__(self, folder: Path, port: Path, ci_file: Path, command: str | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._configuration = folder / "ipad.toml"
        text = _CONFIGURATION.format(directory=folder / "state", port=port, ci_file=ci_file)
        self._configuration.write_text(text, encoding="utf-8")
        self._command = shlex.split(command) if command else [sys.executable, "-m", "ipad"]

    async def run(self, *words: str) -> AgentRun:
        """Run one command to its end; after two minutes it is killed and the exit code negative."""
        arguments = [*self._command, "--config", str(self._configuration), *words]
        started = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
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
