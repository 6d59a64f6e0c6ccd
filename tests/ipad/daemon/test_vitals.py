"""Signs of life, and the watchdog that believes nothing else."""

from __future__ import annotations

import asyncio
import logging

import pytest

from hil.clock import ManualClock
from ipad.daemon.vitals import GRACE, Vitals, Watchdog
from tests.waiting import turns


def test_work_that_goes_on_is_alive_and_work_that_does_not_is_overdue() -> None:
    clock = ManualClock()
    vitals = Vitals(clock, work=100.0)
    vitals.busy("polling eim1")
    clock.advance(99.0)
    assert vitals.overdue() is None
    vitals.sign()
    clock.advance(99.0)
    assert vitals.overdue() is None
    clock.advance(2.0)
    assert vitals.overdue() == "polling eim1: no progress for 101 s"


def test_pause_may_last_as_long_as_it_was_meant_to() -> None:
    clock = ManualClock()
    vitals = Vitals(clock, work=100.0)
    vitals.resting("idle", 43_200.0)
    clock.advance(43_200.0 + GRACE)
    assert vitals.overdue() is None
    clock.advance(1.0)
    assert "idle" in (vitals.overdue() or "")


def test_pause_that_only_news_end_never_lasts_too_long() -> None:
    clock = ManualClock()
    vitals = Vitals(clock)
    vitals.resting("waiting for a data session", float("inf"))
    clock.advance(1e7)
    assert vitals.overdue() is None


def test_command_that_hangs_is_overdue_whatever_else_goes_on() -> None:
    vitals = Vitals(ManualClock())
    vitals.late = lambda _now: "ttyUSB2: AT+CGLA has not ended"
    vitals.sign()
    assert vitals.overdue() == "ttyUSB2: AT+CGLA has not ended"


@pytest.mark.asyncio
async def test_watchdog_is_fed_only_while_nothing_is_overdue(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    clock = ManualClock()
    vitals = Vitals(clock, work=200.0)
    vitals.busy("polling eim1")
    fed: list[float] = []
    told: list[str] = []
    watchdog = Watchdog(
        clock, lambda: fed.append(clock.monotonic()), told.append, lambda: list(filter(None, [vitals.overdue()]))
    )
    running = asyncio.ensure_future(watchdog.run(90.0))
    for _ in range(6):
        await turns(5)
        clock.advance(90.0)
    vitals.sign()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    running.cancel()
    assert fed == [0.0, 90.0, 180.0, 540.0]
    assert told == ["hung: polling eim1: no progress for 270 s", ""]
    assert len(caplog.records) == 1
