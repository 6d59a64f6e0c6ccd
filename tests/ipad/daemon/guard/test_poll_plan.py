"""The plan of polls on a clock that does not stand still while it is read."""

from __future__ import annotations

from ipad.daemon.guard.poll_plan import PollPlan
from ipad.policy.limits import Timers
from ipad.policy.schedule import Schedule
from tests.ipad.daemon.fakes import HeldClock, make_guard


class RunningClock(HeldClock):
    """Each look at it takes a while."""

    def monotonic(self) -> float:
        self.now += 0.001
        return self.now


def test_poll_that_is_due_goes_out_although_time_passes_while_it_is_decided() -> None:
    clock = RunningClock()
    plan = PollPlan(Schedule(timers=Timers()), make_guard(clock), {}, lambda: 0.0)
    plan.follow(["eim.example.com"], clock.monotonic())
    clock.now += 3600.0
    assert plan.due(clock.monotonic()) == ("eim.example.com",)
