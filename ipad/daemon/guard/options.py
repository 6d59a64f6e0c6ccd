"""What a guard is told about its device and its surroundings."""

from __future__ import annotations

from collections.abc import Callable

from ipad.chance import chance as draw
from ipad.policy.events import Hints
from ipad.records import dataclass


@dataclass(frozen=True, kw_only=True)
class GuardOptions:
    """`first_session`: how long a scheduled poll waits for a data session. `digest` identifies the policy file.

    `hints` gives them when they have changed. `local_time`: seconds east of UTC at a wall clock second. `chance` is
    drawn once, from 0 to 1. `uptime`: seconds since the device started, at the beginning of the process.
    """

    first_session: float = 60.0
    digest: str | None = None
    hints: Callable[[], Hints | None] = lambda: None
    local_time: Callable[[float], float] = lambda _wall: 0.0
    chance: Callable[[], float] = draw
    uptime: float = 0.0
