"""How devices are before a scenario begins: made once, then copied for each run."""

from __future__ import annotations

from enum import Enum, auto


class Start(Enum):
    """A device that its eIM has heard of, and that has nothing to do."""

    HOME = auto()
    """The first profile is enabled."""
    RELAYED = auto()
    """The same with an eIM that relays downloads."""
    AWAY = auto()
    """The second profile is enabled, the first one is for fallback."""
