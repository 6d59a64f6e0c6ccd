"""Download, execution and result of an eUICC Package (SGP.32 3.3.1), also across a power cut.

Order of effects, each of which may be the last before a power cut:

1. marker LOADING is durable, then the package goes to the eUICC, which stores the result of an accepted one itself;
2. the result, with the notifications that arose, is durable as RESULT: from here on every delivery sends the same
   bytes. An error result is not on the eUICC, so nothing comes before this. Then a switched profile is waited for;
3. the eIM answers; what it acknowledged is durable as ACKNOWLEDGED and removed from the eUICC; the marker is cleared.

`resume` continues at whatever step the marker names. A package whose answer was lost is looked up among the stored
results; only if it is not there, and so was not executed, the eIM is told undefinedError.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

from ipad.codec.eim import EimConfigurationData
from ipad.codec.esipa import (
    EimPackageResult,
    EimPackageResultErrorCode,
    EimPackageResultResponseError,
    EprAndNotifications,
    StateChangeCause,
)
from ipad.codec.euicc_package import EuiccPackageRequest, EuiccPackageResult
from ipad.codec.notification import PendingNotification
from ipad.errors import CardError, CodecError, EuiccResultError, NetworkError, PortError, StatusWordError
from ipad.ids import Iccid
from ipad.procedures.context import Ipa
from ipad.procedures.delivery import Delivery, deliver, remove_acknowledged, with_undelivered
from ipad.procedures.notification import owed_directly
from ipad.procedures.package_facts import ResultFacts, asks_for_rollback, profile_after, result_facts
from ipad.procedures.report import Handover, PackageKind, PackageReport
from ipad.procedures.rollback import RollbackOutcome, finish_rollback, roll_back
from ipad.procedures.stored_results import (
    metadata_of,
    pending_notifications,
    read_enabled_profile,
    stored_result_of,
)
from ipad.state.journal import EnabledProfile, Marker, Step, UndeliveredResult

log = logging.getLogger(__name__)

_NOT_OFFERED = (0x6A80, 0x6A81, 0x6A86, 0x6A88, 0x6D00, 0x6E00)
"""Status words by which a card says that it does not know a function (TS 102 221 10.2.1)."""


async def process_euicc_package(ipa: Ipa, eim: EimConfigurationData, request: EuiccPackageRequest) -> PackageReport:
    """Give the package to the eUICC and its result to the eIM (SGP.32 3.3.1).

    Raises CardError or PortError when the eUICC cannot be used any more, StateError when the journal cannot be written;
    `resume` continues then.
    """
    session = await ipa.connectivity.data_session()
    marker = await _mark(ipa, eim, request)
    result = await _load(ipa, marker, request)
    if result is None:
        marker = await _keep_lost_result(ipa, marker)
        return await _hand_over(ipa, marker, session)
    facts = result_facts(result)
    after = profile_after(request, result, marker.iccid_before)
    if facts.switched:
        await follow_switch(ipa, after)
    marker = await _keep_result(ipa, marker, result, EnabledProfile(iccid=after))
    return await _hand_over(ipa, marker, session)


async def resume(ipa: Ipa) -> PackageReport | None:
    """Continue a package that was interrupted by a power cut or a failing card; None without one."""
    marker = ipa.journal.content.marker
    if marker is None:
        return None
    log.info("resuming package %d of %s at step %s", marker.counter_value, marker.eim_id, marker.step)
    if marker.step is Step.ACKNOWLEDGED:
        return await _finish(ipa, marker, Delivery(handover=Handover.ACKNOWLEDGED, acknowledged=marker.acknowledged))
    if marker.step is Step.ROLLBACK:
        outcome = await roll_back(ipa, marker)
        return await _after_rollback(ipa, outcome, None)
    if marker.step is Step.LOADING:
        marker = await _look_up(ipa, marker)
    elif marker.profile_changed:
        await follow_switch(ipa, await _enabled_iccid(ipa))
    return await _hand_over(ipa, marker, None)


async def follow_switch(ipa: Ipa, enabled: Iccid | None) -> None:
    """Let go of card and bearer of the old profile and make the modem read the new one (SGP.32 3.3.1 step 9)."""
    await ipa.eims.close_all()
    await ipa.euicc.close()
    await ipa.connectivity.recover_sim(enabled)


async def _mark(ipa: Ipa, eim: EimConfigurationData, request: EuiccPackageRequest) -> Marker:
    signed = request.euicc_package_signed
    before = await _enabled_iccid(ipa)
    marker = Marker(
        eim_id=signed.eim_id,
        eim_configuration=eim.encode(),
        eim_transaction_id=signed.eim_transaction_id,
        counter_value=signed.counter_value,
        iccid_before=before,
        rollback_flag=asks_for_rollback(request),
        step=Step.LOADING,
    )
    await ipa.journal.set_marker(marker)
    return marker


async def _load(ipa: Ipa, marker: Marker, request: EuiccPackageRequest) -> EuiccPackageResult | None:
    try:
        return await ipa.euicc.load_euicc_package(request)
    except (CardError, PortError, CodecError) as error:
        log.warning("LoadEuiccPackage gave no usable answer, the card is reset: %s", error)
    await ipa.euicc.reset()
    return await _find(ipa, marker)


async def _find(ipa: Ipa, marker: Marker) -> EuiccPackageResult | None:
    """Look for the stored result of a package whose answer was lost.

    None if there is none, or if the card cannot list its results even after a reset. A card that only refuses for now
    (StatusWordError) is no proof that there is none: the error is raised, and the next run looks again.
    """
    try:
        return await stored_result_of(ipa.euicc, marker)
    except (StatusWordError, CodecError, EuiccResultError) as error:
        log.warning("the stored results cannot be read, the card is reset: %s", error)
    await ipa.euicc.reset()
    try:
        return await stored_result_of(ipa.euicc, marker)
    except StatusWordError as error:
        if error.sw not in _NOT_OFFERED:
            raise
        log.error("the eUICC does not list stored results, the result of the package is lost: %s", error)
    except (CodecError, EuiccResultError) as error:
        log.error("the stored results cannot be read, the result of the package is lost: %s", error)
    return None


async def _look_up(ipa: Ipa, marker: Marker) -> Marker:
    """After an interruption between LOADING and RESULT: is the package executed, and was the switch carried out?"""
    result = await _find(ipa, marker)
    if result is None:
        return await _keep_lost_result(ipa, marker)
    facts = result_facts(result)
    enabled = await _enabled_iccid(ipa)
    if facts.switched and enabled == marker.iccid_before:
        # The switch may still wait for a REFRESH that nobody fetched; a reset completes it or takes it back.
        await ipa.euicc.reset()
        enabled = await _enabled_iccid(ipa)
    if facts.switched:
        await follow_switch(ipa, enabled)
    return await _keep_result(ipa, marker, result, EnabledProfile(iccid=enabled))


async def _keep_lost_result(ipa: Ipa, marker: Marker) -> Marker:
    error = EimPackageResultResponseError(
        eim_transaction_id=marker.eim_transaction_id,
        eim_package_result_error_code=EimPackageResultErrorCode.UNDEFINED_ERROR,
    )
    result = EimPackageResult(eim_package_result_response_error=error).encode()
    marker = replace(marker, step=Step.RESULT, result=result, rollback_flag=False)
    await ipa.journal.set_marker(marker)
    return marker


async def _keep_result(ipa: Ipa, marker: Marker, result: EuiccPackageResult, enabled: EnabledProfile) -> Marker:
    facts = result_facts(result)
    changed = facts.switched and enabled.iccid != marker.iccid_before
    notifications = await _notifications(ipa) if facts.notifies else ()
    content = ipa.journal.content
    notify = content.notify
    if facts.changed:
        notify = dict(notify)
        notify.update(dict.fromkeys(await _other_eims(ipa, marker.eim.eim_id), StateChangeCause.OTHER_EIM))
    marker = replace(
        marker,
        step=Step.RESULT,
        result=package_result(result, notifications),
        rollback_flag=marker.rollback_flag and facts.enabled and changed,
        profile_changed=changed,
    )
    await ipa.journal.commit(
        replace(
            content,
            marker=marker,
            notify=notify,
            enabled=enabled if facts.switched else content.enabled,
            postponed={} if facts.eims_changed else content.postponed,
        )
    )
    return marker


def package_result(result: EuiccPackageResult, notifications: tuple[PendingNotification, ...]) -> bytes:
    """The EimPackageResult TLV: the result as the eUICC gave it, with notifications if there are any."""
    if not notifications:
        return result.encode()
    return EprAndNotifications(euicc_package_result=result, notification_list=notifications).encode()


async def _notifications(ipa: Ipa) -> tuple[PendingNotification, ...]:
    """The notifications that go with a result; without them they follow on their own (SGP.32 3.7)."""
    try:
        return await _for_eim(ipa)
    except (CodecError, EuiccResultError) as error:
        log.warning("the result goes without notifications: %s", error)
        return ()
    except CardError as error:
        # Seen on real cards: after an enable every command is refused until the card is reset.
        log.warning("the notifications cannot be read after the switch, the card is reset: %s", error)
    await ipa.euicc.reset()
    try:
        return await _for_eim(ipa)
    except (CardError, CodecError, EuiccResultError) as error:
        log.warning("the result goes without notifications: %s", error)
        return ()


async def _for_eim(ipa: Ipa) -> tuple[PendingNotification, ...]:
    """What waits on the eUICC, but for results that the IPA itself brings to an SM-DP+."""
    pending = await pending_notifications(ipa.euicc)
    return tuple(item for item in pending if (found := metadata_of(item)) is None or not owed_directly(ipa, found))


async def _other_eims(ipa: Ipa, own: str) -> Iterable[str]:
    eims = await ipa.euicc.get_eim_configuration_data()
    return tuple(eim.eim_id for eim in eims if eim.eim_id != own)


async def _hand_over(ipa: Ipa, marker: Marker, session: str | None) -> PackageReport:
    """Deliver the kept result; roll back when the new profile does not reach the eIM; else keep it for later."""
    assert marker.result is not None
    no_session = NetworkError("no data session came up after the profile switch", layer="tcp")
    delivery = Delivery(handover=Handover.KEPT, network_error=no_session)
    if not marker.profile_changed or await _bearer_is_back(ipa, session):
        delivery = await deliver(
            ipa,
            await _targets(ipa, marker),
            marker.result,
            pauses=ipa.timers.delivery_retries,
            insist=marker.rollback_flag,
        )
    if not delivery.answered and marker.rollback_flag:
        log.warning("eIM %s is not reachable over the new profile, rolling back", marker.eim_id)
        before = await ipa.connectivity.data_session()
        outcome = await roll_back(ipa, marker)
        return await _after_rollback(ipa, outcome, before)
    return await _finish(ipa, marker, delivery)


async def _bearer_is_back(ipa: Ipa, session: str | None) -> bool:
    """Wait for a new session of the switched profile; without any enabled profile another bearer may serve at once."""
    enabled = ipa.journal.content.enabled
    if enabled is None or enabled.iccid is None:
        return True
    if await ipa.connectivity.wait_new_session(session, ipa.timers.new_session):
        return True
    log.warning("no data session within %g s after the profile switch", ipa.timers.new_session)
    return False


async def _targets(ipa: Ipa, marker: Marker) -> tuple[EimConfigurationData, ...]:
    """Where the eIM was when it gave the package, then where it is now if the package moved it."""
    old = marker.eim
    result, _ = _read_result(marker.result)
    if result is None or not result_facts(result).eims_changed:
        return (old,)
    for eim in await ipa.euicc.get_eim_configuration_data():
        if eim.eim_id == old.eim_id and eim.encode() != marker.eim_configuration:
            return (old, eim)
    return (old,)


async def _after_rollback(ipa: Ipa, outcome: RollbackOutcome, session: str | None) -> PackageReport:
    if outcome.blocked:
        return _report(outcome.marker, Delivery(handover=Handover.KEPT), blocked=True)
    if not outcome.rolled_back:
        return await _finish(ipa, outcome.marker, Delivery(handover=Handover.KEPT))
    await finish_rollback(ipa, outcome.marker)
    return replace(await _hand_over(ipa, outcome.marker, session), rolled_back=True)


async def _finish(ipa: Ipa, marker: Marker, delivery: Delivery) -> PackageReport:
    """Obey the acknowledgement, or put an undeliverable result aside, and clear the marker."""
    assert marker.result is not None
    content = ipa.journal.content
    if delivery.acknowledged:
        await ipa.journal.set_marker(replace(marker, step=Step.ACKNOWLEDGED, acknowledged=delivery.acknowledged))
        await remove_acknowledged(ipa, delivery.acknowledged)
    owed = content.undelivered
    if not delivery.answered:
        item = UndeliveredResult(
            eim_id=marker.eim.eim_id, eim_configuration=marker.eim_configuration, result=marker.result
        )
        owed = with_undelivered(owed, item, ipa.limits)
    await ipa.journal.commit(replace(ipa.journal.content, marker=None, undelivered=owed))
    report = _report(marker, delivery)
    ipa.session.note_handed_over(report.result if report.delivered else None)
    return report


def _report(marker: Marker, delivery: Delivery, *, blocked: bool = False) -> PackageReport:
    result, error_code = _read_result(marker.result)
    facts = result_facts(result) if result else ResultFacts()
    return PackageReport(
        kind=PackageKind.EUICC_PACKAGE,
        handover=delivery.handover,
        eim_id=marker.eim.eim_id,
        eim_transaction_id=marker.eim_transaction_id,
        counter_value=marker.counter_value,
        result=result,
        error_code=error_code,
        acknowledged=delivery.acknowledged,
        refusal=delivery.refusal,
        network_error=delivery.network_error,
        eims_changed=facts.eims_changed,
        profile_changed=marker.profile_changed,
        rolled_back=facts.rolled_back,
        blocked=blocked,
    )


def _read_result(payload: bytes | None) -> tuple[EuiccPackageResult | None, EimPackageResultErrorCode | None]:
    if payload is None:
        return None, None
    read = EimPackageResult.decode(payload)
    if read.epr_and_notifications is not None:
        return read.epr_and_notifications.euicc_package_result, None
    error = read.eim_package_result_response_error
    return read.euicc_package_result, None if error is None else error.eim_package_result_error_code


async def _enabled_iccid(ipa: Ipa) -> Iccid | None:
    state = await read_enabled_profile(ipa.euicc, ecall_supported=ipa.session.ecall_supported)
    return state.iccid
