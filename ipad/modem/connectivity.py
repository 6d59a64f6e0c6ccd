"""The data bearer over time: is this still the connection of before, or a new one?

After a profile switch the old connection looks alive for a moment. What counts as new is a bearer that is seen after a
loss: a detach or deactivation event, a poll without bearer, a card that was initialised anew. The identity is a
counter of such losses together with the addresses.
"""

from __future__ import annotations

import logging
from typing import Final

from ipad.errors import PortError
from ipad.ids import Iccid, Plmn
from ipad.modem.fields import split_prefix
from ipad.modem.modem import Modem
from ipad.modem.recovery import SimRecovery
from ipad.modem.registration import parse_registration
from ipad.modem.sim import is_sim_change

logger = logging.getLogger(__name__)

_DEFAULT_POLL: Final = 2.0
_LOSS_WORDS: Final = ("DETACH", "DEACT")


class ModemConnectivity:
    """The bearer and the card as the modem sees them."""

    def __init__(self, modem: Modem, *, poll: float = _DEFAULT_POLL) -> None:
        self._modem = modem
        self._clock = modem.clock
        self._recovery = SimRecovery(modem)
        self._poll = poll
        self._losses = 0
        self._lost = False
        self._settled_at = 0.0
        self._iccid: Iccid | None = None
        self._unsubscribe = modem.port.subscribe(self._event)

    def close(self) -> None:
        """Listen to events no more."""
        self._unsubscribe()

    async def data_session(self) -> str | None:
        """An identity that differs for each new bearer; None without one. Raises PortError."""
        await self._modem.subscribe()
        await self._watch_card()
        registered = await self._modem.registered_for_data()
        bearer = await self._modem.bearer() if registered else None
        if bearer is None:
            self._bearer_lost()
            return None
        if self._clock.monotonic() < self._settled_at:
            return None
        if self._lost:
            self._lost = False
            self._losses += 1
        return f"{self._losses}/{','.join(map(str, bearer.addresses)) or '-'}"

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
                self._bearer_lost()
                session = None
            if session is not None and session != before:
                return True
            remaining = deadline - self._clock.monotonic()
            if remaining <= 0:
                return False
            await self._clock.sleep(min(self._poll, remaining))

    async def registered_plmn(self) -> Plmn | None:
        """The network that the modem is registered in."""
        return await self._modem.registered_plmn()

    async def recover_sim(self, expected: Iccid | None) -> None:
        """Make the modem read the card again; nothing when it already shows `expected`. Raises PortError."""
        if await self._recovery.recover(expected) is not None:
            self._card_changed()

    async def _watch_card(self) -> None:
        """A new ICCID is a new card, also where the modem told no event."""
        iccid = await self._modem.iccid()
        if iccid is None:
            return
        if self._iccid is not None and iccid != self._iccid:
            self._card_changed()
        self._iccid = iccid

    def _bearer_lost(self) -> None:
        """There was no bearer, so the next one is new, whatever its addresses."""
        self._lost = True
        self._settled_at = 0.0

    def _card_changed(self) -> None:
        """The bearer of the old profile may still be shown: nothing counts before it was lost, or a time passed."""
        self._lost = True
        self._settled_at = self._clock.monotonic() + self._modem.board.refresh.settle

    def _event(self, line: str) -> None:
        if is_sim_change(line):
            self._card_changed()
            return
        prefix, value = split_prefix(line)
        if prefix == "+CGEV" and any(word in value.upper() for word in _LOSS_WORDS):
            self._bearer_lost()
        elif prefix in ("+CGREG", "+CEREG", "+C5GREG"):
            registration = parse_registration(line)
            if registration is not None and not registration.stat.data_capable:
                self._bearer_lost()
