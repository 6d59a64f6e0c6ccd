"""Everything that a link counted, in order, so that a part of it can be counted again by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from hil.link import Flow, Traffic
from hil.link.meter import Heading, Meter


class Kind(Enum):
    """Methods of a meter."""

    SENT = auto()
    LOST = auto()
    ARRIVED = auto()
    CONNECTED = auto()
    RESET = auto()


@dataclass(frozen=True)
class Step:
    """One of them was called. `flow.packets` is the number of packets of LOST."""

    kind: Kind
    now: float = 0.0
    heading: Heading = Heading.UP
    flow: Flow = field(default_factory=Flow)

    @property
    def carries(self) -> bool:
        """Whether packets with payload set out."""
        return self.kind is Kind.SENT and self.flow.payload > 0


class Recorder:
    """Follows the meter of a link until `close`. `changed` is called with every step."""

    def __init__(self, meter: Meter, changed: Callable[[], None] = lambda: None) -> None:
        self.steps: list[Step] = []
        self._changed = changed
        self.close = meter.follow(self)

    @property
    def position(self) -> int:
        """Number of steps so far."""
        return len(self.steps)

    def sent(self, heading: Heading, now: float, flow: Flow) -> None:
        """See `Meter`."""
        self._add(Step(Kind.SENT, now, heading, flow))

    def lost(self, heading: Heading, packets: int = 1) -> None:
        """See `Meter`."""
        self._add(Step(Kind.LOST, heading=heading, flow=Flow(packets=packets)))

    def arrived(self, now: float) -> None:
        """See `Meter`."""
        self._add(Step(Kind.ARRIVED, now))

    def connected(self, now: float) -> None:
        """See `Meter`."""
        self._add(Step(Kind.CONNECTED, now))

    def was_reset(self) -> None:
        """See `Meter`."""
        self._add(Step(Kind.RESET))

    def _add(self, step: Step) -> None:
        self.steps.append(step)
        self._changed()


def count(steps: Iterable[Step]) -> Traffic:
    """What these steps are together, as `Link.since` says it of a phase."""
    meter = Meter()
    for step in steps:
        match step.kind:
            case Kind.SENT:
                meter.sent(step.heading, step.now, step.flow)
            case Kind.LOST:
                meter.lost(step.heading, step.flow.packets)
            case Kind.ARRIVED:
                meter.arrived(step.now)
            case Kind.CONNECTED:
                meter.connected(step.now)
            case Kind.RESET:
                meter.was_reset()
    return meter.snapshot()


def next_step(steps: Sequence[Step], start: int, heading: Heading) -> int:
    """Position of the first step from `start` in which payload set out in this direction; the end if there is none."""
    for position in range(start, len(steps)):
        if steps[position].carries and steps[position].heading is heading:
            return position
    return len(steps)
