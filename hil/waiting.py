"""Waiting by looking again, for what tells nobody when it happens: another process, a modem, a person's device."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

from hil.clock import Clock


def looks(within: float, pause: float) -> Iterator[None]:
    """A turn for each look, in a thread that may stand still: at once, then after each `pause` seconds.

    The first look that ends after `within` seconds is the last one; a loop that found nothing by then ends.
    """
    end = time.monotonic() + within
    while True:
        yield
        if time.monotonic() >= end:
            return
        time.sleep(pause)


async def until(
    holds: Callable[[], bool],
    clock: Clock,
    pause: float,
    *,
    within: float = math.inf,
    check: Callable[[], None] = lambda: None,
) -> bool:
    """Wait in an event loop until a condition holds, at the longest for `within` seconds; whether it does.

    It is asked at once and after each `pause` seconds. `check` is called whenever it does not hold, and may raise.
    """
    end = clock.monotonic() + within
    while not holds():
        check()
        if clock.monotonic() >= end:
            return False
        await clock.sleep(pause)
    return True
