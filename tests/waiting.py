"""Waiting in tests, for what has no event of its own: turns of the loop, time driven by hand, other processes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from hil.clock import LoopClock, ManualClock
from hil.waiting import until

_TURNS = 10_000
_PATIENCE = 20.0
_LOOK = 0.005


async def turns(count: int = 10) -> None:
    """Let everybody in the loop do what needs no time."""
    for _ in range(count):
        await asyncio.sleep(0)


async def settled(condition: Callable[[], bool]) -> None:
    """Let the loop turn until a condition holds that needs no time. AssertionError when it never does."""
    for _ in range(_TURNS):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")


async def seen(condition: Callable[[], bool], what: str, within: float = _PATIENCE) -> None:
    """Wait, in real time, for what a thread, another process or the system does. AssertionError with `what`."""
    assert await until(condition, LoopClock(), _LOOK, within=within), f"not within {within:g} s: {what}"


async def ended(process: int) -> None:
    """Wait for the end of a process that need not be a child. AssertionError when it goes on."""
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, over.set)
    try:
        async with asyncio.timeout(_PATIENCE):
            await over.wait()
    except TimeoutError:
        raise AssertionError(f"process {process} goes on") from None
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def pass_time(clock: ManualClock, over: Callable[[], bool] = lambda: False, *, count: int = 40) -> None:
    """From timer to timer whenever nobody has anything left to do, until it is `over` (else until cancelled).

    `count`: turns of the loop between two timers, in which real packets arrive.
    """
    while not over():
        await turns(count)
        deadline = clock.next_deadline
        if deadline is not None:
            clock.advance(max(0.0, deadline - clock.monotonic()))
