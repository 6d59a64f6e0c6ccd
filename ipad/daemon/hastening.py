"""An ES10 session that makes the line of the modem faster while a Bound Profile Package is loaded (SGP.22 5.7.6).

Those are the only long requests: everything else is over before a switch of the rate would have paid. The line is slow
again as soon as the eUICC has given its result, a segment has failed, or anything else is asked of the session.
"""

from __future__ import annotations

import logging
from typing import Protocol

from ipad.errors import ModemError, PortError
from ipad.es10.port import Es10Session

logger = logging.getLogger(__name__)


class Line(Protocol):
    """What can be made faster."""

    async def hasten(self) -> None:
        """As fast as it gets. Raises PortError when the line is gone."""
        ...

    async def slacken(self, *, doubtful: bool = False) -> None:
        """As it was; nothing to do where it is so. `doubtful`: what was sent did not arrive as it was, so the rate is
        not used again. Raises PortError when the line is gone."""
        ...


class HastenedSession:
    """Forwards to another session."""

    def __init__(self, session: Es10Session, line: Line) -> None:
        self._session = session
        self._line = line
        self._fast = False

    @property
    def fci(self) -> bytes:
        """As the session says."""
        return self._session.fci

    async def transceive(self, request: bytes, *, repeatable: bool = False) -> bytes:
        """As the session does."""
        await self._slacken()
        return await self._session.transceive(request, repeatable=repeatable)

    async def transceive_segment(self, data: bytes) -> bytes:
        """As the session does, fast from the first segment to the answer that ends the package."""
        if not self._fast:
            self._fast = True
            await self._line.hasten()
        try:
            answer = await self._session.transceive_segment(data)
        except BaseException as error:
            # A modem that takes AT+CGLA does not refuse a block like those before, unless it read another one.
            await self._slacken_quietly(
                doubtful=isinstance(error, ModemError) or isinstance(error.__cause__, ModemError)
            )
            raise
        if answer:
            await self._slacken_quietly()
        return answer

    async def close(self) -> None:
        """As the session does."""
        await self._slacken_quietly()
        await self._session.close()

    async def reset(self) -> None:
        """As the session does."""
        await self._slacken_quietly()
        await self._session.reset()

    async def _slacken(self, *, doubtful: bool = False) -> None:
        if self._fast:
            self._fast = False
            await self._line.slacken(doubtful=doubtful)

    async def _slacken_quietly(self, *, doubtful: bool = False) -> None:
        """The answer, or what went wrong before, is what the caller has to hear; a line that is gone shows itself."""
        try:
            await self._slacken(doubtful=doubtful)
        except PortError as error:
            logger.warning("the line is not as it was: %s", error)
