"""A limit for a wait, counted by a clock that tests can drive."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from ipad.clock import Clock

T = TypeVar("T")


async def within(clock: Clock, seconds: float, future: asyncio.Future[T]) -> T:
    """The result of `future`, or TimeoutError after `seconds`. The future itself is left as it is."""
    if future.done():
        return future.result()
    timer = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait((future, timer), return_when=asyncio.FIRST_COMPLETED)
    finally:
        timer.cancel()
    if not future.done():
        raise TimeoutError
    return future.result()
