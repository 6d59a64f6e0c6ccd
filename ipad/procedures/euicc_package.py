"""Download, execution and result of an eUICC Package (SGP.32 3.3.1), also across a power cut.

Order of effects, each of which may be the last before a power cut:

1. marker LOADING is durable, then the package goes to the eUICC, which stores the result of an accepted one itself;
2. another profile that it enabled is told to the observer, and the modem is made to read the card again;
3. the result, with the notifications that arose, is durable as RESULT: from here on every delivery sends the same
   bytes. An error result is not on the eUICC, so nothing comes before this;
4. the eIM answers; what it acknowledged is durable as ACKNOWLEDGED and removed from the eUICC; the marker is cleared.
   If it did not acknowledge the result because that was misread, the stored one is durable as RESULT and goes first.

A result that came with another profile is on trial: nothing here waits for the bearer of that profile, and nothing
here decides whether it is rolled back. The next run delivers the result, or `settle` or `roll_back` ends the trial;
until then a package that granted the rollback lets no other one through (SGP.32 3.3.2).

`resume` continues at whatever step the marker names. A package whose answer was lost is looked up among the stored
results; only if it is not there, and so was not executed, the eIM is told undefinedError.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

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
from ipad.errors import CardError, CodecError, EuiccResultError, PortError, StatusWordError
from ipad.ids import Iccid
from ipad.policy.events import Origin
from ipad.procedures.context import Ipa
from ipad.procedures.delivery import Delivery, correction, deliver, remove_acknowledged
from ipad.procedures.following import follow_switch
from ipad.procedures.notification import owed_directly
from ipad.procedures.observer import Switch, Work
from ipad.procedures.package_facts import ResultFacts, asks_for_rollback, may_switch, profile_after, result_facts
from ipad.procedures.report import Handover, PackageKind, PackageReport
from ipad.procedures.rollback import resume_rollback, unwritten_rollback, without_trial
from ipad.procedures.stored_results import (
    metadata_of,
    pending_notifications,
    read_enabled_profile,
    stored_result_of,
)
from ipad.records import replace
from ipad.state.journal import EnabledProfile, Marker, Step

log = logging.getLogger(__name__)

_PROFILES = (0xBF2D,)
"""GetProfilesInfo (SGP.32 5.9.14)."""

_NOT_OFFERED = (0x6A80, 0x6A81, 0x6A86, 0x6A88, 0x6D00, 0x6E00)
"""Status words by which a card says that it does not know a function (TS 102 221 10.2.1)."""


async def process_euicc_package(ipa: Ipa, eim: EimConfigurationData, request: EuiccPackageRequest) -> PackageReport:
    """Give the package to the eUICC and its result to the eIM, unless that has to wait for another bearer.

    Raises CardError or PortError when the eUICC cannot be used any more, StateError when the journal cannot be written;
    `resume` continues then (SGP.32 3.3.1).
    """
    return await hand_over(ipa, await execute(ipa, eim, request))


async def execute(ipa: Ipa, eim: EimConfigurationData, request: EuiccPackageRequest) -> Marker:
    """Give the package to the eUICC and keep its result; `hand_over` or `answered` must follow.

    Raises what `process_euicc_package` raises.
    """
    others = await _other_eims(ipa, eim.eim_id)
    marker = await _mark(ipa, eim, request)
    ipa.observer.ordered(marker.eim_id, marker.eim_transaction_id)
    async with ipa.observer.executing(Work.PACKAGE):
        result = await _load(ipa, marker, request)
        ipa.observer.executed(request, result)
        if result is None:
            return await _keep_lost_result(ipa, marker)
        return await _take_result(ipa, marker, result, profile_after(request, result, marker.iccid_before), others)


async def answered(ipa: Ipa, marker: Marker) -> PackageReport:
    """The eIM was given the result as the answer to an injected package, and acknowledges it in a message of its own.

    Until then the result stays on the eUICC, and it is not taken for handed over. Raises StateError.
    """
    report = await _finish(ipa, marker, Delivery(handover=Handover.ANSWERED))
    signed = report.result.euicc_package_result_signed if report.result is not None else None
    if signed is not None:
        ipa.session.handed_over.discard(signed.euicc_package_result_data_signed.seq_number)
    return report


async def hand_over(ipa: Ipa, marker: Marker) -> PackageReport:
    """Give the result to the eIM, unless that has to wait for another bearer. Raises as `process_euicc_package`."""
    enabled = ipa.journal.content.enabled
    if marker.profile_changed and enabled is not None and enabled.iccid is not None:
        return _report(marker, Delivery(handover=Handover.KEPT), blocked=marker.rollback_flag, on_trial=True)
    return await _conclude(ipa, marker, await _deliver(ipa, marker, ipa.timers.delivery_retries))


async def resume(ipa: Ipa) -> PackageReport | None:
    """Finish the package that an earlier run left, interrupted or on trial; None without one.

    The result is tried once. A package that granted a rollback stays where it is until its result is delivered.
    """
    marker = await reconcile(ipa)
    if marker is None:
        return None
    if marker.step is Step.ACKNOWLEDGED:
        return await _finish(ipa, marker, Delivery(handover=Handover.ACKNOWLEDGED, acknowledged=marker.acknowledged))
    delivery = await _deliver(ipa, marker, () if marker.profile_changed else ipa.timers.delivery_retries)
    if marker.rollback_flag and not delivery.answered:
        return _report(marker, delivery, blocked=True)
    return await _conclude(ipa, marker, delivery)


async def reconcile(ipa: Ipa) -> Marker | None:
    """Bring marker and eUICC in line after an interruption, without any contact; the marker, None without one.

    Afterwards its step is RESULT or ACKNOWLEDGED. A rollback that was not carried out is as if it had never been
    decided. Raises CardError, PortError, StateError.
    """
    marker = ipa.journal.content.marker
    if marker is None or marker.step is Step.ACKNOWLEDGED:
        return marker
    if marker.step is Step.RESULT:
        if marker.rollback_flag and await _enabled_iccid(ipa) == marker.iccid_before:
            undone = await unwritten_rollback(ipa, marker)
            if undone is not None:
                return undone
        if marker.profile_changed and not ipa.session.followed:
            await follow_switch(ipa, await _enabled_iccid(ipa))
        return marker
    log.info("resuming package %d of %s at step %s", marker.counter_value, marker.eim_id, marker.step)
    ipa.observer.ordered(marker.eim_id, marker.eim_transaction_id)
    if marker.step is Step.ROLLBACK:
        return await resume_rollback(ipa, marker)
    return await _look_up(ipa, marker)


async def settle(ipa: Ipa) -> None:
    """The profile on trial is kept: the right to roll back is not used any more, the result goes when it can."""
    marker = ipa.journal.content.marker
    if marker is not None and marker.step is Step.RESULT and marker.profile_changed:
        await ipa.journal.hold(without_trial(ipa.journal.content, ipa))


async def _mark(ipa: Ipa, eim: EimConfigurationData, request: EuiccPackageRequest) -> Marker:
    signed = request.euicc_package_signed
    # A card that does not answer shows it here, before anything is marked: then the eIM hands out the package again.
    # By which profile was enabled it is judged whether a switch took place, and where a rollback leads.
    if may_switch(request) or not ipa.euicc.proven:
        ipa.euicc.forget(_PROFILES)
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
    enabled = await _enabled_iccid(ipa)
    if result_facts(result).switched and enabled == marker.iccid_before:
        # The switch may still wait for a REFRESH that nobody fetched; a reset completes it or takes it back.
        await ipa.euicc.reset()
        enabled = await _enabled_iccid(ipa)
    return await _take_result(ipa, marker, result, enabled)


async def _keep_lost_result(ipa: Ipa, marker: Marker) -> Marker:
    error = EimPackageResultResponseError(
        eim_transaction_id=marker.eim_transaction_id,
        eim_package_result_error_code=EimPackageResultErrorCode.UNDEFINED_ERROR,
    )
    result = EimPackageResult(eim_package_result_response_error=error).encode()
    marker = replace(marker, step=Step.RESULT, result=result, rollback_flag=False)
    await ipa.journal.set_marker(marker)
    return marker


async def _take_result(
    ipa: Ipa,
    marker: Marker,
    result: EuiccPackageResult,
    enabled: Iccid | None,
    others: Collection[str] | None = None,
) -> Marker:
    """Follow a switch of the profile, then make the result durable with what goes with it.

    `others`: the other eIMs of before the package, where they are known.
    """
    facts = result_facts(result)
    changed = facts.switched and enabled != marker.iccid_before
    undoable = marker.rollback_flag and facts.enabled and changed
    if changed:
        ipa.observer.switched(
            Switch(origin=Origin.PACKAGE, iccid=enabled, previous=marker.iccid_before, rollback=undoable)
        )
    if facts.switched:
        await follow_switch(ipa, enabled)
    notifications = await _notifications(ipa) if facts.notifies else ()
    content = ipa.journal.content
    notify = content.notify
    if facts.changed:
        notify = dict(notify)
        if others is None or facts.eims_changed:
            others = await _other_eims(ipa, marker.eim.eim_id)
        notify.update(dict.fromkeys(others, StateChangeCause.OTHER_EIM))
    marker = replace(
        marker,
        step=Step.RESULT,
        result=package_result(result, notifications),
        rollback_flag=undoable,
        profile_changed=changed,
    )
    after = replace(
        content,
        marker=marker,
        notify=notify,
        enabled=EnabledProfile(iccid=enabled) if facts.switched else content.enabled,
        postponed={} if facts.eims_changed else content.postponed,
    )
    # Whoever looks after the device must hear of another profile in any case; the eUICC keeps this result.
    await (ipa.journal.hold(after) if changed else ipa.journal.commit(after))
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


async def _other_eims(ipa: Ipa, own: str) -> tuple[str, ...]:
    eims = await ipa.euicc.get_eim_configuration_data()
    return tuple(eim.eim_id for eim in eims if eim.eim_id != own)


async def _deliver(ipa: Ipa, marker: Marker, pauses: Sequence[float]) -> Delivery:
    assert marker.result is not None
    return await deliver(ipa, await _targets(ipa, marker), marker.result, pauses=pauses)


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


async def _conclude(ipa: Ipa, marker: Marker, delivery: Delivery) -> PackageReport:
    """Finish, but where the eIM got a misread result only after the one that the eUICC has stored went there, once."""
    assert marker.result is not None
    genuine = await correction(ipa, marker.result, delivery)
    if genuine is not None:
        await remove_acknowledged(ipa, delivery.acknowledged)
        # The eIM was reached: whatever becomes of this delivery, the profile is kept.
        marker = replace(marker, result=genuine, rollback_flag=False)
        await ipa.journal.set_marker(marker)
        delivery = await _deliver(ipa, marker, ())
    return await _finish(ipa, marker, delivery)


async def _finish(ipa: Ipa, marker: Marker, delivery: Delivery) -> PackageReport:
    """Obey the acknowledgement, or put an undeliverable result aside, and clear the marker."""
    assert marker.result is not None
    if delivery.acknowledged:
        await ipa.journal.set_marker(replace(marker, step=Step.ACKNOWLEDGED, acknowledged=delivery.acknowledged))
        await remove_acknowledged(ipa, delivery.acknowledged)
    if delivery.answered:
        await ipa.journal.set_marker(None)
    else:
        await ipa.journal.commit(without_trial(ipa.journal.content, ipa))
    report = _report(marker, delivery)
    ipa.session.note_handed_over(report.result if report.delivered else None)
    return report


def _report(marker: Marker, delivery: Delivery, *, blocked: bool = False, on_trial: bool = False) -> PackageReport:
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
        on_trial=on_trial,
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
