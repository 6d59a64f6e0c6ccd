"""The agents of a fleet: processes of `ipad run`, each of which serves many modems, and what they cost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.fleet.device import FleetDevice
from hil.fleet.errors import FleetError

_END_WITHIN: Final = 60.0
_TAIL: Final = 2000
_TICKS: Final = os.sysconf("SC_CLK_TCK")

_CONFIGURATION: Final = """\
[state]
directory = "{folder}/state"

[esipa]
poll_interval = {poll:g}

[rsp]
ci_files = ["{ci_file}"]

[policy]
file = "{folder}/policy.toml"

[log]
events = ""
level = "error"

[control]
socket = ""
"""

_MODEM: Final = """
[modem.{name}]
port = "{url}"
board = "quectel-eg25"
max_data = 255

[modem.{name}.timeouts]
default = 30
"""
"""The limits of a command are those of a machine that plays a thousand modems at a time."""

_POLICY: Final = "[poll]\nper_day = 1440\n"
"""A fleet on fast time polls more often in a day than a device in the field may."""


@dataclass(frozen=True)
class Usage:
    """A process at one moment: resident memory in bytes, seconds of processor time, threads, open files."""

    memory: int
    cpu: float
    threads: int
    files: int


def usage(pid: int) -> Usage:
    """What a process of this machine uses. Raises OSError when it is gone."""
    folder = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (folder / "status").read_text(encoding="ascii").splitlines())
    times = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return Usage(
        memory=int(status["VmRSS"].split()[0]) * 1024,
        cpu=(int(times[11]) + int(times[12])) / _TICKS,
        threads=int(status["Threads"]),
        files=sum(1 for _ in (folder / "fd").iterdir()),
    )


class FleetAgent:
    """One process over some devices."""

    def __init__(self, folder: Path, devices: Sequence[FleetDevice], ci_file: Path, poll: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.devices = devices
        self._configuration = folder / "ipad.toml"
        self._log = folder / "ipad.log"
        text = _CONFIGURATION.format(folder=folder, poll=poll, ci_file=ci_file)
        text += "".join(_MODEM.format(name=device.numbers.name, url=device.port.url) for device in devices)
        self._configuration.write_text(text, encoding="utf-8")
        (folder / "policy.toml").write_text(_POLICY, encoding="utf-8")
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, command: str | None) -> None:
        """Begin. Raises FleetError when there is no such command."""
        words = shlex.split(command) if command else [sys.executable, "-m", "ipad"]
        try:
            with self._log.open("wb") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *words, "--config", str(self._configuration), "run", stdin=asyncio.subprocess.DEVNULL,
                    stdout=log, stderr=log,
                )  # fmt: skip
        except OSError as error:
            raise FleetError(f"{words[0]}: {error.strerror}") from error

    def wake(self) -> None:
        """Have all its devices poll at once (SIGUSR1), as a message of the network would. Raises FleetError."""
        self.check()
        if self._process is not None:
            self._process.send_signal(signal.SIGUSR1)

    def check(self) -> None:
        """Raises FleetError when the process has ended by itself."""
        if self._process is not None and self._process.returncode is not None:
            tail = self._log.read_text(encoding="utf-8", errors="replace")[-_TAIL:]
            raise FleetError(f"an agent ended with exit code {self._process.returncode}\n{tail}")

    def usage(self) -> Usage:
        """What it uses now. Raises FleetError when it has ended."""
        self.check()
        assert self._process is not None
        return usage(self._process.pid)

    async def stop(self) -> None:
        """End it by SIGTERM; a process that does not end is killed."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), _END_WITHIN)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
