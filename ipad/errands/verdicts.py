"""How runs over eIMs are told: packages, eIMs, what it cost."""

from __future__ import annotations

from collections.abc import Sequence

from ipad.codec.euicc_package import EuiccPackageResult
from ipad.codec.schema import Choice
from ipad.codec.values import OpenEnum
from ipad.daemon.once import Verdict
from ipad.errands.envelope import Json, Result, error_record
from ipad.observe.status import UsageRow
from ipad.procedures.report import DownloadReport, EimReport, PackageReport
from ipad.records import asdict


def verdict_result(verdict: Verdict, usage: Sequence[UsageRow]) -> Result:
    """The keys of `run --once` and `eim poll`. `usage` is what they cost."""
    packages: list[Json] = [describe_package(package) for package in verdict.packages]
    last = {eim.eim_id: eim for run in verdict.runs for eim in run.eims}
    return Result(
        {
            "outcome": verdict.outcome.value,
            "message": verdict.message,
            "exit_code": int(verdict.exit_code),
            "undelivered": verdict.runs[-1].undelivered if verdict.runs else 0,
            "eims": [_describe_eim(eim) for eim in last.values()],
            "packages": packages,
            "usage": [asdict(row) for row in usage],
        },
        verdict.exit_code,
    )


def describe_package(package: PackageReport) -> dict[str, Json]:
    """The keys of one package."""
    transaction_id = package.eim_transaction_id
    return {
        "eim_id": package.eim_id,
        "kind": package.kind.value,
        "transaction_id": transaction_id.hex().upper() if transaction_id is not None else None,
        "counter": package.counter_value,
        "result": _result(package),
        "handover": package.handover.value,
        "acknowledged": list(package.acknowledged),
        "profile_changed": package.profile_changed,
        "rolled_back": package.rolled_back,
    }


def _result(package: PackageReport) -> str | None:
    if package.error_code is not None:
        return str(package.error_code)
    if package.download is not None:
        return _describe_download(package.download)
    return describe_result(package.result) if package.result is not None else None


def _describe_download(download: DownloadReport) -> str:
    if download.error is not None:
        return f"download failed: {download.error}"
    return f"profile {download.iccid} installed{' and enabled' if download.enabled else ''}"


def describe_result(result: EuiccPackageResult) -> str:
    """An eUICC Package Result in a few words: each result, or the error."""
    if result.euicc_package_result_signed is not None:
        data = result.euicc_package_result_signed.euicc_package_result_data_signed
        return ", ".join(_one(item.chosen, getattr(item, item.chosen)) for item in data.euicc_result) or "empty"
    if result.euicc_package_error_signed is not None:
        return str(result.euicc_package_error_signed.euicc_package_error_data_signed.euicc_package_error_code)
    return "refused: signature or eIM not accepted"


def _one(name: str, value: object) -> str:
    """One result: the code, the number of entries of a list, or ok for what has no code of success."""
    verb = name.removesuffix("_result").replace("_", " ")
    if isinstance(value, Choice) and value.unknown is None:
        value = getattr(value, value.chosen)
    if isinstance(value, OpenEnum):
        return f"{verb} {value}"
    return f"{verb} ({len(value)})" if isinstance(value, tuple) else f"{verb} ok"


def _describe_eim(eim: EimReport) -> dict[str, Json]:
    return {
        "eim_id": eim.eim_id,
        "reached": eim.reached,
        "answer": eim.eim_error.spec_name if eim.eim_error is not None else None,
        "error": error_record(eim.network_error) if eim.network_error is not None else None,
        "notifications_sent": list(eim.notifications.sent),
        "notifications_refused": list(eim.notifications.refused),
        "notifications_waiting": eim.notifications.waiting,
        "more": eim.more,
        "repeating": eim.repeating,
    }
