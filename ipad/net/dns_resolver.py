"""Names over the cellular interface: which servers are asked there, and what their answer is worth.

In this order: the servers that the operator of the device configured, those that the network gave the modem with the
bearer, those of the system. A server of the system may be a cache in this device (127.0.0.53 of systemd-resolved,
127.0.0.1 of dnsmasq) or in a modem that is a router of its own: its answer is used, but proves nothing about the
network. Where no server is left that can be asked over the interface, the system's resolver does it its own way.

The file of hosts is not read: `[net.addresses]` is there for servers without DNS.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from ipad.clock import Clock
from ipad.errors import NetworkError
from ipad.net.dns_lookup import Lookup, NameServer
from ipad.net.dns_message import Address, RecordType, ResponseCode
from ipad.net.interface_addresses import interface_addresses
from ipad.net.resolver import HOST, Resolution, Resolver, endpoint, literal
from ipad.records import dataclass, field

logger = logging.getLogger(__name__)

PATIENCE: Final = 30.0
"""Seconds for a name: enough for three queries over NB-IoT."""

RESOLV_CONF: Final = Path("/etc/resolv.conf")
RESOLVED_CONF: Final = Path("/run/systemd/resolve/resolv.conf")
"""What systemd-resolved itself asks; the other file names only its own address."""

_MOST_SERVERS: Final = 3
"""As many as the C library takes of the file (resolv.conf(5))."""

Told = Callable[[], Awaitable[Sequence[Address]]]


async def nothing_told() -> Sequence[Address]:
    """There is no modem that could be asked."""
    return ()


@dataclass(frozen=True, slots=True)
class ServerSources:
    """Where servers come from. `told` asks the modem; it never fails."""

    configured: tuple[NameServer, ...] = ()
    told: Told = nothing_told
    files: tuple[Path, ...] = (RESOLV_CONF, RESOLVED_CONF)

    async def servers(self, interface: str) -> tuple[NameServer, ...]:
        """The servers to ask over an interface ("" is any), the best source that has some."""
        if self.configured:
            return self.configured
        if interface:
            told = tuple(NameServer(address) for address in await self.told())
            if told:
                return told[:_MOST_SERVERS]
        for file in self.files:
            found = [server for server in system_servers(file) if not interface or _can_be_reached(server, interface)]
            if found:
                return tuple(found[:_MOST_SERVERS])
        return ()


def system_servers(file: Path) -> tuple[NameServer, ...]:
    """The servers of a file like /etc/resolv.conf; none when it cannot be read."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        logger.debug("%s: %s", file, error)
        return ()
    found: list[NameServer] = []
    for line in lines:
        words = line.split()
        if len(words) < 2 or words[0] != "nameserver":
            continue
        try:
            address = ip_address(words[1])
        except ValueError:
            continue
        found.append(NameServer(address, remote=address.is_global))
    return tuple(found)


def _can_be_reached(server: NameServer, interface: str) -> bool:
    """Whether a bound socket gets there: one of this host only over lo, a link-local one only where it is."""
    return interface == "lo" or not (server.address.is_loopback or server.address.is_link_local)


@dataclass(frozen=True, slots=True)
class InterfaceResolver:
    """Satisfies `Resolver`: asks over the interface of the connection."""

    clock: Clock
    sources: ServerSources = field(default_factory=ServerSources)
    patience: float = PATIENCE
    fallback: Resolver = HOST

    async def resolve(self, host: str, port: int, *, interface: str = "") -> Resolution:
        """The endpoints, those of IPv6 first. Raises NetworkError (layer dns)."""
        known = literal(host, port)
        if known is not None:
            return known
        servers = await self.sources.servers(interface) if interface or self.sources.configured else ()
        if not servers:
            if interface:
                logger.debug("%s: no server can be asked over %s, the system resolves it", host, interface)
            return await self.fallback.resolve(host, port, interface=interface)
        lookup = await self._look_up(host, kinds(interface), servers, interface)
        return Resolution(tuple(endpoint(address, port) for address in lookup.result()), proves=lookup.proves)

    async def is_alive(self, host: str, *, interface: str = "", patience: float | None = None) -> bool:
        """Whether the DNS can be heard beyond this device right now, whatever caches there are on the way.

        A name is asked for that nobody has asked for before, a sister of `host`: no cache knows that it does not exist.
        """
        servers = await self.sources.servers(interface)
        if not servers or literal(host, 0) is not None:
            return False
        parent = host.partition(".")[2] or host
        try:
            lookup = await self._look_up(
                f"x{os.urandom(6).hex()}.{parent}", (RecordType.A,), servers, interface, patience
            )
        except NetworkError:
            return False  # a name of more than 253 characters
        return lookup.proves or bool(lookup.codes & {ResponseCode.NOERROR, ResponseCode.NXDOMAIN})

    async def _look_up(
        self,
        name: str,
        asked: Sequence[RecordType],
        servers: Sequence[NameServer],
        interface: str,
        patience: float | None = None,
    ) -> Lookup:
        from ipad.net.dns_client import look_up  # noqa: PLC0415 - most devices leave it to their system

        return await look_up(name, asked, servers, self.clock, interface=interface, patience=patience or self.patience)


def kinds(interface: str) -> tuple[RecordType, ...]:
    """What to ask for: the families of which the interface has an address; both where that is not known."""
    versions = {address.version for address in interface_addresses(interface)} if interface else set()
    if versions == {4}:
        return (RecordType.A,)
    if versions == {6}:
        return (RecordType.AAAA,)
    return (RecordType.AAAA, RecordType.A)
