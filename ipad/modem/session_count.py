"""The identity of a data bearer: a count of losses together with the addresses.

After a profile switch the old connection looks alive for a moment. What counts as new is a bearer that is seen after a
loss: a detach or deactivation event, a look without bearer, a card that was initialised anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from ipad.ids import Iccid
from ipad.modem.fields import split_prefix
from ipad.modem.registration import parse_registration
from ipad.modem.sim import is_sim_change

if TYPE_CHECKING:
    from ipad.modem.bearer import Address

_LOSS_WORDS: Final = ("DETACH", "DEACT")


class SessionCount:
    """Sans-IO; `settle` is for how many seconds after a change of the card the old bearer may still be shown."""

    def __init__(self, settle: float) -> None:
        self._settle = settle
        self._losses = 0
        self._lost = False
        self._iccid: Iccid | None = None
        self._told_at: float | None = None
        """When the modem told by itself that the card starts anew."""
        self._renewed_at: float | None = None
        """The same, once a bearer was lost after it: what comes up from then on is the new card's."""
        self.settled_at = 0.0
        """Nothing counts as a bearer before this moment (monotonic seconds), unless it was lost in between."""
        self.visible = False
        """Whether a bearer was ever shown."""
        self.hidden = False
        """Whether data flow although none is shown, as where another interface than this port asked for them: then the
        registration stands for the bearer, until one is shown."""

    def name(self, addresses: Iterable[Address], now: float) -> str | None:
        """The session with these addresses, which is up now; None while it may be that of the card before."""
        if now < self.settled_at:
            return None
        if self._lost:
            self._lost = False
            self._losses += 1
        return f"{self._losses}/{','.join(map(str, addresses)) or '-'}"

    def shown(self) -> None:
        """The modem shows a bearer: what it does not show is not there."""
        self.visible, self.hidden = True, False

    def lost(self) -> None:
        """There was no bearer, so the next one is new, whatever its addresses."""
        self._lost = True
        self.settled_at = 0.0
        self._renewed_at = self._told_at

    def card_changed(self, now: float) -> None:
        """The bearer of the old profile may still be shown: nothing counts before it was lost, or a time passed."""
        self._lost = True
        self.settled_at = now + self._settle

    def card(self, iccid: Iccid | None, now: float) -> None:
        """The profile that is shown: a new ICCID is a new card, also where the modem told no event."""
        if iccid is None:
            return
        if self._iccid is not None and iccid != self._iccid:
            if self._renewed_at is None or now - self._renewed_at > self._settle:
                self.card_changed(now)
            self._told_at = self._renewed_at = None
        self._iccid = iccid

    def followed(self, iccid: Iccid | None, now: float) -> None:
        """The profile that is shown after a switch which was just made."""
        if self._iccid is None:
            self.card_changed(now)
        self.card(iccid, now)

    def line(self, text: str, now: float) -> None:
        """An unsolicited line."""
        if is_sim_change(text):
            self.card_changed(now)
            self._told_at, self._renewed_at = now, None
            return
        prefix, value = split_prefix(text)
        if prefix == "+CGEV" and any(word in value.upper() for word in _LOSS_WORDS):
            self.lost()
        elif prefix in ("+CGREG", "+CEREG", "+C5GREG"):
            registration = parse_registration(text)
            if registration is not None and not registration.stat.data_capable:
                self.lost()
