"""Looking again until something holds: how often, how long, and what may end it."""

from __future__ import annotations

import asyncio
import time

import pytest

from hil import waiting
from hil.clock import ManualClock
from hil.waiting import looks, until


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses of `looks`; time passes by them alone."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: sum(pauses))
    monkeypatch.setattr(waiting.time, "sleep", pauses.append)
    return pauses


def test_thread_looks_at_once_and_a_last_time_when_its_patience_is_over(moments: list[float]) -> None:
    assert len(list(looks(1.0, 0.4))) == 4
    assert moments == [0.4] * 3


def test_thread_without_patience_looks_once(moments: list[float]) -> None:
    assert len(list(looks(0.0, 0.4))) == 1
    assert moments == []


def test_thread_that_found_what_it_looked_for_waits_no_longer(moments: list[float]) -> None:
    for number, _ in enumerate(looks(9.0, 0.5)):
        if number == 2:
            break
    assert moments == [0.5, 0.5]


async def passing(clock: ManualClock, waiting_: asyncio.Task[bool]) -> bool:
    while not waiting_.done():
        await asyncio.sleep(0)
        clock.advance(0.25)
    return await waiting_


@pytest.mark.asyncio
async def test_loop_waits_until_it_holds() -> None:
    clock = ManualClock()
    task = asyncio.ensure_future(until(lambda: clock.monotonic() >= 3.0, clock, 0.5))
    assert await passing(clock, task)
    assert 3.0 <= clock.monotonic() < 4.0


@pytest.mark.asyncio
async def test_loop_gives_up_and_says_so() -> None:
    clock = ManualClock()
    checks: list[float] = []
    task = asyncio.ensure_future(
        until(lambda: False, clock, 0.5, within=2.0, check=lambda: checks.append(clock.monotonic()))
    )
    assert not await passing(clock, task)
    assert len(checks) >= 4


@pytest.mark.asyncio
async def test_check_may_end_the_waiting_but_is_not_asked_for_what_holds() -> None:
    def fail() -> None:
        raise ValueError("gone")

    clock = ManualClock()
    assert await until(lambda: True, clock, 0.5, check=fail)
    with pytest.raises(ValueError, match="gone"):
        await until(lambda: False, clock, 0.5, check=fail)
