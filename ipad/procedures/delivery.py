"""Delivery of a result to its eIM and removal of what the eIM acknowledges (SGP.32 3.3.1 steps 9 to 17, 5.14.6)."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ipad.codec.eim import EimConfigurationData
from ipad.codec.esipa import (
    HandleNotificationEsipa,
    ProvideEimPackageResult,
    ProvideEimPackageResultError,
    ProvideEimPackageResultResponse,
)
from ipad.codec.notification import DeleteNotificationStatus
from ipad.errors import ExchangeError, HttpStatusError, NetworkError
from ipad.policy.backoff import Retry, retry_decision
from ipad.policy.limits import Limits
from ipad.procedures.context import Ipa
from ipad.procedures.observer import tell_outcome
from ipad.procedures.ports import Eim
from ipad.procedures.report import Handover
from ipad.records import dataclass, replace
from ipad.state.journal import UndeliveredResult

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How a delivery ended: the eIM's answer, or the error of the last attempt."""

    handover: Handover
    acknowledged: tuple[int, ...] = ()
    refusal: ProvideEimPackageResultError | None = None
    network_error: NetworkError | None = None

    @property
    def answered(self) -> bool:
        """Whether the eIM was reached and has the result."""
        return self.handover is not Handover.KEPT


async def deliver(
    ipa: Ipa,
    targets: Sequence[EimConfigurationData],
    result: bytes,
    *,
    pauses: Sequence[float] = (),
    as_notification: bool = False,
) -> Delivery:
    """Send an EimPackageResult TLV, byte for byte the same each time, until the eIM answers.

    Each attempt tries the targets in order. After a failure the next attempt waits for the next of `pauses`; an error
    that does not pass by itself ends the attempts. An answer with an error code counts as delivered: the eIM was
    reached. `as_notification`: the result of a direct download, see `_hand_over`.
    """
    message = ipa.wrap_result(result)
    failure: NetworkError | None = None
    for pause in (0.0, *pauses):
        if pause:
            await ipa.clock.sleep(_pause(pause, failure, ipa.timers.new_session))
        for target in targets:
            reason = ipa.eims.unusable(target)
            if reason is not None:
                failure = failure or _unreachable(target, reason)
                continue
            try:
                answer = await _hand_over(ipa.eims.to(target), message, as_notification=as_notification)
            except NetworkError as error:
                log.warning("result not delivered to %s: %s", target.eim_id, error)
                failure = error
                tell_outcome(ipa.observer, target.eim_id, error)
                await ipa.eims.drop(target)
            else:
                ipa.observer.answered(target.eim_id)
                return Delivery(handover=Handover.ANSWERED) if answer is None else _read_answer(ipa, answer)
        if failure is not None and retry_decision(failure) is not Retry.SOON:
            break
        if all(ipa.eims.unusable(target) is not None for target in targets):
            break
    return Delivery(handover=Handover.KEPT, network_error=failure)


def _unreachable(eim: EimConfigurationData, reason: str) -> NetworkError:
    return NetworkError(f"eIM {eim.eim_id} cannot be contacted: {reason}", layer="dns", transient=False)


async def _hand_over(
    eim: Eim, message: ProvideEimPackageResult, *, as_notification: bool
) -> ProvideEimPackageResultResponse | None:
    """Send the message itself, or inside HandleNotification, which has no answer (SGP.32 3.2.3 step 13).

    An eIM that refuses that form gets the plain one: those of v1.0 know no other.
    """
    if as_notification:
        try:
            await eim.handle_notification(HandleNotificationEsipa(provide_eim_package_result=message))
        except (HttpStatusError, ExchangeError) as error:
            log.info("the result is not taken as a notification, so it is provided: %s", error)
        else:
            return None
    return await eim.provide_eim_package_result(message)


def _read_answer(ipa: Ipa, answer: ProvideEimPackageResultResponse) -> Delivery:
    refusal = answer.provide_eim_package_result_error
    if refusal is not None:
        log.warning("the eIM took the result with error %s", refusal)
        return Delivery(handover=Handover.REFUSED, refusal=refusal)
    if answer.eim_acknowledgements is None or not answer.eim_acknowledgements.sequence_numbers:
        return Delivery(handover=Handover.ANSWERED)
    numbers = dict.fromkeys(number for number in answer.eim_acknowledgements.sequence_numbers if number >= 0)
    return Delivery(handover=Handover.ACKNOWLEDGED, acknowledged=tuple(numbers)[: ipa.limits.acknowledgements])


