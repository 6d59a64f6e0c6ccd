"""Sockets that wait for others, bound to one address and, if named, to one network interface."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

_BACKLOG: Final = 8


def bind(host: str, port: int, kind: socket.SocketKind, *, interface: str = "") -> socket.socket:
    """A non-blocking socket at an address of this host; a stream socket listens.

    Port 0 lets the system choose. `interface` takes nothing from other network interfaces (needs CAP_NET_RAW before
    Linux 5.7). Raises OSError when the address or the interface is not there (yet), or taken.
    """
    family = socket.AF_INET if ipaddress.ip_address(host).version == 4 else socket.AF_INET6
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if interface:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        sock.bind((host, port) if family is socket.AF_INET else (host, port, 0, 0))
        if kind is socket.SOCK_STREAM:
            sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock
