"""`ipad euicc`: the eUICC itself."""

from __future__ import annotations

from ipad.cli.invocation import Invocation
from ipad.cli.output import Report, report_of
from ipad.cli.parser import RESET_FLAGS
from ipad.cli.reach import perform
from ipad.errands import table
from ipad.errors import UsageError


async def info(call: Invocation) -> Report:
    """Identity, versions, resources."""
    return report_of(await perform(call, table.EUICC_INFO))


async def reset(call: Invocation) -> Report:
    """ES10b.eUICCMemoryReset of an IoT eUICC (SGP.32 5.9.5), ES10c.eUICCMemoryReset of another (SGP.22 5.7.19)."""
    chosen = [name for name in RESET_FLAGS if getattr(call.args, name.replace("-", "_"))]
    if not chosen:
        raise UsageError("say what is to be reset", hint=", ".join(f"--{name}" for name in RESET_FLAGS))
    return report_of(await perform(call, table.EUICC_RESET, {"options": chosen, "yes": call.args.yes}))