async def correction(ipa: Ipa, result: bytes, delivery: Delivery) -> bytes | None:
    """The EimPackageResult TLV that has to follow a delivered one which was misread; None where nothing has to."""
    if not delivery.answered:
        return None
    from ipad.procedures.misread_result import genuine_result  # noqa: PLC0415 - seldom needed

    return await genuine_result(ipa, result, delivery.acknowledged)


async def remove_acknowledged(ipa: Ipa, numbers: Sequence[int]) -> None:
    """Remove results and notifications by number; one that is not on the eUICC is no error (SGP.32 5.9.12).

    A ProfileInstallationResult that the IPA itself owes to an SM-DP+ stays until that has it, whatever an eIM says.
    Raises StateError, and removes nothing, while the journal that would be found after a power cut is an older one: by
    what is stored on the eUICC the next start tells that a rollback has made a result void.
    """
    if numbers:
        await ipa.journal.commit(ipa.journal.content)
    owed = ipa.journal.content.direct_results if ipa.rsp is not None else ()
    for number in numbers:
        if number in owed:
            log.info("result %d is still owed to its SM-DP+", number)
            continue
        status = await ipa.euicc.remove_notification_from_list(number)
        if status not in (DeleteNotificationStatus.OK, DeleteNotificationStatus.NOTHING_TO_DELETE):
            log.warning("the eUICC did not remove entry %d: %s", number, status)


async def deliver_now(ipa: Ipa, eim: EimConfigurationData, result: bytes) -> Delivery:
    """Deliver with repeated attempts and remove what is acknowledged."""
    delivery = await deliver(ipa, (eim,), result, pauses=ipa.timers.delivery_retries)
    await remove_acknowledged(ipa, delivery.acknowledged)
    return delivery


async def deliver_kept(ipa: Ipa, eim: EimConfigurationData, item: UndeliveredResult) -> Delivery:
    """Deliver a result that is in the journal, with repeated attempts; it stays there until the eIM has it."""
    delivery = await deliver(
        ipa, (eim,), item.result, pauses=ipa.timers.delivery_retries, as_notification=item.as_notification
    )
    if delivery.answered:
        await remove_acknowledged(ipa, delivery.acknowledged)
        content = ipa.journal.content
        rest = tuple(other for other in content.undelivered if other != item)
        await ipa.journal.commit(replace(content, undelivered=rest))
    return delivery


async def deliver_owed(ipa: Ipa, item: UndeliveredResult, current: EimConfigurationData | None) -> Delivery:
    """One attempt for a result of an earlier run: where the eIM was then, and where it is now."""
    targets = [EimConfigurationData.decode(item.eim_configuration)]
    if current is not None and current != targets[0]:
        targets.append(current)
    delivery = await deliver(ipa, targets, item.result, as_notification=item.as_notification)
    genuine = None if item.as_notification else await correction(ipa, item.result, delivery)
    if genuine is not None:
        await remove_acknowledged(ipa, delivery.acknowledged)
        content, misread = ipa.journal.content, item
        item = replace(item, result=genuine)
        owed = tuple(item if other == misread else other for other in content.undelivered)
        await ipa.journal.commit(replace(content, undelivered=owed))
        delivery = await deliver(ipa, targets, item.result)
    if delivery.answered:
        await remove_acknowledged(ipa, delivery.acknowledged)
        content = ipa.journal.content
        rest = tuple(other for other in content.undelivered if other != item)
        await ipa.journal.commit(replace(content, undelivered=rest))
    return delivery


def with_undelivered(
    owed: tuple[UndeliveredResult, ...], item: UndeliveredResult, limits: Limits
) -> tuple[UndeliveredResult, ...]:
    """Add a result to those that are owed. Beyond the limits the oldest are given up, which is logged."""
    if item in owed:
        return owed
    kept = [*owed, item]
    while len(kept) > limits.undelivered_results or _size(kept) > limits.undelivered_bytes > _size(kept[-1:]):
        lost = kept.pop(0)
        log.error("a result for eIM %s is given up: there are too many that cannot be delivered", lost.eim_id)
    return tuple(kept)


def _size(items: Sequence[UndeliveredResult]) -> int:
    return sum(len(item.result) + len(item.eim_configuration) for item in items)


def _pause(pause: float, failure: NetworkError | None, limit: float) -> float:
    """The pause before the next attempt: what the server asks for, within bounds, if that is longer."""
    if isinstance(failure, HttpStatusError) and failure.retry_after is not None:
        return max(pause, min(failure.retry_after, limit))
    return pause
