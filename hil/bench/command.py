"""`ipad-hil bench bytes`: measure, print, write the document."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from hil.bench import document
from hil.bench.agent import AgentSetup
from hil.bench.errors import BenchError
from hil.bench.goals import verdicts
from hil.bench.phases import WIRE, Measured, measure
from hil.bench.rows import Procedure, Row, Start, Transport, rows
from hil.bench.table import Results, markdown, plain
from hil.cli.show import print_json, print_line

RADIO: Final = "nb-iot"
TIMER: Final = 10.0
"""Seconds after which a datagram is repeated that suit this radio."""

_AT_ONCE: Final = 6
"""Devices on the radio at the same time: they mostly wait. Where bytes are counted there is one, since a machine that
is too busy makes timers of CoAP run out."""
_ATTEMPTS: Final = 2


@dataclass(frozen=True)
class Plan:
    """What to measure. `agent`: command that runs the agent, None: this interpreter with `-m ipad`."""

    rows: Sequence[Row]
    radio: bool
    agent: str | None = None


def chosen(patterns: Sequence[str]) -> list[Row]:
    """The rows whose name fits one of the patterns, such as `idle/*` or `*/coaps/*`; all without any."""
    return [row for row in rows() if not patterns or any(fnmatch(row.name, pattern) for pattern in patterns)]


def run_bytes(plan: Plan, *, as_json: bool, write: Path | None) -> int:
    """Returns 0 when all goals are met, else 1. `write` is the document whose table is replaced.

    Raises BenchError.
    """
    if write is not None:
        document.read(write)  # before minutes are spent
    try:
        results = asyncio.run(_measure(plan))
    except* BenchError as group:
        raise _first(group) from None
    text = markdown(results)
    if as_json:
        print_json(plain(results))
    else:
        print_line(text)
    if write is not None:
        document.write(write, text)
    return 0 if all(one.met for one in verdicts(results.counted.values())) else 1


async def _measure(plan: Plan) -> Results:
    counted = await _columns(plan.rows, _Pass(WIRE, AgentSetup(plan.agent), asyncio.Semaphore(1)))
    if not plan.radio:
        return Results(counted, {}, {}, RADIO, TIMER)
    slots = asyncio.Semaphore(_AT_ONCE)
    patient = [row for row in plan.rows if row.transport is Transport.COAPS]
    timed, tuned = await asyncio.gather(
        _columns(plan.rows, _Pass(RADIO, AgentSetup(plan.agent), slots)),
        _columns(patient, _Pass(RADIO, AgentSetup(plan.agent, TIMER), slots)),
    )
    return Results(counted, timed, tuned, RADIO, TIMER)


@dataclass(frozen=True)
class _Pass:
    """All rows once, on one link, with one kind of agent."""

    preset: str
    agent: AgentSetup
    slots: asyncio.Semaphore


async def _columns(wanted: Iterable[Row], one_pass: _Pass) -> Mapping[Row, Measured]:
    columns: dict[tuple[Transport, Start], list[Procedure]] = {}
    for row in wanted:
        columns.setdefault((row.transport, row.start), []).append(row.procedure)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_column(*key, procedures, one_pass)) for key, procedures in columns.items()]
    return {one.row: one for task in tasks for one in task.result()}


async def _column(
    transport: Transport, start: Start, procedures: Collection[Procedure], one_pass: _Pass
) -> Iterable[Measured]:
    """On a lossy radio an agent may give up once and come again later: then begin anew with another device, and in the
    end leave the cells empty. Raises BenchError where nothing is lost."""
    preset, agent = one_pass.preset, one_pass.agent
    async with one_pass.slots:
        for _ in range(_ATTEMPTS):
            print(f"{preset}: {transport} {start}", file=sys.stderr)  # noqa: T201
            try:
                with tempfile.TemporaryDirectory(prefix="ipad-bench-") as folder:
                    return await measure(Path(folder), transport, start, procedures, preset=preset, agent=agent)
            except BenchError as error:
                if preset == WIRE:
                    raise
                print(f"{preset}: {transport} {start}: {error}", file=sys.stderr)  # noqa: T201
        return ()


def _first(group: BaseExceptionGroup[BenchError]) -> BaseException:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
