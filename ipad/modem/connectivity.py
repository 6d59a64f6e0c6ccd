"""The data bearer over time: is this still the connection of before, or a new one?"""

from __future__ import annotations

import logging
from typing import Final

from ipad.errors import PortError
from ipad.ids import Iccid, Plmn
from ipad.modem.modem import Modem
from ipad.modem.network_memory import NetworkMemory
from ipad.modem.recovery import SimRecovery

logger = logging.getLogger(__name__)

_DEFAULT_POLL: Final = 2.0


async def data_session(modem: Modem) -> str | None:
    """An identity that differs for each new bearer of the modem; None without one. Raises PortError.

    All who ask about the same modem get the same answer.
    """
    modem.attach()
    sessions = modem.sessions
    await modem.subscribe()
    sessions.card(await modem.iccid(), modem.clock.monotonic())
    bearer = await modem.bearer() if await modem.registered_for_data() else None
    if bearer is None:
        sessions.lost()
        return None
    return sessions.name(bearer.addresses, modem.clock.monotonic())


class ModemConnectivity:
    """The bearer and the card as the modem sees them."""

    def __init__(self, modem: Modem, *, poll: float = _DEFAULT_POLL) -> None:
        self._modem = modem
        self._clock = modem.clock
        self._recovery = SimRecovery(modem)
        self._poll = poll
        self._network = NetworkMemory(modem)
        self._modem.attach()

    def close(self) -> None:
        """Listen to events no more."""
        self._network.close()
        self._modem.detach()

    async def data_session(self) -> str | None:
        """See `data_session`. Raises PortError."""
        return await data_session(self._modem)

    async def wait_new_session(self, before: str | None, timeout: float) -> bool:  # noqa: ASYNC109
        """Wait until there is a bearer other than `before`; False when `timeout` seconds pass without one.

        A modem that restarts meanwhile is waited for.
        """
        deadline = self._clock.monotonic() + timeout
        while True:
            try:
                session = await self.data_session()
            except PortError as error:
                logger.info("%s", error)
                self._modem.sessions.lost()
                session = None
            if session is not None and session != before:
                return True
            remaining = deadline - self._clock.monotonic()
            if remaining <= 0:
                return False
            await self._clock.sleep(min(self._poll, remaining))

    async def registered_plmn(self) -> Plmn | None:
        """The network that the modem is registered in."""
        return await self._network.registered_plmn()

    async def recover_sim(self, expected: Iccid | None) -> None:
        """Make the modem read the card again; nothing when it already shows `expected`. Raises PortError."""
        rung = await self._recovery.recover(expected)
        if rung == "wait":
            # The modem followed by itself, and may have told all that was to be known of the bearer before.
            self._modem.sessions.followed(expected, self._clock.monotonic())
        elif rung is not None:
            self._modem.sessions.card_changed(self._clock.monotonic())
