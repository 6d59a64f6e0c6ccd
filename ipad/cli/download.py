"""`ipad profile download` and `ipad profile discover`: downloads that a person at the device asks for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ipad.cli.invocation import Invocation
from ipad.cli.output import Json, Report, error_record
from ipad.cli.progress import listener
from ipad.clock import SystemClock
from ipad.codec.activation_code import ActivationCode
from ipad.daemon.assembly import AgentFactory, LocalAgent
from ipad.errors import CodecError, ExitCode, UsageError
from ipad.procedures.download_trigger import target_of_code
from ipad.procedures.report import DownloadReport

_COLUMNS: Final = ("address", "iccid", "installed", "enabled", "error")
_MAX_CODE: Final = 256


async def download(call: Invocation) -> Report:
    """With an activation code from its SM-DP+, without one from the default SM-DP+ of the eUICC (SGP.22 3.1.3)."""
    code = _activation_code(call.args.code)
    confirmation_code = _confirmation_code(call.args.confirmation_code_file)
    async with _factory(call).open(only_iot=False) as agent:
        target = target_of_code(code) if code is not None else await agent.target()
        return _report(await agent.download(target, confirmation_code))


async def discover(call: Invocation) -> Report:
    """Everything that an SM-DS announces for this eUICC (SGP.22 3.6)."""
    async with _factory(call).open(only_iot=False) as agent:
        return await _discovered(agent, call.args.smds)


async def _discovered(agent: LocalAgent, smds_address: str | None) -> Report:
    return _report(await agent.download(await agent.target(smds_address, discover=True)))


def _factory(call: Invocation) -> AgentFactory:
    shown = listener(as_json=getattr(call.args, "json", False), quiet=getattr(call.args, "quiet", False))
    return AgentFactory(call.config, SystemClock(), progress=shown)


def _activation_code(text: str | None) -> ActivationCode | None:
    if text is None:
        return None
    try:
        return ActivationCode.parse(text)
    except CodecError as error:
        raise UsageError(str(error)) from error


def _confirmation_code(name: str | None) -> str | None:
    """The first line of a file, or of standard input: on the command line everybody on the machine could read it."""
    if name is None:
        return None
    try:
        text = sys.stdin.readline() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the confirmation code cannot be read from {name}: {error}") from error
    code = text.splitlines()[0].strip() if text.strip() else ""
    if not code or len(code) > _MAX_CODE:
        raise UsageError(f"{name} holds no confirmation code of 1 to {_MAX_CODE} characters in its first line")
    return code


def _report(reports: Sequence[DownloadReport]) -> Report:
    """One failed download is the error of the command; of several each has its own."""
    if len(reports) == 1 and reports[0].error is not None:
        raise reports[0].error
    rows: list[Json] = [_describe(report) for report in reports]
    failures = [report.error for report in reports if report.error is not None]
    record: dict[str, Json] = {"downloads": rows}
    if failures:
        record["message"] = f"{len(failures)} of {len(reports)} downloads failed: {failures[0]}"
    return Report(
        record,
        tables={"downloads": _COLUMNS},
        exit_code=failures[0].exit_code if failures else ExitCode.OK,
    )


def _describe(report: DownloadReport) -> dict[str, Json]:
    return {
        "address": report.address,
        "iccid": str(report.iccid) if report.iccid is not None else None,
        "installed": report.installed,
        "enabled": report.enabled,
        "error": error_record(report.error) if report.error is not None else None,
    }
