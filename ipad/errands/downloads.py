"""Downloads that a person at the device asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ipad.codec.activation_code import ActivationCode
from ipad.daemon.agent import LocalAgent
from ipad.errands.envelope import Json, Result, error_record
from ipad.errands.parameters import Act, Parameters
from ipad.errors import CodecError, ExitCode, UsageError
from ipad.procedures.download_trigger import target_of_code
from ipad.procedures.report import DownloadReport

LONGEST_CONFIRMATION_CODE: Final = 256
_LONGEST_ADDRESS: Final = 255


def download(given: Parameters) -> Act[LocalAgent]:
    """With an activation code from its SM-DP+, without one from the default SM-DP+ of the eUICC (SGP.22 3.1.3)."""
    given.known("code", "confirmation_code")
    code = _activation_code(given.optional_text("code", longest=_LONGEST_ADDRESS * 2))
    confirmation_code = given.optional_text("confirmation_code", longest=LONGEST_CONFIRMATION_CODE)

    async def act(agent: LocalAgent) -> Result:
        target = target_of_code(code) if code is not None else await agent.target()
        return _told(await agent.download(target, confirmation_code or None))

    return act


def discover(given: Parameters) -> Act[LocalAgent]:
    """Everything that an SM-DS announces for this eUICC (SGP.22 3.6)."""
    given.known("smds")
    address = given.optional_text("smds", longest=_LONGEST_ADDRESS)

    async def act(agent: LocalAgent) -> Result:
        return _told(await agent.download(await agent.target(address, discover=True)))

    return act


def _activation_code(text: str | None) -> ActivationCode | None:
    if text is None:
        return None
    try:
        return ActivationCode.parse(text)
    except CodecError as error:
        raise UsageError(str(error)) from error


def _told(reports: Sequence[DownloadReport]) -> Result:
    """One failed download is the error of the errand; of several each has its own."""
    if len(reports) == 1 and reports[0].error is not None:
        raise reports[0].error
    rows: list[Json] = [_describe(report) for report in reports]
    failures = [report.error for report in reports if report.error is not None]
    if not failures:
        return Result({"downloads": rows})
    message = f"{len(failures)} of {len(reports)} downloads failed: {failures[0]}"
    return Result({"downloads": rows, "message": message}, failures[0].exit_code or ExitCode.FAILED)


def _describe(report: DownloadReport) -> dict[str, Json]:
    return {
        "address": report.address,
        "iccid": str(report.iccid) if report.iccid is not None else None,
        "installed": report.installed,
        "enabled": report.enabled,
        "error": error_record(report.error) if report.error is not None else None,
    }
