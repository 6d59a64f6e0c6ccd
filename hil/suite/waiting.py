"""Waiting for what the device does by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_LOOK: Final = 0.02


def until(holds: Callable[[], bool], within: float, what: str) -> float:
    """Wait until a condition holds; seconds that it took. AssertionError, with `what`, when it does not in time."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > within:
            raise AssertionError(f"not within {within:g} s: {what}")
        time.sleep(_LOOK)
    return time.monotonic() - begun
