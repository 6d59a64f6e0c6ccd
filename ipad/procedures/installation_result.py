"""ProfileInstallationResults among the notifications of the eUICC (SGP.22 5.7.6, 5.7.10)."""

from __future__ import annotations

from ipad.codec.notification import ErrorResult, ProfileInstallationResult
from ipad.errors import EuiccResultError
from ipad.ids import Iccid
from ipad.procedures.ports import Euicc
from ipad.procedures.stored_results import metadata_of, pending_notifications


async def highest_number(euicc: Euicc) -> int | None:
    """The highest sequence number among the pending notifications; None when there is none."""
    numbers = [metadata.seq_number for item in await pending_notifications(euicc) if (metadata := metadata_of(item))]
    return max(numbers, default=None)


async def find_result(
    euicc: Euicc, transaction_id: bytes, number_before: int | None
) -> ProfileInstallationResult | None:
    """The result of this very session, if the eUICC has stored one.

    A result whose number is not above `number_before` is older than the download, whatever it says.
    """
    for item in reversed(await pending_notifications(euicc)):
        result = item.profile_installation_result
        if result is None:
            continue
        data = result.profile_installation_result_data
        newer = number_before is None or data.notification_metadata.seq_number > number_before
        if newer and data.transaction_id == transaction_id:
            return result
    return None


def sequence_number(result: ProfileInstallationResult) -> int:
    """The number under which the eUICC keeps the result."""
    return result.profile_installation_result_data.notification_metadata.seq_number


def installed_iccid(result: ProfileInstallationResult) -> Iccid | None:
    """Which profile the result is about; None when the eUICC did not come to know it."""
    iccid = result.profile_installation_result_data.notification_metadata.iccid
    return None if iccid is None else Iccid(iccid)


def error_of(result: ProfileInstallationResult) -> ErrorResult | None:
    """Why the installation failed; None for success."""
    return result.profile_installation_result_data.final_result.error_result


def installation_error(result: ProfileInstallationResult) -> EuiccResultError | None:
    """The failure as an error; None for success."""
    error = error_of(result)
    if error is None:
        return None
    return EuiccResultError(f"LoadBoundProfilePackage, {error.bpp_command_id}", error.error_reason)
