"""TCP connections: resolve, bind to an interface, try the addresses one after the other."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from typing import Any

from ipad.errors import NetworkError
from ipad.net.resolver import HOST, Endpoint, Resolver

logger = logging.getLogger(__name__)


async def connect(
    host: str, port: int, *, interface: str = "", patience: float = 30.0, resolver: Resolver = HOST
) -> socket.socket:
    """Return a connected, non-blocking socket.

    `interface` sends everything through one network interface, whatever the routes say (needs CAP_NET_RAW before
    Linux 5.7). `patience` is the number of seconds for all addresses of the name together, so that one that never
    answers does not use up the time of the others. Raises NetworkError (layers dns and tcp).
    """
    found = await resolver.resolve(host, port, interface=interface)
    return await connect_any(host, found.endpoints, interface=interface, patience=patience)


async def connect_any(
    host: str, endpoints: Sequence[Endpoint], *, interface: str = "", patience: float = 30.0
) -> socket.socket:
    """The same with the endpoints of the name known. Raises NetworkError (layer tcp); its `answered` says whether any
    of them sent a refusal."""
    failure: NetworkError | None = None
    refused = False
    for family, address in endpoints:
        try:
            async with asyncio.timeout(patience / len(endpoints)):
                return await _connect_one(family, address, interface)
        except TimeoutError:
            failure = NetworkError(f"{host}: no answer from {address[0]} port {address[1]}", layer="tcp")
        except OSError as error:
            refused = refused or isinstance(error, ConnectionError)
            failure = NetworkError(f"{host}: cannot connect to {address[0]} port {address[1]}: {error}", layer="tcp")
        logger.debug("%s", failure)
    assert failure is not None
    failure.answered = refused
    raise failure


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
