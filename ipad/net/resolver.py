"""From the name of a server to endpoints: what connections ask, and the resolver of the host as the simplest answer."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, Final, Protocol

from ipad.errors import NetworkError
from ipad.records import dataclass

if TYPE_CHECKING:
    import ipaddress

Endpoint = tuple[int, tuple[Any, ...]]
"""Address family, and the address as the socket module has it."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """The endpoints of a name, at least one, in the order in which to try them.

    `proves`: a server beyond this device answered just now, over the interface that was asked for. The answer of the
    host's resolver proves nothing, since it may be an old one from a cache.
    """

    endpoints: tuple[Endpoint, ...]
    proves: bool = False


class Resolver(Protocol):
    """Finds the endpoints of a name."""

    async def resolve(self, host: str, port: int, *, interface: str = "") -> Resolution:
        """Ask over one network interface, if one is named. Raises NetworkError (layer dns)."""
        ...


class HostResolver:
    """The resolver of the operating system, which cannot be bound to an interface."""

    async def resolve(self, host: str, port: int, *, interface: str = "") -> Resolution:  # noqa: ARG002
        """As the system says. Raises NetworkError (layer dns)."""
        known = literal(host, port)
        if known is not None:
            return known
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NetworkError(f"{host}: name not resolved: {error}", layer="dns") from error
        if not found:
            raise NetworkError(f"{host}: the name has no address", layer="dns")
        return Resolution(tuple((family, address) for family, _, _, _, address in found))


HOST: Final = HostResolver()
"""It has no state, so that one is enough."""


def literal(host: str, port: int) -> Resolution | None:
    """What an IP address stands for; None for a name."""
    for family, rest in ((socket.AF_INET, ()), (socket.AF_INET6, (0, 0))):
        try:
            address = socket.inet_ntop(family, socket.inet_pton(family, host))
        except (OSError, ValueError):
            continue
        return Resolution(((family, (address, port, *rest)),))
    return None


def endpoint(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> Endpoint:
    """The endpoint at an address."""
    if address.version == 4:
        return socket.AF_INET, (str(address), port)
    return socket.AF_INET6, (str(address), port, 0, 0)
