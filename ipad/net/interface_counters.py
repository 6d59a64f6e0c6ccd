"""The counters of a network interface, as the kernel keeps them (Linux, /sys/class/net/NAME/statistics)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ipad.records import dataclass

SYSFS: Final = Path("/sys/class/net")
_LEAST_TIME: Final = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Since the interface was made. `errors`: damaged in either direction, or not sent."""

    received_bytes: int
    sent_bytes: int
    received_packets: int
    sent_packets: int
    errors: int

    @property
    def packets(self) -> int:
        """In both directions."""
        return self.received_packets + self.sent_packets


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What went over an interface in a time: kbit/s of all traffic together, packets and errors."""

    seconds: float
    received_kbps: float
    sent_kbps: float
    packets: int
    errors: int


def read_counters(interface: str, root: Path = SYSFS) -> Counters | None:
    """The counters now; None when there is no such interface, or it has none."""
    folder = root / interface / "statistics"
    try:
        return Counters(
            received_bytes=_read(folder / "rx_bytes"),
            sent_bytes=_read(folder / "tx_bytes"),
            received_packets=_read(folder / "rx_packets"),
            sent_packets=_read(folder / "tx_packets"),
            errors=sum(_read(folder / name) for name in ("rx_errors", "tx_errors", "tx_dropped")),
        )
    except (OSError, ValueError):
        return None


def rates(before: Counters | None, after: Counters | None, seconds: float) -> Rates | None:
    """What went over it in between; None when that is not known, as when the interface was made anew meanwhile."""
    if before is None or after is None or seconds < _LEAST_TIME:
        return None
    if after.received_bytes < before.received_bytes or after.sent_bytes < before.sent_bytes:
        return None
    return Rates(
        seconds=seconds,
        received_kbps=(after.received_bytes - before.received_bytes) * 8 / 1000 / seconds,
        sent_kbps=(after.sent_bytes - before.sent_bytes) * 8 / 1000 / seconds,
        packets=max(0, after.packets - before.packets),
        errors=max(0, after.errors - before.errors),
    )


def _read(file: Path) -> int:
    return int(file.read_text(encoding="ascii"))
