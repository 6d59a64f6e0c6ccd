"""What only the running agent can tell or do: metrics, policy, operations, recordings, reload; and the emergency."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ipad.cli.invocation import Invocation
from ipad.cli.output import Report, clean, report_of
from ipad.cli.reach import need_agent, perform
from ipad.errands import table
from ipad.errands.envelope import Json

_OPERATION_TABLES: Final = {"operations": ("operation", "title", "who", "state", "percent", "message")}
_SAMPLE: Final = re.compile(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)")
_LABEL: Final = re.compile(r'(\w+)="((?:\\.|[^"\\])*)"')
_LONGEST: Final = 300


async def metrics(call: Invocation) -> Report:
    """The metrics in the text format of Prometheus; with --json as a list of samples."""
    text = await (await need_agent(call)).text("/metrics")
    samples: list[Json] = [sample for line in text.splitlines() if (sample := _sample(line)) is not None]
    return Report(
        {"samples": samples}, notes=tuple(clean(line, _LONGEST) for line in text.splitlines()), notes_only=True
    )


async def reload(call: Invocation) -> Report:
    """Read the configuration again."""
    return report_of(await (await need_agent(call)).call("POST", "/v1/reload", anywhere=True))


async def policy_status(call: Invocation) -> Report:
    """What policy waits for and what it has decided."""
    result = await (await need_agent(call)).call("GET", "/v1/policy")
    return report_of(result, tables={"decisions": ("what", "why", "taken_at", "age_seconds")})


async def policy_return(call: Invocation) -> Report:
    """Leave the fallback profile now."""
    result = await (await need_agent(call)).call("POST", "/v1/policy/return")
    return report_of(result, notes=("the return is asked for; follow it with: ipad log follow",))


async def policy_hints(call: Invocation) -> Report:
    """Say what things cost now."""
    given = {"metered": call.args.metered, "power": call.args.power}
    return report_of(await (await need_agent(call)).call("POST", "/v1/hints", given))


async def traffic_start(call: Invocation) -> Report:
    """Record what goes over the lines."""
    given = {} if call.args.limit is None else {"limit": call.args.limit}
    return report_of(await (await need_agent(call)).call("POST", "/v1/traffic/start", given))


async def traffic_stop(call: Invocation) -> Report:
    """Record no more."""
    return report_of(await (await need_agent(call)).call("POST", "/v1/traffic/stop"))


async def operation_list(call: Invocation) -> Report:
    """The last operations that people asked for."""
    return report_of(await (await need_agent(call)).call("GET", "/v1/operations"), tables=_OPERATION_TABLES)


async def operation_cancel(call: Invocation) -> Report:
    """End an operation."""
    given = {"operation": call.args.number}
    return report_of(await (await need_agent(call)).call("POST", "/v1/operations/{operation}/cancel", given))


async def emergency_enable(call: Invocation) -> Report:
    """ES10b.EnableEmergencyProfile (SGP.32 5.9.22)."""
    return report_of(await perform(call, table.EMERGENCY_ENABLE))


async def emergency_disable(call: Invocation) -> Report:
    """ES10b.DisableEmergencyProfile (SGP.32 5.9.23)."""
    return report_of(await perform(call, table.EMERGENCY_DISABLE))


def _sample(line: str) -> Mapping[str, Json] | None:
    match = None if line.startswith("#") else _SAMPLE.fullmatch(line)
    if match is None:
        return None
    labels: dict[str, Json] = {
        name: re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)
        for name, text in _LABEL.findall(match[2] or "")
    }
    return {"name": match[1], "labels": labels, "value": float(match[3])}
