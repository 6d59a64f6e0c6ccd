"""eIM Package retrieval (SGP.32 3.1.1.1): one run over the eIMs of the eUICC.

First what an interrupted run left is finished, then each eIM has its turn: results that it is owed, its packages one by
one, stored results that it may never have had, notifications. A failing eIM ends its own turn only; a failing card or
journal ends the run with the exception, and the next run continues where this one stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from ipad.clock import EARLIEST_WALL
from ipad.codec.eim import EimConfigurationData
from ipad.codec.esipa import (
    EimPackageError,
    EimPackageResult,
    EimPackageResultErrorCode,
    EimPackageResultResponseError,
    GetEimPackageRequest,
    GetEimPackageResponse,
)
from ipad.codec.euicc_package import EuiccPackageResult
from ipad.errors import ExchangeError, HttpStatusError, NetworkError, TransportError
from ipad.ids import Plmn
from ipad.procedures.context import Ipa
from ipad.procedures.delivery import (
    Delivery,
    deliver,
    deliver_kept,
    deliver_now,
    deliver_owed,
    remove_acknowledged,
    with_undelivered,
)
from ipad.procedures.eim_configuration import read_eims
from ipad.procedures.euicc_package import process_euicc_package, resume
from ipad.procedures.notification import deliver_notifications
from ipad.procedures.notification_receivers import deliver_to_receivers
from ipad.procedures.observer import tell_outcome
from ipad.procedures.package_facts import readable_transaction_id
from ipad.procedures.report import (
    EimReport,
    Handover,
    NotificationReport,
    PackageKind,
    PackageReport,
    RunReport,
)
from ipad.procedures.start import split_eims
from ipad.procedures.stored_results import emergency_active, stored_results
from ipad.records import dataclass, field, replace
from ipad.state.journal import Origin, UndeliveredResult

log = logging.getLogger(__name__)

_KNOWN_PACKAGES = (b"\xbf\x51", b"\xbf\x52", b"\xbf\x54")
_ERROR_TAG = b"\x02"
_MOST_REPEATS = 2
_NOT_MANAGED = (EimPackageError.EID_NOT_FOUND, EimPackageError.INVALID_EID, EimPackageError.MISSING_EID)


async def run(ipa: Ipa, only: Collection[str] | None = None) -> RunReport:
    """One run over all eIMs, or over those named in `only` and those that a package adds meanwhile.

    During an emergency call nothing is polled. Raises CardError, PortError or StateError when the eUICC or the journal
    cannot be used any further.
    """
    try:
        if await emergency_active(ipa.euicc, ecall_supported=ipa.session.ecall_supported):
            return RunReport(suspended="the emergency profile is enabled")
        return await _Run(ipa, only).go()
    finally:
        await ipa.eims.close_all()


@dataclass
class _Turn:
    """What has happened in one eIM's turn."""

    eim: EimConfigurationData
    packages: list[PackageReport] = field(default_factory=list)
    eim_error: EimPackageError | None = None
    network_error: NetworkError | None = None
    notifications: NotificationReport = field(default_factory=NotificationReport)
    more: bool = False
    last: bytes = b""
    repeats: int = 0

    def report(self) -> EimReport:
        """The turn as it is printed."""
        return EimReport(
            eim_id=self.eim.eim_id,
            packages=tuple(self.packages),
            eim_error=self.eim_error,
            network_error=self.network_error,
            notifications=self.notifications,
            more=self.more,
            repeating=self.repeats >= _MOST_REPEATS,
        )

    def is_repeating(self, response: bytes) -> bool:
        """Whether the eIM gives the package again and again that it has the result of."""
        self.repeats = self.repeats + 1 if response == self.last else 0
        self.last = response
        return self.repeats >= _MOST_REPEATS


