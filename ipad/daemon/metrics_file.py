"""Keeps the file for the textfile collector up to date while the agent runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path

from ipad.clock import Clock
from ipad.config import Config
from ipad.endings import called_off
from ipad.observe.status import Status


def metrics_kept(
    config: Config, clock: Clock, statuses: Callable[[], Sequence[Status]]
) -> AbstractAsyncContextManager[None]:
    """As long as the context lasts the file is written once a minute, where one is configured; then it is removed."""
    return _kept(config, clock, statuses) if config.metrics.textfile else nullcontext()


@asynccontextmanager
async def _kept(config: Config, clock: Clock, statuses: Callable[[], Sequence[Status]]) -> AsyncIterator[None]:
    from ipad.observe.metrics import exposition  # noqa: PLC0415 - only where metrics are written
    from ipad.observe.textfile import LEAST_INTERVAL, Textfile  # noqa: PLC0415

    def text() -> str:
        return exposition(statuses(), masked=config.log.mask != "none")

    file = Textfile(Path(config.metrics.textfile), text)

    async def keep() -> None:
        while True:
            file.write(clock.monotonic())
            await clock.sleep(LEAST_INTERVAL)

    task = asyncio.ensure_future(keep())
    try:
        yield
    finally:
        await called_off(task)
        file.remove()
