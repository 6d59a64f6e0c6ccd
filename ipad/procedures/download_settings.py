"""What the operator decides about profile downloads, and whose turn it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ipad.errors import RefusedError
from ipad.procedures.certificate_dates import ClockPolicy
from ipad.records import dataclass


@dataclass(frozen=True, kw_only=True)
class DownloadSettings:
    """`prefer_direct`: go to the SM-DP+ even where the eIM would relay. `consent`: the answer where the Rules
    Authorisation Table asks for that of the end user."""

    prefer_direct: bool = False
    clock_policy: ClockPolicy = ClockPolicy.WHEN_SET
    consent: bool = False


class DownloadTurn:
    """One download at a time, since a second session ends the first one (SGP.22 5.7.7); one more may wait."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._waiting = 0

    @property
    def full(self) -> bool:
        """Whether one download runs and another waits."""
        return self._lock.locked() and self._waiting > 0

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Wait for the turn and hold it. Raises RefusedError when another download waits already."""
        if self.full:
            raise RefusedError("a profile download is running and another one waits", hint="try again later")
        self._waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._lock.release()
