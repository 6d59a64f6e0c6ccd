"""The port of a relay, kept from before its server exists: addresses are part of what servers say of themselves."""

from __future__ import annotations

from hil.relay import Relay
from hil.rig.ports import PortBook
from hil.webserver import LOOPBACK


class Doorway:
    """One remembered port. `reserve` finds it, `lead_to` makes it a relay, shut at first."""

    def __init__(self, name: str, port: int, book: PortBook) -> None:
        self._name = name
        self._book = book
        self.port = port

    @classmethod
    async def reserve(cls, name: str, book: PortBook, wanted: int = 0) -> Doorway:
        """The remembered port of this name, or the wanted one, or a new one. Raises RigError when it is in use."""
        reserved = Relay(LOOPBACK, 0)
        try:
            port = reserved.start(wanted or book.port(name), is_open=False)
        except OSError as error:
            raise book.taken(name, error, wanted) from error
        await reserved.stop()
        return cls(name, port, book)

    def lead_to(self, target: int) -> Relay:
        """The relay to a loopback port. Raises RigError."""
        relay = Relay(LOOPBACK, target)
        try:
            relay.start(self.port, is_open=False)
        except OSError as error:
            raise self._book.taken(self._name, error, self.port) from error
        self._book.remember(self._name, self.port)
        return relay
