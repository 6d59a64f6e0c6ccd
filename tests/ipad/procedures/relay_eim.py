"""An eIM in memory that relays to the virtual SM-DP+."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from hil import codec, tlv
from hil.rsp import status
from hil.rsp.status import RspStatus
from hil.smdp.core import SmDpPlus
from hil.smds.core import SmDs
from ipad.codec.esipa import HandleNotificationEsipa, ProvideEimPackageResult
from ipad.errors import HttpStatusError, IpadError, NetworkError

TXID = b"\xa1\xa2\xa3\xa4"
Tamper = Callable[[bytes], bytes]


@dataclass
class RelayEim:
    """An eIM that hands out triggers, takes results, and relays to a SM-DP+ (SGP.32 5.14). Messages are bytes.

    `matching_id`, `context`, `compact`, `hash_cc`, `refuse`: what it adds, leaves out and refuses.
    """

    smdp: SmDpPlus
    smds: SmDs | None = None
    queue: list[bytes] = field(default_factory=list)
    results: list[bytes] = field(default_factory=list)
    notifications: list[bytes] = field(default_factory=list)
    messages: list[int] = field(default_factory=list)
    matching_id: str | None = None
    context: bytes | None = None
    compact: bool = False
    with_metadata: bool = True
    confirmation_hash: bytes | None = None
    refuse: dict[int, int] = field(default_factory=dict)  # tag -> error code
    redirect: bytes | None = None  # trigger that an SM-DS answer becomes
    key_id: bytes | None = None
    smdp_addresses: list[str | None] = field(default_factory=list)
    eim_transaction_ids: list[bytes | None] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    reachable: bool = True
    takes_results_as_notifications: bool = True
    tamper: Tamper = lambda package: package
    lose: dict[int, list[IpadError]] = field(default_factory=dict)
    causes: list[int | None] = field(default_factory=list)

    def offer(self, download_data: bytes = b"", transaction_id: bytes | None = TXID) -> None:
        """Queue a trigger; the data are the alternative's TLV."""
        parts = [tlv.build(0xA0, download_data)] if download_data else []
        if transaction_id is not None:
            parts.append(tlv.build(0x82, transaction_id))
        self.queue.append(tlv.build(0xBF4F, tlv.build(0xBF54, *parts)))

    async def exchange(self, message: bytes) -> bytes:
        if not self.reachable:
            raise NetworkError("the eIM does not answer", layer="tcp")
        outer = tlv.single(message)
        self.messages.append(outer.tag)
        if self.lose.get(outer.tag):
            raise self.lose[outer.tag].pop(0)
        return self._answer(outer, message)

    def _answer(self, outer: tlv.Tlv, message: bytes) -> bytes:
        handlers = {
            0xBF4F: self._get_eim_package,
            0xBF50: self._provide,
            0xBF3D: self._handle_notification,
            0xBF39: self._initiate,
            0xBF3B: self._authenticate,
            0xBF3A: self._package,
            0xBF41: self._cancel,
        }
        if outer.tag in self.refuse:
            tag = 0x82 if outer.tag == 0xBF3B else 0x81
            return tlv.build(outer.tag, tlv.build(tag, bytes([self.refuse[outer.tag]])))
        try:
            return handlers[outer.tag](message)
        except RspStatus as error:
            codes = {status.CODE_REFUSED: 3, status.MATCHING_ID_REFUSED: 6}
            tag = 0x82 if outer.tag == 0xBF3B else 0x81
            return tlv.build(outer.tag, tlv.build(tag, bytes([codes.get(error.code, 127)])))

    def _get_eim_package(self, message: bytes) -> bytes:
        fields = codec.decode("GetEimPackageRequest", message)
        self.causes.append(fields.get("stateChangeCause"))
        return self.queue[0] if self.queue else bytes.fromhex("BF4F03020101")

    def _provide(self, message: bytes) -> bytes:
        self._take(message)
        result = ProvideEimPackageResult.decode(message).eim_package_result
        trigger = result.profile_download_trigger_result
        pir = trigger.profile_download_trigger_result_data.profile_installation_result if trigger else None
        if pir is None:
            return bytes.fromhex("BF50023000")
        number = pir.profile_installation_result_data.notification_metadata.seq_number
        self.smdp.handle_notification(pir.encode())
        return tlv.build(0xBF50, tlv.build(0xBF53, tlv.build(0x80, bytes([number]))))

    def _take(self, message: bytes) -> None:
        if message not in self.results and self.queue:
            del self.queue[0]
        self.results.append(message)

    def _handle_notification(self, message: bytes) -> bytes:
        decoded = HandleNotificationEsipa.decode(message)
        if decoded.provide_eim_package_result is not None:
            if not self.takes_results_as_notifications:
                raise HttpStatusError("500", status=500, transient=True)
            self._take(decoded.provide_eim_package_result.encode())
        else:
            assert decoded.pending_notification is not None
            self.notifications.append(decoded.pending_notification.encode())
            self.smdp.handle_notification(decoded.pending_notification.encode())
        return b""

    def _initiate(self, message: bytes) -> bytes:
        fields = codec.decode("InitiateAuthenticationRequestEsipa", message)
        self.smdp_addresses.append(fields.get("smdpAddress"))
        self.eim_transaction_ids.append(fields.get("eimTransactionId"))
        info1 = next(part.raw for part in tlv.children(tlv.single(message).value) if part.tag == 0xBF20)
        server = self.smds if self.smds is not None else self.smdp
        asked = server.initiate_authentication(fields["euiccChallenge"], info1, server.identity.address)
        key_id = self.key_id if self.key_id is not None else asked.ci_key_id
        parts = [] if self.compact else [tlv.build(0x80, asked.transaction_id)]
        parts += [asked.server_signed1, asked.server_signature1]
        parts += [tlv.build(0x04, key_id[:3] if self.compact else key_id), asked.certificate]
        if self.matching_id is not None:
            parts.append(tlv.build(0x0C, self.matching_id.encode()))
        if self.context is not None:
            parts.append(tlv.build(0xA2, self.context))
        return tlv.build(0xBF39, tlv.build(0xA0, *parts))

    def _authenticate(self, message: bytes) -> bytes:
        transaction_id, response = _id_and(message, 0xBF38)
        if self.smds is not None:
            self.smds.authenticate_client(transaction_id, response)
            self.smds = None
            parts = [tlv.build(0x80, transaction_id), self.redirect or b""]
            return tlv.build(0xBF3B, tlv.build(0xA1, *parts))
        offer = self.smdp.authenticate_client(transaction_id, response)
        parts = [] if self.compact else [tlv.build(0x80, transaction_id)]
        if self.with_metadata:
            parts.append(offer["profileMetadata"])
        parts += [offer["smdpSigned2"], offer["smdpSignature2"], offer["smdpCertificate"]]
        if self.confirmation_hash is not None:
            parts.append(tlv.build(0x04, hashlib.sha256(self.confirmation_hash + transaction_id).digest()))
        return tlv.build(0xBF3B, tlv.build(0xA0, *parts))

    def _package(self, message: bytes) -> bytes:
        transaction_id, response = _id_and(message, 0xBF21)
        package = self.tamper(self.smdp.get_bound_profile_package(transaction_id, response))
        parts = [] if self.compact else [tlv.build(0x80, transaction_id)]
        return tlv.build(0xBF3A, tlv.build(0xA0, *parts, package))

    def _cancel(self, message: bytes) -> bytes:
        transaction_id, _ = _id_and(message, 0xA1)
        arm = tlv.children(tlv.single(message).value)[1]
        response = tlv.build(0xBF41, arm.value)
        kind, value = codec.decode("CancelSessionResponse", response)
        self.cancelled.append(value["euiccCancelSessionSigned"]["reason"] if kind == "cancelSessionResponseOk" else -1)
        self.smdp.cancel_session(transaction_id, response)
        return bytes.fromhex("BF4102A000")

    async def close(self) -> None:
        pass


def _id_and(message: bytes, tag: int) -> tuple[bytes, bytes]:
    parts = {part.tag: part for part in tlv.children(tlv.single(message).value)}
    return parts[0x80].value, parts[tag].raw
