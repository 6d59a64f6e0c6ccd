"""What keeps a fleet from being run."""

from hil.bench.errors import BenchError


class FleetError(BenchError):
    """A fleet that cannot be set up or driven; the message says why."""
