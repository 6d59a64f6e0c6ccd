"""What came of a fleet: plain data that can be added up over machines, and written as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class DeviceRecord:
    """One device. `ordered` and `done` are moments; the rest are seconds, None while not known.

    `download`: from the hand-out of the trigger to its result. `activation`: from the hand-out of the package to the
    profile being enabled. `connectivity`: from there until the eIM has the result over the new profile. `recovery`:
    from the end of the common outage to the first answer of the eIM.
    """

    number: int
    condition: str
    ordered: float | None = None
    done: float | None = None
    download: float | None = None
    activation: float | None = None
    connectivity: float | None = None
    recovery: float | None = None
    failure: str = ""

    @property
    def tried(self) -> bool:
        """Whether the roll-out came to it."""
        return self.ordered is not None

    @property
    def succeeded(self) -> bool:
        """Whether it was rolled out."""
        return self.done is not None and not self.failure


@dataclass(frozen=True)
class Span:
    """A stretch of the run, in seconds since its beginning: a batch, a storm, the outage."""

    name: str
    begin: float
    end: float


@dataclass(frozen=True)
class Cost:
    """What a share took. Memory is resident, in bytes, `bench_base` before there was a device; `cpu` are seconds of
    processor time. `threads`, `files`: of one process of
    the agent at its height."""

    agents: int = 0
    agent_memory: int = 0
    bench_memory: int = 0
    bench_base: int = 0
    agent_cpu: float = 0.0
    bench_cpu: float = 0.0
    threads: int = 0
    files: int = 0

    def plus(self, other: Cost) -> Cost:
        """Both together; of the largest process the larger one."""
        added = {name: getattr(self, name) + getattr(other, name) for name in _ADDED}
        return Cost(**added, threads=max(self.threads, other.threads), files=max(self.files, other.files))


_ADDED = ("agents", "agent_memory", "bench_memory", "bench_base", "agent_cpu", "bench_cpu")


@dataclass
class FleetResult:
    """Moments are seconds since the beginning of the run. `requests` are those of the eIM, `refused` those of them that
    a storm answered, `handshakes` the connections that it accepted. `aborted`: why the roll-out ended early."""

    devices: list[DeviceRecord] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    handshakes: list[float] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    cost: Cost = field(default_factory=Cost)
    aborted: str = ""
    seconds: float = 0.0
    started: float = 0.0
    """Wall clock seconds since 1970 of the beginning."""

    @property
    def outage_end(self) -> float | None:
        """The end of the common outage; None without one."""
        return next((span.end for span in self.spans if span.name == OUTAGE), None)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


OUTAGE = "outage"
"""Name of the span of the common outage."""


def result_from_json(value: dict[str, Any]) -> FleetResult:
    """What `to_json` gave."""
    lists = {name: value[name] for name in ("requests", "refused", "handshakes", "aborted", "seconds", "started")}
    return FleetResult(
        devices=[DeviceRecord(**record) for record in value["devices"]],
        spans=[Span(**span) for span in value["spans"]],
        cost=Cost(**value["cost"]),
        **lists,
    )


def joined(results: Sequence[FleetResult]) -> FleetResult:
    """The shares of several machines as one result; the earliest beginning counts, and the clocks are believed."""
    begin = min(result.started for result in results)
    whole = FleetResult(started=begin, aborted="; ".join(sorted({one.aborted for one in results if one.aborted})))
    for result in results:
        late = result.started - begin
        whole.devices += [_later(record, late) for record in result.devices]
        for name in ("requests", "refused", "handshakes"):
            getattr(whole, name).extend(moment + late for moment in getattr(result, name))
        whole.spans += [Span(span.name, span.begin + late, span.end + late) for span in result.spans]
        whole.cost = whole.cost.plus(result.cost)
        whole.seconds = max(whole.seconds, result.seconds + late)
    whole.devices.sort(key=lambda record: record.number)
    for moments in (whole.requests, whole.refused, whole.handshakes):
        moments.sort()
    return whole


def _later(record: DeviceRecord, seconds: float) -> DeviceRecord:
    moved = DeviceRecord(**asdict(record))
    moved.ordered = None if record.ordered is None else record.ordered + seconds
    moved.done = None if record.done is None else record.done + seconds
    return moved
