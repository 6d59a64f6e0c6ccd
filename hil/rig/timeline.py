"""What went over each interface of the rig, in order, with times and sizes."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from hil.clock import Clock

_CAPACITY: Final = 20_000


class Interface(StrEnum):
    """Where something happened."""

    AT = "AT"
    """Lines between client and modem."""
    APDU = "APDU"
    """Commands between modem (or reader) and card."""
    ESIPA = "ESIPA"
    """Messages between IPA and eIM."""
    ES9 = "ES9+"
    """Calls of a SM-DP+, by the device or by an eIM."""
    ES11 = "ES11"
    """Calls of a SM-DS."""
    RADIO = "RADIO"
    """Bearer and relay."""
    CARD = "CARD"
    """Profile states, eIM associations, power."""
    BENCH = "BENCH"
    """What the operator of the rig did."""


@dataclass(frozen=True)
class Event:
    """`direction`: ">" from the device outwards or down to the card, "<" back, "" for a fact. `size`: bytes."""

    number: int
    seconds: float
    interface: Interface
    direction: str
    text: str
    size: int = 0
    data: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "number": self.number,
            "seconds": round(self.seconds, 6),
            "interface": self.interface.value,
            "direction": self.direction,
            "text": self.text,
            "size": self.size,
            "data": self.data,
        }


@dataclass
class Totals:
    """Per interface: events and bytes in each direction."""

    out: int = 0
    back: int = 0
    bytes_out: int = 0
    bytes_back: int = 0


class Timeline:
    """Ring of the last events, totals of all."""

    def __init__(self, clock: Clock, capacity: int = _CAPACITY) -> None:
        self._clock = clock
        self._start = clock.monotonic()
        self._events: deque[Event] = deque(maxlen=capacity)
        self._listeners: list[Callable[[Event], None]] = []
        self._number = 0
        self.totals: dict[Interface, Totals] = {interface: Totals() for interface in Interface}

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call `listener` with every event; the returned function ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @property
    def began(self) -> float:
        """Second 0 of the events, on the clock of the rig."""
        return self._start

    @property
    def last_number(self) -> int:
        """Number of the latest event, 0 before the first."""
        return self._number

    def note(self, interface: Interface, direction: str, text: str, data: bytes = b"", size: int | None = None) -> None:
        """Add an event; `size` when it is not that of `data`."""
        self._number += 1
        length = len(data) if size is None else size
        event = Event(
            self._number,
            self._clock.monotonic() - self._start,
            interface,
            direction,
            text,
            length,
            data.hex().upper(),
        )
        self._events.append(event)
        totals = self.totals[interface]
        if direction == ">":
            totals.out, totals.bytes_out = totals.out + 1, totals.bytes_out + length
        elif direction == "<":
            totals.back, totals.bytes_back = totals.back + 1, totals.bytes_back + length
        for listener in tuple(self._listeners):
            listener(event)

    def events(self, after: int = 0, interface: Interface | None = None, limit: int | None = None) -> list[Event]:
        """Events with a number above `after`, the oldest first."""
        found = [
            event
            for event in self._events
            if event.number > after and (interface is None or event.interface is interface)
        ]
        return found if limit is None else found[:limit]
