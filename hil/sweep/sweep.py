"""`ipad-hil sweep`: count, kill at every point, print the table."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.cli.show import print_json, print_line
from hil.sweep import document
from hil.sweep.crew import Hand, crew
from hil.sweep.errors import SweepError
from hil.sweep.run import Run
from hil.sweep.scenarios import Scenario
from hil.sweep.table import Row, markdown, plain

_PROGRESS: Final = 100
_MORE: Final = 10
"""Percent of the points by which the numbers go on."""


@dataclass(frozen=True)
class Plan:
    """What to sweep. `first` and `last`: the points, None: from the first, to the last. `agent`: command that runs
    the agent, a Python program; None: this interpreter with `-m ipad`. `pause`: seconds between kill and start."""

    scenarios: Sequence[Scenario]
    first: int | None = None
    last: int | None = None
    jobs: int = 2
    pause: float = 0.0
    agent: str | None = None


@dataclass(frozen=True)
class _Job:
    one: Scenario
    kill_at: int
    pause: float
    reference: Run


def run_plan(plan: Plan, *, as_json: bool, write: Path | None) -> int:
    """Returns 0 when every run of every scenario is as it must be, else 1. `write`: document whose table is replaced.

    Raises SweepError.
    """
    if write is not None:
        document.read(write)  # before the time is spent
    began = time.monotonic()
    rows = asyncio.run(sweep(plan))
    text = markdown(rows, time.monotonic() - began, plan.jobs)
    if as_json:
        print_json(plain(rows))
    else:
        print_line(text)
    if write is not None:
        document.write(write, text)
    return 0 if all(row.clean for row in rows) else 1


async def sweep(plan: Plan) -> list[Row]:
    """All runs. Raises SweepError."""
    with tempfile.TemporaryDirectory(prefix="ipad-sweep-") as folder:
        async with crew(Path(folder), plan.jobs, plan.agent) as hands:
            references = await _spread(hands, [_Job(one, 0, 0.0, _NONE) for one in plan.scenarios])
            jobs = [
                _Job(one, number, plan.pause, reference)
                for one, reference in zip(plan.scenarios, references, strict=True)
                for number in _numbers(plan, reference)
            ]
            runs = await _spread(hands, jobs)
    return [
        Row(one, reference, tuple(run for run in runs if run.scenario == one.name))
        for one, reference in zip(plan.scenarios, references, strict=True)
    ]


def _numbers(plan: Plan, reference: Run) -> range:
    """All points, and some more: another run may have more of them; one that has less is killed when it is done."""
    last = len(reference.points) * (100 + _MORE) // 100 + 1
    return range(plan.first or 1, min(last, plan.last or last) + 1)


async def _spread(hands: Sequence[Hand], jobs: Sequence[_Job]) -> list[Run]:
    """Give the jobs to whoever is free; the runs in the order of the jobs."""
    waiting = list(enumerate(jobs))[::-1]
    runs: dict[int, Run] = {}

    async def work(hand: Hand) -> None:
        while waiting:
            place, job = waiting.pop()
            run = runs[place] = await hand.do(job.one.name, job.kill_at, job.pause, job.reference.polls)
            _tell(run, len(runs), len(jobs))

    try:
        async with asyncio.TaskGroup() as group:
            for hand in hands:
                group.create_task(work(hand))
    except* SweepError as errors:
        raise next(iter(errors.exceptions)) from None
    return [runs[place] for place in range(len(jobs))]


def _tell(run: Run, done: int, of: int) -> None:
    if run.failures:
        where = "counting" if run.kill_at == 0 else f"point {run.kill_at} ({run.killed_at or 'when it was done'})"
        print(f"{run.scenario}, {where}: {'; '.join(run.failures)}", file=sys.stderr, flush=True)  # noqa: T201
        print(run.log, file=sys.stderr, flush=True)  # noqa: T201
    elif run.kill_at == 0:
        print(f"{run.scenario}: {len(run.points)} points", file=sys.stderr, flush=True)  # noqa: T201
    elif done % _PROGRESS == 0:
        print(f"{done} of {of} runs", file=sys.stderr, flush=True)  # noqa: T201


_NONE: Final = Run("", 0, None, ())
