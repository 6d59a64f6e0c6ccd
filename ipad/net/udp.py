"""UDP sockets: resolve, bind to an interface, connect; a connected socket hears of nobody else but its server."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Any

from ipad.errors import NetworkError

Endpoint = tuple[int, tuple[Any, ...]]
"""Address family, and the address as the socket module has it."""


async def resolve(host: str, port: int) -> list[Endpoint]:
    """The endpoints of a name, at least one; an address stands for itself. Raises NetworkError (layer dns)."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        if address.version == 4:
            return [(socket.AF_INET, (host, port))]
        return [(socket.AF_INET6, (host, port, 0, 0))]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise NetworkError(f"{host}: name not resolved: {error}", layer="dns") from error
    if not found:
        raise NetworkError(f"{host}: the name has no address", layer="dns")
    return [(family, address) for family, _, _, _, address in found]


def connect(endpoint: Endpoint, *, interface: str = "") -> socket.socket:
    """Return a non-blocking socket connected to `endpoint`, over one network interface if one is named.

    Nothing is sent. Raises NetworkError (layer udp) when there is no route.
    """
    family, address = endpoint
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if interface:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        sock.connect(address)
    except OSError as error:
        sock.close()
        raise NetworkError(f"cannot reach {address[0]} port {address[1]}: {error}", layer="udp") from error
    return sock
