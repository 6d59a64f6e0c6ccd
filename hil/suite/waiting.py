"""Waiting for what the device does by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from hil.waiting import looks

_LOOK: Final = 0.02


def until(holds: Callable[[], bool], within: float, what: str) -> float:
    """Wait until a condition holds; seconds that it took. AssertionError, with `what`, when it does not in time."""
    begun = time.monotonic()
    for _ in looks(within, _LOOK):
        if holds():
            return time.monotonic() - begun
    raise AssertionError(f"not within {within:g} s: {what}")
