"""`ipad traffic show`: a recording of what went over the line."""

from __future__ import annotations

from pathlib import Path

from ipad.cli.invocation import Invocation
from ipad.cli.output import Report, clean
from ipad.errors import NotFoundError
from ipad.ids import mask_identifiers
from ipad.observe.traffic import TrafficRecord, read_recording

_LONGEST = 10_000


async def show(call: Invocation) -> Report:
    """Every line of a recording. Raises NotFoundError."""
    file = Path(call.args.file)
    try:
        records = list(read_recording(file))
    except OSError as error:
        raise NotFoundError(f"{file}: {error.strerror}") from error
    if not records:
        raise NotFoundError(f"{file}: there is no recording")
    rows = [
        {"time": row.time, "layer": row.layer, "way": row.way, "with": row.peer, "text": row.text} for row in records
    ]
    return Report({"traffic": rows}, notes=[_line(row, full=call.args.full) for row in records], notes_only=True)


def _line(row: TrafficRecord, *, full: bool) -> str:
    text = f"{row.time}  {row.layer:<5} {row.way} {row.peer + ': ' if row.peer else ''}{row.text}"
    return clean(text if full else mask_identifiers(text), _LONGEST)
