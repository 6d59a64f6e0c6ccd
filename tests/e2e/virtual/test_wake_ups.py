"""Between two polls the processor sleeps, as long as the modem says nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ipad.clock import SystemClock
from tests.e2e.virtual.device import Device
from tests.e2e.virtual.house import house_of
from tests.e2e.virtual.test_daemon import HOUR
from tests.e2e.virtual.virtual_time import VirtualTimeLoop


def test_no_more_than_one_timer_a_minute_runs_while_there_is_nothing_to_do(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    timers: list[float] = []
    sleep, call_at = SystemClock.sleep, VirtualTimeLoop.call_at

    def counted_sleep(clock: SystemClock, seconds: float) -> Any:
        timers.append(device.clock.monotonic())
        return sleep(clock, seconds)

    def counted_call_at(loop: VirtualTimeLoop, when: float, *rest: Any, **options: Any) -> asyncio.TimerHandle:
        timers.append(device.clock.monotonic())
        return call_at(loop, when, *rest, **options)

    monkeypatch.setattr(SystemClock, "sleep", counted_sleep)
    monkeypatch.setattr(VirtualTimeLoop, "call_at", counted_call_at)
    began = device.clock.monotonic()
    house_of(device).serve(until=4 * HOUR)
    quiet = [moment for moment in timers if began + HOUR <= moment < began + 4 * HOUR - 1.0]
    assert len(timers) > len(quiet), "the start is counted"
    assert len(quiet) <= 3 * 60
