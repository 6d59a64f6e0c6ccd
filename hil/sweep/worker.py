"""A process that makes runs, one after the other: orders come as lines of JSON, outcomes go as lines of JSON."""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from hil.rig.options import RigError
from hil.sweep.errors import PortTakenError, SweepError
from hil.sweep.points import Point
from hil.sweep.process import AGENT, Nursery, nursery
from hil.sweep.run import Run, Site, count, kill
from hil.sweep.scenarios import Scenario, scenario
from hil.sweep.start import Start
from hil.sweep.template import make
from hil.sweep.verdict import Reference

_ATTEMPTS: Final = 5


class Worker:
    """Runs below `folder`, where it makes a device for each start once. `command` runs the agent."""

    def __init__(self, folder: Path, command: tuple[str, ...], stack: AsyncExitStack) -> None:
        self._folder = folder
        self._command = command
        self._stack = stack
        self._nurseries: dict[Start, Nursery] = {}

    async def do(self, name: str, kill_at: int, pause: float, polls: Mapping[str, int]) -> Run:
        """One run; `kill_at` 0 counts. Raises SweepError, RigError."""
        one = scenario(name)
        for _ in range(_ATTEMPTS):
            try:
                return await self._run(one, kill_at, pause, polls)
            except PortTakenError:
                # Somebody else uses a port of this device: another one gets others.
                shutil.rmtree(self._folder / one.start.name, ignore_errors=True)
        return await self._run(one, kill_at, pause, polls)

    async def _run(self, one: Scenario, kill_at: int, pause: float, polls: Mapping[str, int]) -> Run:
        template = self._folder / one.start.name
        modules = self._folder / f"{one.start.name}.modules"
        if not template.exists():
            await make(template, one.start, self._command, modules)
        if one.start not in self._nurseries:
            opened = nursery(self._command, modules, self._folder / "nursery.log")
            self._nurseries[one.start] = await self._stack.enter_async_context(opened)
        site = Site(template, self._folder / "run")
        if kill_at == 0:
            return await count(one, site, self._nurseries[one.start])
        return await kill(one, site, self._nurseries[one.start], kill_at, Reference(polls), pause=pause)


def run_to_json(run: Run) -> dict[str, Any]:
    """Plain JSON values."""
    return asdict(run)


def run_from_json(value: dict[str, Any]) -> Run:
    """The run that `run_to_json` wrote."""
    reached = value["killed_at"]
    points = tuple(Point(**item) for item in value["points"])
    return Run(
        **{
            **value,
            "killed_at": None if reached is None else Point(**reached),
            "failures": tuple(value["failures"]),
            "points": points,
        }
    )


async def serve(folder: Path, command: tuple[str, ...]) -> None:
    """Until the standard input ends."""
    async with AsyncExitStack() as stack:
        worker = Worker(folder, command, stack)
        while line := await asyncio.to_thread(sys.stdin.readline):
            order = json.loads(line)
            try:
                answer = run_to_json(await worker.do(**order))
            except (SweepError, RigError) as error:
                answer = {"error": str(error)}
            print(json.dumps(answer), flush=True)  # noqa: T201 - the other side reads it


if __name__ == "__main__":
    home, *given = sys.argv[1:]
    asyncio.run(serve(Path(home), tuple(shlex.split(given[0])) if given else AGENT))
