"""How work ended, in one code: ok, or what went wrong in the terms of the specification."""

from __future__ import annotations

from typing import Final

from ipad.codec.euicc_package import EuiccPackageResult, EuiccResultData, SetDefaultDpAddressResponse
from ipad.codec.schema import Choice
from ipad.codec.values import OpenEnum
from ipad.observe.failure import failure_of
from ipad.procedures.report import DownloadReport, EimReport, PackageReport

OK: Final = "ok"
_GOOD: Final = ("ok", "lastEimDeleted")


def package_code(package: PackageReport) -> str:
    """The first thing that went wrong with a package; ok when nothing did."""
    if package.error_code is not None:
        return package.error_code.spec_name
    if package.download is not None:
        return download_code(package.download)
    return OK if package.result is None else result_code(package.result)


def result_code(result: EuiccPackageResult) -> str:
    """The first thing that went wrong on the eUICC."""
    signed, refused = result.euicc_package_result_signed, result.euicc_package_error_signed
    if signed is not None:
        codes = (entry_code(entry) for entry in signed.euicc_package_result_data_signed.euicc_result)
        return next((code for code in codes if code != OK), OK)
    if refused is not None:
        return refused.euicc_package_error_data_signed.euicc_package_error_code.spec_name
    return "refused"


def entry_code(entry: EuiccResultData) -> str:
    """How one operation of a package ended."""
    value = getattr(entry, entry.chosen)
    if isinstance(value, Choice):
        value = getattr(value, value.chosen)
    if isinstance(value, SetDefaultDpAddressResponse):
        value = value.set_default_dp_address_result
    if isinstance(value, OpenEnum):
        return OK if value.spec_name in _GOOD else value.spec_name
    # A list of profiles, rules or eIMs, or the association token of an eIM that was added; bytes are a damaged result.
    return "unknown" if isinstance(value, bytes) else OK


def download_code(download: DownloadReport) -> str:
    """How a download ended."""
    if download.error is not None:
        return failure_of(download.error).label
    return OK if download.installed else "notInstalled"


def eim_code(eim: EimReport) -> str:
    """How the turn of an eIM ended; that it has no package is no failure."""
    if eim.network_error is not None:
        return failure_of(eim.network_error).label
    if eim.eim_error is not None and eim.eim_error.spec_name != "noEimPackageAvailable":
        return eim.eim_error.spec_name
    return OK
