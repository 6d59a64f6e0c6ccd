"""eIM Package injection: an eIM gives a package by TransferEimPackage (SGP.32 3.1.1.2, 5.14.4).

What is done with a package is what retrieval does with it; only the result takes another way, as the answer. `take`
gives the answer, `complete` ends the matter when it is known whether that went out:

* an eUICC Package is executed and its result durable before it is answered. When the answer is lost, or the switch of
  the profile took the bearer that carried the question, the result goes to the eIM as if it had been retrieved;
* a download trigger is answered before anything is done, and its result goes by HandleNotification;
* acknowledgements remove results from the eUICC; until they come, a result stays there.

A package that comes again is answered from what was kept of it. Nothing is taken while another package or download is
unfinished, which includes a result that may still lead to a rollback.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from ipad.codec.eim import EimConfigurationData
from ipad.codec.esipa import (
    EimAcknowledgements,
    EimPackageResult,
    IpaEuiccDataRequest,
    ProfileDownloadTriggerRequest,
    TransferEimPackageRequest,
    TransferEimPackageResponse,
    TransferEimPackageResponseEimPackageError,
)
from ipad.codec.euicc_package import EuiccPackageRequest, EuiccPackageResult
from ipad.errors import CodecError, EuiccResultError, StatusWordError
from ipad.procedures.context import Ipa
from ipad.procedures.delivery import remove_acknowledged
from ipad.procedures.eim_configuration import read_eims
from ipad.procedures.euicc_data import answer_data_request
from ipad.procedures.euicc_package import answered, execute, hand_over
from ipad.procedures.package_facts import belongs_to, may_switch, result_facts
from ipad.procedures.report import Handover, PackageKind, PackageReport
from ipad.procedures.stored_results import stored_results
from ipad.records import dataclass, field, replace
from ipad.state.journal import Marker

log = logging.getLogger(__name__)

_Error = TransferEimPackageResponseEimPackageError
_MOST_TRIGGERS: Final = 16


@dataclass(kw_only=True)
class InjectionMemory:
    """The download triggers that this process took, by eIM and eimTransactionId: one is not followed twice."""

    triggers: list[tuple[str, bytes]] = field(default_factory=list)

    def is_new(self, eim_id: str, transaction_id: bytes | None) -> bool:
        """Whether a trigger is to be followed, which is remembered. One without an id is always another one."""
        if transaction_id is None:
            return True
        if (eim_id, transaction_id) in self.triggers:
            return False
        self.triggers = [*self.triggers, (eim_id, transaction_id)][-_MOST_TRIGGERS:]
        return True


@dataclass(frozen=True, kw_only=True)
class Injected:
    """A message that was taken, and what is left to do about it.

    `answer` is None when none can be given over this connection, or when `busy`: then nothing was done. `marker` is
    that of an eUICC Package whose result is durable and not handed over.
    """

    answer: TransferEimPackageResponse | None = None
    busy: bool = False
    eim: EimConfigurationData | None = None
    marker: Marker | None = None
    trigger: ProfileDownloadTriggerRequest | None = None
    data_request: IpaEuiccDataRequest | None = None


async def take(ipa: Ipa, eim_id: str, message: bytes, memory: InjectionMemory) -> Injected:
    """Do what a TransferEimPackageRequest of this eIM asks for, and return the answer; `complete` must follow.

    Raises CardError, PortError, StateError, after which a package is finished as one that was retrieved.
    """
    try:
        request = TransferEimPackageRequest.decode(message)
    except CodecError as error:
        log.warning("eIM %s injected what cannot be read: %s", eim_id, error)
        return _refused(_Error.INVALID_PACKAGE_FORMAT)
    if request.unknown is not None:
        log.warning("eIM %s injected an unknown package, %s...", eim_id, request.unknown[:3].hex().upper())
        return _refused(_Error.UNKNOWN_PACKAGE)
    content = ipa.journal.content
    if content.marker is not None or content.download is not None or ipa.observer.undecided():
        log.info("eIM %s injects while an earlier package is unfinished", eim_id)
        return Injected(busy=True)
    eims = await read_eims(ipa.euicc, ipa.journal)
    eim = next((other for other in eims if other.eim_id == eim_id), None)
    if eim is None:
        log.warning("eIM %s injects, and is not associated with this eUICC", eim_id)
        return _refused(_Error.UNDEFINED_ERROR)
    return await _take(ipa, eim, request, memory)


async def complete(ipa: Ipa, injected: Injected, *, sent: bool) -> tuple[PackageReport, ...]:
    """End what `take` began; `sent`: the answer went out. One report for each package.

    Raises CardError, PortError, StateError as retrieval does.
    """
    eim = injected.eim
    if eim is None:
        return ()
    reports: tuple[PackageReport, ...] = ()
    if injected.marker is not None:
        lost = injected.answer is None or not sent
        if injected.marker.profile_changed and not lost:
            ipa.observer.answered(eim.eim_id)
        report = await (hand_over if lost else answered)(ipa, injected.marker)
        reports = (report,)
    elif injected.trigger is not None:
        from ipad.procedures.triggered_download import process_download_trigger  # noqa: PLC0415 - seldom needed

        reports = await process_download_trigger(ipa, eim, injected.trigger, as_notification=True)
    elif injected.data_request is not None:
        report = PackageReport(
            kind=PackageKind.IPA_EUICC_DATA,
            handover=Handover.ANSWERED if sent else Handover.KEPT,
            eim_id=eim.eim_id,
            eim_transaction_id=injected.data_request.eim_transaction_id,
        )
        reports = (report,)
    await _owe_nothing_in_vain(ipa, eim)
    return reports


async def _owe_nothing_in_vain(ipa: Ipa, eim: EimConfigurationData) -> None:
    """An eIM that cannot be contacted, as one that only injects, asks again: what it may ask for is on the eUICC."""
    reason = ipa.eims.unusable(eim)
    if reason is None:
        return
    content = ipa.journal.content
    rest = tuple(item for item in content.undelivered if item.eim_id != eim.eim_id)
    if rest != content.undelivered:
        log.warning("a result waits on the eUICC until eIM %s asks for it: %s", eim.eim_id, reason)
        await ipa.journal.commit(replace(content, undelivered=rest))


async def _take(
    ipa: Ipa, eim: EimConfigurationData, request: TransferEimPackageRequest, memory: InjectionMemory
) -> Injected:
    if request.euicc_package_request is not None:
        return await _euicc_package(ipa, eim, request.euicc_package_request)
    if request.ipa_euicc_data_request is not None:
        data = await answer_data_request(ipa, eim.eim_id, request.ipa_euicc_data_request)
        answer = TransferEimPackageResponse(ipa_euicc_data_response=data)
        return Injected(answer=answer, eim=eim, data_request=request.ipa_euicc_data_request)
    if request.eim_acknowledgements is not None:
        await _obey(ipa, eim, request.eim_acknowledgements)
        return Injected(answer=_received(), eim=eim)
    trigger = request.profile_download_trigger_request
    assert trigger is not None
    if not memory.is_new(eim.eim_id, trigger.eim_transaction_id):
        log.info("eIM %s injected a download trigger again", eim.eim_id)
        return Injected(answer=_received(), eim=eim)
    return Injected(answer=_received(), eim=eim, trigger=trigger)


async def _euicc_package(ipa: Ipa, eim: EimConfigurationData, request: EuiccPackageRequest) -> Injected:
    signed = request.euicc_package_signed
    if signed.eim_id != eim.eim_id:
        log.warning("eIM %s injected a package of eIM %.128s", eim.eim_id, signed.eim_id)
        return _refused(_Error.UNDEFINED_ERROR)
    earlier = await _earlier(ipa, request)
    if earlier is not None:
        log.info("eIM %s injected package %d again, it is not executed twice", eim.eim_id, signed.counter_value)
        return Injected(answer=_answer(earlier), eim=eim)
    session = await ipa.connectivity.data_session() if may_switch(request) else None
    marker = await execute(ipa, eim, request)
    assert marker.result is not None
    if marker.profile_changed and not await _bearer_survives(ipa, session):
        return Injected(eim=eim, marker=marker)
    return Injected(answer=_answer(marker.result), eim=eim, marker=marker)


async def _bearer_survives(ipa: Ipa, session: str | None) -> bool:
    """Whether the bearer of before the switch is there and is meant to be, as where the eUICC's modem is not used."""
    if session is None or not await ipa.connectivity.wait_new_session(session, 0.0):
        return False
    return await ipa.connectivity.data_session() == session


