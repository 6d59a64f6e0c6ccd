"""A profile download that an eIM triggers (SGP.32 3.2.3), and one that a local user asks for."""

from __future__ import annotations

import logging

from ipad.codec.eim import EimConfigurationData
from ipad.codec.esipa import (
    ContactSmds,
    EimPackageResult,
    EimPackageResultErrorCode,
    EimPackageResultResponseError,
    ProfileDownloadError,
    ProfileDownloadErrorReason,
    ProfileDownloadTriggerRequest,
    ProfileDownloadTriggerResult,
    ProfileDownloadTriggerResultData,
)
from ipad.errors import CodecError, DownloadCheckError, RefusedError
from ipad.procedures.context import Ipa
from ipad.procedures.delivery import Delivery, deliver_kept, with_undelivered
from ipad.procedures.download_order import DownloadOrder, Settled, carry_out
from ipad.procedures.download_result import resume_download
from ipad.procedures.download_trigger import Way, WayFacts, choose_way, default_smdp, read_target, smds
from ipad.procedures.mutual_authentication import RspTarget
from ipad.procedures.notification_receivers import deliver_to_receivers
from ipad.procedures.observer import Work
from ipad.procedures.progress import Stage, entered
from ipad.procedures.report import DownloadReport, Handover, PackageKind, PackageReport
from ipad.procedures.stored_results import emergency_active
from ipad.records import dataclass, replace
from ipad.state.journal import UndeliveredResult

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Refusal:
    """An answer instead of a download."""

    result: EimPackageResult
    code: EimPackageResultErrorCode | None = None


async def process_download_trigger(
    ipa: Ipa, eim: EimConfigurationData, trigger: ProfileDownloadTriggerRequest, *, as_notification: bool = False
) -> tuple[PackageReport, ...]:
    """Download, and tell SM-DP+ and eIM. One report for each profile; an SM-DS may have several.

    `as_notification`: the trigger was injected, so whatever the eIM is told goes by HandleNotification.
    Raises PortError, CardError and StateError; `resume_download` continues then. The eIM's trigger is answered in any
    case, as soon as the eIM can be reached.
    """
    if ipa.session.downloads.full:
        refusal = _download_error(trigger, ProfileDownloadErrorReason.UNDEFINED_ERROR)
        return (await _refuse(ipa, eim, trigger, refusal, as_notification=as_notification),)
    async with ipa.session.downloads.taken():
        order = await _order(ipa, eim, trigger)
        if isinstance(order, _Refusal):
            return (await _refuse(ipa, eim, trigger, order, as_notification=as_notification),)
        ipa.observer.ordered(eim.eim_id, trigger.eim_transaction_id)
        async with ipa.observer.executing(Work.DOWNLOAD):
            ended = await carry_out(ipa, replace(order, as_notification=as_notification))
        return tuple([await _report(ipa, eim, trigger, item) for item in ended])


async def download_locally(
    ipa: Ipa, target: RspTarget, confirmation_code: str | None = None, *, all_notifications: bool = False
) -> tuple[DownloadReport, ...]:
    """A download that a local user asks for, directly from the SM-DP+; its result goes to the SM-DP+ alone.

    `all_notifications`: there is no eIM that would forward the others, so they go directly too.
    Raises RefusedError without trusted servers or during an emergency call, and what `process_download_trigger` raises.
    """
    if ipa.rsp is None:
        raise RefusedError(
            "no RSP server is trusted: there are no CI certificates", hint="set rsp.ci_files or rsp.ci_directory"
        )
    async with ipa.session.downloads.taken():
        await resume_download(ipa)
        if await emergency_active(ipa.euicc, ecall_supported=ipa.session.ecall_supported):
            raise RefusedError("the emergency profile is enabled")
        order = DownloadOrder(target=target, way=Way.DIRECT, confirmation_code=confirmation_code)
        session = await ipa.connectivity.data_session()
        async with ipa.observer.executing(Work.DOWNLOAD):
            ended = await carry_out(ipa, order)
        if any(item.report.enabled for item in ended):
            await _await_bearer(ipa, session)
        if any(item.report.error is None for item in ended):
            ipa.progress(entered(Stage.REPORTING))
        await deliver_to_receivers(ipa, only_owed=not all_notifications)
        _finished(ipa, ended)
        return tuple(item.report for item in ended)


async def _await_bearer(ipa: Ipa, before: str | None) -> None:
    """The user who waits for the download also waits for the bearer of a profile that it enabled."""
    if not await ipa.connectivity.wait_new_session(before, ipa.timers.new_session):
        log.warning("no data session within %g s after the new profile was enabled", ipa.timers.new_session)


async def local_target(ipa: Ipa, smds_address: str | None = None, *, discover: bool) -> RspTarget:
    """The default SM-DP+, or with `discover` an SM-DS: the named one or the root SM-DS of the eUICC.

    Raises DownloadCheckError when the eUICC has no such address.
    """
    if discover:
        return await smds(ipa.euicc, ContactSmds(smds_address=smds_address), ipa.limits.smds_levels)
    return await default_smdp(ipa.euicc)