class _Run:
    def __init__(self, ipa: Ipa, only: Collection[str] | None) -> None:
        self._ipa = ipa
        self._only = only
        self._eims: tuple[EimConfigurationData, ...] = ()
        self._blocked = False

    async def go(self) -> RunReport:
        recovered = await self._recover()
        before = {eim.eim_id for eim in await self._read_eims()}
        # An eIM that does not have the result of its last package would only give that package again.
        done = {
            item.eim_id: EimReport(eim_id=item.eim_id, network_error=item.network_error)
            for item in recovered
            if item.handover in (Handover.REFUSED, Handover.KEPT)
        }
        while not self._blocked and (eim := self._next(set(done), before)) is not None:
            done[eim.eim_id] = await self._turn(eim)
        if any(eim.reached for eim in done.values()):
            await self._save_time()
        if any(eim.network_error is not None for eim in done.values()):
            # Its address may have been misread.
            self._ipa.euicc.forget()
        receivers = NotificationReport()
        if not self._blocked:
            receivers = await deliver_to_receivers(self._ipa, only_owed=any(eim.reached for eim in done.values()))
        present = {eim.eim_id for eim in self._eims}
        owed = [item.eim_id in present for item in self._ipa.journal.content.undelivered]
        return RunReport(
            eims=tuple(done.values()),
            unusable=split_eims(self._eims, self._ipa.eims)[1],
            recovered=tuple(recovered),
            undelivered=owed.count(True),
            orphaned=owed.count(False),
            receivers=receivers,
        )

    async def _recover(self) -> list[PackageReport]:
        """Finish the package that an interrupted run left, then what is owed to eIMs that are no longer associated."""
        recovered: list[PackageReport] = []
        package = await resume(self._ipa)
        if package is not None:
            recovered.append(package)
            self._blocked = package.blocked or self._ipa.observer.undecided()
        if not self._blocked and self._ipa.journal.content.download is not None:
            from ipad.procedures.download_result import resume_download  # noqa: PLC0415 - seldom needed

            await resume_download(self._ipa)
        if self._blocked or not self._ipa.journal.content.undelivered:
            return recovered
        present = {eim.eim_id for eim in await self._read_eims()}
        for item in self._ipa.journal.content.undelivered:
            if item.eim_id not in present and not (package and item.eim_id == package.eim_id):
                delivery = await deliver_owed(self._ipa, item, None)
                if delivery.answered:
                    recovered.append(_stored_report(item, delivery))
        return recovered

    async def _read_eims(self) -> tuple[EimConfigurationData, ...]:
        self._eims = await read_eims(self._ipa.euicc, self._ipa.journal)
        return self._eims

    def _next(self, done: set[str], before: set[str]) -> EimConfigurationData | None:
        """The next usable eIM in the order of the card that had no turn; one that is new is taken in any case."""
        usable, _ = split_eims(self._eims, self._ipa.eims)
        for eim in usable:
            wanted = self._only is None or eim.eim_id in self._only or eim.eim_id not in before
            if wanted and eim.eim_id not in done:
                return eim
        return None

    async def _turn(self, eim: EimConfigurationData) -> EimReport:
        turn = _Turn(eim)
        try:
            await self._deliver_owed(turn)
            if self._ipa.journal.origin is Origin.DAMAGED:
                # A marker may be lost with it: an eIM without the result would hand out the same package again.
                await self._push_stored_results(turn)
            if await self._poll(turn) and not self._blocked and self._present(turn.eim):
                await self._push_stored_results(turn)
                turn.notifications = await deliver_notifications(self._ipa, turn.eim)
                turn.network_error = turn.notifications.network_error
        except NetworkError as error:
            log.warning("eIM %s: %s", turn.eim.eim_id, error)
            tell_outcome(self._ipa.observer, turn.eim.eim_id, error)
            await self._ipa.eims.drop(turn.eim)
            turn.network_error = error
        return turn.report()

    def _present(self, eim: EimConfigurationData) -> bool:
        return any(other.eim_id == eim.eim_id for other in self._eims)

    async def _deliver_owed(self, turn: _Turn) -> None:
        """Results of earlier runs go first: the eIM would hand out the same package again."""
        for item in self._ipa.journal.content.undelivered:
            if item.eim_id == turn.eim.eim_id:
                delivery = await deliver_owed(self._ipa, item, turn.eim)
                if _is_refused(delivery):
                    continue
                if delivery.network_error is not None:
                    raise delivery.network_error
                report = _stored_report(item, delivery)
                self._ipa.session.note_handed_over(report.result)
                turn.packages.append(report)

    async def _poll(self, turn: _Turn) -> bool:
        """Take packages until there is none or it is another eIM's turn. False: nothing more is to be sent here."""
        for _ in range(self._ipa.limits.packages_per_run):
            response = await self._get_eim_package(turn.eim)
            if response.eim_package_error is not None:
                turn.eim_error = response.eim_package_error
                return response.eim_package_error not in _NOT_MANAGED
            if turn.is_repeating(response.encode()):
                log.warning("eIM %s hands out the same package for the third time", turn.eim.eim_id)
                return True
            packages = await self._process(turn.eim, response)
            turn.packages += packages
            package = packages[-1]
            self._blocked = package.blocked or package.on_trial
            if package.eims_changed:
                await self._read_eims()
            if package.network_error is not None:
                turn.network_error = package.network_error
            if self._blocked or not package.delivered or package.handover is Handover.REFUSED:
                return False
            current = next((eim for eim in self._eims if eim.eim_id == turn.eim.eim_id), None)
            if current is None or current not in split_eims(self._eims, self._ipa.eims)[0]:
                return False
            if current.encode() != turn.eim.encode():
                await self._ipa.eims.drop(turn.eim)
                turn.eim = current
        turn.more = True
        return True

    async def _get_eim_package(self, eim: EimConfigurationData) -> GetEimPackageResponse:
        """ESipa.GetEimPackage; a state change is told until one request that carried it was answered."""
        journal = self._ipa.journal
        kept = journal.content.notify.get(eim.eim_id)
        cause = kept if kept is not None else self._ipa.session.announce.get(eim.eim_id)
        plmn = await self._registered_plmn()
        request = GetEimPackageRequest(
            eid_value=self._ipa.eid.octets,
            notify_state_change=cause is not None,
            state_change_cause=cause,
            r_plmn=None if plmn is None else plmn.encode(),
        )
        response = await self._ipa.eims.to(eim).get_eim_package(request)
        self._ipa.observer.answered(eim.eim_id)
        self._ipa.session.announce.pop(eim.eim_id, None)
        if kept is not None:
            notify = {other: value for other, value in journal.content.notify.items() if other != eim.eim_id}
            await journal.commit(replace(journal.content, notify=notify))
        return response

    async def _registered_plmn(self) -> Plmn | None:
        try:
            return await self._ipa.connectivity.registered_plmn()
        except TransportError as error:
            log.info("the registered network is not known: %s", error)
            return None

    async def _process(self, eim: EimConfigurationData, response: GetEimPackageResponse) -> tuple[PackageReport, ...]:
        """Carry out what the eIM gave; never without a report."""
        ipa = self._ipa
        if response.euicc_package_request is not None:
            return (await process_euicc_package(ipa, eim, response.euicc_package_request),)
        if response.ipa_euicc_data_request is not None:
            from ipad.procedures.euicc_data import answer_data_request  # noqa: PLC0415 - seldom needed

            data_request = response.ipa_euicc_data_request
            answer = await answer_data_request(ipa, eim.eim_id, data_request)
            delivery = await deliver_now(ipa, eim, answer.encode())
            if delivery.answered and answer.ipa_euicc_data is not None:
                for stored in answer.ipa_euicc_data.euicc_package_result_list or ():
                    ipa.session.note_handed_over(stored)
            return (_report(PackageKind.IPA_EUICC_DATA, eim, data_request.eim_transaction_id, delivery),)
        if response.profile_download_trigger_request is not None:
            from ipad.procedures.triggered_download import process_download_trigger  # noqa: PLC0415 - seldom needed

            return await process_download_trigger(ipa, eim, response.profile_download_trigger_request)
        kind, transaction_id, result = _refuse(response)
        delivery = await self._deliver_unstored(eim, result)
        error = result.eim_package_result_response_error
        report = _report(kind, eim, transaction_id, delivery)
        return (replace(report, error_code=None if error is None else error.eim_package_result_error_code),)

    async def _deliver_unstored(self, eim: EimConfigurationData, result: EimPackageResult) -> Delivery:
        """Deliver a result that nobody else keeps: it stays in the journal until the eIM has it."""
        item = UndeliveredResult(eim_id=eim.eim_id, eim_configuration=eim.encode(), result=result.encode())
        journal = self._ipa.journal
        owed = with_undelivered(journal.content.undelivered, item, self._ipa.limits)
        await journal.commit(replace(journal.content, undelivered=owed))
        return await deliver_kept(self._ipa, eim, item)

    async def _push_stored_results(self, turn: _Turn) -> None:
        """Once per process: results on the eUICC that may never have reached this eIM; it recognises repeats."""
        ipa = self._ipa
        if turn.eim.eim_id in ipa.session.pushed_to:
            return
        for result in await stored_results(ipa.euicc):
            signed = result.euicc_package_result_signed
            if signed is None:
                continue
            data = signed.euicc_package_result_data_signed
            if data.eim_id != turn.eim.eim_id or data.seq_number in ipa.session.handed_over:
                continue
            delivery = await deliver(ipa, (turn.eim,), result.encode())
            if _is_refused(delivery):
                continue
            if delivery.network_error is not None:
                raise delivery.network_error
            await remove_acknowledged(ipa, delivery.acknowledged)
            ipa.session.note_handed_over(result)
            report = _report(PackageKind.STORED_RESULT, turn.eim, data.eim_transaction_id, delivery)
            turn.packages.append(replace(report, counter_value=data.counter_value, result=result))
        ipa.session.pushed_to.add(turn.eim.eim_id)

    async def _save_time(self) -> None:
        """Save the time now and then as a lower bound for a start without a clock; only a time at which TLS worked."""
        now = int(self._ipa.clock.time())
        content = self._ipa.journal.content
        if now >= EARLIEST_WALL and now - content.time_floor >= self._ipa.timers.save_time:
            await self._ipa.journal.hold(replace(content, time_floor=now))