async def _earlier(ipa: Ipa, request: EuiccPackageRequest) -> bytes | None:
    """The result of this very package as it was or would have been delivered; None when it was never accepted."""
    for item in ipa.journal.content.undelivered:
        result = _result_in(EimPackageResult.decode(item.result))
        if result is not None and _is_of(result, request):
            return item.result
    try:
        stored = [result for result in await stored_results(ipa.euicc) if _is_of(result, request)]
    except (StatusWordError, CodecError, EuiccResultError) as error:
        # The eUICC executes nothing twice either: it counts.
        log.warning("the stored results cannot be read: %s", error)
        return None
    newest = max(stored, key=lambda result: result_facts(result).seq_number or 0, default=None)
    return None if newest is None else newest.encode()


def _is_of(result: EuiccPackageResult, request: EuiccPackageRequest) -> bool:
    signed = request.euicc_package_signed
    return belongs_to(result, signed.eim_id, signed.counter_value, signed.eim_transaction_id)


def _result_in(result: EimPackageResult) -> EuiccPackageResult | None:
    if result.epr_and_notifications is not None:
        return result.epr_and_notifications.euicc_package_result
    return result.euicc_package_result


async def _obey(ipa: Ipa, eim: EimConfigurationData, acknowledgements: EimAcknowledgements) -> None:
    """Remove what the eIM has; a result that was owed to it is owed no more."""
    numbers = _numbers(ipa, acknowledgements)
    await remove_acknowledged(ipa, numbers)
    content = ipa.journal.content
    rest = tuple(
        item
        for item in content.undelivered
        if item.eim_id != eim.eim_id or _number_of(EimPackageResult.decode(item.result)) not in numbers
    )
    await ipa.journal.commit(replace(content, undelivered=rest))


def _numbers(ipa: Ipa, acknowledgements: EimAcknowledgements) -> Sequence[int]:
    known = dict.fromkeys(number for number in acknowledgements.sequence_numbers if number >= 0)
    return tuple(known)[: ipa.limits.acknowledgements]


def _number_of(result: EimPackageResult) -> int | None:
    found = _result_in(result)
    return None if found is None else result_facts(found).seq_number


def _answer(result: bytes) -> TransferEimPackageResponse:
    """The answer with an EimPackageResult, byte for byte; what was lost has a code of its own here."""
    read = EimPackageResult.decode(result)
    if read.eim_package_result_response_error is not None:
        return TransferEimPackageResponse(eim_package_error=_Error.UNDEFINED_ERROR)
    return TransferEimPackageResponse(unknown=result)


def _received() -> TransferEimPackageResponse:
    return TransferEimPackageResponse(eim_package_received=True)


def _refused(code: TransferEimPackageResponseEimPackageError) -> Injected:
    return Injected(answer=TransferEimPackageResponse(eim_package_error=code))
