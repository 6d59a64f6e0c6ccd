"""An ES10 session whose exchanges are finished even when the work around them is cancelled.

A request that is cut between two STORE DATA blocks leaves a chain half way on the card, and one that is cut after the
last block loses an answer that may be worth a repeated delivery. So a cancelled caller waits for the response and then
gives up.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ipad.endings import to_the_end
from ipad.es10.port import Es10Session

T = TypeVar("T")


class UninterruptedSession:
    """Forwards to another session. `pulse` is called at the end of each exchange, whatever came of it."""

    def __init__(self, session: Es10Session, pulse: Callable[[], None] = lambda: None) -> None:
        self._session = session
        self._pulse = pulse

    @property
    def fci(self) -> bytes:
        """As the session says."""
        return self._session.fci

    async def transceive(self, request: bytes, *, repeatable: bool = False) -> bytes:
        """As the session does. A cancellation takes effect when the response is there."""
        return await self._finished(self._session.transceive(request, repeatable=repeatable))

    async def transceive_segment(self, data: bytes) -> bytes:
        """As the session does. A cancellation takes effect when the response is there."""
        return await self._finished(self._session.transceive_segment(data))

    async def close(self) -> None:
        """As the session does."""
        await self._finished(self._session.close())

    async def reset(self) -> None:
        """As the session does."""
        await self._session.reset()

    async def _finished(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await to_the_end(work)
        finally:
            self._pulse()
