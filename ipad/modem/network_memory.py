"""The registered network, asked for again only when the modem has told that its registration changed."""

from __future__ import annotations

from typing import Final

from ipad.ids import Plmn
from ipad.modem.fields import split_prefix
from ipad.modem.modem import Modem

LIFETIME: Final = 3600.0
"""Seconds after which it is asked for whatever the modem has told: as often as a modem that tells is looked at."""

_WITH_CELL: Final = 2
"""<n> of +CEREG and its like from which a change of area or cell is reported (3GPP TS 27.007 7.2, 10.1.20, 10.1.22)."""
_CHANGES: Final = frozenset({"+CREG", "+CGREG", "+CEREG", "+C5GREG", "+CGEV"})


class NetworkMemory:
    """Of one modem, as long as it is open."""

    def __init__(self, modem: Modem) -> None:
        self._modem = modem
        self._plmn: Plmn | None = None
        self._dialogue = 0
        self._until = 0.0
        self._unsubscribe = modem.port.subscribe(self._line)

    def close(self) -> None:
        """Listen no more."""
        self._unsubscribe()
        self._plmn = None

    async def registered_plmn(self) -> Plmn | None:
        """The network that the modem is registered in. Raises PortError."""
        modem = self._modem
        now = modem.clock.monotonic()
        if (
            self._plmn is not None
            and now < self._until
            and self._dialogue == modem.port.openings
            and modem.port.is_open
        ):
            return self._plmn
        self._plmn, self._dialogue = None, modem.port.openings
        self._until = now + LIFETIME
        plmn = await modem.registered_plmn()
        if self._tells and self._until:
            self._plmn = plmn
        return plmn

    @property
    def _tells(self) -> bool:
        """Whether the modem reports each change of the cell, and so of the network."""
        agreed = self._modem.subscription
        return agreed.tells and any(n >= _WITH_CELL for name, n in agreed.registration.items() if name != "CREG")

    def _line(self, line: str) -> None:
        """Also while the answer is on its way: what it says may be of before."""
        if split_prefix(line)[0] in _CHANGES:
            self._plmn, self._until = None, 0.0
