"""Names for links: what the modem shows and what the host's interface shows, together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ipad.bearer.interface import InterfaceState, read_interface
from ipad.modem.connectivity import data_session
from ipad.modem.modem import Modem

InterfaceReader = Callable[[str], InterfaceState | None]

HOST_SESSION: Final = "host"
"""The one link of a host whose network does not depend on the eUICC at all."""


class InterfaceWatch:
    """The links of one network interface. Looks only when asked."""

    def __init__(self, name: str, read: InterfaceReader = read_interface) -> None:
        self._name = name
        self._read = read
        self._losses = 0
        self._lost = False

    def session(self) -> str | None:
        """The addresses, and how often they were gone before; None without any. Raises BearerError."""
        state = self._read(self._name)
        identity = state.identity if state is not None else None
        if identity is None:
            self._lost = True
            return None
        if self._lost:
            self._lost = False
            self._losses += 1
        return f"{self._losses}/{identity}"


class LinkSession:
    """The link of modem and interface: there is one when all of them that are known have one."""

    def __init__(self, modem: Modem | None, interface: str, read: InterfaceReader = read_interface) -> None:
        self._modem = modem
        self._interface = InterfaceWatch(interface, read) if interface else None

    async def modem_session(self) -> str | None:
        """The modem's part, None as well where there is no modem. Raises PortError."""
        return await data_session(self._modem) if self._modem is not None else None

    async def name(self) -> str | None:
        """The whole. Raises PortError, BearerError."""
        return self.whole(await self.modem_session())

    def whole(self, modem_session: str | None) -> str | None:
        """The modem's part and that of the interface as it is now. Raises BearerError."""
        if self._modem is None and self._interface is None:
            return HOST_SESSION
        own = self._interface.session() if self._interface is not None else ""
        if own is None or (self._modem is not None and modem_session is None):
            return None
        return "@".join(filter(None, (modem_session, own)))
