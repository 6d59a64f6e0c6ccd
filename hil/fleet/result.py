"""What came of a fleet: plain data that can be added up over machines, and written as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class DeviceRecord:
    """One device. `batch` counts from 1, 0 while the roll-out has not come to it. `ordered` and `done` are moments; the
    rest are seconds, None while not known.

    `download`: from the hand-out of the trigger to its result. `activation`: from the hand-out of the package to the
    profile being enabled. `connectivity`: from there until the eIM has the result over the new profile. `recovery`:
    from the end of the common outage to the first answer of the eIM.
    """

    number: int
    condition: str
    batch: int = 0
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
    processor time. `threads`, `files`: of one process of the agent at its height."""

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
    a storm answered, `handshakes` the TLS connections that it accepted. `requests_after` and `handshakes_after` count
    from the end of the common outage, that of each share on its own. `aborted`: why the roll-out ended early. `shares`:
    machines, each with an eIM of its own."""

    devices: list[DeviceRecord] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    handshakes: list[float] = field(default_factory=list)
    requests_after: list[float] = field(default_factory=list)
    handshakes_after: list[float] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    cost: Cost = field(default_factory=Cost)
    aborted: str = ""
    seconds: float = 0.0
    started: float = 0.0
    """Wall clock seconds since 1970 of the beginning."""
    shares: int = 1

    @property
    def outage_end(self) -> float | None:
        """The end of the common outage, that of the last share; None without one."""
        return next((span.end for span in self.spans if span.name == OUTAGE), None)

    def count_from_outage(self) -> None:
        """Fill `requests_after` and `handshakes_after` of a share."""
        if (end := self.outage_end) is not None:
            self.requests_after = [moment - end for moment in self.requests if moment >= end]
            self.handshakes_after = [moment - end for moment in self.handshakes if moment >= end]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


OUTAGE = "outage"
"""Name of the span of the common outage."""

BATCH = "batch"
"""First word of the name of the span of a batch; its number is the second."""

STORM = "storm"
"""Name of the span of a storm."""


def result_from_json(value: dict[str, Any]) -> FleetResult:
    """What `to_json` gave."""
    made = {
        "devices": [DeviceRecord(**record) for record in value["devices"]],
        "spans": [Span(**span) for span in value["spans"]],
        "cost": Cost(**value["cost"]),
    }
    return FleetResult(**{**value, **made})


def joined(results: Sequence[FleetResult]) -> FleetResult:
    """The shares of several machines as one result; the earliest beginning counts, and the clocks are believed.

    What happened after the outage is put together as if all shares had lost and got back their coverage in the same
    moment and had one eIM: no share waits for the others before its outage.
    """
    begin = min(result.started for result in results)
    aborted = "; ".join(sorted({one.aborted for one in results if one.aborted}))
    whole = FleetResult(started=begin, aborted=aborted, shares=sum(one.shares for one in results))
    spans: list[tuple[str, int, Span]] = []
    for result in results:
        late = result.started - begin
        whole.devices += [_later(record, late) for record in result.devices]
        for name in ("requests", "refused", "handshakes"):
            getattr(whole, name).extend(moment + late for moment in getattr(result, name))
        whole.requests_after += result.requests_after
        whole.handshakes_after += result.handshakes_after
        spans += _numbered([Span(span.name, span.begin + late, span.end + late) for span in result.spans])
        whole.cost = whole.cost.plus(result.cost)
        whole.seconds = max(whole.seconds, result.seconds + late)
    whole.spans = _hulls(spans)
    whole.devices.sort(key=lambda record: record.number)
    for name in ("requests", "refused", "handshakes", "requests_after", "handshakes_after"):
        getattr(whole, name).sort()
    return whole


def _numbered(spans: Sequence[Span]) -> list[tuple[str, int, Span]]:
    """With which of its name each of them is."""
    seen: Counter[str] = Counter()
    found = []
    for span in spans:
        found.append((span.name, seen[span.name], span))
        seen[span.name] += 1
    return found


def _hulls(spans: Sequence[tuple[str, int, Span]]) -> list[Span]:
    """What is the same of several shares as one span, from the first beginning to the last end."""
    found: dict[tuple[str, int], Span] = {}
    for name, number, span in spans:
        one = found.get((name, number), span)
        found[name, number] = Span(name, min(one.begin, span.begin), max(one.end, span.end))
    return list(found.values())


def _later(record: DeviceRecord, seconds: float) -> DeviceRecord:
    moved = DeviceRecord(**asdict(record))
    moved.ordered = None if record.ordered is None else record.ordered + seconds
    moved.done = None if record.done is None else record.done + seconds
    return moved
