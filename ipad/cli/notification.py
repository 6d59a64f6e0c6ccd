"""`ipad notification`: notifications and eUICC Package Results that wait on the eUICC."""

from __future__ import annotations

from typing import Final

from ipad.cli.invocation import Invocation
from ipad.cli.output import Report, report_of
from ipad.cli.reach import perform
from ipad.errands import table

_COLUMNS: Final = ("seq", "type", "event", "iccid", "receiver")


async def list_notifications(call: Invocation) -> Report:
    """ES10b.RetrieveNotificationsList (SGP.22 5.7.10, SGP.32 5.9.11)."""
    return report_of(await perform(call, table.NOTIFICATION_LIST), tables={"notifications": _COLUMNS})


async def send(call: Invocation) -> Report:
    """Hand what is pending to the eIMs (SGP.32 3.7)."""
    return report_of(await perform(call, table.NOTIFICATION_SEND))


async def remove(call: Invocation) -> Report:
    """ES10b.RemoveNotificationFromList (SGP.22 5.7.11, SGP.32 5.9.12)."""
    return report_of(await perform(call, table.NOTIFICATION_REMOVE, {"seq": call.args.seq}))
