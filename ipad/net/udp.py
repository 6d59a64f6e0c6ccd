"""UDP sockets: resolve, bind to an interface, connect; a connected socket hears of nobody else but its server."""

from __future__ import annotations

import socket

from ipad.errors import NetworkError
from ipad.net.resolver import HOST, Endpoint, Resolver

__all__ = ("Endpoint", "connect", "resolve")


async def resolve(host: str, port: int, *, interface: str = "", resolver: Resolver = HOST) -> list[Endpoint]:
    """The endpoints of a name, at least one; an address stands for itself. Raises NetworkError (layer dns)."""
    return list((await resolver.resolve(host, port, interface=interface)).endpoints)


def connect(endpoint: Endpoint, *, interface: str = "") -> socket.socket:
    """Return a non-blocking socket connected to `endpoint`, over one network interface if one is named.

    Nothing is sent. Raises NetworkError (layer udp) when there is no route.
    """
    family, address = endpoint
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM)
    except OSError as error:  # a kernel without IPv6
        raise NetworkError(f"cannot reach {address[0]} port {address[1]}: {error}", layer="udp") from error
    try:
        sock.setblocking(False)
        if interface:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        sock.connect(address)
    except OSError as error:
        sock.close()
        raise NetworkError(f"cannot reach {address[0]} port {address[1]}: {error}", layer="udp") from error
    return sock
