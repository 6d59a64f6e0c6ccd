"""What the exchanges with servers cost: bytes, packets and handshakes, per server and purpose, in memory.

Of TCP the kernel is asked (TCP_INFO of Linux): payload of TCP in both directions, TLS and repeated segments included;
headers of TCP and IP are not. What the last exchange of a connection leaves behind, close_notify and FIN, is not seen.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Final, Protocol

_INFO_SIZE: Final = 256
_BYTES_ACKED, _BYTES_RECEIVED, _SEGMENTS, _BYTES_SENT = 120, 128, 136, 200
"""Offsets in struct tcp_info of <linux/tcp.h>; the last came with Linux 4.19."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What something cost. Bytes are payload of TCP or UDP, packets are segments or datagrams."""

    exchanges: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    packets_sent: int = 0
    packets_received: int = 0
    handshakes: int = 0
    resumed_handshakes: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: Usage) -> Usage:
        return Usage(*(mine - its for mine, its in zip(astuple(self), astuple(other), strict=True)))


class UsageLedger:
    """Sums per server and purpose, since the process began."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Usage] = {}

    def add(self, server: str, purpose: str, usage: Usage) -> None:
        """Count something."""
        key = (server, purpose)
        self._entries[key] = self._entries.get(key, Usage()) + usage

    @property
    def entries(self) -> Mapping[tuple[str, str], Usage]:
        """Server and purpose -> what it cost."""
        return dict(self._entries)

    def total(self, server: str) -> Usage:
        """What one server cost, for whatever purpose."""
        return sum((usage for (name, _), usage in self._entries.items() if name == server), Usage())


class TcpSocket(Protocol):
    """As much of a socket as is asked."""

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        """See `socket.socket`."""
        ...


class TcpMeter:
    """Counts over the connections of one client, one after the other."""

    def __init__(self) -> None:
        self._before = Usage()
        self._handshake = Usage()
        self._last = Usage()
        self._socket: TcpSocket | None = None

    def opened(self, connection: TcpSocket | None, *, resumed: bool) -> None:
        """A connection is there and its handshake is over."""
        self.closed()
        self._socket = connection
        self._handshake = Usage(handshakes=1, resumed_handshakes=int(resumed))

    def closed(self) -> None:
        """The connection is about to go."""
        self._before = self.usage()
        self._socket, self._last, self._handshake = None, Usage(), Usage()

    def usage(self) -> Usage:
        """Everything so far."""
        if self._socket is not None:
            self._last = tcp_usage(self._socket) or self._last
        return self._before + self._handshake + self._last


def tcp_usage(connection: TcpSocket) -> Usage | None:
    """What went over a connection; None for one that is closed already, and where the kernel does not tell."""
    option = getattr(socket, "TCP_INFO", None)
    if option is None or not sys.platform.startswith("linux"):
        return None
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, option, _INFO_SIZE)
    except OSError:
        return None  # closed by the other side or by the loop: the last answer stands
    if len(info) < _SEGMENTS + 8:
        return None
    sent = _BYTES_SENT if len(info) >= _BYTES_SENT + 8 else _BYTES_ACKED
    return Usage(
        bytes_sent=struct.unpack_from("=Q", info, sent)[0],
        bytes_received=struct.unpack_from("=Q", info, _BYTES_RECEIVED)[0],
        packets_sent=struct.unpack_from("=I", info, _SEGMENTS)[0],
        packets_received=struct.unpack_from("=I", info, _SEGMENTS + 4)[0],
    )
