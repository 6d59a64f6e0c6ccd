"""Results, data and notifications that an IPA delivers: verified, matched, recorded (SGP.32 5.14.6, 5.14.7).

The eIM is idempotent: the same object may arrive any number of times, each arrival is acknowledged, only the
first is news. Results are matched by (EID, eimTransactionId) or (EID, counterValue), never by seqNumber.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hil import codec, tlv
from hil.eim import verification
from hil.eim.association import Association, Outcome, Package, PackageState
from hil.eim.content import ContentKind
from hil.eim.euicc_data import store_objects
from hil.eim.history import Check, Record, RecordKind
from hil.eim.knobs import EimKnobs
from hil.eim.messages import Delivery, EuiccData, integer, parts, read_euicc_data
from hil.eim.notifications import read_notification, verify_notification
from hil.eim.recovery import Recovery
from hil.eim.verification import SIGNED_ERROR, SIGNED_RESULT, PackageResult, read_package_result, verify_result
from hil.eim.views import decoded

_UNREADABLE = (codec.CodecError, tlv.TlvError, ValueError, KeyError)


@dataclass
class Receipt:
    """What a delivery leaves to acknowledge: sequence numbers in order of arrival, and the packages they settle."""

    numbers: list[int] = field(default_factory=list)
    settled: list[tuple[Package, int | None]] = field(default_factory=list)


@dataclass(frozen=True)
class Arrival:
    """One object with what the eIM makes of it, before it becomes a record."""

    kind: RecordKind
    summary: str
    raw: bytes
    checks: tuple[Check, ...] = ()
    news: bool = True
    package: Package | None = None
    decoded: Any = None
    details: dict[str, Any] = field(default_factory=dict)


Recorder = Callable[[Association | None, str, Arrival], Record]


class Intake:
    """Takes deliveries for one eIM."""

    def __init__(self, eim_id: str, knobs: EimKnobs, recorder: Recorder, recovery: Recovery, ci: bytes | None) -> None:
        self._eim_id = eim_id
        self._knobs = knobs
        self._record = recorder
        self._recovery = recovery
        self._ci = ci

    def deliver(self, association: Association, delivery: Delivery, function: str) -> Receipt:
        """Take a ProvideEimPackageResult, wherever it came from."""
        receipt = Receipt()
        if delivery.package_result is not None:
            self._package_result(association, delivery.package_result, function, receipt)
            for raw in delivery.notifications:
                self.notification(association, raw, function, receipt)
        elif delivery.data is not None:
            self._data(association, delivery.data, function, receipt)
        elif delivery.download is not None:
            self._download(association, delivery.download, function, receipt)
        elif delivery.error is not None:
            self._package_error(association, delivery.error, function, receipt)
        return receipt

    def notification(self, association: Association, raw: bytes, function: str, receipt: Receipt) -> None:
        """Take one PendingNotification. It is acknowledged even when it is not genuine: an eIM only forwards it."""
        try:
            found = read_notification(raw)
        except _UNREADABLE as error:
            check = Check("decodes", False, str(error))
            self._record(association, function, Arrival(RecordKind.NOTIFICATION, "unreadable", raw, (check,)))
            return
        checks = verify_notification(association, found, self._ci)
        details = {
            "seqNumber": found.seq_number,
            "operation": found.operation,
            "iccid": found.iccid,
            "notificationAddress": found.address,
            "form": found.form,
        }
        news = self._is_news(association, raw)
        arrival = Arrival(RecordKind.NOTIFICATION, found.summary, raw, checks, news, None, None, details)
        self._record(association, function, arrival)
        if found.seq_number is not None:
            receipt.numbers.append(found.seq_number)

    def _package_result(self, association: Association, raw: bytes, function: str, receipt: Receipt) -> None:
        try:
            result = read_package_result(raw)
        except _UNREADABLE as error:
            package = self._match(association, None, None)
            check = Check("decodes", False, str(error))
            arrival = Arrival(RecordKind.RESULT, "unreadable", raw, (check,), package=package)
            record = self._record(association, function, arrival)
            if package is not None:
                self._conclude(package, record, Outcome.NOT_VERIFIED, str(error))
            return
        package = self._match(association, result.transaction_id, result.counter)
        checks = verify_result(association, result, package, self._eim_id, legacy=self._knobs.accept_legacy_signatures)
        news = self._is_news(association, raw)
        summary = verification.describe(result)
        details = {"arm": result.arm, "seqNumber": result.seq_number, "counterValue": result.counter}
        view = decoded("EuiccPackageResult", raw)
        arrival = Arrival(RecordKind.RESULT, summary, raw, checks, news, package, view, details)
        record = self._record(association, function, arrival)
        if not record.verified:
            if package is not None and news:
                failed = ", ".join(check.name for check in checks if check.passed is False)
                self._conclude(package, record, Outcome.NOT_VERIFIED, f"{summary}; failed: {failed}")
            return
        if news:
            self._apply(association, result, package, record)
        if result.arm == SIGNED_RESULT and result.seq_number is not None:
            receipt.numbers.append(result.seq_number)
        if package is not None:
            receipt.settled.append((package, result.seq_number))

    def _apply(self, association: Association, result: PackageResult, package: Package | None, record: Record) -> None:
        """Draw the conclusions from a verified result that was not seen before."""
        if result.arm == SIGNED_RESULT:
            association.last_seq = max(association.last_seq or 0, result.seq_number or 0)
            association.counter = max(association.counter, result.counter or 0)
        if package is None:
            return
        if result.arm == SIGNED_RESULT:
            outcome = Outcome.OK if verification.all_ok(result) else Outcome.FAILED
            self._conclude(package, record, Outcome.ROLLED_BACK if result.rolled_back else outcome, record.summary)
        elif result.arm == SIGNED_ERROR:
            self._conclude(package, record, Outcome.REFUSED, record.summary)
            self._recovery.signed_error(association, package, result.fields["euiccPackageErrorCode"])
        else:
            self._conclude(package, record, Outcome.UNSIGNED, record.summary)
            self._recovery.unsigned_error(association, package, result.fields.get("associationToken"))

    def _data(self, association: Association, raw: bytes, function: str, receipt: Receipt) -> None:
        data = read_euicc_data(raw)
        package = self._match(association, data.transaction_id, None)
        tags = [f"{tag:X}" for tag in data.objects]
        view = decoded("IpaEuiccDataResponse", raw) if data.enveloped else {"tags": tags}
        if data.error_code is not None:
            summary = f"ipaEuiccDataError {data.error_code}"
            arrival = Arrival(RecordKind.DATA, summary, raw, package=package, decoded=view)
            record = self._record(association, function, arrival)
            if package is not None:
                self._conclude(package, record, Outcome.IPA_ERROR, summary)
                receipt.settled.append((package, None))
            return
        summary = "data " + " ".join(tags)
        checks = store_objects(association, data, learn=self._knobs.learn_certificate)
        details = {"enveloped": data.enveloped}
        arrival = Arrival(RecordKind.DATA, summary, raw, checks, True, package, view, details)
        record = self._record(association, function, arrival)
        self._contained(association, data, function, receipt)
        if package is not None:
            failed = ", ".join(check.name for check in checks if check.passed is False)
            self._conclude(package, record, Outcome.NOT_VERIFIED if failed else Outcome.OK, failed or summary)
            receipt.settled.append((package, None))
            self._recovery.data_received(association, package)

    def _contained(self, association: Association, data: EuiccData, function: str, receipt: Receipt) -> None:
        for result in data.package_results:
            self._package_result(association, result, function, receipt)
        for notification in data.notifications:
            self.notification(association, notification, function, receipt)

    def _download(self, association: Association, raw: bytes, function: str, receipt: Receipt) -> None:
        fields = {part.tag: part for part in parts(tlv.single(raw, 0xBF54).value)}
        transaction_id = fields[0x82].value if 0x82 in fields else None
        package = self._match(association, transaction_id, None)
        if 0xBF37 in fields:
            installed = self._is_installed(fields[0xBF37].raw)
            summary = "profile installed" if installed else "profile not installed"
            outcome = Outcome.OK if installed else Outcome.FAILED
        else:
            reason = [part.value for part in parts(fields[0x30].value if 0x30 in fields else b"") if part.tag == 0x80]
            summary = f"profileDownloadError {integer(reason[0]) if reason else '(v1.0)'}"
            outcome = Outcome.IPA_ERROR
        news, view = self._is_news(association, raw), decoded("ProfileDownloadTriggerResult", raw)
        arrival = Arrival(RecordKind.DOWNLOAD, summary, raw, news=news, package=package, decoded=view)
        record = self._record(association, function, arrival)
        if 0xBF37 in fields:
            self.notification(association, fields[0xBF37].raw, function, receipt)
        if package is not None:
            self._conclude(package, record, outcome, summary)
            receipt.settled.append((package, None))

    @staticmethod
    def _is_installed(result: bytes) -> bool:
        try:
            final = tlv.find(result, 0xBF37, 0xBF27, 0xA2)
            return tlv.single(final.value).tag == 0xA0
        except tlv.TlvError:
            return False

    def _package_error(self, association: Association, content: bytes, function: str, receipt: Receipt) -> None:
        fields = {part.tag: part.value for part in parts(content)}
        package = self._match(association, fields.get(0x80), None)
        summary = f"eimPackageResultError {integer(fields.get(0x02, b''))}"
        raw = tlv.build(0xA0, content)
        arrival = Arrival(RecordKind.PACKAGE_ERROR, summary, raw, package=package)
        record = self._record(association, function, arrival)
        if package is not None:
            self._conclude(package, record, Outcome.IPA_ERROR, summary)
            receipt.settled.append((package, None))

    def transfer_error(self, association: Association, package: Package | None, code: int) -> None:
        """Take the eimPackageError of a TransferEimPackageResponse."""
        summary = f"eimPackageError {code}"
        arrival = Arrival(RecordKind.PACKAGE_ERROR, summary, b"", package=package)
        record = self._record(association, "TransferEimPackage", arrival)
        if package is not None:
            self._conclude(package, record, Outcome.IPA_ERROR, summary)
            package.state = PackageState.CLOSED

    @staticmethod
    def _match(association: Association, transaction_id: bytes | None, counter: int | None) -> Package | None:
        """The package an answer belongs to; an answer that names neither belongs to the one that is handed out."""
        handed = [package for package in reversed(association.packages) if package.handed_out]
        if transaction_id is not None:
            return next((package for package in handed if _has_transaction(package, transaction_id)), None)
        if counter is not None:
            return next((package for package in handed if package.counter == counter), None)
        return next((package for package in handed if package.state is PackageState.HANDED_OUT), None)

    @staticmethod
    def _is_news(association: Association, raw: bytes) -> bool:
        digest = hashlib.sha256(raw).hexdigest()
        if digest in association.seen:
            return False
        association.seen.add(digest)
        return True

    @staticmethod
    def _conclude(package: Package, record: Record, outcome: Outcome, detail: str) -> None:
        package.outcome, package.detail = outcome, detail
        package.records.append(record.number)
        if package.state is not PackageState.CLOSED:
            package.state = PackageState.RESULT_RECEIVED


def _has_transaction(package: Package, transaction_id: bytes) -> bool:
    """Whether the eIM gave the package this eimTransactionId; one that was sent as it is may have it somewhere."""
    if package.content.kind is ContentKind.RAW:
        return transaction_id in package.content.body
    return package.transaction_id == transaction_id
