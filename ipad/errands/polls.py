"""A poll now, until nothing is queued and nothing is on trial."""

from __future__ import annotations

from collections.abc import Callable

from ipad.daemon.agent import LocalAgent
from ipad.daemon.guard.guard import Guard
from ipad.daemon.once import poll_until_idle
from ipad.errands.envelope import Result
from ipad.errands.parameters import Act, Parameters
from ipad.errands.verdicts import verdict_result
from ipad.net.counters import UsageLedger
from ipad.observe.usage import usage_rows
from ipad.procedures.report import RunReport
from ipad.records import dataclass


def _unheeded(report: RunReport) -> None:
    del report


@dataclass(frozen=True, kw_only=True)
class Visit:
    """An agent and who looks after it. `each_run` is told of every run, for the schedule."""

    agent: LocalAgent
    guard: Guard
    usage: UsageLedger
    each_run: Callable[[RunReport], None] = _unheeded


def poll(given: Parameters) -> Act[Visit]:
    """Every eIM, or the named one. Raises NotFoundError for one that cannot be polled."""
    given.known("eim_id")
    eim_id = given.optional_text("eim_id", longest=128)

    async def act(visit: Visit) -> Result:
        before = visit.usage.snapshot()
        verdict = await poll_until_idle(visit.agent, visit.guard, eim_id)
        for run in verdict.runs:
            visit.each_run(run)
        return verdict_result(verdict, usage_rows(visit.usage.snapshot().since(before)))

    return act
