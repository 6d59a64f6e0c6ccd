"""The agent as a process that can be told where to die.

Each process is forked by a nursery, an interpreter that has loaded the agent's modules: to start one from nothing costs
more than all that it does afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.sweep.errors import SweepError
from hil.sweep.points import Point, read_points

HOOK: Final = Path(__file__).parent / "hook"
AGENT: Final = (sys.executable, "-m", "ipad")
KILLED: Final = -signal.SIGKILL

_READY_WITHIN: Final = 60.0


@dataclass(frozen=True)
class Place:
    """Where an agent works: its current folder, the folder whose files are watched, its output."""

    folder: Path
    below: Path
    log: Path


def _environment(below: Path, points: Path, kill_at: int) -> dict[str, str]:
    return {"SWEEP_BELOW": str(below), "SWEEP_POINTS": str(points), "SWEEP_KILL": str(kill_at)}


def _surroundings(**more: str) -> dict[str, str]:
    before = [text for text in [os.environ.get("PYTHONPATH", "")] if text]
    return {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join([str(HOOK), *before]), **more}


async def run_until(
    command: Sequence[str],
    arguments: Sequence[str],
    place: Place,
    modules: Path,
    enough: Callable[[], Awaitable[None]],
) -> int:
    """Run an agent from nothing, end it by SIGTERM after `enough`; its exit code.

    The names of its modules go to the file `modules`, for a nursery.
    """
    with place.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=place.folder,
            env=_surroundings(SWEEP_MODULES=str(modules)),
        )
    try:
        await enough()
        process.terminate()
        return await process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class Agent:
    """A process of the agent that runs. `points`: file with the points that it has passed."""

    def __init__(self, pid: int, ended: asyncio.Future[int], points: Path) -> None:
        self.pid = pid
        self._ended = ended
        self._points = points

    @property
    def code(self) -> int | None:
        """Its exit code, negative the number of a signal; None as long as it lives."""
        return self._ended.result() if self._ended.done() else None

    async def wait(self) -> int:
        """Wait for its end; the exit code."""
        return await asyncio.shield(self._ended)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if not self._ended.done():
            os.kill(self.pid, number)

    def passed(self) -> tuple[Point, ...]:
        """The points that it has passed."""
        return read_points(self._points)


class Nursery:
    """Forks agents, one at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._attending: asyncio.Task[None] | None = None

    async def start(self, arguments: Sequence[str], place: Place, points: Path, kill_at: int = 0) -> Agent:
        """A process that dies at the point `kill_at`, 0: at none. `points`: a new file for those that it passes.

        Raises SweepError.
        """
        order = {
            "arguments": list(arguments),
            "folder": str(place.folder),
            "log": str(place.log),
            "environment": _environment(place.below, points, kill_at),
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        pid = int(await self._word("started"))
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._attending = asyncio.create_task(self._attend(ended))
        return Agent(pid, ended, points)

    async def _attend(self, ended: asyncio.Future[int]) -> None:
        try:
            ended.set_result(int(await self._word("ended")))
        except SweepError as error:
            ended.set_exception(error)

    async def _word(self, expected: str) -> str:
        assert self._process.stdout is not None
        line = (await self._process.stdout.readline()).decode().strip()
        word, _, rest = line.partition(" ")
        if word != expected:
            raise SweepError(f"the nursery said {line!r}, expected {expected!r}")
        return rest

    async def close(self) -> None:
        """End it, and with it a process that still runs."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._attending is not None:
            await asyncio.gather(self._attending, return_exceptions=True)
        await self._process.wait()


@asynccontextmanager
async def nursery(command: Sequence[str], modules: Path, log: Path) -> AsyncIterator[Nursery]:
    """A nursery while the context lasts. Raises SweepError."""
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env=_surroundings(SWEEP_NURSERY=str(modules)),
        )
    made = Nursery(process)
    try:
        async with asyncio.timeout(_READY_WITHIN):
            await made._word("ready")  # noqa: SLF001 - of this module
        yield made
    finally:
        await made.close()
