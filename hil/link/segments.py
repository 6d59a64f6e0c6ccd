"""How many TCP segments a connection took, estimated from what its ends wrote.

A splice sees bytes, not segments. The rules:

- Every segment has 20 bytes of IPv4, 20 of TCP and 12 of options (time stamps, RFC 7323); SYN and SYN/ACK have 20 of
  options (MSS, SACK, time stamps, window scale), RST none. A segment carries at most the MTU less 52.
- Opening: SYN, SYN/ACK, ACK.
- Bytes that were read at once are cut into full segments and a rest; nobody waits to fill one (TCP_NODELAY).
- Every second segment that arrives is acknowledged by a segment without payload. The acknowledgement of an odd one
  waits 40 ms, the least of Linux (RFC 1122 4.2.3.2 allows 500), for payload that goes back and carries it, then it goes
  alone.
- The end of one direction is a FIN of its own, and acknowledged like a segment.
- Acknowledgements take nothing of the rate, and are not lost.
"""

from __future__ import annotations

from typing import Final

from hil.clock import Clock, Timer
from hil.link.meter import IP_HEADER, Flow, Heading, Meters

TCP_HEADER: Final = 20
OPTIONS: Final = 12
SYN_OPTIONS: Final = 20
OVERHEAD: Final = IP_HEADER + TCP_HEADER + OPTIONS
"""Headers of a segment."""
SYN_SIZE: Final = IP_HEADER + TCP_HEADER + SYN_OPTIONS
RESET_SIZE: Final = IP_HEADER + TCP_HEADER

DELAYED_ACK: Final = 0.04
"""Seconds."""

_ACK: Final = Flow(packets=1, wire=OVERHEAD)


def segments(payload: int, mtu: int) -> int:
    """How many of them so many bytes need."""
    return -(-payload // (mtu - OVERHEAD))


class SegmentEstimate:
    """One connection."""

    def __init__(self, meters: Meters, clock: Clock) -> None:
        self._meters = meters
        self._clock = clock
        # Of each direction: the timer of an odd segment that arrived and was not acknowledged.
        self._owed: dict[Heading, Timer] = {}

    def syn(self, heading: Heading, lost: int = 0) -> None:
        """The connection begins, after so many lost SYN in the direction of whoever connects."""
        now = self._clock.monotonic()
        self._meters.connected(now)
        self._meters.sent(heading, now, Flow(0, lost + 1, (lost + 1) * SYN_SIZE))
        self._meters.sent(heading.back, now, Flow(0, 1, SYN_SIZE))
        self._meters.sent(heading, now, _ACK)
        if lost:
            self._meters.lost(heading, lost)

    def sent(self, heading: Heading, payload: int, number: int, lost: int = 0, resent: int = 0) -> None:
        """Segments set out with a payload; `lost` of them again and again, which cost `resent` bytes with headers."""
        self._acknowledged(heading.back)
        self._meters.sent(
            heading,
            self._clock.monotonic(),
            Flow(payload, number + lost, payload + number * OVERHEAD + resent),
        )
        if lost:
            self._meters.lost(heading, lost)

    def arrived(self, heading: Heading, number: int) -> None:
        """Segments reached their end, which acknowledges them."""
        self._meters.arrived(self._clock.monotonic())
        if self._acknowledged(heading):
            number += 1
        pairs, odd = divmod(number, 2)
        if pairs:
            self._send(heading.back, Flow(0, pairs, pairs * OVERHEAD))
        if odd:
            self._owed[heading] = self._clock.call_later(DELAYED_ACK, lambda: self._settle(heading))

    def fin(self, heading: Heading) -> None:
        """One end has no more to say."""
        self._acknowledged(heading.back)
        self._send(heading, Flow(0, 1, OVERHEAD))

    def fin_arrived(self, heading: Heading) -> None:
        """The other end heard it."""
        self.arrived(heading, 1)

    def reset(self, heading: Heading) -> None:
        """One end, or somebody on the way, sent RST."""
        self.forget()
        self._send(heading, Flow(0, 1, RESET_SIZE))

    def settle(self) -> None:
        """Send what acknowledgements are owed, without waiting."""
        for heading in tuple(self._owed):
            self._settle(heading)

    def forget(self) -> None:
        """Nothing is acknowledged any more."""
        for heading in tuple(self._owed):
            self._acknowledged(heading)

    def _settle(self, heading: Heading) -> None:
        if self._acknowledged(heading):
            self._send(heading.back, _ACK)

    def _acknowledged(self, heading: Heading) -> bool:
        """Nothing is owed for this direction any more; returns whether it was."""
        timer = self._owed.pop(heading, None)
        if timer is not None:
            timer.cancel()
        return timer is not None

    def _send(self, heading: Heading, flow: Flow) -> None:
        self._meters.sent(heading, self._clock.monotonic(), flow)
