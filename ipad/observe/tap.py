"""Where a recording of traffic can be attached while the agent runs; without one it costs a look at an attribute."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipad.observe.traffic import TrafficRing  # loaded only when something is recorded


class TrafficTap:
    """The place of one modem. `line` is the name of its port or reader once it is known."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self.line = ""
        self.ring: TrafficRing | None = None

    def start(self, file: Path, limit: int) -> None:
        """Record into a file, at most `limit` bytes, in place of a recording that goes on. Raises StateError."""
        from ipad.observe.traffic import TrafficRing  # noqa: PLC0415 - seldom needed

        self.stop()
        ring = TrafficRing(file, self._wall, limit=limit, line=self.line)
        ring.start()
        self.ring = ring

    def stop(self) -> bool:
        """End the recording; whether there was one."""
        ring, self.ring = self.ring, None
        if ring is not None:
            ring.stop()
        return ring is not None