def _is_refused(delivery: Delivery) -> bool:
    """Whether the eIM was reached and does not take this very message: that must not keep it from being polled."""
    error = delivery.network_error
    return isinstance(error, HttpStatusError) and not error.transient


def _refuse(response: GetEimPackageResponse) -> tuple[PackageKind, bytes | None, EimPackageResult]:
    """The answer to a package that is not known, or known and damaged (SGP.32 3.1.1.1)."""
    package = response.unknown or b""
    if package.startswith(_ERROR_TAG):
        raise ExchangeError("GetEimPackage: eimPackageError is no INTEGER")
    damaged = package.startswith(_KNOWN_PACKAGES)
    kind = PackageKind.INVALID if damaged else PackageKind.UNKNOWN
    transaction_id = readable_transaction_id(package)
    code = EimPackageResultErrorCode.INVALID_PACKAGE_FORMAT if damaged else EimPackageResultErrorCode.UNKNOWN_PACKAGE
    error = EimPackageResultResponseError(eim_transaction_id=transaction_id, eim_package_result_error_code=code)
    return kind, transaction_id, EimPackageResult(eim_package_result_response_error=error)


def _report(
    kind: PackageKind, eim: EimConfigurationData, transaction_id: bytes | None, delivery: Delivery
) -> PackageReport:
    return PackageReport(
        kind=kind,
        handover=delivery.handover,
        eim_id=eim.eim_id,
        eim_transaction_id=transaction_id,
        acknowledged=delivery.acknowledged,
        refusal=delivery.refusal,
        network_error=delivery.network_error,
    )


def _stored_report(item: UndeliveredResult, delivery: Delivery) -> PackageReport:
    decoded = EimPackageResult.decode(item.result)
    result: EuiccPackageResult | None = decoded.euicc_package_result
    if decoded.epr_and_notifications is not None:
        result = decoded.epr_and_notifications.euicc_package_result
    return PackageReport(
        kind=PackageKind.STORED_RESULT,
        handover=delivery.handover,
        eim_id=item.eim_id,
        acknowledged=delivery.acknowledged,
        refusal=delivery.refusal,
        result=result,
        network_error=delivery.network_error,
    )
