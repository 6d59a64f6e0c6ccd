"""Durations of remote provisioning that every switch of profiles has, read from what was seen during a case."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from hil.suite.record import EventRecord

ACTIVATION: Final = "activation"
"""From the moment at which an eIM handed a package out to that at which it got the result over the new profile."""
CONNECTIVITY: Final = "post-activation connectivity"
"""From the moment at which the eUICC enabled the profile to the first message of the device over it."""

_ENABLED: Final = re.compile(r"profile \d+: enabled")
_RESULT: Final = "ProvideEimPackageResult"


def durations(events: Sequence[EventRecord]) -> dict[str, float]:
    """Seconds by name for the first switch of a case with which the bench did not interfere; else nothing.

    The target has to show when the eUICC enabled the profile.
    """
    switches = [
        number for number, event in enumerate(events) if event.interface == "CARD" and _ENABLED.match(event.text)
    ]
    if not switches or any(event.interface == "BENCH" for event in events[: switches[0]]):
        return {}
    handed_out = next((event for event in reversed(events[: switches[0]]) if _is_message(event, "<")), None)
    after = events[switches[0] + 1 : switches[1] if len(switches) > 1 else None]
    first = next((event for event in after if _is_message(event, ">")), None)
    if first is None or any(event.interface == "BENCH" for event in after[: after.index(first)]):
        return {}
    found = {CONNECTIVITY: first.seconds - events[switches[0]].seconds}
    result = next((event for event in after if _is_message(event, ">") and _RESULT in event.text), None)
    if handed_out is not None and result is not None:
        found[ACTIVATION] = result.seconds - handed_out.seconds
    return {name: round(seconds, 4) for name, seconds in found.items()}


def _is_message(event: EventRecord, direction: str) -> bool:
    return event.interface == "ESIPA" and event.direction == direction
