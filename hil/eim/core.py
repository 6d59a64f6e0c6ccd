"""The virtual eIM without I/O: one ESipa message in, one answer out (SGP.32 5.14, 6.3).

It serves GetEimPackage, ProvideEimPackageResult and HandleNotification of any version, keeps a queue per
eUICC, signs, verifies, acknowledges and remembers. The functions of an indirect profile download are relayed by
`hil.eim.relay`, if the eIM was given a way to RSP servers; without one they are answered with an error.
"""

import logging
import os
from collections.abc import Callable
from typing import Final, Protocol

from hil import crypto, tlv
from hil.clock import Clock
from hil.eim import handout, version1
from hil.eim.association import Association, Outcome, Package, PackageState, SigningFaults
from hil.eim.compact import CompactError, CompactFront
from hil.eim.content import Content
from hil.eim.forwarding import Forwarder
from hil.eim.history import History, Record, RecordKind
from hil.eim.identity import EimIdentity
from hil.eim.intake import Arrival, Intake, Receipt
from hil.eim.knobs import Acknowledge, EimKnobs, EimVersion
from hil.eim.messages import Delivery, MalformedRequestError, outer, parts, read_delivery, read_poll
from hil.eim.recovery import Recovery
from hil.eim.relay import FUNCTIONS as RELAYED
from hil.eim.relay import DownloadRelay, Routes
from hil.eim.store import EimStore
from hil.eim.transfer import acknowledgements

log = logging.getLogger(__name__)

FUNCTIONS: Final = {
    **RELAYED,
    0xBF3D: "HandleNotification",
    0xBF4E: "TransferEimPackage",
    0xBF4F: "GetEimPackage",
    0xBF50: "ProvideEimPackageResult",
}
_EID_SIZE: Final = 16
_UNDEFINED: Final = 127
_INVALID_TRANSACTION: Final = 52
_WRONG_NUMBER_OFFSET: Final = 100_000


class Provisioning(Protocol):
    """The side that loads eIM configurations into eUICCs and tells the eIM what came of it."""

    def association_token(self, eid: bytes, eim_id: str) -> int | None:
        """The token that AddInitialEim generated, None without one."""
        ...


class UnknownEuiccError(LookupError):
    """An EID that this eIM does not manage."""


def function_name(body: bytes) -> str:
    """Name of the ESipa function of a message, by its outer tag; "unknown" for anything else."""
    try:
        return FUNCTIONS.get(tlv.first(body).tag, "unknown")
    except tlv.TlvError:
        return "unknown"


