from __future__ import annotations

import asyncio

import pytest

from hil.clock import LoopClock, ManualClock


def test_timers_run_in_order_of_time_then_of_creation() -> None:
    clock, log = ManualClock(), []
    clock.call_later(2, lambda: log.append("c"))
    clock.call_later(1, lambda: log.append("a"))
    clock.call_later(1, lambda: log.append("b"))
    clock.advance(1)
    assert log == ["a", "b"]
    clock.advance(1)
    assert log == ["a", "b", "c"]


def test_timer_sees_its_own_moment_and_may_create_others() -> None:
    clock, log = ManualClock(epoch=1000), []

    def first() -> None:
        log.append(clock.monotonic())
        clock.call_later(1, lambda: log.append(clock.time()))

    clock.call_later(1, first)
    clock.advance(5)
    assert log == [1.0, 1002.0]
    assert clock.monotonic() == 5


def test_cancelled_timer_never_runs() -> None:
    clock, log = ManualClock(), []
    timer = clock.call_later(1, lambda: log.append(1))
    timer.cancel()
    assert clock.next_deadline is None
    clock.advance(2)
    assert log == []


def test_run_until_idle_jumps_over_days() -> None:
    clock, log = ManualClock(), []
    clock.call_later(86400, lambda: log.append(1))
    clock.run_until_idle(limit=100_000)
    assert (log, clock.monotonic()) == ([1], 86400)


@pytest.mark.asyncio
async def test_sleeper_wakes_when_the_time_has_come() -> None:
    clock = ManualClock()
    sleeper = asyncio.create_task(clock.sleep(3600))
    await asyncio.sleep(0)
    clock.advance(3599)
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.advance(1)
    await asyncio.wait_for(sleeper, 1)


@pytest.mark.asyncio
async def test_real_clock_calls_from_the_loop() -> None:
    clock, called = LoopClock(), asyncio.Event()
    before = clock.monotonic()
    clock.call_later(-1, called.set)
    assert not called.is_set()
    await asyncio.wait_for(called.wait(), 1)
    await clock.sleep(0)
    assert clock.monotonic() >= before
    assert clock.time() > 1_700_000_000
