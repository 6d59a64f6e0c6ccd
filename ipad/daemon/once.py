"""`ipad run --once`: every eIM until nothing is queued, then a verdict in one sentence and an exit code.

A profile that a package has enabled is on trial here as well: the visit lasts until it has proven itself, or until
policy has undone the change, which the windows of policy bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ipad.bearer.backend import BearerReason
from ipad.daemon.guard.guard import Guard
from ipad.daemon.guard.waiting import wait_for
from ipad.daemon.service import Agent
from ipad.errors import ExitCode, NetworkError, NotFoundError
from ipad.procedures.report import EimReport, Outcome, PackageReport, RunReport
from ipad.records import dataclass

_MAX_ROUNDS: Final = 64
"""Runs after which an eIM that always has one more package is left for the next time."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all runs did together."""

    runs: tuple[RunReport, ...]
    exit_code: ExitCode
    message: str

    @property
    def packages(self) -> tuple[PackageReport, ...]:
        """Every package once, with what became of it in the end."""
        return final_packages(self.runs)

    @property
    def outcome(self) -> Outcome:
        """How it ended: as the last run, except that work of earlier runs is not nothing."""
        last = self.runs[-1].outcome if self.runs else Outcome.NOTHING_TO_DO
        return Outcome.DONE if last is Outcome.NOTHING_TO_DO and self.packages else last


async def poll_until_idle(agent: Agent, guard: Guard, only: str | None = None) -> Verdict:
    """Run until no eIM has more and nothing is on trial.

    Raises NotFoundError for an `only` that cannot be polled, and what a run raises.
    """
    eim_ids = await agent.start()
    await guard.take_up(agent)
    await agent.bring_up(BearerReason.BOOT)
    if only is not None:
        if only not in eim_ids:
            raise NotFoundError(f"there is no eIM {only!r} that can be polled", hint="see ipad eim list")
        eim_ids = (only,)
    if eim_ids:
        await guard.await_bearer()
    visit = _Visit(agent, guard, eim_ids)
    await visit.go()
    if not visit.runs:
        return Verdict((), ExitCode.OK, "no eIM can be polled")
    return judge(visit.runs)


class _Visit:
    def __init__(self, agent: Agent, guard: Guard, eim_ids: Sequence[str]) -> None:
        self._agent = agent
        self._guard = guard
        self._all = tuple(eim_ids)
        self._wanted = self._all
        self._known = {*eim_ids, *agent.pollable()}
        self.runs: list[RunReport] = []

    async def go(self) -> None:
        """Do what there is to do, one thing after the other."""
        rounds = 0
        while True:
            self._guard.news.clear()
            decision = self._guard.take()
            if decision is not None:
                await self._guard.executor.carry_out(self._agent, decision)
            elif self._guard.on_trial:
                if self._granted():
                    self._wanted = self._all
                    await self._poll()
                else:
                    await wait_for(self._guard.news, self._guard.clock, float("inf"))
            elif self._wanted and rounds < _MAX_ROUNDS:
                rounds += 1
                self._granted()
                await self._poll()
            else:
                return

    def _granted(self) -> bool:
        """Whether policy lets a poll out over the bearer of the profile on trial."""
        early = self._guard.take_early()
        if early is not None and early.notice is not None:
            self._agent.announce(early.notice)
        return self._guard.take_retry() or early is not None

    async def _poll(self) -> None:
        with self._guard.contacting():
            report = await self._agent.poll(self._wanted)
        self.runs.append(report)
        added = tuple(eim_id for eim_id in self._agent.pollable() if eim_id not in self._known)
        self._known.update(added)
        self._all += added
        if report.on_trial or any(package.blocked for package in report.packages):
            self._wanted = self._all
        else:
            had_turn = {eim.eim_id for eim in report.eims}
            more = [eim.eim_id for eim in report.eims if eim.more]
            self._wanted = (*more, *(eim_id for eim_id in added if eim_id not in had_turn))
        await self._guard.after_run(self._agent, report)


def final_packages(runs: Iterable[RunReport]) -> tuple[PackageReport, ...]:
    """The packages of all runs; one that a later run finished is there once, where it began."""
    found: dict[object, PackageReport] = {}
    for number, package in enumerate(package for run in runs for package in run.packages):
        known = (package.eim_id, package.counter_value, package.eim_transaction_id)
        key: object = known if package.counter_value is not None else number
        before = found.get(key)
        found[key if before is None or not before.delivered else number] = package
    return tuple(found.values())


def judge(runs: Sequence[RunReport]) -> Verdict:
    """The exit code: 0 when all went well, the code of a permanent failure, else 75 while anything is left to do."""
    last = runs[-1]
    final = {eim.eim_id: eim for run in runs for eim in run.eims}
    failures = [error for eim in final.values() if (error := eim.network_error) is not None]
    packages = len(final_packages(runs))
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
