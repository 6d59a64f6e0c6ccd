"""`ipad audit`: who changed a profile or an eIM, and what."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from ipad.cli.invocation import Invocation
from ipad.cli.log import moment, time_of
from ipad.cli.output import Report
from ipad.clock import SystemClock
from ipad.daemon.recording import trail_file
from ipad.errands.envelope import Json
from ipad.errors import NotFoundError
from ipad.ids import mask_identifiers
from ipad.observe.audit import read_trail

_COLUMNS: Final = ("time", "who", "what", "before", "after", "result")


async def audit(call: Invocation) -> Report:
    """The trail of the modem, the oldest change first. Raises NotFoundError when it cannot be read, UsageError."""
    file = trail_file(call.config)
    since = None if call.args.since is None else moment(call.args.since, SystemClock().time())
    try:
        records = [record for record in read_trail(file) if _is_recent(record, since)]
    except OSError as error:
        raise NotFoundError(f"{file}: {error.strerror}") from error
    rows: list[Json] = [_row(record, full=call.args.full) for record in records]
    return Report({"changes": rows}, tables={"changes": _COLUMNS})


def _is_recent(record: dict[str, Any], since: datetime | None) -> bool:
    """A change of a time when the clock was not set is always shown."""
    if since is None or record.get("clock") is False:
        return True
    time = time_of(record)
    return time is None or time >= since


def _row(record: dict[str, Any], *, full: bool) -> dict[str, Json]:
    row: dict[str, Json] = {
        "time": record.get("time") if record.get("clock", True) else None,
        "clock": bool(record.get("clock", True)),
    }
    for key in _COLUMNS[1:]:
        value = record.get(key)
        text = None if value is None else str(value)
        row[key] = text if full or text is None else mask_identifiers(text)
    return row
