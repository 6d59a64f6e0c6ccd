"""The errors of the kill sweep."""

from __future__ import annotations

from hil.bench.errors import BenchError


class SweepError(BenchError):
    """A sweep that cannot be made; the message says why."""


class PortTakenError(SweepError):
    """A port that a device is known by belongs to somebody else."""
