"""What went over the interfaces to servers during a case: ESipa, ES9+ and ES11, read from the timeline.

Both sides of an exchange are in the timeline as the server of the bench saw them, whatever the binding: ESipa messages
in ASN.1 (SGP.32 6.3), calls of an SM-DP+ or SM-DS in JSON (SGP.22 6.5).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hil import codec, tlv
from hil.suite.record import EventRecord

ESIPA: Final = "ESIPA"
ES9: Final = "ES9+"
ES11: Final = "ES11"


@dataclass(frozen=True)
class Exchange:
    """A request with its answer. `status` is what the bench says of the answer, such as "HTTP 200"; `caller` names who
    called an RSP server if that was an eIM; `seconds` since the case began, `position` among all events."""

    server: str
    function: str
    request: bytes
    answer: bytes
    status: str
    seconds: float
    position: int
    caller: str = ""

    @property
    def asked(self) -> Any:
        """The request of an ESipa function, decoded: the value of its alternative of EsipaMessageFromIpaToEim."""
        return codec.decode("EsipaMessageFromIpaToEim", self.request)[1]

    @property
    def answered(self) -> Any:
        """The same of the answer."""
        return codec.decode("EsipaMessageFromEimToIpa", self.answer)[1]

    @property
    def members(self) -> Mapping[str, Any]:
        """The members of a request in JSON."""
        found = json.loads(self.request)
        assert isinstance(found, dict)
        return found

    @property
    def reply(self) -> Mapping[str, Any]:
        """The members of an answer in JSON."""
        found = json.loads(self.answer)
        assert isinstance(found, dict)
        return found

    def octets(self, member: str) -> bytes:
        """A member of the request that is base64."""
        return base64.b64decode(self.members[member], validate=True)


def esipa(events: Sequence[EventRecord], function: str | None = None, server: str | None = None) -> list[Exchange]:
    """Exchanges with eIMs in order, of one function, with the eIM of that name in the bench."""
    return _chosen(_exchanges(events, ESIPA), function, server)


def es9(events: Sequence[EventRecord], function: str | None = None) -> list[Exchange]:
    """Calls of the SM-DP+ in order."""
    return _chosen(_exchanges(events, ES9), function, None)


def es11(events: Sequence[EventRecord], function: str | None = None) -> list[Exchange]:
    """Calls of the SM-DS in order."""
    return _chosen(_exchanges(events, ES11), function, None)


def functions(exchanges: Iterable[Exchange]) -> list[str]:
    """Their functions."""
    return [exchange.function for exchange in exchanges]


def notification_number(pending: bytes) -> int:
    """seqNumber of a PendingNotification (SGP.22 5.7.10) in its full form. Raises TlvError."""
    path = (0xBF37, 0xBF27, 0xBF2F, 0x80) if pending[:2] == b"\xbf\x37" else (0x30, 0xBF2F, 0x80)
    return int.from_bytes(tlv.find(pending, *path).value)


def _chosen(found: Iterator[Exchange], function: str | None, server: str | None) -> list[Exchange]:
    return [item for item in found if function in (None, item.function) and server in (None, item.server)]


def _exchanges(events: Sequence[EventRecord], interface: str) -> Iterator[Exchange]:
    """A request is followed by its answer, other interfaces between them notwithstanding."""
    asked: EventRecord | None = None
    for position, event in enumerate(events):
        if event.interface != interface:
            continue
        if event.direction == ">":
            asked = event
        elif asked is not None:
            server, _, rest = asked.text.partition(" ")
            function, _, caller = rest.partition(" from ")
            yield Exchange(
                server,
                function,
                bytes.fromhex(asked.data),
                bytes.fromhex(event.data),
                event.text.partition(" ")[2],
                event.seconds,
                position,
                caller,
            )
            asked = None
