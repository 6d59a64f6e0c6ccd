"""Packet sessions and the addresses that they get."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True)
class PacketSession:
    """A granted packet session; every new one has another address."""

    address: str
    gateway: str
    dns: tuple[str, ...]
    apn: str


@dataclass(frozen=True)
class SessionRefusal:
    """A refused packet session with its ESM cause."""

    cause: int


class AddressPool:
    """Hands out the host addresses of an IPv4 network in turn, so that a released one does not come back at once."""

    def __init__(self, network: str = "10.64.0.0/16") -> None:
        block = ipaddress.IPv4Network(network)
        self._first = int(block.network_address) + 2
        self._size = block.num_addresses - 3
        if self._size < 1:
            raise ValueError(f"{network} has no room for a host and a gateway")
        self.gateway = str(block.network_address + 1)
        self._next = 0
        self._used: set[str] = set()

    def take(self) -> str | None:
        """An address that no session has, or None when all are in use."""
        for _ in range(self._size):
            address = str(ipaddress.IPv4Address(self._first + self._next))
            self._next = (self._next + 1) % self._size
            if address not in self._used:
                self._used.add(address)
                return address
        return None

    def release(self, address: str) -> None:
        self._used.discard(address)
