"""Throughput and loss of the data path, from what looks transfer and what the counters of the interface say.

An idle link has no throughput that one could measure, so only a transfer that was wanted counts: the handshake of a
look. It gives a lower bound, and so does everything that went over the interface meanwhile; the larger one is taken, so
that a link that is busy with other things does not seem slow. Lost are segments of TCP that had to be sent again, and
packets that the interface counts as errors. One lost packet of ten says little: loss is known after some looks.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import Final

from ipad.net.counters import TcpSocket
from ipad.net.interface_counters import Rates
from ipad.records import dataclass

_INFO_SIZE: Final = 256
_TOTAL_RETRANS, _SEGMENTS_OUT = 100, 136
"""Offsets in struct tcp_info of <linux/tcp.h>."""

_ENOUGH_BYTES: Final = 1000
_ENOUGH_PACKETS: Final = 30.0
_MEMORY: Final = 200.0
"""Packets after which older ones count half."""


@dataclass(frozen=True, slots=True)
class Segments:
    """Segments of TCP that went out, and how many of them were repetitions."""

    sent: int = 0
    repeated: int = 0

    def __add__(self, other: Segments) -> Segments:
        return Segments(self.sent + other.sent, self.repeated + other.repeated)


@dataclass(frozen=True, slots=True)
class Transfer:
    """What one look transferred: bytes received within so many seconds, and its segments."""

    received: int = 0
    seconds: float = 0.0
    segments: Segments = Segments()


class LinkQuality:
    """What is known over several looks at one bearer."""

    def __init__(self) -> None:
        self._sent = 0.0
        self._lost = 0.0
        self.kbps: float | None = None
        """Throughput in kbit/s that the last transfer showed to be there; None when nothing was transferred."""

    @property
    def loss(self) -> float | None:
        """Lost packets in percent; None while too few are known."""
        return None if self._sent < _ENOUGH_PACKETS else 100 * min(1.0, self._lost / self._sent)

    def note(self, transfer: Transfer, rates: Rates | None) -> None:
        """Take one look, and what went over the interface meanwhile."""
        self.kbps = throughput(transfer, rates)
        sent, lost = transfer.segments.sent, transfer.segments.repeated
        if rates is not None:
            sent, lost = max(sent, rates.packets), lost + rates.errors
        if self._sent + sent > _MEMORY:
            self._sent, self._lost = self._sent / 2, self._lost / 2
        self._sent += sent
        self._lost += lost

    def forget(self) -> None:
        """Another bearer begins."""
        self._sent = self._lost = 0.0
        self.kbps = None


def throughput(transfer: Transfer, rates: Rates | None) -> float | None:
    """The larger of both lower bounds in kbit/s; None when too little was received to say anything."""
    if transfer.received < _ENOUGH_BYTES or transfer.seconds <= 0:
        return None
    measured = transfer.received * 8 / 1000 / transfer.seconds
    return max(measured, rates.received_kbps) if rates is not None else measured


def segments(connection: TcpSocket) -> Segments:
    """The segments of a connection; none where the kernel does not tell."""
    option = getattr(socket, "TCP_INFO", None)
    if option is None or not sys.platform.startswith("linux"):
        return Segments()
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, option, _INFO_SIZE)
    except OSError:
        return Segments()  # closed already
    if len(info) < _SEGMENTS_OUT + 4:
        return Segments()
    repeated, sent = (struct.unpack_from("=I", info, offset)[0] for offset in (_TOTAL_RETRANS, _SEGMENTS_OUT))
    return Segments(sent, repeated)
