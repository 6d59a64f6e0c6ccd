"""The answer to a ProfileDownloadTriggerRequest (SGP.32 3.2.3).

This IPA reports neither direct nor indirect communication with RSP servers, so an eIM that follows the reported
capabilities sends no trigger. One that comes all the same is answered: the package type is not supported, or, during
an emergency call, not now.
"""

from __future__ import annotations

from ipad.codec.esipa import (
    EimPackageResult,
    EimPackageResultErrorCode,
    EimPackageResultResponseError,
    ProfileDownloadError,
    ProfileDownloadErrorReason,
    ProfileDownloadTriggerRequest,
    ProfileDownloadTriggerResult,
    ProfileDownloadTriggerResultData,
)
from ipad.procedures.context import Ipa
from ipad.procedures.stored_results import emergency_active


async def answer_download_trigger(ipa: Ipa, request: ProfileDownloadTriggerRequest) -> EimPackageResult:
    """The result for the eIM. Raises CardError or PortError when the eUICC cannot be used."""
    if await emergency_active(ipa.euicc, ecall_supported=ipa.session.ecall_supported):
        error = ProfileDownloadError(profile_download_error_reason=ProfileDownloadErrorReason.ECALL_ACTIVE)
        return EimPackageResult(
            profile_download_trigger_result=ProfileDownloadTriggerResult(
                eim_transaction_id=request.eim_transaction_id,
                profile_download_trigger_result_data=ProfileDownloadTriggerResultData(profile_download_error=error),
            )
        )
    return EimPackageResult(
        eim_package_result_response_error=EimPackageResultResponseError(
            eim_transaction_id=request.eim_transaction_id,
            eim_package_result_error_code=EimPackageResultErrorCode.UNKNOWN_PACKAGE,
        )
    )