async def _order(
    ipa: Ipa, eim: EimConfigurationData, trigger: ProfileDownloadTriggerRequest
) -> DownloadOrder | _Refusal:
    if await emergency_active(ipa.euicc, ecall_supported=ipa.session.ecall_supported):
        return _download_error(trigger, ProfileDownloadErrorReason.ECALL_ACTIVE)
    data = trigger.profile_download_data
    facts = WayFacts(
        features=ipa.capabilities.ipa_features,
        relays=eim.indirect_profile_download,
        trusts_servers=ipa.rsp is not None,
        prefer_direct=ipa.download.prefer_direct,
    )
    way = choose_way(facts, with_data=data is not None)
    if way is None:
        code = EimPackageResultErrorCode.UNKNOWN_PACKAGE if data else EimPackageResultErrorCode.INVALID_PACKAGE_FORMAT
        return _package_error(trigger, code)
    try:
        target = await read_target(ipa.euicc, data, ipa.limits.smds_levels)
    except CodecError as error:
        log.warning("the download trigger of %s is malformed: %s", eim.eim_id, error)
        return _package_error(trigger, EimPackageResultErrorCode.INVALID_PACKAGE_FORMAT)
    except DownloadCheckError as error:
        log.warning("the download trigger of %s cannot be followed: %s", eim.eim_id, error)
        return _download_error(trigger, ProfileDownloadErrorReason.UNDEFINED_ERROR)
    return DownloadOrder(target=target, way=way, eim=eim, eim_transaction_id=trigger.eim_transaction_id)


def _package_error(trigger: ProfileDownloadTriggerRequest, code: EimPackageResultErrorCode) -> _Refusal:
    error = EimPackageResultResponseError(
        eim_transaction_id=trigger.eim_transaction_id, eim_package_result_error_code=code
    )
    return _Refusal(result=EimPackageResult(eim_package_result_response_error=error), code=code)


def _download_error(trigger: ProfileDownloadTriggerRequest, reason: ProfileDownloadErrorReason) -> _Refusal:
    data = ProfileDownloadTriggerResultData(
        profile_download_error=ProfileDownloadError(profile_download_error_reason=reason)
    )
    result = ProfileDownloadTriggerResult(
        eim_transaction_id=trigger.eim_transaction_id, profile_download_trigger_result_data=data
    )
    return _Refusal(result=EimPackageResult(profile_download_trigger_result=result))


async def _refuse(
    ipa: Ipa,
    eim: EimConfigurationData,
    trigger: ProfileDownloadTriggerRequest,
    refusal: _Refusal,
    *,
    as_notification: bool,
) -> PackageReport:
    item = UndeliveredResult(
        eim_id=eim.eim_id,
        eim_configuration=eim.encode(),
        result=refusal.result.encode(),
        as_notification=as_notification,
    )
    content = ipa.journal.content
    await ipa.journal.commit(replace(content, undelivered=with_undelivered(content.undelivered, item, ipa.limits)))
    delivery = await deliver_kept(ipa, eim, item)
    return replace(_package_report(eim, trigger, delivery), error_code=refusal.code)


async def _report(
    ipa: Ipa, eim: EimConfigurationData, trigger: ProfileDownloadTriggerRequest, ended: Settled
) -> PackageReport:
    """Bring the result to the SM-DP+ and to the eIM, unless that has to wait for the bearer of another profile."""
    if ended.report.enabled:
        _finished(ipa, (ended,))
        kept = _package_report(eim, trigger, Delivery(handover=Handover.KEPT))
        return replace(kept, download=ended.report, profile_changed=True, on_trial=True)
    if ended.report.error is None:
        ipa.progress(entered(Stage.REPORTING))
    await deliver_to_receivers(ipa, only_owed=True, at_hand=ended.report.installation)
    delivery = Delivery(handover=Handover.KEPT)
    if ended.owed is not None:
        delivery = await deliver_kept(ipa, eim, ended.owed)
    _finished(ipa, (ended,))
    return replace(_package_report(eim, trigger, delivery), download=ended.report)


def _finished(ipa: Ipa, ended: tuple[Settled, ...]) -> None:
    for item in ended:
        if item.report.error is None:
            ipa.progress(entered(Stage.DONE, str(item.report.iccid or "")))


def _package_report(
    eim: EimConfigurationData, trigger: ProfileDownloadTriggerRequest, delivery: Delivery
) -> PackageReport:
    return PackageReport(
        kind=PackageKind.PROFILE_DOWNLOAD_TRIGGER,
        handover=delivery.handover,
        eim_id=eim.eim_id,
        eim_transaction_id=trigger.eim_transaction_id,
        acknowledged=delivery.acknowledged,
        refusal=delivery.refusal,
        network_error=delivery.network_error,
    )
