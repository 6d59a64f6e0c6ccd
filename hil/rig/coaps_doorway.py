"""The device's ways to an eIM: a UDP port with the number of its TCP port wherever that can be had.

eimFqdn names one port for both (SGP.32 does not say otherwise), so an eIM without a name of its own must have the same
number twice. An eIM with a name is at 5684 for whoever resolves it; the bench's port is another, and clients override
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hil.link import Link, TcpDoor, UdpDoor
from hil.rig.options import RigError
from hil.rig.ports import PortBook
from hil.rig.reservation import Doorway

_ATTEMPTS: Final = 16


@dataclass(frozen=True)
class EimDoorways:
    """For HTTPS and for CoAPS."""

    tcp: Doorway[TcpDoor]
    udp: Doorway[UdpDoor]


async def reserve_both(name: str, book: PortBook, link: Link) -> EimDoorways:
    """The remembered ports as they are; new ones have the same number. Raises RigError."""
    own_name = f"{name}-coaps"
    for _ in range(_ATTEMPTS):
        tcp = Doorway.reserve(link.tcp_door(name), book)
        door = link.udp_door(own_name)
        try:
            return EimDoorways(tcp, Doorway.reserve(door, book, book.port(own_name) or tcp.port))
        except RigError:
            # The number is taken for UDP: another one, unless this one is remembered.
            if book.port(name):
                raise
            await link.remove(name)
            await link.remove(own_name)
    raise RigError(f"found no port for {name} that is free for TCP and UDP")
