"""The port of a door, taken before its server exists: addresses are part of what servers say of themselves."""

from __future__ import annotations

from typing import Generic, TypeVar

from hil.link import TcpDoor, UdpDoor
from hil.rig.ports import PortBook

AnyDoor = TypeVar("AnyDoor", TcpDoor, UdpDoor)


class Doorway(Generic[AnyDoor]):
    """A door that has its port and leads nowhere yet. Its link closes it if it never comes to more."""

    def __init__(self, door: AnyDoor, book: PortBook) -> None:
        self.door: AnyDoor = door
        self._book = book

    @classmethod
    def reserve(cls, door: AnyDoor, book: PortBook, wanted: int = 0) -> Doorway[AnyDoor]:
        """The wanted port, or the remembered one, or a new one. Raises RigError when it is in use."""
        try:
            door.reserve(wanted or book.port(door.name))
        except OSError as error:
            raise book.taken(door.name, error, wanted) from error
        return cls(door, book)

    @property
    def port(self) -> int:
        """Where the device will find it."""
        return self.door.address[1]

    def lead_to(self, target: int) -> AnyDoor:
        """Open it, as far as the link is, to a port of loopback."""
        self.door.lead_to(target)
        self.door.start()
        self._book.remember(self.door.name, self.port)
        return self.door
