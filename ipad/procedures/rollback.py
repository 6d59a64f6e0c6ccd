"""Profile rollback (SGP.32 3.3.2, 5.9.16): back to the former profile when the new one does not reach the eIM.

Policy decides when, the eUICC enforces whether; this is how. The result that the eUICC makes for it replaces that of
the package, which must not be sent any more. None of it waits for a journal that can be written: being online comes
first, and the eUICC keeps the signed result, which the next start finds there.
"""

from __future__ import annotations

import logging

from ipad.codec.esipa import EimPackageResult, EimPackageResultErrorCode, EimPackageResultResponseError
from ipad.codec.euicc_package import CmdResult, EuiccPackageResult, ProfileRollbackResponse
from ipad.errors import CardError, CodecError, EuiccResultError, PortError, StatusWordError
from ipad.ids import Iccid
from ipad.policy.events import Origin, Outcome
from ipad.procedures.context import Ipa
from ipad.procedures.delivery import with_undelivered
from ipad.procedures.following import follow_switch
from ipad.procedures.observer import Switch, Work
from ipad.procedures.package_facts import result_facts
from ipad.procedures.stored_results import stored_result_of
from ipad.records import replace
from ipad.state.journal import EnabledProfile, JournalContent, Marker, Step, UndeliveredResult

log = logging.getLogger(__name__)


async def roll_back(ipa: Ipa, former: Iccid | None = None) -> Outcome:
    """Call ES10b.ProfileRollback once, and keep the new result. Also continues an interrupted rollback.

    `former` is the profile that will be enabled, for the case that the journal does not know. BUSY: nothing has
    changed. REFUSED: the profile stays, its result is delivered when the eIM can be reached. FAILED: no usable answer;
    what happened is looked up on the eUICC before it is asked again.
    """
    async with ipa.observer.executing(Work.SWITCH):
        marker = ipa.journal.content.marker
        if marker is None or not marker.rollback_flag:
            return await _roll_back_unmarked(ipa, former)
        interrupted = marker.step is Step.ROLLBACK
        if marker.result is not None:
            marker = replace(marker, step=Step.ROLLBACK)
            await ipa.journal.hold(replace(ipa.journal.content, marker=marker))
        try:
            return await _roll_back_marked(ipa, marker, interrupted=interrupted)
        except (CardError, PortError, CodecError, EuiccResultError) as error:
            log.error("ProfileRollback gave no usable answer: %s", error)
            return Outcome.FAILED


async def unwritten_rollback(ipa: Ipa, marker: Marker) -> Marker | None:
    """The marker of a rollback that the eUICC knows of and the journal does not, as after a disk that was full.

    The result of the package, which the journal still has, is void then (SGP.32 3.3.2).
    """
    done = await _found_or_none(ipa, marker)
    return None if done is None else await _keep_new_result(ipa, marker, done)


async def resume_rollback(ipa: Ipa, marker: Marker) -> Marker:
    """After a restart in the middle: if the eUICC rolled back its result is kept, else it was never decided."""
    done = await _rollback_result_on_card(ipa, marker)
    if done is not None:
        return await _keep_new_result(ipa, marker, done)
    marker = replace(marker, step=Step.RESULT)
    await ipa.journal.hold(replace(ipa.journal.content, marker=marker))
    await follow_switch(ipa, _enabled(ipa))
    return marker


def without_trial(content: JournalContent, ipa: Ipa) -> JournalContent:
    """The content when the result of the marked package is put among those that are owed."""
    marker = content.marker
    if marker is None or marker.result is None:
        return content
    item = UndeliveredResult(eim_id=marker.eim.eim_id, eim_configuration=marker.eim_configuration, result=marker.result)
    return replace(content, marker=None, undelivered=with_undelivered(content.undelivered, item, ipa.limits))


