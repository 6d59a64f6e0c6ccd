"""Waiting for an event, but no longer than a while, on an injected clock."""

from __future__ import annotations

import asyncio

from ipad.clock import Clock


async def wait_for(event: asyncio.Event, clock: Clock, seconds: float) -> None:
    """Return when the event is set or so many seconds have passed; infinity is for ever."""
    if event.is_set():
        return
    waits: list[asyncio.Future[object]] = [asyncio.ensure_future(event.wait())]
    if seconds != float("inf"):
        waits.append(asyncio.ensure_future(clock.sleep(max(0.0, seconds))))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
