"""How work ends whose task is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from ipad.errors import PortError

T = TypeVar("T")


async def called_off(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait for their end. An error that one ended with, maybe just now, is nobody's any more."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def to_the_end(work: Awaitable[T]) -> T:
    """The result of `work`, which is not cancelled with its caller: that one waits for the end and then gives up."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # what came of it matters no more
        raise


@asynccontextmanager
async def lastly(act: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Do `act` when the block ends, also by an error or when its task is cancelled; its PortError is raised.

    Except in place of a cancellation: who wants an end gets it, also from a modem that is gone meanwhile.
    """
    try:
        yield
    except asyncio.CancelledError:
        with suppress(PortError):
            await act()
        raise
    except BaseException:
        await act()
        raise
    await act()
