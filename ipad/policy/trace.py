"""Events and decisions as records of a log: one JSON object a line, the same that a dry run reads.

    {"t": 12.5, "event": "registration", "state": "denied", "cause": 3}
    {"t": 72.5, "decision": "rollback", "reason": "..."}

`t` is monotonic seconds. Entries that hold their default are absent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, get_args

from ipad.errors import CodecError, UsageError
from ipad.policy.decisions import Decision, WaitUntil
from ipad.policy.events import Boot, Event
from ipad.policy.memory import remember, restore
from ipad.policy.plain import from_plain, to_plain
from ipad.policy.settings import Settings
from ipad.policy.state import State
from ipad.policy.supervisor import step, tick
from ipad.records import dataclass

_INFORMATION: Final = frozenset({"t", "event", "time", "note"})
"""Entries of a record that are no fields of its event."""


def _name(cls: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()


EVENTS: Final[dict[str, type]] = {_name(cls): cls for cls in get_args(Event)}
DECISIONS: Final[dict[str, type]] = {_name(cls): cls for cls in get_args(Decision)}


def name_of(value: Event | Decision) -> str:
    """The name of an event or a decision in records."""
    return _name(type(value))


def event_record(event: Event, now: float) -> dict[str, Any]:
    """The record of an event."""
    return {"t": round(now, 3), "event": _name(type(event)), **to_plain(event)}


def decision_record(decision: Decision, now: float) -> dict[str, Any]:
    """The record of a decision."""
    return {"t": round(now, 3), "decision": _name(type(decision)), **to_plain(decision)}


def read_event(record: object) -> tuple[float, Event]:
    """Time and event of a record. Raises CodecError."""
    if not isinstance(record, dict):
        raise CodecError("expected a JSON object")
    moment, name = record.get("t"), record.get("event")
    if isinstance(moment, bool) or not isinstance(moment, (int, float)):
        raise CodecError(f"t: expected seconds, got {moment!r}")
    cls = EVENTS.get(name) if isinstance(name, str) else None
    if cls is None:
        raise CodecError(f"unknown event {name!r}, expected one of {', '.join(EVENTS)}")
    values = {key: value for key, value in record.items() if key not in _INFORMATION}
    event: Event = from_plain(cls, values, place=str(name), strict=True)
    return float(moment), event


@dataclass(frozen=True, kw_only=True, slots=True)
class Simulated:
    """What one event of a trace, or the time after it (`event` None), made policy decide."""

    at: float
    event: Event | None
    decisions: tuple[Decision, ...]
    state: State


def read_trace(lines: Iterable[str]) -> Iterator[tuple[float, Event]]:
    """The events of a log; decisions in it are skipped. Raises UsageError with the number of the line."""
    last: float | None = None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            if isinstance(record, dict) and "event" not in record and "decision" in record:
                continue
            moment, event = read_event(record)
        except (ValueError, CodecError) as error:
            raise UsageError(f"line {number} of the trace: {error}") from error
        begins = isinstance(event, Boot) and event.reboot
        if last is not None and moment < last and not begins:
            raise UsageError(f"line {number} of the trace: time goes back from {last:g} to {moment:g} without a boot")
        last = moment
        yield moment, event


def simulate(settings: Settings, lines: Iterable[str], state: State | None = None) -> Iterator[Simulated]:
    """What policy would have decided on a recorded log. Raises UsageError for a line that is no record.

    Nothing that it decides is carried out: the log says what really happened next. An action whose end the log does not
    tell counts as failed after its limit, as on a device.
    """
    now: float | None = None
    current = state or State()
    wake = 0.0
    for moment, event in read_trace(lines):
        if now is not None and moment < now:
            current = restore(remember(current, "before", now), "after", moment)
            now = None
        while now is not None and wake < moment:
            now, passed = wake, tick(settings, current, wake)
            current, wake = passed.state, passed.wake_at
            if len(passed.decisions) > 1:
                yield Simulated(at=now, event=None, decisions=_without_wait(passed.decisions), state=current)
        done = step(settings, current, event, moment)
        current, wake, now = done.state, done.wake_at, moment
        yield Simulated(at=moment, event=event, decisions=_without_wait(done.decisions), state=current)


def _without_wait(decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
    return tuple(decision for decision in decisions if not isinstance(decision, WaitUntil))
