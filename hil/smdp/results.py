"""What eUICCs report to the SM-DP+: installation results and notifications, verified (SGP.22 3.5, 5.6.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hil import codec, tlv
from hil.crypto import CryptoError, PublicKey, public_key_from_certificate, verify
from hil.pki.chain import ChainError, verify_euicc

OPERATIONS: Final = ("install", "enable", "disable", "delete")


@dataclass(frozen=True)
class InstallationReport:
    """A ProfileInstallationResult as received. `reason` None is success."""

    transaction_id: bytes
    iccid: bytes | None
    command: int | None
    reason: int | None
    verified: bool


@dataclass(frozen=True)
class NotificationReport:
    """Another notification: `operation` is install, enable, disable or delete; `eid` of its certificate."""

    operation: str
    iccid: bytes | None
    seq_number: int
    eid: str | None
    verified: bool


def read_installation(outer: tlv.Tlv, keys: Mapping[bytes, PublicKey]) -> InstallationReport:
    """A BF37 TLV, verified with the key of its transaction. Raises TlvError, CodecError, ValueError."""
    data, signature = tlv.children(outer.value)[:2]
    fields = codec.decode("ProfileInstallationResultData", data.raw)
    kind, result = fields["finalResult"]
    success = kind == "successResult"
    key = keys.get(fields["transactionId"])
    return InstallationReport(
        fields["transactionId"],
        fields["notificationMetadata"].get("iccid"),
        None if success else result["bppCommandId"],
        None if success else result["errorReason"],
        key is not None and verify(key, signature.value, data.raw),
    )


def read_notification(outer: tlv.Tlv, authorities: Mapping[bytes, bytes], at: datetime | None) -> NotificationReport:
    """An OtherSignedNotification (30), verified with its certificates. Raises TlvError, CodecError, ValueError."""
    metadata, signature, euicc, eum = tlv.children(outer.value)[:4]
    fields = codec.decode("NotificationMetadata", metadata.raw)
    bits = fields["profileManagementOperation"]
    operation = next((name for bit, name in enumerate(OPERATIONS) if codec.has_bit(bits, bit)), "unknown")
    eid: str | None = None
    verified = False
    try:
        eid, _ = verify_euicc(euicc.raw, eum.raw, authorities, at=at)
        verified = verify(public_key_from_certificate(euicc.raw), signature.value, metadata.raw)
    except (ChainError, CryptoError):
        verified = False
    return NotificationReport(operation, fields.get("iccid"), fields["seqNumber"], eid, verified)