class VirtualEim:
    """One eIM with all its eUICCs."""

    def __init__(
        self,
        identity: EimIdentity,
        clock: Clock,
        store: EimStore | None = None,
        *,
        ci: bytes | None = None,
        provisioning: Provisioning | None = None,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """`ci`: certificate (DER) at the top of the eUICC certificates. Raises StoreError."""
        self.identity = identity
        self.knobs = EimKnobs()
        self._clock = clock
        self._store = store or EimStore()
        self._provisioning = provisioning
        self._reported: dict[bytes, int | None] = {}
        self._listeners: list[Callable[[Record], None]] = []
        self._dispatcher = handout.Dispatcher(identity, random_bytes)
        self._intake = Intake(identity.eim_id, self.knobs, self._record, Recovery(self.knobs), ci)
        self._associations = {association.eid: association for association in self._store.load()}
        self.compact = CompactFront(self.knobs, lambda: self.associations)
        self._relay: DownloadRelay | None = None
        self.forwarder: Forwarder | None = None
        """Passes notifications on to SM-DP+, once `enable_relay` was called."""

    def enable_relay(self, routes: Routes) -> None:
        """Let the eIM talk to RSP servers: indirect downloads, and notifications that are passed on."""
        agent = f"gsma-rsp-lpad;{self.identity.eim_id}"
        self._relay = DownloadRelay(self.knobs, lambda: self.associations, routes, self._record, agent)
        self.forwarder = Forwarder(routes, self._note_forwarded, agent)
        self.subscribe(self.forwarder.record_arrived)

    def _note_forwarded(self, arrival: Arrival) -> None:
        self._record(None, "HandleNotification", arrival)

    @property
    def history(self) -> History:
        """Everything that arrived."""
        return self._store.history

    @property
    def associations(self) -> list[Association]:
        """All managed eUICCs."""
        return list(self._associations.values())

    def association(self, eid: bytes) -> Association:
        """The eUICC with this EID. Raises UnknownEuiccError."""
        try:
            return self._associations[eid]
        except KeyError:
            raise UnknownEuiccError(f"{self.identity.eim_id} does not manage EID {eid.hex()}") from None

    def subscribe(self, listener: Callable[[Record], None]) -> None:
        """Call `listener` with every new record."""
        self._listeners.append(listener)

    def associate(
        self,
        eid: bytes,
        *,
        public_key: crypto.PublicKey | None = None,
        certificate: bytes | None = None,
        eum_certificate: bytes | None = None,
        token: int | None = None,
        counter: int = 0,
    ) -> Association:
        """Manage an eUICC, or update what is known of one. Without key and certificate nothing is verified."""
        if len(eid) != _EID_SIZE:
            raise ValueError(f"an EID has {_EID_SIZE} bytes, not {len(eid)}")
        found = self._associations.setdefault(eid, Association(eid))
        if public_key is None and certificate is not None:
            public_key = crypto.public_key_from_certificate(certificate)
        if public_key is not None:
            found.public_key = crypto.spki(public_key)
        found.certificate = certificate or found.certificate
        found.eum_certificate = eum_certificate or found.eum_certificate
        found.token = token if token is not None else found.token
        found.counter = max(found.counter, counter)
        self._save()
        return found

    def set_token(self, eid: bytes, token: int | None) -> None:
        """Take over an associationToken that was learnt elsewhere (addEim result of another eIM)."""
        self.association(eid).token = token
        self._save()

    def queue(self, eid: bytes, content: Content, faults: SigningFaults | None = None) -> Package:
        """Put a content at the end of the queue of an eUICC. Raises UnknownEuiccError."""
        association = self.association(eid)
        number = max((package.number for package in association.packages), default=0) + 1
        package = Package(number, content, faults or SigningFaults())
        association.packages.append(package)
        self._save()
        return package

    def cancel(self, eid: bytes, number: int) -> Package:
        """Close a package that still waits. Raises UnknownEuiccError, also for an unknown number."""
        package = self.association(eid).package(number)
        if package is None:
            raise UnknownEuiccError(f"there is no package {number}")
        if package.open:
            package.state, package.outcome = PackageState.CLOSED, Outcome.CANCELLED
            self._save()
        return package

    def hand_out(self, eid: bytes) -> bytes | None:
        """What GetEimPackage would be answered with, for TransferEimPackage: BF51, BF52 or BF54, None for nothing.

        Raises UnknownEuiccError.
        """
        association = self.association(eid)
        self._ask_provisioning(association)
        answer = self._dispatcher.hand_out(association, self._clock.time(), self.knobs.hand_out_limit)
        self._save()
        if self.knobs.version is EimVersion.V1_0:
            answer = version1.written(answer)
        alternative = tlv.single(answer, 0xBF4F).value
        return None if alternative[:1] == b"\x02" else alternative

    def take_transferred(self, eid: bytes, result: bytes) -> Receipt:
        """Take the result in a TransferEimPackageResponse as one of ProvideEimPackageResult.

        Raises UnknownEuiccError, and MalformedRequestError for one that cannot be read.
        """
        association = self.association(eid)
        older = self.knobs.version is EimVersion.V1_0
        message = version1.read(tlv.build(0xBF50, result)) if older else tlv.build(0xBF50, tlv.build(0x5A, eid), result)
        try:
            full = self.compact.read(message)
        except CompactError as error:
            arrival = Arrival(RecordKind.RELAY, f"TransferEimPackage {error}", result)
            self._record(association, "TransferEimPackage", arrival)
            raise MalformedRequestError(str(error)) from error
        receipt = self._intake.deliver(association, read_delivery(tlv.single(full).value), "TransferEimPackage")
        self._save()
        return receipt

    def numbers_to_acknowledge(self, receipt: Receipt) -> list[int] | None:
        """The sequence numbers to name to the IPA, as the knob `acknowledge` says; None: there is nothing to say."""
        return self._numbers(receipt.numbers)

    def settle(self, eid: bytes, receipt: Receipt, numbers: list[int] | None) -> None:
        """Close the packages of a receipt, after these numbers were acknowledged. Raises UnknownEuiccError."""
        self._settle(self.association(eid), receipt, numbers, "TransferEimPackage")
        self._save()

    def transfer_received(self, eid: bytes, package: Package | None) -> None:
        """The IPA has a package whose result comes later. Raises UnknownEuiccError."""
        association = self.association(eid)
        if package is not None:
            package.state = PackageState.RECEIVED
            arrival = Arrival(RecordKind.RECEIVED, "eimPackageReceived", b"", package=package)
            package.records.append(self._record(association, "TransferEimPackage", arrival).number)
        self._save()

    def transfer_refused(self, eid: bytes, package: Package | None, code: int) -> None:
        """The IPA answered eimPackageError. Raises UnknownEuiccError."""
        self._intake.transfer_error(self.association(eid), package, code)
        self._save()

    async def answer(self, body: bytes) -> bytes | None:
        """As `handle`, in the eIM's version, with compact messages, and relaying the functions of an indirect download.

        Raises MalformedRequestError.
        """
        older = self.knobs.version is EimVersion.V1_0
        try:
            full = self.compact.read(version1.read(body) if older else body)
        except CompactError as error:
            self._record(None, function_name(body), Arrival(RecordKind.RELAY, f"{function_name(body)} {error}", body))
            if error.answer is None:
                raise MalformedRequestError(str(error)) from error
            return error.answer
        answer = await self._answer(full)
        if answer is None:
            return None
        answer = self.compact.write(full, answer)
        return version1.written(answer) if older else answer

    async def _answer(self, body: bytes) -> bytes | None:
        message = outer(body)
        if self._relay is None or message.tag not in RELAYED:
            return self.handle(body)
        answer = await self._relay.answer(message)
        self._save()
        return answer

    def handle(self, body: bytes) -> bytes | None:
        """Answer one EsipaMessageFromIpaToEim; None where the function has no response message.

        Raises MalformedRequestError for what the binding has to refuse (HTTP 400).
        """
        message = outer(body)
        match message.tag:
            case 0xBF4F:
                answer: bytes | None = self._get_eim_package(message.value)
            case 0xBF50:
                answer = self._provide_result(message.value)
            case 0xBF3D:
                self._handle_notification(message.value)
                answer = None
            case 0xBF39 | 0xBF3A | 0xBF3B | 0xBF41:
                answer = self._refuse_relay(message)
            case tag:
                raise MalformedRequestError(f"no request of an IPA has the tag {tag:X}")
        self._save()
        return answer

    def _get_eim_package(self, content: bytes) -> bytes:
        poll = read_poll(content)
        if poll.eid is None:
            return handout.package_error(handout.MISSING_EID)
        if len(poll.eid) != _EID_SIZE or not poll.eid.hex().isdecimal():
            return handout.package_error(handout.INVALID_EID)
        association = self._associations.get(poll.eid)
        if association is None:
            return handout.package_error(handout.EID_NOT_FOUND)
        association.polls += 1
        association.version1 = association.version1 or poll.version1
        association.registered_plmn = poll.plmn or association.registered_plmn
        if poll.notify_state_change:
            association.state_change_cause = poll.cause
            cause = "" if poll.cause is None else f", cause {poll.cause}"
            raw = tlv.build(0xBF4F, content)
            details = {"cause": poll.cause, "rPLMN": "" if poll.plmn is None else poll.plmn.hex().upper()}
            arrival = Arrival(RecordKind.POLL, f"state change{cause}", raw, details=details)
            self._record(association, "GetEimPackage", arrival)
        if self.knobs.get_package_error is not None:
            return handout.package_error(self.knobs.get_package_error)
        self._ask_provisioning(association)
        return self._dispatcher.hand_out(association, self._clock.time(), self.knobs.hand_out_limit)

    def _ask_provisioning(self, association: Association) -> None:
        """Take a token over when provisioning reports another one than before (new or repeated AddInitialEim)."""
        if self._provisioning is None:
            return
        token = self._provisioning.association_token(association.eid, self.identity.eim_id)
        if token is not None and token != self._reported.get(association.eid):
            self._reported[association.eid] = token
            association.token = token

    def _provide_result(self, content: bytes) -> bytes:
        delivery = read_delivery(content)
        if self.knobs.result_error is not None:
            return tlv.build(0xBF50, tlv.build(0x02, tlv.integer(self.knobs.result_error)))
        association = self._owner(delivery)
        if association is None:
            code = handout.MISSING_EID if delivery.eid is None else handout.EID_NOT_FOUND
            return tlv.build(0xBF50, tlv.build(0x02, tlv.integer(code)))
        association.version1 = association.version1 or delivery.version1
        receipt = self._intake.deliver(association, delivery, "ProvideEimPackageResult")
        return self._acknowledge(association, receipt, delivery.version1)

    def _owner(self, delivery: Delivery) -> Association | None:
        """The eUICC of a delivery; one without EID (allowed by the syntax) belongs to the package that it names."""
        if delivery.eid is not None:
            return self._associations.get(delivery.eid)
        handed = [
            association
            for association in self._associations.values()
            if any(package.open and package.handed_out for package in association.packages)
        ]
        candidates = handed if len(handed) == 1 else list(self._associations.values())
        return candidates[0] if len(candidates) == 1 else None

    def _acknowledge(self, association: Association, receipt: Receipt, version1: bool) -> bytes:
        numbers = self._numbers(receipt.numbers)
        self._settle(association, receipt, numbers, "ProvideEimPackageResult")
        if numbers is None:
            return tlv.build(0xBF50) if version1 else tlv.build(0xBF50, tlv.build(0x30))
        return tlv.build(0xBF50, acknowledgements(numbers))

    def _settle(self, association: Association, receipt: Receipt, numbers: list[int] | None, function: str) -> None:
        for package, seq_number in receipt.settled:
            if package.outcome is not Outcome.NOT_VERIFIED and (seq_number is None or seq_number in (numbers or ())):
                package.state = PackageState.CLOSED
        if numbers:
            summary = "acknowledged " + " ".join(str(number) for number in numbers)
            arrival = Arrival(RecordKind.ACKNOWLEDGED, summary, b"", details={"numbers": numbers})
            self._record(association, function, arrival)

    def _numbers(self, received: list[int]) -> list[int] | None:
        """The numbers to name, None for an emptyResponse."""
        match self.knobs.acknowledge:
            case Acknowledge.NONE:
                return None
            case Acknowledge.EMPTY_LIST:
                return []
            case Acknowledge.PARTIAL:
                return received[:1] or None
            case Acknowledge.WRONG:
                return [number + _WRONG_NUMBER_OFFSET for number in received] or None
            case Acknowledge.DUPLICATE:
                return [number for number in received for _ in range(2)] or None
            case Acknowledge.ALL:
                return received or None

    def _handle_notification(self, content: bytes) -> None:
        elements = parts(content)
        if len(elements) != 1:
            raise MalformedRequestError(f"HandleNotification with {len(elements)} elements")
        element = elements[0]
        if element.tag == 0xA0:
            inner = parts(element.value)
            if len(inner) != 1:
                raise MalformedRequestError(f"HandleNotification with {len(inner)} notifications")
            association = self._owner_of_notification(inner[0].raw)
            if association is not None:
                self._intake.notification(association, inner[0].raw, "HandleNotification", Receipt())
        elif element.tag in (0xBF50, 0xA1):
            delivery = read_delivery(element.value, bare=element.tag == 0xA1)
            association = self._owner(delivery)
            if association is not None:
                receipt = self._intake.deliver(association, delivery, "HandleNotification")
                for package, _ in receipt.settled:
                    package.state = PackageState.CLOSED
        else:
            raise MalformedRequestError(f"HandleNotification with the tag {element.tag:X}")

    def _owner_of_notification(self, raw: bytes) -> Association | None:
        """A notification names no EID: its certificate tells the eUICC, else there must be one only."""
        for association in self._associations.values():
            if association.certificate is not None and association.certificate in raw:
                return association
        if len(self._associations) == 1:
            return next(iter(self._associations.values()))
        log.warning("a notification of an unknown eUICC is dropped")
        return None

    def _refuse_relay(self, message: tlv.Tlv) -> bytes:
        fields = {part.tag: part.value for part in parts(message.value)}
        code = _INVALID_TRANSACTION if message.tag == 0xBF39 and 0x82 in fields else _UNDEFINED
        tag = 0x82 if message.tag == 0xBF3B else 0x81
        arrival = Arrival(RecordKind.RELAY, f"refused with {code}", message.raw)
        self._record(None, FUNCTIONS[message.tag], arrival)
        return tlv.build(message.tag, tlv.build(tag, tlv.integer(code)))

    def _record(self, association: Association | None, function: str, arrival: Arrival) -> Record:
        record = Record(
            number=self.history.next_number,
            time=self._clock.time(),
            eid="" if association is None else association.eid.hex().upper(),
            kind=arrival.kind,
            function=function,
            summary=arrival.summary,
            news=arrival.news,
            package=None if arrival.package is None else arrival.package.number,
            checks=arrival.checks,
            raw=arrival.raw.hex().upper(),
            decoded=arrival.decoded,
            details=arrival.details,
        )
        self.history.append(record)
        for listener in tuple(self._listeners):
            listener(record)
        return record

    def _save(self) -> None:
        self._store.save(self.associations)
