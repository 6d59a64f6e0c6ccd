"""TCP connections: resolve, bind to an interface, try the addresses one after the other."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from typing import Any

from ipad.errors import NetworkError

logger = logging.getLogger(__name__)

_Address = tuple[int, tuple[Any, ...]]


async def connect(host: str, port: int, *, interface: str = "", patience: float = 30.0) -> socket.socket:
    """Return a connected, non-blocking socket.

    `interface` sends everything through one network interface, whatever the routes say (needs CAP_NET_RAW before
    Linux 5.7). `patience` is the number of seconds for all addresses of the name together, so that one that never
    answers does not use up the time of the others. Raises NetworkError (layers dns and tcp).
    """
    addresses = await _resolve(host, port)
    failure: NetworkError | None = None
    for family, address in addresses:
        try:
            async with asyncio.timeout(patience / len(addresses)):
                return await _connect_one(family, address, interface)
        except TimeoutError:
            failure = NetworkError(f"{host}: no answer from {address[0]} port {port}", layer="tcp")
        except OSError as error:
            failure = NetworkError(f"{host}: cannot connect to {address[0]} port {port}: {error}", layer="tcp")
        logger.debug("%s", failure)
    assert failure is not None
    raise failure


async def _resolve(host: str, port: int) -> list[_Address]:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        return [(family, (host, port) if address.version == 4 else (host, port, 0, 0))]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NetworkError(f"{host}: name not resolved: {error}", layer="dns") from error
    if not found:
        raise NetworkError(f"{host}: the name has no address", layer="dns")
    return [(family, address) for family, _, _, _, address in found]


async def _connect_one(family: int, address: tuple[Any, ...], interface: str) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if interface:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock
