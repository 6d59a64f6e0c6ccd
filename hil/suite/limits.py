"""Time limits as data: seconds on a virtual target, minutes on hardware. Cases have no literal times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Limits:
    """Seconds.

    command: one command of `ipad`. poll: a poll of an eIM without a switch. start: until the service serves the modem.
    switch: a package with a change of profile until its result is acknowledged. rollback: one that is rolled back.
    download: a profile until it is installed and reported. recovery: from service that is back to online.
    fallback: from loss of service to the fallback profile. settle: a moment in which what must not happen would.
    """

    command: float = 10.0
    poll: float = 10.0
    start: float = 20.0
    switch: float = 20.0
    rollback: float = 40.0
    download: float = 30.0
    recovery: float = 40.0
    fallback: float = 60.0
    settle: float = 0.3


HARDWARE = Limits(
    command=90.0,
    poll=300.0,
    start=180.0,
    switch=900.0,
    rollback=1800.0,
    download=900.0,
    recovery=1800.0,
    fallback=5400.0,
    settle=10.0,
)
"""What a board gets unless its file says more."""


def with_changes(limits: Limits, changes: Mapping[str, object]) -> Limits:
    """Limits with some of them replaced. Raises ValueError for an unknown name or a number that is no time."""
    known = {field.name: getattr(limits, field.name) for field in fields(limits)}
    for name, value in changes.items():
        if name not in known:
            raise ValueError(f"limits: unknown name {name!r}, there are {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise ValueError(f"limits.{name}: expected seconds above 0, found {value!r}")
        known[name] = float(value)
    return Limits(**known)
