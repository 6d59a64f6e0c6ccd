"""Profile rollback (SGP.32 3.3.2, 5.9.16): back to the former profile when the new one does not reach the eIM.

The eUICC enforces whether it is allowed; the IPA only decides when. The result that the eUICC makes for it replaces
that of the package, which must not be sent any more.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from ipad.codec.esipa import EimPackageResult, EimPackageResultErrorCode, EimPackageResultResponseError
from ipad.codec.euicc_package import CmdResult, EuiccPackageResult, ProfileRollbackResponse
from ipad.errors import CardError, CodecError, PortError
from ipad.procedures.context import Ipa
from ipad.procedures.package_facts import result_facts
from ipad.procedures.stored_results import stored_result_of
from ipad.state.journal import EnabledProfile, Marker, Step

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RollbackOutcome:
    """What became of it. `marker` carries the result that is now owed to the eIM.

    `blocked`: the eUICC is busy; nothing else may run before it was asked again, because any further package would take
    away the right to roll back.
    """

    marker: Marker
    rolled_back: bool = False
    blocked: bool = False


async def roll_back(ipa: Ipa, marker: Marker) -> RollbackOutcome:
    """Call ES10b.ProfileRollback and make the owed result durable. Also continues an interrupted rollback.

    Raises CardError or PortError when the eUICC gives no answer twice; the step ROLLBACK stays in the journal then.
    """
    interrupted = marker.step is Step.ROLLBACK
    marker = replace(marker, step=Step.ROLLBACK)
    await ipa.journal.set_marker(marker)
    if interrupted:
        done = await _rollback_result_on_card(ipa, marker)
        if done is not None:
            return await _keep_new_result(ipa, marker, done)
    try:
        response = await _ask(ipa)
    except (CardError, PortError, CodecError) as error:
        log.warning("ProfileRollback gave no usable answer, the card is reset: %s", error)
        await ipa.euicc.reset()
        done = await _rollback_result_on_card(ipa, marker)
        if done is not None:
            return await _keep_new_result(ipa, marker, done)
        response = await _ask(ipa)
    if response.cmd_result == CmdResult.CAT_BUSY:
        marker = replace(marker, step=Step.RESULT)
        await ipa.journal.set_marker(marker)
        return RollbackOutcome(marker=marker, blocked=True)
    if response.cmd_result != CmdResult.OK:
        log.warning("the eUICC does not roll back: %s", response.cmd_result)
        marker = replace(marker, step=Step.RESULT, rollback_flag=False)
        await ipa.journal.set_marker(marker)
        return RollbackOutcome(marker=marker)
    result = response.euicc_package_result or await _rollback_result_on_card(ipa, marker)
    return await _keep_new_result(ipa, marker, result)


async def finish_rollback(ipa: Ipa, marker: Marker) -> None:
    """Follow the switch back: drop card session and bearer, make the modem read the former profile."""
    await ipa.eims.close_all()
    await ipa.euicc.close()
    await ipa.connectivity.recover_sim(marker.iccid_before)


async def _ask(ipa: Ipa) -> ProfileRollbackResponse:
    response = await ipa.euicc.profile_rollback(ipa.refresh_flag)
    for pause in ipa.timers.busy_retries:
        if response.cmd_result != CmdResult.CAT_BUSY:
            break
        log.info("the eUICC is busy with a proactive session, asking again in %g s", pause)
        await ipa.clock.sleep(pause)
        response = await ipa.euicc.profile_rollback(ipa.refresh_flag)
    return response


async def _rollback_result_on_card(ipa: Ipa, marker: Marker) -> EuiccPackageResult | None:
    result = await stored_result_of(ipa.euicc, marker)
    return result if result is not None and result_facts(result).rolled_back else None


async def _keep_new_result(ipa: Ipa, marker: Marker, result: EuiccPackageResult | None) -> RollbackOutcome:
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
    enabled = EnabledProfile(iccid=marker.iccid_before)
    await ipa.journal.commit(replace(ipa.journal.content, marker=marker, enabled=enabled))
    return RollbackOutcome(marker=marker, rolled_back=True)
