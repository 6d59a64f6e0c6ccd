"""When which eIM is polled: the schedule, within what policy allows at the moment."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from ipad.codec.esipa import EimPackageError
from ipad.daemon.guard.guard import Guard
from ipad.errors import IpadError
from ipad.policy import polling
from ipad.policy.limits import Timers
from ipad.policy.schedule import Schedule
from ipad.procedures.report import EimReport, RunReport
from ipad.records import replace

logger = logging.getLogger(__name__)


class PollPlan:
    """The schedule of one device. `intervals` are those of single eIMs, `chance` gives -1 to 1."""

    def __init__(
        self, schedule: Schedule, guard: Guard, intervals: Mapping[str, float], chance: Callable[[], float]
    ) -> None:
        self._schedule = schedule
        self._guard = guard
        self._intervals = intervals
        self._chance = chance
        self._begun = False
        self._not_before = float("-inf")

    def adopt(self, timers: Timers, intervals: Mapping[str, float], now: float) -> None:
        """Other times hold from now on: an eIM whose interval is shorter now is not kept waiting for the longer one."""
        self._intervals = intervals
        self._schedule = self._schedule.within(timers, intervals, now)

    def follow(self, eim_ids: Sequence[str], now: float) -> None:
        """Follow the list on the card. At first policy has the word; later an eIM that is new is due at once."""
        first = now
        if not self._begun:
            first = self._guard.first_poll(now, self._schedule.timers.poll_interval)
        self._begun = self._begun or bool(eim_ids)
        self._schedule = self._schedule.with_eims(eim_ids, max(first, self._not_before))

    def due(self, now: float) -> Sequence[str]:
        """The eIMs whose time has come and that may be polled now."""
        if self._guard.take_waking():
            settings = self._guard.engine.settings.poll
            slack = polling.slack(self._schedule.timers.poll_interval, settings)
            self._schedule = self._schedule.awake(now, slack)
        return self._schedule.released(now, lambda due: self._guard.release(due, now))

    def at_once(self, now: float) -> Sequence[str]:
        """Every eIM, except those that asked to be left alone."""
        self._schedule = self._schedule.triggered(now)
        return self._schedule.due(now)

    def moments(self) -> Mapping[str, float]:
        """When each eIM may be polled next; infinity while that is not known."""
        return {eim_id: self._guard.release(contact.due) for eim_id, contact in self._schedule.contacts.items()}

    def next_at(self) -> float | None:
        """When the next poll may go out; infinity while that is not known, None without eIMs."""
        return self._schedule.next_release(self._guard.release)

    def note(self, due: Sequence[str], report: RunReport, now: float) -> None:
        """Decide from what each eIM said when it is asked again; one that had no turn is asked soon."""
        logger.info("run ended: %s, %d package(s)", report.outcome.value, len(report.packages))
        for unusable in report.unusable:
            logger.warning("eIM %s cannot be contacted: %s", unusable.eim_id, unusable.reason)
        for eim_id in set(due).difference(eim.eim_id for eim in report.eims):
            self._schedule = self._schedule.after_cap(eim_id, now)
        hints, settings = self._guard.situation.hints, self._guard.engine.settings.poll
        for eim in report.eims:
            timers = self._schedule.timers
            interval = self._intervals.get(eim.eim_id, timers.poll_interval)
            own = replace(timers, poll_interval=polling.stretched(interval, hints, settings))
            changed = reschedule(replace(self._schedule, timers=own), eim, now, self._chance())
            self._schedule = replace(changed, timers=timers)

    def note_failure(self, due: Sequence[str], error: IpadError, now: float) -> None:
        """The run broke off with an error of our own: who was to be asked is asked again later, as after a failure, and
        so is an eIM that the run brought to the card."""
        for eim_id in due:
            self._schedule = self._schedule.after_failure(eim_id, error, now, self._chance())
        self._not_before = self._schedule.next_at() or now


def reschedule(schedule: Schedule, eim: EimReport, now: float, chance: float) -> Schedule:
    """The schedule after one eIM's turn."""
    if eim.network_error is not None:
        return schedule.after_failure(eim.eim_id, eim.network_error, now, chance)
    if eim.repeating:
        return schedule.after_repetition(eim.eim_id, now, chance)
    if eim.more:
        return schedule.after_cap(eim.eim_id, now)
    if eim.eim_error == EimPackageError.EID_NOT_FOUND:
        return schedule.after_unknown_eid(eim.eim_id, now, chance)
    return schedule.after_success(eim.eim_id, now, chance)
