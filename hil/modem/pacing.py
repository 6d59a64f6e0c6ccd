"""Bytes that take their time: a serial line with a speed, or output in dribbles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hil.clock import Clock, Timer

BITS_PER_BYTE = 10  # start bit, eight data bits, stop bit
# Time between two deliveries on a paced line; what a UART with a FIFO looks like to its host.
_TICK = 0.004


def byte_time(speed: int) -> float:
    """Seconds for one byte at `speed` bit/s."""
    if speed <= 0:
        raise ValueError(f"line speed must be positive, not {speed}")
    return BITS_PER_BYTE / speed


@dataclass(frozen=True)
class Burst:
    """Bytes that left a line in one piece: from the first start bit to the last stop bit, in monotonic seconds."""

    begin: float
    end: float
    size: int


class PacedPipe:
    """One direction of a line: bytes leave it in order, none sooner than its time.

    seconds_per_byte: 0 passes everything on at once. slice_bytes: how many bytes one delivery holds. A timer of the
    host is late now and then; the line itself is not, so each byte has its own moment, and `lateness` says by how many
    seconds the last delivery missed it.
    """

    def __init__(
        self, clock: Clock, sink: Callable[[bytes], None], seconds_per_byte: float = 0.0, slice_bytes: int | None = None
    ) -> None:
        self._clock = clock
        self._sink = sink
        self._pending = bytearray()
        self._timer: Timer | None = None
        self._free_at = 0.0
        self._slice_bytes = slice_bytes
        self._began = 0.0
        self._size = 0
        self.seconds_per_byte = seconds_per_byte
        self.lateness = 0.0
        self.on_burst: Callable[[Burst], None] = lambda _burst: None

    def write(self, data: bytes, credit: float = 0.0) -> None:
        """Put bytes on the line; they began to leave `credit` seconds ago, unless others are still before them."""
        if not self.seconds_per_byte and not self._pending:
            self._sink(data)
            return
        self._pending += data
        if self._timer is None:
            self._began = self._free_at = max(self._free_at, self._clock.monotonic() - credit)
            self._size = 0
            self._schedule()

    def clear(self) -> None:
        """Lose what is still on the line."""
        self._pending.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        size = self._slice_bytes or max(1, int(_TICK / self.seconds_per_byte) if self.seconds_per_byte else 4096)
        count = min(size, len(self._pending))
        self._free_at += count * self.seconds_per_byte
        self._timer = self._clock.call_later(self._free_at - self._clock.monotonic(), lambda: self._deliver(count))

    def _deliver(self, count: int) -> None:
        self._timer = None
        self.lateness = max(0.0, self._clock.monotonic() - self._free_at)
        chunk = bytes(self._pending[:count])
        del self._pending[:count]
        self._size += count
        if self._pending:
            self._schedule()
        else:
            self.on_burst(Burst(self._began, self._free_at, self._size))
        self._sink(chunk)
