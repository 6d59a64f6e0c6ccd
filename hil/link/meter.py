"""What went over a link: payload, packets, bytes with their headers, round trips and the time it took.

Payload and datagrams are counted as they are; TCP segments are estimated (`hil.link.segments`). A packet counts where
it sets out, so that one which gets lost has cost what it cost, and a segment that is sent again counts again. What
a NAT or a hole on the way swallows was sent as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

IP_HEADER: Final = 20
"""IPv4 without options (RFC 791)."""
UDP_HEADER: Final = 8
"""RFC 768."""
FRAGMENT_UNIT: Final = 8


class Heading(StrEnum):
    """Up is from the device to the server."""

    UP = "up"
    DOWN = "down"

    @property
    def back(self) -> Heading:
        """The other one."""
        return Heading.DOWN if self is Heading.UP else Heading.UP


@dataclass(frozen=True)
class Flow:
    """One direction. `payload`: bytes of TCP or UDP payload, each byte once; `packets`: datagrams and segments; `wire`:
    bytes with IP, UDP and TCP headers; `lost`: packets of these that did not arrive."""

    payload: int = 0
    packets: int = 0
    wire: int = 0
    lost: int = 0

    def __add__(self, other: Flow) -> Flow:
        return Flow(
            self.payload + other.payload, self.packets + other.packets, self.wire + other.wire, self.lost + other.lost
        )

    def __sub__(self, other: Flow) -> Flow:
        return Flow(
            self.payload - other.payload, self.packets - other.packets, self.wire - other.wire, self.lost - other.lost
        )


@dataclass(frozen=True)
class Traffic:
    """A measurement. `connections` and `resets` are of TCP. `round_trips`: how often something was answered, estimated
    from the changes of direction of what carried payload, and the handshake of each TCP connection. `first` and `last`:
    seconds of the bench's clock at which the first byte set out and the last one arrived, None when there was none."""

    up: Flow = Flow()
    down: Flow = Flow()
    connections: int = 0
    resets: int = 0
    round_trips: int = 0
    first: float | None = None
    last: float | None = None
    mark: int = 0
    """Of a snapshot: the first period of its meter that comes after it."""

    @property
    def payload(self) -> int:
        """Bytes of payload, both directions."""
        return self.up.payload + self.down.payload

    @property
    def packets(self) -> int:
        """Datagrams and segments, both directions."""
        return self.up.packets + self.down.packets

    @property
    def wire(self) -> int:
        """Bytes with headers, both directions."""
        return self.up.wire + self.down.wire

    @property
    def span(self) -> float:
        """Seconds from the first to the last byte."""
        return 0.0 if self.first is None or self.last is None else self.last - self.first


class MeterFollower(Protocol):
    """Hears what a meter counts, when it counts it; the methods are those of `Meter`."""

    def sent(self, heading: Heading, now: float, flow: Flow) -> None: ...

    def lost(self, heading: Heading, packets: int = 1) -> None: ...

    def arrived(self, now: float) -> None: ...

    def connected(self, now: float) -> None: ...

    def was_reset(self) -> None: ...


class Meter:
    """Counts; what happens later never changes a `Traffic` that was taken."""

    def __init__(self) -> None:
        self._followers: tuple[MeterFollower, ...] = ()
        self.reset()

    def follow(self, follower: MeterFollower) -> Callable[[], None]:
        """Tell `follower` everything from now on; the returned function ends that."""
        self._followers += (follower,)

        def leave() -> None:
            self._followers = tuple(one for one in self._followers if one is not follower)

        return leave

    def reset(self) -> None:
        """Begin anew. Snapshots of before no longer say anything."""
        self._flows = {Heading.UP: Flow(), Heading.DOWN: Flow()}
        self._connections = self._resets = self._turns = 0
        self._heading: Heading | None = None
        self._last: float | None = None
        # Of each period between two snapshots, when something first set out.
        self._starts: list[float | None] = [None]

    def sent(self, heading: Heading, now: float, flow: Flow) -> None:
        """Packets set out. Only those with payload make round trips and take time: acknowledgements do not."""
        for follower in self._followers:
            follower.sent(heading, now, flow)
        self._flows[heading] += flow
        if not flow.payload:
            return
        self._touch(now)
        if heading is not self._heading:
            self._turns += self._heading is not None
            self._heading = heading

    def lost(self, heading: Heading, packets: int = 1) -> None:
        """Packets that were sent did not arrive."""
        for follower in self._followers:
            follower.lost(heading, packets)
        self._flows[heading] += Flow(lost=packets)

    def arrived(self, now: float) -> None:
        """Payload reached its end."""
        for follower in self._followers:
            follower.arrived(now)
        self._reach(now)

    def _reach(self, now: float) -> None:
        self._last = now if self._last is None else max(self._last, now)

    def connected(self, now: float) -> None:
        """A TCP connection begins; its handshake is a round trip."""
        for follower in self._followers:
            follower.connected(now)
        self._touch(now)
        self._connections += 1

    def was_reset(self) -> None:
        """A TCP connection was cut off."""
        for follower in self._followers:
            follower.was_reset()
        self._resets += 1

    def snapshot(self) -> Traffic:
        """All since the beginning; also the beginning of a phase for `since`."""
        if self._starts[-1] is not None:
            self._starts.append(None)
        return self._traffic(0)

    def since(self, before: Traffic) -> Traffic:
        """What came after a snapshot of this meter."""
        now = self._traffic(before.mark)
        return Traffic(
            now.up - before.up,
            now.down - before.down,
            now.connections - before.connections,
            now.resets - before.resets,
            now.round_trips - before.round_trips,
            now.first,
            None if now.first is None else now.last,
            now.mark,
        )

    def _traffic(self, first_period: int) -> Traffic:
        return Traffic(
            self._flows[Heading.UP],
            self._flows[Heading.DOWN],
            self._connections,
            self._resets,
            # Each exchange turns the direction twice, but the first one has no turn before it.
            self._connections + (self._turns + 1) // 2,
            next((start for start in self._starts[first_period:] if start is not None), None),
            self._last,
            len(self._starts) - 1,
        )

    def _touch(self, now: float) -> None:
        if self._starts[-1] is None:
            self._starts[-1] = now
        self._reach(now)


class Meters:
    """One measurement written to several meters: that of an endpoint, and that of its link."""

    def __init__(self, *meters: Meter) -> None:
        self._meters = meters

    def sent(self, heading: Heading, now: float, flow: Flow) -> None:
        """See `Meter`."""
        for meter in self._meters:
            meter.sent(heading, now, flow)

    def lost(self, heading: Heading, packets: int = 1) -> None:
        """See `Meter`."""
        for meter in self._meters:
            meter.lost(heading, packets)

    def arrived(self, now: float) -> None:
        """See `Meter`."""
        for meter in self._meters:
            meter.arrived(now)

    def connected(self, now: float) -> None:
        """See `Meter`."""
        for meter in self._meters:
            meter.connected(now)

    def was_reset(self) -> None:
        """See `Meter`."""
        for meter in self._meters:
            meter.was_reset()


def datagram(payload: int, mtu: int) -> Flow:
    """A datagram of so many bytes; one that exceeds the MTU has an IP header for each fragment (RFC 791)."""
    room = (mtu - IP_HEADER) // FRAGMENT_UNIT * FRAGMENT_UNIT
    content = payload + UDP_HEADER
    fragments = 1 if content <= mtu - IP_HEADER else -(-content // room)
    return Flow(payload, 1, content + IP_HEADER * fragments)
