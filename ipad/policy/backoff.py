"""How long to wait after a failure: decided from the class of the error alone.

Jitter comes in as a number so that the decision is repeatable: 0.0 is the middle, -1.0 and 1.0 are the edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from ipad.errors import ConfigError, HttpStatusError, IpadError, TransportError
from ipad.policy.limits import Timers

JITTER = 0.1
"""Largest part of a pause that jitter adds or takes away."""


class Retry(Enum):
    """What an error says about trying again."""

    SOON = "soon"  # the cause passes by itself
    LATER = "later"  # repeating the same at once cannot help
    NEVER = "never"  # a person must change something


def retry_decision(error: IpadError) -> Retry:
    """Classify an error of a whole run or of one exchange."""
    if isinstance(error, ConfigError):
        return Retry.NEVER
    if isinstance(error, TransportError):
        return Retry.SOON if error.transient else Retry.LATER
    return Retry.LATER


def spread(seconds: float, jitter: float) -> float:
    """Move a pause by up to `JITTER` of its length; `jitter` outside -1..1 is cut."""
    return seconds * (1.0 + JITTER * max(-1.0, min(1.0, jitter)))


def doubled(first: float, limit: float, failures: int) -> float:
    """The pause after the n-th failure in a row: first, twice that, and so on up to the limit."""
    exponent = min(max(failures, 1) - 1, 32)
    return min(first * 2.0**exponent, limit)


def failure_pause(error: IpadError, failures: int, jitter: float, timers: Timers) -> float:
    """Seconds until an eIM is tried again after `failures` failures in a row, of which `error` is the last.

    A server's own Retry-After is followed within bounds; what does not pass by itself waits for the longest pause.
    """
    if isinstance(error, HttpStatusError) and error.retry_after is not None:
        return min(max(error.retry_after, timers.poll_minimum), timers.retry_after_limit)
    if retry_decision(error) is Retry.SOON:
        return spread(doubled(timers.failure_first, timers.failure_limit, failures), jitter)
    return spread(timers.failure_limit, jitter)


def stepped(steps: Sequence[float], refusals: int) -> float:
    """The pause after the n-th refusal from a list of steps whose last one repeats."""
    return steps[min(max(refusals, 1), len(steps)) - 1]
