"""`ipad profile download` and `ipad profile discover`: downloads that a person at the device asks for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from ipad.cli.invocation import Invocation
from ipad.cli.output import Report, report_of
from ipad.cli.progress import listener
from ipad.cli.reach import perform
from ipad.errands import table
from ipad.errands.table import Errand
from ipad.errors import UsageError

_TABLES: Final = {"downloads": ("address", "iccid", "installed", "enabled", "error")}
_LONGEST_CODE: Final = 256


async def download(call: Invocation) -> Report:
    """With an activation code from its SM-DP+, without one from the default SM-DP+ of the eUICC (SGP.22 3.1.3)."""
    code = _first_line("-", "activation code") if call.args.code == "-" else call.args.code
    file = call.args.confirmation_code_file
    given = {"code": code, "confirmation_code": None if file is None else _first_line(file, "confirmation code")}
    return await _perform(call, table.PROFILE_DOWNLOAD, given)


async def discover(call: Invocation) -> Report:
    """Everything that an SM-DS announces for this eUICC (SGP.22 3.6)."""
    return await _perform(call, table.PROFILE_DISCOVER, {"smds": call.args.smds})


async def _perform(call: Invocation, errand: Errand, given: dict[str, str | None]) -> Report:
    shown = listener(as_json=getattr(call.args, "json", False), quiet=getattr(call.args, "quiet", False))
    values = {name: value for name, value in given.items() if value is not None}
    return report_of(await perform(call, errand, values, progress=shown), tables=_TABLES)


def _first_line(name: str, what: str) -> str:
    """The first line of a file, or the next of standard input: on the command line everybody on the machine sees it."""
    try:
        text = sys.stdin.readline() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the {what} cannot be read from {name}: {error}") from error
    code = text.splitlines()[0].strip() if text.strip() else ""
    if not code or len(code) > _LONGEST_CODE:
        raise UsageError(f"{name} holds no {what} of 1 to {_LONGEST_CODE} characters in its first line")
    return code
