"""How long to wait after a failure: decided from the class of the error alone.

Jitter comes in as a number so that the decision is repeatable: 0.0 is the middle, -1.0 and 1.0 are the edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from ipad.errors import ConfigError, HttpStatusError, IpadError, StateError, TransportError
from ipad.policy.limits import Timers

JITTER = 0.1
"""Largest part of a pause that jitter adds or takes away."""

FAILURE_SPREAD = 0.5
"""Largest part of a pause after a failure that jitter adds: what fails for many devices at once, such as an eIM or a
network that is down, or an eIM that repeats itself, would else be tried by all of them at once again, after each of
their equal pauses."""

RETRY_AFTER_SPREAD = 0.25
"""Largest part of a Retry-After that jitter adds: a server that tells many devices the same would be met by all of them
at once. Nobody comes earlier than asked (RFC 9110 10.2.3)."""


class Retry(Enum):
    """What an error says about trying again."""

    SOON = "soon"  # the cause passes by itself
    LATER = "later"  # repeating the same at once cannot help
    NEVER = "never"  # a person must change something


def retry_decision(error: IpadError) -> Retry:
    """Classify an error of a whole run or of one exchange."""
    if isinstance(error, ConfigError):
        return Retry.NEVER
    if isinstance(error, StateError):
        return Retry.SOON  # a disk that is full now
    if isinstance(error, TransportError):
        return Retry.SOON if error.transient else Retry.LATER
    return Retry.LATER


def spread(seconds: float, jitter: float) -> float:
    """Move a pause by up to `JITTER` of its length; `jitter` outside -1..1 is cut."""
    return seconds * (1.0 + JITTER * max(-1.0, min(1.0, jitter)))


def lengthened(seconds: float, part: float, jitter: float) -> float:
    """A pause, longer by up to a part of itself: by nothing for a jitter of 0.0, by the whole part at both edges."""
    return seconds * (1.0 + part * min(1.0, abs(jitter)))


def doubled(first: float, limit: float, failures: int) -> float:
    """The pause after the n-th failure in a row: first, twice that, and so on up to the limit."""
    exponent = min(max(failures, 1) - 1, 32)
    return min(first * 2.0**exponent, limit)


def failure_pause(error: IpadError, failures: int, jitter: float, timers: Timers) -> float:
    """Seconds until an eIM is tried again after `failures` failures in a row, of which `error` is the last.

    A server's own Retry-After is followed within bounds, and never undercut; what does not pass by itself waits for the
    longest pause.
    """
    if isinstance(error, HttpStatusError) and error.retry_after is not None:
        asked = min(max(error.retry_after, timers.poll_minimum), timers.retry_after_limit)
        return lengthened(asked, RETRY_AFTER_SPREAD, jitter)
    if retry_decision(error) is Retry.SOON:
        return growing_pause(failures, jitter, timers)
    return lengthened(timers.failure_limit, FAILURE_SPREAD, jitter)


def growing_pause(failures: int, jitter: float, timers: Timers) -> float:
    """Seconds until an eIM is asked again after so many failures in a row: for causes that pass by themselves, and for
    an eIM that repeats itself."""
    return lengthened(doubled(timers.failure_first, timers.failure_limit, failures), FAILURE_SPREAD, jitter)


def stepped(steps: Sequence[float], refusals: int) -> float:
    """The pause after the n-th refusal from a list of steps whose last one repeats."""
    return steps[min(max(refusals, 1), len(steps)) - 1]
