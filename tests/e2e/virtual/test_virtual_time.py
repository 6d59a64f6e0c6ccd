"""Time that jumps reaches every deadline, however late it has become."""

from __future__ import annotations

import asyncio

import pytest

from hil.clock import ManualClock
from tests.e2e.virtual.virtual_time import DAY, StuckError, run


@pytest.mark.timeout(5)
@pytest.mark.parametrize("days", [0, 1, 40, 1000, 36_500])
def test_sleep_ends_at_its_moment(days: int) -> None:
    clock = ManualClock()
    clock.advance(days * DAY)

    async def life() -> float:
        began = asyncio.get_running_loop().time()
        for _ in range(100):
            await asyncio.sleep(0.7)
        return asyncio.get_running_loop().time() - began

    assert run(clock, life()) == pytest.approx(70.0, abs=0.01)


def test_wait_for_nothing_is_an_error() -> None:
    async def life() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(StuckError):
        run(ManualClock(), life())
