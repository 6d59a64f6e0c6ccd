"""The process that stays: polls by schedule, survives what fails, stops cleanly.

A failure of the modem, of the eUICC or of the state file ends the work at hand, never the process: everything is
closed and opened again after a pause that grows. What an interrupted run left behind is in the journal and on the
eUICC. Only a wrong configuration ends the service, because no time heals it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from types import MappingProxyType
from typing import Final, Protocol

from ipad.clock import Clock
from ipad.codec.esipa import EimPackageError
from ipad.daemon.sdnotify import ServiceManager
from ipad.errors import ConfigError, IpadError, UsageError
from ipad.policy.backoff import doubled
from ipad.policy.schedule import Schedule
from ipad.procedures.report import EimReport, RunReport

logger = logging.getLogger(__name__)

_LONGEST_PAUSE: Final = 300.0
_UNUSABLE_RECHECK: Final = 3600.0
"""Seconds after which an eUICC without any eIM to poll is looked at again."""


class Agent(Protocol):
    """One eUICC with everything that is needed to serve its eIMs; open while the context lasts."""

    async def start(self) -> Sequence[str]:
        """Read the eUICC, finish what an earlier process left, return the eIMs that can be polled."""
        ...

    async def poll(self, eim_ids: Sequence[str]) -> RunReport:
        """One run over these eIMs; the list on the eUICC is read again."""
        ...

    def pollable(self) -> Sequence[str]:
        """The eIMs that can be polled, as of the last reading."""
        ...

    async def rest(self) -> None:
        """Give back what others may use between two runs: connections, the channel to the eUICC."""
        ...


AgentOpener = Callable[[], AbstractAsyncContextManager[Agent]]


class Service:
    """The poll loop.

    `reconnect` is the first pause, in seconds, after a failure of modem, eUICC or state file; `intervals` are poll
    intervals, in seconds, of eIMs that do not follow the one of the schedule.
    """

    def __init__(
        self,
        open_agent: AgentOpener,
        schedule: Schedule,
        clock: Clock,
        manager: ServiceManager,
        *,
        reconnect: float,
        intervals: Mapping[str, float] = MappingProxyType({}),
        chance: Callable[[], float] = lambda: random.uniform(-1.0, 1.0),  # noqa: S311 - spreads load, hides nothing
    ) -> None:
        self._open_agent = open_agent
        self._schedule = schedule
        self._clock = clock
        self._manager = manager
        self._reconnect = reconnect
        self._intervals = intervals
        self._chance = chance
        self._stop = asyncio.Event()
        self._wake = asyncio.Event()
        self._poll_wanted = False
        self._failures = 0
        self._last_failure = ""
        self._ready = False

    def stop(self) -> None:
        """End the service: the work at hand is unwound, the channel to the eUICC closed."""
        self._stop.set()

    def poll_now(self) -> None:
        """Poll every eIM at once."""
        self._poll_wanted = True
        self._wake.set()

    async def run(self) -> None:
        """Serve until `stop`. Raises ConfigError and UsageError only: what the operator asked for makes no sense."""
        tasks = [asyncio.ensure_future(self._supervise()), asyncio.ensure_future(self._stop.wait())]
        watchdog = asyncio.ensure_future(self._feed_watchdog())
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._manager.stopping()
            for task in (*tasks, watchdog):
                task.cancel()
            await asyncio.gather(*tasks, watchdog, return_exceptions=True)
        if not tasks[0].cancelled():
            tasks[0].result()
        logger.info("stopped")

    async def _supervise(self) -> None:
        while True:
            try:
                async with self._open_agent() as agent:
                    await self._serve(agent)
            except (ConfigError, UsageError):
                raise
            except IpadError as error:
                await self._after_failure(error)

    async def _serve(self, agent: Agent) -> None:
        eim_ids = await agent.start()
        self._say_ready()
        while True:
            self._schedule = self._schedule.with_eims(eim_ids, self._clock.monotonic())
            self._wake.clear()
            if self._poll_wanted:
                self._poll_wanted = False
                self._schedule = self._schedule.triggered(self._clock.monotonic())
            due = self._schedule.due(self._clock.monotonic())
            if due:
                self._manager.status(f"polling {', '.join(due)}")
                report = await agent.poll(due)
                eim_ids = agent.pollable()
                self._schedule = self._schedule.with_eims(eim_ids, self._clock.monotonic())
                self._note(due, report)
                self._failures, self._last_failure = 0, ""
            else:
                await agent.rest()
                await self._wait_for_work()

    def _note(self, due: Sequence[str], report: RunReport) -> None:
        """Decide from what each eIM said when it is asked again; one that had no turn is asked soon."""
        logger.info("run ended: %s, %d package(s)", report.outcome.value, len(report.packages))
        for unusable in report.unusable:
            logger.warning("eIM %s cannot be contacted: %s", unusable.eim_id, unusable.reason)
        now = self._clock.monotonic()
        for eim_id in set(due).difference(eim.eim_id for eim in report.eims):
            self._schedule = self._schedule.after_cap(eim_id, now)
        for eim in report.eims:
            timers = self._schedule.timers
            own = replace(timers, poll_interval=self._intervals.get(eim.eim_id, timers.poll_interval))
            changed = reschedule(replace(self._schedule, timers=own), eim, now, self._chance())
            self._schedule = replace(changed, timers=timers)

    async def _wait_for_work(self) -> None:
        due = self._schedule.next_at()
        now = self._clock.monotonic()
        pause = max(0.0, due - now) if due is not None else _UNUSABLE_RECHECK
        if due is None:
            self._manager.status("idle, no eIM can be polled")
        else:
            at = time.strftime("%F %T", time.localtime(self._clock.time() + pause))
            self._manager.status(f"idle, next poll {at}")
            logger.info("next poll at %s", at)
        await self._sleep(pause)

    async def _after_failure(self, error: IpadError) -> None:
        self._wake.clear()
        self._failures += 1
        pause = doubled(self._reconnect, _LONGEST_PAUSE, self._failures)
        text = str(error)
        # The same failure repeats for as long as it lasts; the journal needs it once.
        level = logging.DEBUG if text == self._last_failure else logging.ERROR
        self._last_failure = text
        hint = f" ({error.hint})" if error.hint else ""
        logger.log(level, "%s%s; trying again in %g s", text, hint, pause)
        self._say_ready()
        self._manager.status(f"failed: {text}; trying again in {pause:g} s")
        await self._sleep(pause)

    def _say_ready(self) -> None:
        """The start is over when the eUICC was read, or the reason why it cannot be is known."""
        if not self._ready:
            self._ready = True
            self._manager.ready()

    async def _sleep(self, seconds: float) -> None:
        """Wait, but no longer than until someone asks for a poll."""
        waits = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._wake.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _feed_watchdog(self) -> None:
        interval = self._manager.watchdog_interval
        while interval is not None:
            self._manager.alive()
            await self._clock.sleep(interval)


def reschedule(schedule: Schedule, eim: EimReport, now: float, chance: float) -> Schedule:
    """The schedule after one eIM's turn."""
    if eim.network_error is not None:
        return schedule.after_failure(eim.eim_id, eim.network_error, now, chance)
    if eim.more:
        return schedule.after_cap(eim.eim_id, now)
    if eim.eim_error == EimPackageError.EID_NOT_FOUND:
        return schedule.after_unknown_eid(eim.eim_id, now, chance)
    return schedule.after_success(eim.eim_id, now, chance)


def obey_signals(service: Service) -> None:
    """SIGTERM and SIGINT stop the service, SIGUSR1 polls now. For the loop that is running."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.stop)
    loop.add_signal_handler(signal.SIGUSR1, service.poll_now)
