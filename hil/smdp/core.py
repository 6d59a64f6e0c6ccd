"""The SM-DP+ without I/O: ES9+ functions on the objects of SGP.22 5.6.

Each function returns the members of a successful answer as bytes, or raises RspStatus. What arrives and cannot be
believed never changes an order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from hil import codec, tlv
from hil.crypto import CryptoError, PublicKey, curve_of, generate_key, sign, verify
from hil.pki.pki import Credential
from hil.rsp import status
from hil.rsp.authentication import (
    AuthenticatedEuicc,
    Challenge,
    EuiccRefusedError,
    Forge,
    Identity,
    Mistake,
    authenticate,
    challenge,
    flipped,
)
from hil.rsp.status import RspStatus
from hil.smdp.binding import Binding, assemble, bind
from hil.smdp.eligibility import check_eligible
from hil.smdp.flaws import PackageFlaw
from hil.smdp.knobs import SmDpKnobs
from hil.smdp.orders import Order, OrderBook, ProfileState
from hil.smdp.results import InstallationReport, NotificationReport, read_installation, read_notification

_SIGNATURE: Final = 0x5F37
_RETRIABLE_REASONS: Final = (8, 10, 11, 127)
_POSTPONING_REASONS: Final = (1, 2)
_BINDING_FORGERIES: Final = (Mistake.EXPIRED_BINDING_CERTIFICATE, Mistake.OTHER_BINDING_OID)


@dataclass
class Session:
    """One mutual authentication and what follows from it."""

    asked: Challenge
    euicc: AuthenticatedEuicc | None = None
    order: Order | None = None
    smdp_signed2: bytes = b""
    smdp_signature2: bytes = b""
    finished: bool = False


@dataclass
class ExpectedResult:
    """A package was handed out: who will sign the ProfileInstallationResult, and for which order."""

    order: int
    public_key: PublicKey
    closed: bool = False


@dataclass
class SmDpPlus:
    """A SM-DP+ with its orders. `binding_credentials` (CERT.DPpb) are keyed by the CI's key identifier."""

    identity: Identity
    oid: str
    binding_credentials: Mapping[bytes, Credential]
    orders: OrderBook = field(default_factory=OrderBook)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    knobs: SmDpKnobs = field(default_factory=SmDpKnobs)
    forge: Forge | None = None
    """Makes the certificates of `knobs.mistakes`."""
    on_change: Callable[[], None] = lambda: None
    """Called after each function that may have changed an order."""
    on_order: Callable[[Order], None] = lambda _: None
    """Called with each order whose state changed."""
    sessions: dict[bytes, Session] = field(default_factory=dict)
    bindings: dict[int, Binding] = field(default_factory=dict)
    """Kept for retries, by the number of the order."""
    expected: dict[bytes, ExpectedResult] = field(default_factory=dict)
    """By transactionId; kept when a session is over, because results come late and again."""
    notifications: list[bytes] = field(default_factory=list)
    reports: list[InstallationReport] = field(default_factory=list)
    events: list[NotificationReport] = field(default_factory=list)

    def initiate_authentication(self, euicc_challenge: bytes, euicc_info1: bytes, address: str) -> Challenge:
        """ES9+.InitiateAuthentication (5.6.1)."""
        identity = self.identity
        if self.knobs.strict_address:
            if address != identity.host:
                raise RspStatus(status.INVALID_SMDP_ADDRESS, address)
            identity = replace(identity, address=identity.host)
        asked = challenge(
            identity, euicc_challenge, euicc_info1, address, mistakes=self.knobs.mistakes, forge=self.forge
        )
        self.sessions[asked.transaction_id] = Session(asked)
        return asked

    def authenticate_client(self, transaction_id: bytes, response: bytes) -> Mapping[str, bytes]:
        """ES9+.AuthenticateClient (5.6.3)."""
        session = self._session(transaction_id)
        try:
            euicc = authenticate(self.identity, session.asked, response, at=self.clock())
        except EuiccRefusedError as error:
            session.finished = True
            raise RspStatus(status.SIGNATURE_INVALID, str(error)) from error
        order = self.orders.find(euicc.matching_id, euicc.eid)
        with _Watch(self, order):
            order.check_open(euicc.eid, self.clock())
            if not self.knobs.ignore_eligibility:
                check_eligible(order, euicc.info2)
            order.begin(euicc.eid)
        session.euicc, session.order = euicc, order
        signer = self._signer(session)
        self._sign_offer(session, order, euicc, signer)
        return {
            "profileMetadata": order.metadata.encode(self.identity.address),
            "smdpSigned2": session.smdp_signed2,
            "smdpSignature2": session.smdp_signature2,
            "smdpCertificate": signer.certificate,
        }

    def get_bound_profile_package(self, transaction_id: bytes, response: bytes) -> bytes:
        """ES9+.GetBoundProfilePackage (5.6.2): the BF36 TLV."""
        session = self._session(transaction_id)
        if session.euicc is None or session.order is None:
            raise RspStatus(status.UNKNOWN_TRANSACTION, "not authenticated")
        euicc_otpk, hash_cc = self._prepared(session, session.euicc, response)
        order = session.order
        with _Watch(self, order):
            order.check_expiry(self.clock())
            order.check_confirmation_code(hash_cc, transaction_id)
            signer = self._signer(session)
            binding = self._binding(order, session.euicc, euicc_otpk, signer)
            order.enter(ProfileState.DOWNLOADED, "package handed out")
        self.expected[transaction_id] = ExpectedResult(order.number, session.euicc.public_key)
        self.on_change()
        return assemble(binding, transaction_id, signer, self.knobs.package_flaw)

    def cancel_session(self, transaction_id: bytes, response: bytes) -> None:
        """ES9+.CancelSession (5.6.5). The error form and an ended session are taken without complaint."""
        session = self.sessions.get(transaction_id)
        if session is None:
            raise RspStatus(status.UNKNOWN_TRANSACTION)
        try:
            arm = tlv.children(tlv.single(response, 0xBF41).value)[0]
            if arm.tag != 0xA0:
                session.finished = True
                return
            signed, signature = tlv.children(arm.value)[:2]
            fields = codec.decode("EuiccCancelSessionSigned", signed.raw)
        except (tlv.TlvError, codec.CodecError, IndexError, ValueError) as error:
            raise RspStatus(status.SIGNATURE_INVALID, f"CancelSessionResponse: {error}") from error
        if session.euicc is None or not verify(session.euicc.public_key, signature.value, signed.raw):
            raise RspStatus(status.SIGNATURE_INVALID, "euiccCancelSessionSignature")
        if fields["transactionId"] != transaction_id:
            raise RspStatus(status.UNKNOWN_TRANSACTION)
        if fields["smdpOid"] != self.oid:
            raise RspStatus(status.WRONG_SMDP_OID, fields["smdpOid"])
        session.finished = True
        if session.order is not None:
            with _Watch(self, session.order):
                _cancelled(session.order, fields["reason"])

    def handle_notification(self, notification: bytes) -> None:
        """ES9+.HandleNotification (5.6.4): stored first, judged afterwards; repeats are harmless."""
        self.notifications.append(notification)
        try:
            outer = tlv.single(notification)
            if outer.tag == 0xBF37:
                self._installed(outer)
            else:
                self.events.append(read_notification(outer, self.identity.authorities, self.clock()))
        except (tlv.TlvError, codec.CodecError, ValueError) as error:
            raise RspStatus(status.MALFORMED, str(error)) from error

    def _session(self, transaction_id: bytes) -> Session:
        session = self.sessions.get(transaction_id)
        if session is None or session.finished:
            raise RspStatus(status.UNKNOWN_TRANSACTION)
        return session

    def _signer(self, session: Session) -> Credential:
        """CERT.DPpb of the session's CI and its key."""
        credential = next(iter(self.binding_credentials.values()))
        credential = self.binding_credentials.get(session.asked.ci_key_id, credential)
        for mistake in _BINDING_FORGERIES:
            if mistake in self.knobs.mistakes and self.forge is not None:
                credential = self.forge(mistake, credential)
        return credential

    def _sign_offer(self, session: Session, order: Order, euicc: AuthenticatedEuicc, signer: Credential) -> None:
        mistakes = self.knobs.mistakes
        transaction_id = session.asked.transaction_id
        signed2: dict[str, Any] = {
            "transactionId": bytes(16) if Mistake.SMDP_TRANSACTION in mistakes else transaction_id,
            "ccRequiredFlag": order.confirmation_hash is not None,
        }
        kept = self.bindings.get(order.number) if order.state is ProfileState.DOWNLOADED else None
        if kept is not None:
            signed2["bppEuiccOtpk"] = kept.euicc_otpk
        session.smdp_signed2 = codec.encode("SmdpSigned2", signed2)
        signature = sign(signer.key, session.smdp_signed2 + euicc.signature1)
        session.smdp_signature2 = tlv.build(_SIGNATURE, flipped(signature, Mistake.SMDP_SIGNATURE in mistakes))

    @staticmethod
    def _prepared(session: Session, euicc: AuthenticatedEuicc, response: bytes) -> tuple[bytes, bytes | None]:
        try:
            arm = tlv.children(tlv.single(response, 0xBF21).value)[0]
            if arm.tag == 0xA1:
                session.finished = True
                raise RspStatus(status.SIGNATURE_INVALID, f"downloadErrorCode {tlv.find(arm.value, 0x02).value.hex()}")
            signed, signature = tlv.children(arm.value)[:2]
            fields = codec.decode("EUICCSigned2", signed.raw)
        except (tlv.TlvError, codec.CodecError, IndexError, ValueError) as error:
            raise RspStatus(status.SIGNATURE_INVALID, f"PrepareDownloadResponse: {error}") from error
        if fields["transactionId"] != session.asked.transaction_id:
            raise RspStatus(status.UNKNOWN_TRANSACTION, "transactionId in euiccSigned2")
        if not verify(euicc.public_key, signature.value, signed.raw + session.smdp_signature2):
            raise RspStatus(status.SIGNATURE_INVALID, "euiccSignature2")
        return fields["euiccOtpk"], fields.get("hashCc")

    def _binding(self, order: Order, euicc: AuthenticatedEuicc, euicc_otpk: bytes, signer: Credential) -> Binding:
        """The stored binding for the same one-time key, else a new one (SGP.22 3.1.3)."""
        other_metadata = self.knobs.package_flaw is PackageFlaw.OTHER_METADATA
        kept = self.bindings.get(order.number)
        if kept is not None and kept.euicc_otpk == euicc_otpk and not other_metadata:
            return kept
        if kept is not None and not order.rebinding_allowed:
            raise RspStatus(status.REBINDING_REFUSED)
        metadata = replace(order.metadata, profile_name="another name") if other_metadata else order.metadata
        try:
            made = bind(
                order.package,
                metadata.encode(self.identity.address),
                euicc.eid,
                euicc_otpk,
                one_time=generate_key(curve_of(signer.key)),
                protection_keys=order.use_protection_keys,
            )
        except CryptoError as error:
            raise RspStatus(status.SIGNATURE_INVALID, f"euiccOtpk: {error}") from error
        if not other_metadata:
            self.bindings[order.number] = made
        return made

    def _installed(self, outer: tlv.Tlv) -> None:
        report = read_installation(outer, {key: item.public_key for key, item in self.expected.items()})
        self.reports.append(report)
        expected = self.expected.get(report.transaction_id)
        if expected is None or not report.verified or expected.closed:
            return
        expected.closed = True
        session = self.sessions.get(report.transaction_id)
        if session is not None:
            session.finished = True
        order = self.orders.numbered(expected.order)
        if order is not None:
            with _Watch(self, order):
                self._close(order, report)

    def _close(self, order: Order, report: InstallationReport) -> None:
        if report.reason is None:
            order.enter(ProfileState.INSTALLED, "installed")
            self.bindings.pop(order.number, None)
        elif report.reason not in _RETRIABLE_REASONS:
            order.enter(ProfileState.ERROR, f"errorReason {report.reason}")


def _cancelled(order: Order, reason: int) -> None:
    if reason not in _POSTPONING_REASONS:
        order.enter(ProfileState.ERROR, f"cancelled with reason {reason}")
    elif order.state is not ProfileState.DOWNLOADED:
        order.enter(ProfileState.RELEASED, f"postponed with reason {reason}")


class _Watch:
    """Tells the SM-DP+'s listeners what became of an order, also when the function fails."""

    def __init__(self, smdp: SmDpPlus, order: Order) -> None:
        self._smdp = smdp
        self._order = order
        self._before = order.state

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        if self._order.state is not self._before:
            self._smdp.on_order(self._order)
        self._smdp.on_change()
