"""`ipad profile`: what is installed; on a consumer eUICC also enable, disable, delete and name."""

from __future__ import annotations

from typing import Final

from ipad.cli.invocation import Invocation
from ipad.cli.output import Report, report_of
from ipad.cli.reach import perform
from ipad.errands import table
from ipad.errands.table import Errand

_COLUMNS: Final = ("iccid", "state", "class", "provider", "name", "nickname")


async def list_profiles(call: Invocation) -> Report:
    """All profiles."""
    return report_of(await perform(call, table.PROFILE_LIST), tables={"profiles": _COLUMNS})


async def info(call: Invocation) -> Report:
    """One profile."""
    return report_of(await perform(call, table.PROFILE_INFO, {"iccid": call.args.iccid}))


async def enable(call: Invocation) -> Report:
    """ES10c.EnableProfile (SGP.22 5.7.16)."""
    return await _change(call, table.PROFILE_ENABLE, "enabled")


async def disable(call: Invocation) -> Report:
    """ES10c.DisableProfile (SGP.22 5.7.17)."""
    return await _change(call, table.PROFILE_DISABLE, "disabled")


async def delete(call: Invocation) -> Report:
    """ES10c.DeleteProfile (SGP.22 5.7.18)."""
    return await _change(call, table.PROFILE_DELETE, "deleted", yes=call.args.yes)


async def nickname(call: Invocation) -> Report:
    """ES10c.SetNickname (SGP.22 5.7.21)."""
    return await _change(call, table.PROFILE_NICKNAME, "named", nickname=call.args.nickname)


async def _change(call: Invocation, errand: Errand, done: str, **more: object) -> Report:
    result = await perform(call, errand, {"iccid": call.args.iccid, **more})
    changed = result.record.get("changed")
    return report_of(result, notes=(f"the profile is {done}" if changed else f"the profile was {done} already",))
