"""A floor as a sum: terms with their sources, in flights, so that directions, packets and round trips follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from hil.link.meter import IP_HEADER, UDP_HEADER, Heading
from hil.link.segments import OVERHEAD

ETHERNET_MTU: Final = 1500
SEGMENT: Final = ETHERNET_MTU - OVERHEAD
"""Payload of the largest TCP segment."""
_SYN: Final = IP_HEADER + 20 + 20
"""SYN and SYN/ACK with the options of any stack: MSS, SACK, time stamps, window scale (RFC 9293 3.1, RFC 7323)."""


@dataclass(frozen=True)
class Term:
    """So many bytes of payload for one purpose. `source`: document and section."""

    name: str
    size: int
    source: str


@dataclass(frozen=True)
class Flight:
    """What one side sends before the other one has to answer; of UDP one datagram."""

    heading: Heading
    terms: tuple[Term, ...]

    @property
    def size(self) -> int:
        """Bytes of payload."""
        return sum(term.size for term in self.terms)


@dataclass(frozen=True)
class Floor:
    """A conversation. `connections`: of TCP, opened and closed; 0 for UDP."""

    flights: tuple[Flight, ...] = ()
    connections: int = 0

    @property
    def up(self) -> int:
        """Bytes of payload from the device."""
        return self._payload(Heading.UP)

    @property
    def down(self) -> int:
        """Bytes of payload to the device."""
        return self._payload(Heading.DOWN)

    @property
    def payload(self) -> int:
        """Bytes of payload in both directions."""
        return self.up + self.down

    @property
    def round_trips(self) -> int:
        """As the link counts them: each answer, and the handshake of each TCP connection."""
        turns = sum(one.heading is not other.heading for one, other in pairwise(self.flights))
        return self.connections + (turns + 1) // 2

    @property
    def packets(self) -> int:
        """Datagrams, or segments: full ones, of which every second is acknowledged by itself (RFC 9293 3.8.6.3); a SYN
        each way, whose acknowledgement goes with the first bytes; FINs with the last ones, the second acknowledged."""
        if not self.connections:
            return len(self.flights)
        segments = sum(_segments(flight) + (_segments(flight) - 1) // 2 for flight in self._joined())
        return segments + 3 * self.connections

    @property
    def wire(self) -> int:
        """Bytes with the headers of IPv4, UDP and TCP."""
        if not self.connections:
            return self.payload + (IP_HEADER + UDP_HEADER) * len(self.flights)
        opening = 2 * self.connections
        return self.payload + OVERHEAD * (self.packets - opening) + _SYN * opening

    def sums(self) -> Iterator[Term]:
        """Terms of the same name and source together, in the order of their first appearance."""
        found: dict[tuple[str, str], int] = {}
        for flight in self.flights:
            for term in flight.terms:
                found[term.name, term.source] = found.get((term.name, term.source), 0) + term.size
        for (name, source), size in found.items():
            yield Term(name, size, source)

    def _payload(self, heading: Heading) -> int:
        return sum(flight.size for flight in self.flights if flight.heading is heading)

    def _joined(self) -> Iterator[Flight]:
        """Flights of a stream: what one side sends in a row travels together."""
        row: list[Term] = []
        for position, flight in enumerate(self.flights):
            row += flight.terms
            if position + 1 == len(self.flights) or self.flights[position + 1].heading is not flight.heading:
                yield Flight(flight.heading, tuple(row))
                row = []


@dataclass
class Script:
    """A floor under construction."""

    flights: list[Flight] = field(default_factory=list)

    def up(self, *terms: Term) -> None:
        """The device sends."""
        self.flights.append(Flight(Heading.UP, terms))

    def down(self, *terms: Term) -> None:
        """The server sends."""
        self.flights.append(Flight(Heading.DOWN, terms))

    def floor(self, connections: int = 0) -> Floor:
        """What was written so far."""
        return Floor(tuple(self.flights), connections)


def _segments(flight: Flight) -> int:
    return -(-flight.size // SEGMENT)
