"""What the exchanges with servers cost: bytes, packets and handshakes, per server and purpose, in memory.

Of TCP the kernel is asked (TCP_INFO of Linux): payload of TCP in both directions, TLS, repeated segments, our
close_notify and what failed connections cost included. What comes after our close_notify, that of the server and the
last segments without payload, is not seen. Of UDP every datagram is seen. Where the kernel does not tell, the counts of
TCP are zero.

Headers are estimated by the number of packets, as of IPv4: 52 bytes with TCP (20 of IP, 20 of TCP, 12 of the timestamps
that Linux sends), 28 with UDP. IPv6 adds 20 to each packet, the options of the two SYN of a connection 8 each. Requests
to a resolver are not counted.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from ipad.records import dataclass, fields

TCP_HEADERS: Final = 52
UDP_HEADERS: Final = 28

_INFO_SIZE: Final = 256
_BYTES_ACKED, _BYTES_RECEIVED, _SEGMENTS, _BYTES_SENT = 120, 128, 136, 200
"""Offsets in struct tcp_info of <linux/tcp.h>; the last came with Linux 4.19."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What something cost. Bytes are payload of TCP or UDP, packets are segments or datagrams, `headers_` the estimated
    bytes of their IP, TCP and UDP headers. `handshakes` counts resumed ones too."""

    exchanges: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    packets_sent: int = 0
    packets_received: int = 0
    handshakes: int = 0
    resumed_handshakes: int = 0
    headers_sent: int = 0
    headers_received: int = 0

    @property
    def full_handshakes(self) -> int:
        """Handshakes with certificates."""
        return self.handshakes - self.resumed_handshakes

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(mine + its for mine, its in zip(_numbers(self), _numbers(other), strict=True)))

    def __sub__(self, other: Usage) -> Usage:
        return Usage(*(mine - its for mine, its in zip(_numbers(self), _numbers(other), strict=True)))


def _numbers(usage: Usage) -> Iterator[int]:
    return (getattr(usage, item.name) for item in fields(Usage))


@dataclass(frozen=True, slots=True)
class UsageEntry:
    """What one purpose cost with one server: an eIM by its eimId, an SM-DP+ or SM-DS by its address."""

    server: str
    purpose: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class UsageSnapshot:
    """The counters at one moment, or what was added to them between two. Sorted by server and purpose."""

    entries: tuple[UsageEntry, ...] = ()

    @property
    def servers(self) -> tuple[str, ...]:
        """Every server once."""
        return tuple(dict.fromkeys(entry.server for entry in self.entries))

    def total(self, server: str | None = None) -> Usage:
        """What one server cost, or all of them."""
        return sum((entry.usage for entry in self.entries if server in (None, entry.server)), Usage())

    def since(self, earlier: UsageSnapshot) -> UsageSnapshot:
        """What was added since an earlier snapshot of the same counters."""
        before = {(entry.server, entry.purpose): entry.usage for entry in earlier.entries}
        added = (
            UsageEntry(entry.server, entry.purpose, entry.usage - before.get((entry.server, entry.purpose), Usage()))
            for entry in self.entries
        )
        return UsageSnapshot(tuple(entry for entry in added if entry.usage != Usage()))


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

    def snapshot(self) -> UsageSnapshot:
        """The counters as they are now."""
        return UsageSnapshot(tuple(UsageEntry(*key, usage) for key, usage in sorted(self._entries.items())))

    def total(self, server: str) -> Usage:
        """What one server cost, for whatever purpose."""
        return self.snapshot().total(server)


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
        self._duplicate: socket.socket | None = None

    def connected(self, connection: socket.socket) -> None:
        """A connection is there, and whoever shakes hands over it may close it: until `opened` a duplicate is asked."""
        self.closed()
        self._socket = self._duplicate = connection.dup()

    def opened(self, connection: TcpSocket | None, *, resumed: bool) -> None:
        """The handshake is over."""
        if self._duplicate is None:
            self.closed()
        self._drop_duplicate()
        self._socket = connection
        self._handshake = Usage(handshakes=1, resumed_handshakes=int(resumed))

    def closed(self) -> None:
        """The connection is about to go."""
        self._before = self.usage()
        self._drop_duplicate()
        self._socket, self._last, self._handshake = None, Usage(), Usage()

    def usage(self) -> Usage:
        """Everything so far."""
        if self._socket is not None:
            self._last = tcp_usage(self._socket) or self._last
        return self._before + self._handshake + self._last

    def _drop_duplicate(self) -> None:
        if self._duplicate is not None:
            self._duplicate.close()
            self._duplicate = None


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
    packets_sent, packets_received = struct.unpack_from("=II", info, _SEGMENTS)
    return Usage(
        bytes_sent=struct.unpack_from("=Q", info, sent)[0],
        bytes_received=struct.unpack_from("=Q", info, _BYTES_RECEIVED)[0],
        packets_sent=packets_sent,
        packets_received=packets_received,
        headers_sent=packets_sent * TCP_HEADERS,
        headers_received=packets_received * TCP_HEADERS,
    )
