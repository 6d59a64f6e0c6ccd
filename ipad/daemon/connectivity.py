"""The bearer as the procedures see it: that of the modem, or one that does not depend on the eUICC at all."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from ipad.errors import CardError, PortError
from ipad.ids import Iccid, Plmn
from ipad.modem.connectivity import ModemConnectivity

logger = logging.getLogger(__name__)


class ModemBearer:
    """The bearer of the modem that holds the eUICC.

    `invalidate` is told whenever the modem may have initialised the card: channels are lost then. `renewed` is told of
    another bearer, or none: the profile, and with it the card, may be another one.
    """

    def __init__(
        self, connectivity: ModemConnectivity, invalidate: Callable[[], None], renewed: Callable[[], None]
    ) -> None:
        self._connectivity = connectivity
        self._invalidate = invalidate
        self._renewed = renewed
        self._session: str | None = None
        self._looked = False

    async def data_session(self) -> str | None:
        """As the modem says. Raises PortError."""
        session = await self._connectivity.data_session()
        if self._looked and session != self._session:
            self._renewed()
        self._session, self._looked = session, True
        return session

    async def wait_new_session(self, before: str | None, timeout: float) -> bool:  # noqa: ASYNC109
        """As the modem says; one that restarts meanwhile is waited for."""
        return await self._connectivity.wait_new_session(before, timeout)

    async def registered_plmn(self) -> Plmn | None:
        """As the modem says. Raises PortError."""
        return await self._connectivity.registered_plmn()

    async def recover_sim(self, expected: Iccid | None) -> None:
        """Make the modem read the card again.

        A modem that does not is reported and no reason to stop: whether the profile serves shows in the data
        session, and without one the procedure rolls back.
        """
        try:
            await self._connectivity.recover_sim(expected)
        except PortError as error:
            logger.error("the modem does not take over the profile: %s", error)
        finally:
            self._invalidate()


class HostBearer:
    """The network of the host: a card in a reader has no say in it, so a profile change never interrupts it."""

    def __init__(self, reset_card: Callable[[], Awaitable[None]]) -> None:
        self._reset_card = reset_card

    async def data_session(self) -> str | None:
        """Always the same session."""
        return "host"

    async def wait_new_session(self, before: str | None, timeout: float) -> bool:  # noqa: ARG002, ASYNC109
        """There is nothing to wait for."""
        return True

    async def registered_plmn(self) -> Plmn | None:
        """Not known."""
        return None

    async def recover_sim(self, expected: Iccid | None) -> None:  # noqa: ARG002
        """Reset the card, which is what the terminal does on REFRESH (ETSI TS 102 223 6.4.7)."""
        try:
            await self._reset_card()
        except CardError as error:
            logger.error("the card cannot be reset: %s", error)
