"""The figures of a fleet: the benchmarks of remote provisioning, and how even the load of the eIM was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hil.fleet.plan import FleetPlan
from hil.fleet.result import BATCH, FleetResult

GOAL: Final = 3.0
"""Peak to mean of the requests of the eIM after a common outage, at the most."""
LEAST_MEAN: Final = 5.0
"""Requests in a bucket on average below which its peak says nothing: of 5 on average more than 15 come by chance in one
of 15,000 buckets, of 2.5 more than 7.5 in one of 250."""
_MEASURES: Final = {
    "download": "download",
    "activation": "activation",
    "post-activation connectivity": "connectivity",
    "recovery": "recovery",
}


@dataclass(frozen=True)
class Duration:
    """One measure over the devices that have it, in seconds."""

    name: str
    count: int
    median: float
    percentile95: float
    longest: float


@dataclass(frozen=True)
class Load:
    """Requests in each bucket of `bucket` seconds from `begin` on."""

    begin: float
    bucket: float
    counts: tuple[int, ...]

    @property
    def mean(self) -> float:
        """Requests in a bucket."""
        return sum(self.counts) / len(self.counts) if self.counts else 0.0

    @property
    def peak(self) -> int:
        """Requests in the fullest bucket."""
        return max(self.counts, default=0)

    @property
    def peak_to_mean(self) -> float:
        """How uneven it was; 0 without any request."""
        return self.peak / self.mean if self.mean else 0.0

    @property
    def telling(self) -> bool:
        """Whether so much falls into a bucket that a peak of three times the mean is not chance alone."""
        return self.mean >= LEAST_MEAN


@dataclass(frozen=True)
class Batch:
    """A stage of the roll-out, in seconds since the beginning of the run: from its orders until everybody was done
    or given up. `succeeded` of `devices` got the new profile."""

    number: int
    begin: float
    end: float
    devices: int
    succeeded: int

    @property
    def failure_rate(self) -> float:
        """Share of its devices that failed, 0 to 1."""
        return 1 - self.succeeded / self.devices if self.devices else 0.0


@dataclass(frozen=True)
class Figures:
    """`after` and `handshakes` are requests and TLS connections after the common outage, None without one: those of all
    eIMs together, each counted from the end of the outage of its share."""

    tried: int
    succeeded: int
    failures: tuple[tuple[str, int], ...]
    batches: tuple[Batch, ...]
    durations: tuple[Duration, ...]
    requests: Load
    after: Load | None
    handshakes: Load | None

    @property
    def success_rate(self) -> float:
        """Share of those that were tried, 0 to 1."""
        return self.succeeded / self.tried if self.tried else 0.0

    @property
    def even(self) -> bool:
        """Whether the load after the outage keeps the goal, as far as there was one that tells anything."""
        return self.after is None or not self.after.telling or self.after.peak_to_mean <= GOAL


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of the values does not exceed (nearest rank). ValueError without values."""
    if not values:
        raise ValueError("there is no percentile of nothing")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def load(moments: Sequence[float], begin: float, end: float, bucket: float) -> Load:
    """What arrived between two moments; a bucket that does not fit wholly is left out."""
    counts = [0] * max(1, int((end - begin) / bucket + 1e-9))
    for moment in moments:
        index = int((moment - begin) // bucket)
        if 0 <= index < len(counts):
            counts[index] += 1
    return Load(begin, bucket, tuple(counts))


def figures(plan: FleetPlan, result: FleetResult) -> Figures:
    """All of them."""
    tried = [record for record in result.devices if record.tried]
    reasons: dict[str, int] = {}
    for record in tried:
        if not record.succeeded:
            reason = record.failure or "not done in time"
            reasons[reason] = reasons.get(reason, 0) + 1
    bucket = plan.bucket
    after = handshakes = None
    if result.outage_end is not None:
        after = load(result.requests_after, 0.0, plan.window, bucket)
        handshakes = load(result.handshakes_after, 0.0, plan.window, bucket)
    return Figures(
        tried=len(tried),
        succeeded=sum(record.succeeded for record in tried),
        failures=tuple(sorted(reasons.items(), key=lambda item: -item[1])),
        batches=tuple(_batches(result)),
        durations=tuple(_durations(result)),
        requests=load(result.requests, 0.0, max(result.seconds, bucket), bucket),
        after=after,
        handshakes=handshakes,
    )


def _batches(result: FleetResult) -> list[Batch]:
    spans = {f"{BATCH} {number}": number for number in {record.batch for record in result.devices} if number}
    found = []
    for span in result.spans:
        number = spans.get(span.name)
        if number is not None:
            own = [record for record in result.devices if record.batch == number]
            found.append(Batch(number, span.begin, span.end, len(own), sum(record.succeeded for record in own)))
    return sorted(found, key=lambda batch: batch.number)


def _durations(result: FleetResult) -> list[Duration]:
    found = []
    for name, field in _MEASURES.items():
        values = [value for record in result.devices if (value := getattr(record, field)) is not None]
        if values:
            middle, late = percentile(values, 0.5), percentile(values, 0.95)
            found.append(Duration(name, len(values), middle, late, max(values)))
    return found
