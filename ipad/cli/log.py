"""`ipad log`: the log of events and decisions, a line each."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from ipad.cli.invocation import Invocation
from ipad.cli.output import Report, clean
from ipad.clock import Clock, SystemClock
from ipad.daemon.event_log import events_file
from ipad.daemon.event_reader import follow, log_lines, record_of, trace_lines
from ipad.errors import UsageError
from ipad.ids import mask_identifiers
from ipad.policy.narration import narrate_record

_LONGEST_LINE: Final = 300
_FOLLOW: Final = "follow"
"""In place of a file: what the running agent tells. A file of that name is ./follow."""
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_AGE = re.compile(r"(\d{1,6})([smhd])")
_INFORMATION: Final = ("t", "event", "decision", "time", "note", "modem")


async def log(call: Invocation) -> Report | None:
    """Print the log; with --follow until a signal comes. Raises NotFoundError, UsageError."""
    clock = SystemClock()
    since = None if call.args.since is None else moment(call.args.since, clock.time())
    async for line in _lines(call, clock):
        text = shown(line, since, raw=getattr(call.args, "json", False), full=call.args.full)
        if text is not None:
            print(text, flush=call.args.follow or call.args.file == _FOLLOW)  # noqa: T201 - the command line prints
    return None


def moment(text: str, now: float) -> datetime:
    """The moment that `--since` names: an age such as 90s, 30m, 2h or 7d, or a time of ISO 8601, in UTC unless it says
    otherwise. Raises UsageError."""
    age = _AGE.fullmatch(text)
    if age is not None:
        return datetime.fromtimestamp(now, UTC) - timedelta(seconds=int(age[1]) * _UNITS[age[2]])
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        expected = "an age such as 30m, 2h, 7d, or a time such as 2026-03-31T08:00"
        raise UsageError(f"--since {text!r}: expected {expected}") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def shown(line: str, since: datetime | None, *, raw: bool, full: bool) -> str | None:
    """One line as it is printed, None for one that is not: too old, or empty."""
    record = record_of(line)
    if record is None:
        return None if raw or not line.strip() else f"{'?':>20}  a line that cannot be read"
    time = time_of(record)
    if since is not None and (time is None or time < since):
        return None
    if not full:
        record = {key: _masked(value) for key, value in record.items()}
    if raw:
        return json.dumps(record, separators=(",", ":"))
    return f"{_stamp(record, time):>20}  {clean(_narrated(record), _LONGEST_LINE)}"


def _narrated(record: dict[str, Any]) -> str:
    name = record.get("event", record.get("decision"))
    fields = {key: value for key, value in record.items() if key not in _INFORMATION}
    note = f" [{record['note']}]" if record.get("note") else ""
    head = "→ " if "decision" in record else "  "
    return f"{head}{narrate_record(str(name), fields)}{note}"


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask_identifiers(value)
    return [_masked(item) for item in value] if isinstance(value, list) else value


def time_of(record: dict[str, Any]) -> datetime | None:
    """When a line of a log was written; None when it does not say."""
    try:
        found = datetime.fromisoformat(str(record.get("time")))
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _stamp(record: dict[str, Any], time: datetime | None) -> str:
    if time is not None:
        return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    seconds = record.get("t")
    return f"{seconds:.1f} s" if isinstance(seconds, (int, float)) else "?"


async def _lines(call: Invocation, clock: Clock) -> AsyncIterator[str]:
    if call.args.file == _FOLLOW:
        from ipad.cli.reach import need_agent  # noqa: PLC0415 - files need no agent

        async for record in (await need_agent(call)).lines("/v1/events"):
            yield json.dumps(record)
        return
    if call.args.follow:
        file = Path(call.args.file) if call.args.file else _configured(call)
        async for line in follow(file, clock):
            yield line
        return
    for line in _all(call):
        yield line


def _all(call: Invocation) -> Sequence[str]:
    given = call.args.file
    if given == "-":
        return sys.stdin.read().splitlines()
    return trace_lines(Path(given)) if given else log_lines(_configured(call))


def _configured(call: Invocation) -> Path:
    file = events_file(call.config, os.environ)
    if file is None:
        raise UsageError("no log of events is written", hint="set log.events in the configuration")
    return file
