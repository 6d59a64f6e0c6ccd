"""Memory and wake-ups of the agent between two polls, over HTTPS and over CoAPS.

Run it as `python benchmarks/idle.py`. The agent is `ipad run` with its control API on a virtual modem; it has polled
once and waits for the next poll. Memory is VmRSS, which counts pages that are shared with other programs; the private
part is shown as well. Wake-ups are those of all its threads in a minute in which the modem says nothing. The exit code
is 1 when a limit is exceeded.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from processes import configure, memory, rig, running, wait_for, wake_ups

KIB_PER_MB: Final = 1000 / 1024 * 1000
GOALS: Final = {"HTTPS": 26.0, "CoAPS": 40.0}
LIMITS: Final = {"HTTPS": 26.0, "CoAPS": 29.0}
"""MB of resident memory: what is wanted, and what must not be exceeded meanwhile; see docs/benchmarks.md."""

OPTIONS: Final[dict[str, tuple[str, ...]]] = {"HTTPS": (), "CoAPS": ("--eim-protocol", "coaps")}
MINUTE: Final = 60.0
WAKE_UPS: Final = 1
_SETTLED: Final = 3.0
"""Seconds after a poll in which connections end."""


def bare(folder: Path) -> dict[str, int]:
    """Memory of an interpreter that has imported asyncio and ssl, in KiB."""
    program = "import asyncio, ssl, sys; sys.stdout.write('x'); sys.stdout.flush(); sys.stdin.read()"
    with running(["-c", program], folder, log="bare.log", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        return memory(process.pid)


def measure(folder: Path, *options: str, seconds: float) -> tuple[dict[str, int], int]:
    """Memory in KiB after a poll, and wake-ups in so many seconds after it."""
    with rig(folder, *options) as facts:
        config = configure(folder, facts)
        # The first one compiles bytecode, which costs memory that an installed agent does not need.
        _after_poll(folder, config, 0.0)
        return _after_poll(folder, config, seconds)


def _after_poll(folder: Path, config: Path, seconds: float) -> tuple[dict[str, int], int]:
    with running(["-m", "ipad", "run", "-v", "--config", str(config)], folder, log="agent.log") as process:
        wait_for(folder / "agent.log", "next poll at")
        process.send_signal(signal.SIGUSR1)
        wait_for(folder / "agent.log", "run ended: nothingToDo")
        time.sleep(_SETTLED)
        before = wake_ups(process.pid)
        time.sleep(seconds)
        return memory(process.pid), wake_ups(process.pid) - before


def main() -> int:
    """Print the figures; 1 when a limit is exceeded."""
    failed = False
    with tempfile.TemporaryDirectory() as name:
        bare(Path(name))  # compiles bytecode
        _show("bare", bare(Path(name)), "asyncio and ssl")
        for protocol, limit in LIMITS.items():
            folder = Path(name) / protocol
            folder.mkdir()
            found, woken = measure(folder, *OPTIONS[protocol], seconds=MINUTE)
            good = found["resident"] / KIB_PER_MB <= limit and woken <= WAKE_UPS
            failed = failed or not good
            note = (
                f"goal {GOALS[protocol]:g} MB, limit {limit:g} MB, {woken} wake-ups in a minute, limit {WAKE_UPS}  "
                f"{'ok' if good else 'TOO MUCH'}"
            )
            _show(protocol, found, note)
    return int(failed)


def _show(what: str, found: dict[str, int], note: str) -> None:
    figures = ", ".join(f"{name} {kib / KIB_PER_MB:5.1f} MB" for name, kib in found.items())
    print(f"{what:5} {figures}; {note}", flush=True)  # noqa: T201 - a script that people run


if __name__ == "__main__":
    sys.exit(main())