async def _roll_back_marked(ipa: Ipa, marker: Marker, *, interrupted: bool) -> Outcome:
    done = await _rollback_result_on_card(ipa, marker) if interrupted else None
    if done is None:
        try:
            response = await ipa.euicc.profile_rollback(ipa.refresh_flag)
        except (CardError, PortError, CodecError) as error:
            log.warning("ProfileRollback gave no usable answer, the card is reset: %s", error)
            await ipa.euicc.reset()
            done = await _rollback_result_on_card(ipa, marker)
            if done is None:
                response = await ipa.euicc.profile_rollback(ipa.refresh_flag)
    if done is None:
        outcome = _outcome(response)
        if outcome is Outcome.BUSY:
            await ipa.journal.hold(replace(ipa.journal.content, marker=replace(marker, step=_before(marker))))
        elif outcome is Outcome.REFUSED:
            await ipa.journal.hold(without_trial(ipa.journal.content, ipa))
        if outcome is not Outcome.DONE:
            return outcome
        done = response.euicc_package_result or await _found_or_none(ipa, marker)
    await _keep_new_result(ipa, marker, done)
    return Outcome.DONE


async def _roll_back_unmarked(ipa: Ipa, former: Iccid | None) -> Outcome:
    """The journal has no package that granted it: the eUICC still knows, and keeps the new result for its eIM."""
    try:
        response = await ipa.euicc.profile_rollback(ipa.refresh_flag)
    except (CardError, PortError, CodecError) as error:
        log.error("ProfileRollback gave no usable answer: %s", error)
        return Outcome.FAILED
    outcome = _outcome(response)
    if outcome is Outcome.DONE:
        ipa.observer.switched(Switch(origin=Origin.ROLLBACK, iccid=former, previous=_enabled(ipa)))
        # Stored results that were not handed over are pushed in the next run.
        ipa.session.pushed_to.clear()
        await ipa.journal.hold(replace(ipa.journal.content, enabled=EnabledProfile(iccid=former)))
        await follow_switch(ipa, former)
    return outcome


def _outcome(response: ProfileRollbackResponse) -> Outcome:
    if response.cmd_result == CmdResult.OK:
        return Outcome.DONE
    if response.cmd_result == CmdResult.CAT_BUSY:
        log.info("the eUICC is busy with a proactive session and does not roll back now")
        return Outcome.BUSY
    log.warning("the eUICC does not roll back: %s", response.cmd_result)
    return Outcome.REFUSED


def _before(marker: Marker) -> Step:
    return Step.LOADING if marker.result is None else Step.RESULT


def _enabled(ipa: Ipa) -> Iccid | None:
    enabled = ipa.journal.content.enabled
    return None if enabled is None else enabled.iccid


async def _rollback_result_on_card(ipa: Ipa, marker: Marker) -> EuiccPackageResult | None:
    result = await stored_result_of(ipa.euicc, marker)
    return result if result is not None and result_facts(result).rolled_back else None


async def _found_or_none(ipa: Ipa, marker: Marker) -> EuiccPackageResult | None:
    """The profile is back in any case, also when the eUICC cannot list what it stored."""
    try:
        return await _rollback_result_on_card(ipa, marker)
    except (StatusWordError, CodecError, EuiccResultError) as error:
        log.error("the result of the rollback cannot be read: %s", error)
        return None


async def _keep_new_result(ipa: Ipa, marker: Marker, result: EuiccPackageResult | None) -> Marker:
    """The former profile is back: tell it, keep what is owed for it, make the modem read the card."""
    before = marker.iccid_before
    ipa.observer.switched(Switch(origin=Origin.ROLLBACK, iccid=before, previous=_enabled(ipa)))
    if result is None:
        # The old result is void and the eUICC gave no new one: all that is certain is that there is none.
        error = EimPackageResultResponseError(
            eim_transaction_id=marker.eim_transaction_id,
            eim_package_result_error_code=EimPackageResultErrorCode.UNDEFINED_ERROR,
        )
        payload = EimPackageResult(eim_package_result_response_error=error).encode()
    else:
        payload = result.encode()
    marker = replace(marker, step=Step.RESULT, result=payload, rollback_flag=False, profile_changed=True)
    await ipa.journal.hold(replace(ipa.journal.content, marker=marker, enabled=EnabledProfile(iccid=before)))
    await follow_switch(ipa, before)
    return marker
