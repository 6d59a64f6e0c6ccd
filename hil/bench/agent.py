"""The agent under measurement: its configuration file, and its process, started once for each visit or left running."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.bench.errors import AgentError
from hil.eim.knobs import BindingName

_ONCE_WITHIN: Final = 900.0
_END_WITHIN: Final = 20.0
_TAIL: Final = 2000

_TIMER: Final = """
[net]
coaps_timer = {seconds:g}
"""
_CONFIGURATION: Final = """\
[state]
directory = "{folder}/state"

[modem]
port = "{port}"

[esipa]
exchange_timeout = 600
poll_interval = 604800

[eim."{eim_id}"]
binding = "{binding}"

[timers]
first_session = 5
session_check = 0.5

[log]
events = ""
"""


@dataclass(frozen=True)
class AgentSetup:
    """`command` is the agent, None: this interpreter with `-m ipad`. `timer`: seconds after which it repeats a datagram
    of CoAPS, None: what it does by itself."""

    command: str | None = None
    timer: float | None = None


class MeasuredAgent:
    """What it writes is below `folder`."""

    def __init__(self, folder: Path, port: Path, eim_id: str, binding: BindingName, setup: AgentSetup) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._configuration = folder / "ipad.toml"
        text = _CONFIGURATION.format(folder=folder, port=port, eim_id=eim_id, binding=binding)
        if setup.timer is not None:
            text += _TIMER.format(seconds=setup.timer)
        self._configuration.write_text(text, encoding="utf-8")
        command = setup.command
        self._command: Sequence[str] = shlex.split(command) if command else (sys.executable, "-m", "ipad")
        self._log = folder / "ipad.log"

    async def run(self, *words: str) -> None:
        """Run one command to its end. Raises AgentError when it does not end with 0."""
        async with self._process(*words) as process:
            try:
                async with asyncio.timeout(_ONCE_WITHIN):
                    code = await process.wait()
            except TimeoutError:
                raise AgentError(f"ipad {' '.join(words)} did not end\n{self._tail()}") from None
        if code:
            raise AgentError(f"ipad {' '.join(words)} ended with exit code {code}\n{self._tail()}")

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """`ipad run` while the context lasts. Raises AgentError when it does not end well on SIGTERM."""
        async with self._process("run") as process:
            yield process
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(_END_WITHIN):
                code = await process.wait()
        if code:
            raise AgentError(f"ipad run ended with exit code {code}\n{self._tail()}")

    @asynccontextmanager
    async def _process(self, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                "-v",
                "--config",
                str(self._configuration),
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _tail(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-_TAIL:]
