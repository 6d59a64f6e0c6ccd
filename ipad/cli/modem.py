"""`ipad modem`: facts of the modem, and a plain AT command for whoever brings a board up."""

from __future__ import annotations

from ipad.cli.invocation import Invocation
from ipad.cli.output import Report, clean, report_of
from ipad.cli.reach import perform
from ipad.errands import table

_LONGEST_LINE = 4096


async def info(call: Invocation) -> Report:
    """Identity, SIM, registration, signal, data session."""
    return report_of(await perform(call, table.MODEM_INFO))


async def at(call: Invocation) -> Report:
    """One command line and what the modem says to it. Raises ModemError when that is an error."""
    result = await perform(call, table.MODEM_AT, {"command": call.args.command})
    lines = result.record.get("lines")
    shown = [clean(str(line), _LONGEST_LINE) for line in lines] if isinstance(lines, list) else []
    return Report(result.record, notes=(*shown, "OK"), notes_only=True)
