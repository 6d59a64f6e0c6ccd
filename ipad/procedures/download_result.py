"""ProfileDownloadTriggerResult: what the eIM is told of a download, also of one that a power cut ended (SGP.32 3.2.3).

Before anything begins a marker is durable; the transaction id is added to it before the first segment goes to the
eUICC. With the end of the download one commit replaces the marker by the result that is owed.
"""

from __future__ import annotations

import logging

from ipad.codec.esipa import (
    ProfileDownloadError,
    ProfileDownloadErrorReason,
    ProfileDownloadTriggerResult,
    ProfileDownloadTriggerResultData,
)
from ipad.codec.notification import ProfileInstallationResult
from ipad.errors import (
    CodecError,
    DownloadCheckError,
    EuiccResultError,
    IpadError,
    RspStatusError,
    ServerResultError,
    StatusWordError,
)
from ipad.es9.status import esipa_response
from ipad.procedures.context import Ipa
from ipad.procedures.delivery import with_undelivered
from ipad.procedures.installation_result import find_result, installation_error, sequence_number
from ipad.procedures.report import DownloadReport
from ipad.records import replace
from ipad.state.journal import DownloadMarker, JournalContent, UndeliveredResult

log = logging.getLogger(__name__)

_MAX_ERROR_RESPONSE = 8 * 1024


def trigger_result(eim_transaction_id: bytes | None, report: DownloadReport) -> ProfileDownloadTriggerResult:
    """The result of the eUICC if it gave one, good or bad, else an error of the IPA."""
    if report.installation is not None:
        data = ProfileDownloadTriggerResultData(profile_installation_result=report.installation)
    else:
        data = ProfileDownloadTriggerResultData(
            profile_download_error=ProfileDownloadError(
                profile_download_error_reason=ProfileDownloadErrorReason.UNDEFINED_ERROR,
                error_response=report.error_response,
            )
        )
    return ProfileDownloadTriggerResult(
        eim_transaction_id=eim_transaction_id, profile_download_trigger_result_data=data
    )


def error_response(error: IpadError) -> bytes | None:
    """The response that ended a download, as a complete TLV, where there is one (SGP.32 2.11.2.3)."""
    response: bytes | None = None
    if isinstance(error, EuiccResultError | ServerResultError):
        response = error.response
    elif isinstance(error, RspStatusError):
        response = esipa_response(error)
    return response if response is not None and len(response) <= _MAX_ERROR_RESPONSE else None


def settled(ipa: Ipa, content: JournalContent, marker: DownloadMarker, report: DownloadReport) -> JournalContent:
    """The journal's content when a download has ended: the marker is gone, what is owed has taken its place."""
    owed = content.undelivered
    item = owed_result(marker, report)
    if item is not None:
        owed = with_undelivered(owed, item, ipa.limits)
    direct = content.direct_results
    if report.installation is not None and marker.direct:
        direct = tuple(dict.fromkeys((*direct, sequence_number(report.installation))))
    return replace(content, download=None, undelivered=owed, direct_results=direct)


def owed_result(marker: DownloadMarker, report: DownloadReport) -> UndeliveredResult | None:
    """What the eIM is owed; None for a download that no eIM asked for."""
    if marker.eim_id is None or marker.eim_configuration is None:
        return None
    return UndeliveredResult(
        eim_id=marker.eim_id,
        eim_configuration=marker.eim_configuration,
        result=trigger_result(marker.eim_transaction_id, report).encode(),
        as_notification=marker.direct or marker.as_notification,
    )


async def resume_download(ipa: Ipa) -> DownloadReport | None:
    """After an interruption: turn the marker into the result that is owed; None without one.

    When loading may have begun the eUICC has a result, even of what was cut off: at the latest after a reset
    (SGP.22 3.1.3.3), which may take the bearer; the next one is waited for, because the result is to be delivered.
    When it has none the eIM is told undefinedError, and no session stays open.
    Raises CardError, PortError, StateError.
    """
    marker = ipa.journal.content.download
    if marker is None:
        return None
    log.info("a profile download was interrupted, looking for its result")
    result: ProfileInstallationResult | None = None
    error: IpadError | None = DownloadCheckError("the profile download was interrupted")
    bearer: str | None = None
    if marker.transaction_id is None:
        await _end_session(ipa)
    else:
        result = await _find(ipa, marker.transaction_id, marker.number_before)
        if result is None:
            bearer = await ipa.connectivity.data_session()
            await ipa.euicc.reset()
            result = await _find(ipa, marker.transaction_id, marker.number_before)
    if result is not None:
        error = installation_error(result)
    report = DownloadReport(address=None, direct=marker.direct, installation=result, error=error)
    await ipa.journal.commit(settled(ipa, ipa.journal.content, marker, report))
    if bearer is not None and not await ipa.connectivity.wait_new_session(bearer, ipa.timers.first_session):
        log.info("no data session within %g s after the reset of the eUICC", ipa.timers.first_session)
    return report


async def _end_session(ipa: Ipa) -> None:
    """Make the eUICC forget a session that never came to loading, with its keys: a new challenge discards it
    (SGP.22 5.7.7)."""
    try:
        await ipa.euicc.get_euicc_challenge()
    except (StatusWordError, CodecError, EuiccResultError) as error:
        log.warning("the session of an interrupted download cannot be ended: %s", error)


async def _find(ipa: Ipa, transaction_id: bytes, number_before: int | None) -> ProfileInstallationResult | None:
    """The stored result; a card that does not list its notifications must not hold up every later run."""
    try:
        return await find_result(ipa.euicc, transaction_id, number_before)
    except (StatusWordError, CodecError, EuiccResultError) as error:
        log.warning("the notifications of the eUICC cannot be read: %s", error)
        return None
