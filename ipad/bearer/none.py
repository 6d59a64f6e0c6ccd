"""The back end that only watches: the router's own network stack brings the link up."""

from __future__ import annotations

import contextlib
import logging
from contextlib import AbstractAsyncContextManager

from ipad.bearer.backend import BearerReason, BearerRequest
from ipad.bearer.interface import read_interface
from ipad.bearer.session import InterfaceReader, LinkSession
from ipad.modem.modem import Modem

logger = logging.getLogger(__name__)


class WatchedBearer:
    """A link that somebody else looks after."""

    def __init__(self, modem: Modem | None, interface: str, read: InterfaceReader = read_interface) -> None:
        self._session = LinkSession(modem, interface, read)

    async def bring_up(self, request: BearerRequest) -> None:
        """Nothing is asked for: the network stack of the host notices by itself."""
        logger.debug("the link is left to the host (%s)", request.reason)

    async def take_down(self, reason: BearerReason) -> None:
        """Nothing is taken down."""
        logger.debug("the link is left to the host (%s)", reason)

    async def session(self) -> str | None:
        """What modem and interface show. Raises PortError, BearerError."""
        return await self._session.name()

    def package(self) -> AbstractAsyncContextManager[None]:
        """Nobody has to step aside."""
        return contextlib.nullcontext()

    async def close(self) -> None:
        """Nothing is held."""
