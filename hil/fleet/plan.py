"""What a fleet is asked to do, as plain data that also travels to another machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from hil.fleet import conditions
from hil.fleet.errors import FleetError

SHORTEST_INTERVAL: Final = 60.0
"""The least poll interval that an agent takes."""
_DEVICES_PER_SECOND: Final = 12.0
"""Polls in a second that a machine with two cores serves while it also rolls out."""
_MOST_DEVICES: Final = 100_000
_LEAST_IN_BUCKET: Final = 25.0


@dataclass(frozen=True)
class Storm:
    """From `at` seconds after the beginning of the roll-out on, for `seconds`, the eIM answers 503 with this
    Retry-After in seconds."""

    at: float
    seconds: float
    retry_after: float = 60.0


@dataclass(frozen=True)
class FleetPlan:
    """One run of a fleet.

    `batches`: shares of the fleet, each above the one before, the last 1. `pause`: seconds after each batch. `abort`:
    share of failures in what was tried so far above which the roll-out ends. `settle`: seconds that a device of a batch
    has. `outage`: seconds of the common outage after the roll-out, 0: none; `eim_too`: the eIM is away as well.
    `poll`: the poll interval in seconds. `per_agent`: devices that one process of the agent serves. `first`: number of
    the first device. `wake`: the network wakes the devices of a batch, so that their agents poll at once, in place of
    waiting for their next poll. `agent`: the command, None: this interpreter.
    """

    devices: int
    batches: tuple[float, ...] = (0.05, 0.25, 1.0)
    pause: float = 5.0
    abort: float = 0.1
    settle: float = 300.0
    radio: str = conditions.DEFAULT
    storms: tuple[Storm, ...] = ()
    outage: float = 180.0
    eim_too: bool = False
    poll: float = 0.0
    per_agent: int = 100
    seed: int = 1
    first: int = 0
    wake: bool = False
    agent: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.devices <= _MOST_DEVICES:
            raise FleetError(f"expected 1 to {_MOST_DEVICES} devices, not {self.devices}")
        if self.per_agent < 1 or min(self.pause, self.settle, self.outage) < 0 or not 0 <= self.abort <= 1:
            raise FleetError("times and numbers cannot be negative, and a failure rate is between 0 and 1")
        if self.poll and self.poll < SHORTEST_INTERVAL:
            raise FleetError(f"an agent polls every {SHORTEST_INTERVAL:g} s at most, not every {self.poll:g} s")
        conditions.parse(self.radio)

    @property
    def interval(self) -> float:
        """The poll interval: what was asked for, else one that two cores can serve."""
        return self.poll or max(SHORTEST_INTERVAL, round(self.devices / _DEVICES_PER_SECOND, -1))

    @property
    def window(self) -> float:
        """Seconds after a common outage over which the load is looked at: as long as the outage, and two polls of every
        device at least."""
        return max(self.outage, 2 * self.interval)

    @property
    def bucket(self) -> float:
        """Seconds of one bucket in which requests are counted: so long that the usual load has 25 of them in each, for
        else the peak is chance alone; 5 at least, and a sixth of the interval at the most."""
        return min(max(5.0, _LEAST_IN_BUCKET * self.interval / self.devices), self.interval / 6)

    def numbers(self) -> Sequence[Sequence[int]]:
        """The devices of each batch, by their number in this fleet from 0."""
        ends = [max(1, round(self.devices * share)) for share in self.batches]
        return [range(start, end) for start, end in zip([0, *ends], ends, strict=False) if end > start]

    def shared(self, parts: int) -> Sequence[FleetPlan]:
        """The same for several machines, each of which rolls out its part of every batch."""
        parts = min(parts, self.devices)
        ends = [round(self.devices * (part + 1) / parts) for part in range(parts)]
        return [
            replace(self, devices=end - start, first=self.first + start, seed=self.seed + start, poll=self.interval)
            for start, end in zip([0, *ends], ends, strict=False)
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def plan_from_json(value: dict[str, Any]) -> FleetPlan:
    """What `to_json` gave. Raises FleetError."""
    storms = tuple(Storm(**storm) for storm in value["storms"])
    return FleetPlan(**{**value, "storms": storms, "batches": tuple(value["batches"])})


def parse_batches(text: str) -> tuple[float, ...]:
    """Shares such as "5%,25%,100%", each above the one before, the last all of them. Raises FleetError."""
    try:
        found = tuple(float(part.strip().rstrip("%")) / 100 for part in text.split(","))
    except ValueError:
        raise FleetError(f"{text!r}: expected shares such as 5%,25%,100%") from None
    if list(found) != sorted(set(found)) or found[0] <= 0 or found[-1] != 1:
        raise FleetError(f"{text!r}: each share is above the one before, and the last one is 100%")
    return found


def parse_storm(text: str) -> Storm:
    """AT:SECONDS[:RETRY-AFTER]. Raises FleetError."""
    try:
        numbers = [float(part) for part in text.split(":")]
        storm = Storm(*numbers)
    except (ValueError, TypeError):
        raise FleetError(f"{text!r}: expected AT:SECONDS or AT:SECONDS:RETRY-AFTER") from None
    if min(numbers) < 0:
        raise FleetError(f"{text!r}: times cannot be negative")
    return storm
