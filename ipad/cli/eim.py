"""`ipad eim` and `ipad poll`: the eIMs that may manage the eUICC."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ipad.cli.invocation import Invocation
from ipad.cli.output import Report, report_of
from ipad.cli.reach import perform
from ipad.cli.runs import run_report
from ipad.errands import table
from ipad.errors import CodecError, UsageError

_MAX_FILE: Final = 64 * 1024
_COLUMNS: Final = ("eim_id", "fqdn", "protocols", "tls_trust", "token")


async def list_eims(call: Invocation) -> Report:
    """ES10b.GetEimConfigurationData (SGP.32 5.9.18)."""
    return report_of(await perform(call, table.EIM_LIST), tables={"eims": _COLUMNS})


async def add(call: Invocation) -> Report:
    """ES10b.AddInitialEim (SGP.32 5.9.4) with the entries of a file."""
    from ipad.procedures.eim_configuration import read_initial_eims  # noqa: PLC0415 - no other command needs it

    path = Path(call.args.file)
    content = _read(path)
    try:
        read_initial_eims(content)
    except CodecError as error:
        raise UsageError(f"{path}: no AddInitialEimRequest in DER: {error}") from error
    result = await perform(call, table.EIM_ADD, {"request": content.hex().upper()})
    return report_of(result, tables={"added": ("eim_id", "token")})


async def poll(call: Invocation) -> Report:
    """One poll of every eIM, or of one, until nothing is queued."""
    given = {} if call.args.eim_id is None else {"eim_id": call.args.eim_id}
    return run_report(await perform(call, table.POLL, given))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    if len(data) > _MAX_FILE:
        raise UsageError(f"{path}: more than {_MAX_FILE} bytes, expected an AddInitialEimRequest in DER")
    return data
