"""Whether the wall clock of this device can be believed, and whether it explains certificates out of their dates.

A clock is believed when the kernel knows it to be synchronised, or when the network told nearly the same time. A clock
that nobody confirms may be right, behind (as after a boot without battery, when the system takes the time of a file) or
ahead; but it is never earlier in truth than the release of this software and the time that was saved last.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ipad.net.known_time import KnownTime

TIMESYNC: Final = Path("/run/systemd/timesync/synchronized")
"""Made by systemd-timesyncd when it has set the clock."""

_TIME_ERROR: Final = 5
_TIMEX_SIZE: Final = 512
"""struct timex has about 200 bytes; its layout differs by machine, and only the return value is looked at."""

_AGREES: Final = 86_400.0
"""Seconds by which two clocks may differ. Certificates do not care for less."""


def clock_synchronised(mark: Path = TIMESYNC) -> bool:
    """Whether the kernel's clock follows a reference (adjtimex(2)); a kernel that must not be asked says no."""
    if mark.exists():
        return True
    import ctypes  # noqa: PLC0415 - large, and asked for only when a certificate is out of its dates

    buffer = ctypes.create_string_buffer(_TIMEX_SIZE)  # modes = 0: read only
    try:
        state = int(ctypes.CDLL(None, use_errno=True).adjtimex(buffer))
    except (OSError, AttributeError):
        return False
    return 0 <= state < _TIME_ERROR


def is_confirmed(known: KnownTime, *, synchronised: bool) -> bool:
    """Whether somebody else than the clock of this device says that the best-known time is right."""
    network = known.network_now()
    if network is not None and abs(known.now() - network) <= _AGREES:
        return True
    return synchronised and known.is_set


def explains(known: KnownTime, dates: tuple[float, float], *, synchronised: bool) -> bool:
    """Whether a wrong clock explains that certificates seem out of their dates (from, until; seconds since 1970).

    It does not if the time is confirmed, or if they have certainly expired.
    """
    not_before, not_after = dates
    if not_before <= known.now() <= not_after:
        return False
    return not is_confirmed(known, synchronised=synchronised) and not_after >= known.floor
