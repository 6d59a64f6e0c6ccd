"""What a link between device and servers is like, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final

_LONGEST_DELAY: Final = 60.0
_MIN_MTU: Final = 576
_MAX_MTU: Final = 65535


class Passage(IntEnum):
    """Whether packets get through; of two that apply the greater one counts.

    SILENT swallows everything without a word: connections stay, new ones hang. SHUT is what a program sees whose
    interface went down: connections are reset, new ones and datagrams refused.
    """

    OPEN = 0
    SILENT = 1
    SHUT = 2


class Forgotten(StrEnum):
    """What a NAT does with packets of a TCP connection that it forgot (RFC 5382 leaves it open)."""

    RESET = "reset"
    SWALLOW = "swallow"


@dataclass(frozen=True)
class Way:
    """One direction. `delay` one way and `jitter` (evenly between 0 and that, on top) in seconds; `rate` in bit/s of IP
    packets, 0: unlimited; `loss`, `reorder`, `duplicate` are probabilities per packet.

    Jitter alone never changes the order, as radio bearers deliver in order (TS 36.323 5.1); `reorder` lets a datagram
    be overtaken by the next one. Reordering and duplication apply to UDP only.
    """

    delay: float = 0.0
    jitter: float = 0.0
    rate: float = 0.0
    loss: float = 0.0
    reorder: float = 0.0
    duplicate: float = 0.0

    def __post_init__(self) -> None:
        for name in ("delay", "jitter"):
            value = getattr(self, name)
            if not 0 <= value <= _LONGEST_DELAY:
                raise ValueError(f"{name}: expected 0 to {_LONGEST_DELAY:g} seconds, found {value!r}")
        for name in ("loss", "reorder", "duplicate"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name}: expected a probability, found {value!r}")
        if not 0 <= self.rate < float("inf"):
            raise ValueError(f"rate: expected bit/s, or 0 for no limit, found {self.rate!r}")


@dataclass(frozen=True)
class LinkProfile:
    """`up` is from the device to the servers.

    `queue`: bytes that may wait for the radio in each direction. A datagram that does not fit is lost; of a TCP
    connection no more is read, which is how its window closes. A large queue on a slow link is bufferbloat.
    `nat_udp`, `nat_tcp`: seconds of silence after which the NAT forgets a flow, None: never; `forgotten`: see there.
    `mtu`: bytes of an IP packet; a TCP segment carries 52 less, a larger datagram travels in fragments.
    """

    up: Way = field(default_factory=Way)
    down: Way = field(default_factory=Way)
    queue: int = 65536
    nat_udp: float | None = None
    nat_tcp: float | None = None
    forgotten: Forgotten = Forgotten.RESET
    mtu: int = 1500

    def __post_init__(self) -> None:
        if not _MIN_MTU <= self.mtu <= _MAX_MTU:
            raise ValueError(f"mtu: expected {_MIN_MTU} to {_MAX_MTU} bytes, found {self.mtu!r}")
        if self.queue < self.mtu:
            raise ValueError(f"queue: expected at least one packet of {self.mtu} bytes, found {self.queue!r}")
        for name in ("nat_udp", "nat_tcp"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name}: expected seconds or nothing, found {value!r}")

    @property
    def round_trip(self) -> float:
        """Seconds there and back without queues: both delays with half of their jitter."""
        return sum(way.delay + way.jitter / 2 for way in (self.up, self.down))
