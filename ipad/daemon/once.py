"""`ipad run --once`: every eIM until nothing is queued, then a verdict in one sentence and an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ipad.daemon.service import Agent
from ipad.errors import ExitCode, NetworkError, NotFoundError
from ipad.procedures.report import EimReport, Outcome, RunReport

_MAX_ROUNDS: Final = 64
"""Runs after which an eIM that always has one more package is left for the next time."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all runs did together."""

    runs: tuple[RunReport, ...]
    exit_code: ExitCode
    message: str


async def poll_until_idle(agent: Agent, only: str | None = None) -> Verdict:
    """Run until no eIM has more. Raises NotFoundError for an `only` that cannot be polled, and what a run raises."""
    eim_ids = await agent.start()
    if only is not None:
        if only not in eim_ids:
            raise NotFoundError(f"there is no eIM {only!r} that can be polled", hint="see ipad eim list")
        eim_ids = (only,)
    runs: list[RunReport] = []
    while eim_ids and len(runs) < _MAX_ROUNDS:
        runs.append(await agent.poll(eim_ids))
        eim_ids = [eim.eim_id for eim in runs[-1].eims if eim.more]
    if not runs:
        return Verdict((), ExitCode.OK, "no eIM can be polled")
    return judge(runs)


def judge(runs: Sequence[RunReport]) -> Verdict:
    """The exit code: 0 when all went well, the code of a permanent failure, else 75 while anything is left to do."""
    last = runs[-1]
    failures = [error for run in runs for eim in run.eims if (error := eim.network_error) is not None]
    packages = sum(len(run.packages) for run in runs)
    done = f"{packages} package(s) processed" if packages else "nothing was queued"
    if last.outcome is not Outcome.RETRY_LATER and not failures:
        return Verdict(tuple(runs), ExitCode.OK, done)
    permanent = next((error for error in failures if not error.transient), None)
    code = permanent.exit_code if permanent is not None else ExitCode.TRY_AGAIN
    return Verdict(tuple(runs), code, f"{done}; {_reason(last, failures)}")


def _reason(last: RunReport, failures: Sequence[NetworkError]) -> str:
    if last.suspended:
        return f"suspended: {last.suspended}"
    named = [_failure(eim) for eim in last.eims if eim.network_error is not None]
    if named:
        return "; ".join(named)
    if failures:
        return str(failures[0])
    if last.undelivered:
        return f"{last.undelivered} result(s) could not be delivered yet"
    return "there is more to do"


def _failure(eim: EimReport) -> str:
    return f"eIM {eim.eim_id}: {eim.network_error}"
