"""The SM-DP+ without I/O: ES9+ functions on the objects of SGP.22 5.6.

Each function returns the members of a successful answer as bytes, or raises RspStatus. What arrives and cannot be
believed never changes an order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hil import codec, tlv
from hil.crypto import CryptoError, PublicKey, sign, verify
from hil.pki.pki import Credential
from hil.rsp import status
from hil.rsp.authentication import AuthenticatedEuicc, Challenge, EuiccRefusedError, Identity, authenticate, challenge
from hil.rsp.status import RspStatus
from hil.smdp.binding import Binding, assemble, bind
from hil.smdp.orders import Order, OrderBook, ProfileState

_SIGNATURE = 0x5F37
_FREE_MEMORY = 0x82
_ADDITIONAL_PROFILE = 0
_SIZE_FACTOR = 1.5
_RETRIABLE_REASONS = (8, 10, 11, 127)
_POSTPONING_REASONS = (1, 2)

Tamper = Callable[[bytes], bytes]


@dataclass
class Session:
    """One mutual authentication and what follows from it."""

    asked: Challenge
    euicc: AuthenticatedEuicc | None = None
    order: Order | None = None
    smdp_signed2: bytes = b""
    smdp_signature2: bytes = b""
    finished: bool = False


@dataclass(frozen=True)
class InstallationReport:
    """A ProfileInstallationResult as received. `reason` None is success."""

    transaction_id: bytes
    iccid: bytes | None
    command: int | None
    reason: int | None
    verified: bool


@dataclass
class SmDpPlus:
    """A SM-DP+ with its orders. `binding_credentials` (CERT.DPpb) are keyed by the CI's key identifier."""

    identity: Identity
    oid: str
    binding_credentials: Mapping[bytes, Credential]
    orders: OrderBook = field(default_factory=OrderBook)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    tamper_package: Tamper | None = None
    """Changes a bound package before it is sent (faults)."""
    sessions: dict[bytes, Session] = field(default_factory=dict)
    bindings: dict[str, Binding] = field(default_factory=dict)
    """Kept for retries, by ICCID."""
    notifications: list[bytes] = field(default_factory=list)
    reports: list[InstallationReport] = field(default_factory=list)

    def initiate_authentication(self, euicc_challenge: bytes, euicc_info1: bytes, address: str) -> Challenge:
        """ES9+.InitiateAuthentication (5.6.1)."""
        asked = challenge(self.identity, euicc_challenge, euicc_info1, address)
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
        self._check_eligible(order, euicc)
        order.check_open(euicc.eid, self.clock())
        session.euicc, session.order = euicc, order
        signed2: dict[str, Any] = {
            "transactionId": transaction_id,
            "ccRequiredFlag": order.confirmation_hash is not None,
        }
        kept = self.bindings.get(order.metadata.iccid) if order.state is ProfileState.DOWNLOADED else None
        if kept is not None:
            signed2["bppEuiccOtpk"] = kept.euicc_otpk
        signer = self._signer(session)
        session.smdp_signed2 = codec.encode("SmdpSigned2", signed2)
        signature = sign(signer.key, session.smdp_signed2 + euicc.signature1)
        session.smdp_signature2 = tlv.build(_SIGNATURE, signature)
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
        euicc_otpk, hash_cc = self._prepared(session, response)
        order = session.order
        order.check_confirmation_code(hash_cc, transaction_id)
        signer = self._signer(session)
        binding = self.bindings.get(order.metadata.iccid)
        if binding is None or binding.euicc_otpk != euicc_otpk:
            if binding is not None and not order.rebinding_allowed:
                raise RspStatus(status.REBINDING_REFUSED)
            binding = self._bind(order, session.euicc, euicc_otpk, signer)
            self.bindings[order.metadata.iccid] = binding
        order.enter(ProfileState.DOWNLOADED, "package handed out")
        package = assemble(binding, transaction_id, signer)
        return self.tamper_package(package) if self.tamper_package is not None else package

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
        self._cancelled(session, fields["reason"])

    def handle_notification(self, notification: bytes) -> None:
        """ES9+.HandleNotification (5.6.4): stored first, judged afterwards; repeats are harmless."""
        self.notifications.append(notification)
        try:
            outer = tlv.single(notification)
            if outer.tag == 0xBF37:
                self._installed(outer)
        except (tlv.TlvError, codec.CodecError, ValueError) as error:
            raise RspStatus(status.MALFORMED, str(error)) from error

    def _session(self, transaction_id: bytes) -> Session:
        session = self.sessions.get(transaction_id)
        if session is None or session.finished:
            raise RspStatus(status.UNKNOWN_TRANSACTION)
        return session

    def _signer(self, session: Session) -> Credential:
        return self.binding_credentials[session.asked.ci_key_id]

    def _check_eligible(self, order: Order, euicc: AuthenticatedEuicc) -> None:
        if not codec.has_bit(euicc.info2["rspCapability"], _ADDITIONAL_PROFILE):
            raise RspStatus(status.NOT_ELIGIBLE, "the eUICC takes no additional profile")
        forbidden = euicc.info2.get("forbiddenProfilePolicyRules")
        if forbidden is not None and any(codec.has_bit(forbidden, rule) for rule in order.metadata.policy_rules):
            raise RspStatus(status.NOT_ELIGIBLE, "a policy rule is forbidden on this eUICC")
        resources = {part.tag: part.value for part in tlv.children(euicc.info2["extCardResource"])}
        free = int.from_bytes(resources.get(_FREE_MEMORY, b"\xff\xff\xff\xff"), "big")
        if len(order.package) * _SIZE_FACTOR > free:
            raise RspStatus(status.INSUFFICIENT_MEMORY, f"{free} bytes are free")

    def _prepared(self, session: Session, response: bytes) -> tuple[bytes, bytes | None]:
        assert session.euicc is not None
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
        if not verify(session.euicc.public_key, signature.value, signed.raw + session.smdp_signature2):
            raise RspStatus(status.SIGNATURE_INVALID, "euiccSignature2")
        return fields["euiccOtpk"], fields.get("hashCc")

    def _bind(self, order: Order, euicc: AuthenticatedEuicc, euicc_otpk: bytes, signer: Credential) -> Binding:
        metadata = order.metadata.encode(self.identity.address)
        try:
            return bind(
                order.package, metadata, euicc.eid, euicc_otpk, signer, protection_keys=order.use_protection_keys
            )
        except CryptoError as error:
            raise RspStatus(status.SIGNATURE_INVALID, f"euiccOtpk: {error}") from error

    def _cancelled(self, session: Session, reason: int) -> None:
        order = session.order
        if order is None:
            return
        if reason not in _POSTPONING_REASONS:
            order.enter(ProfileState.ERROR, f"cancelled with reason {reason}")
        elif order.state is not ProfileState.DOWNLOADED:
            order.enter(ProfileState.RELEASED, f"postponed with reason {reason}")

    def _installed(self, outer: tlv.Tlv) -> None:
        data, signature = tlv.children(outer.value)[:2]
        fields = codec.decode("ProfileInstallationResultData", data.raw)
        kind, result = fields["finalResult"]
        success = kind == "successResult"
        session = self.sessions.get(fields["transactionId"])
        key: PublicKey | None = session.euicc.public_key if session is not None and session.euicc is not None else None
        report = InstallationReport(
            fields["transactionId"],
            fields["notificationMetadata"].get("iccid"),
            None if success else result["bppCommandId"],
            None if success else result["errorReason"],
            key is not None and verify(key, signature.value, data.raw),
        )
        self.reports.append(report)
        if session is not None and session.order is not None and report.verified and not session.finished:
            session.finished = True
            self._close(session.order, report)

    def _close(self, order: Order, report: InstallationReport) -> None:
        if report.reason is None:
            order.enter(ProfileState.INSTALLED, "installed")
            self.bindings.pop(order.metadata.iccid, None)
        elif report.reason not in _RETRIABLE_REASONS:
            order.enter(ProfileState.ERROR, f"errorReason {report.reason}")
