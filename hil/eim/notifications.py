"""Pending notifications as an eIM sees them: what they say and whether they are genuine.

Source: SGP.22 5.7.10 and 5.6.4 (OtherSignedNotification, ProfileInstallationResult), SGP.32 5.14.7 with
the compact forms. Compact installation results are recorded, not verified: their signature covers fields
that the eIM would have to rebuild.
"""

from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from hil import codec, crypto, tlv
from hil.eim.association import Association
from hil.eim.content import iccid_text
from hil.eim.history import Check

OPERATIONS: Final = ("install", "enable", "disable", "delete")


@dataclass(frozen=True)
class Notification:
    """One PendingNotification. `signed` is the raw object under the signature."""

    raw: bytes
    form: str
    seq_number: int | None
    operation: str
    iccid: str
    address: str
    signed: bytes = b""
    signature: bytes = b""
    certificates: tuple[bytes, ...] = ()

    @property
    def summary(self) -> str:
        """A line for people."""
        return f"{self.operation} {self.iccid}".strip()


def read_notification(raw: bytes) -> Notification:
    """Any form of PendingNotification. Raises CodecError or TlvError."""
    element = tlv.single(raw)
    match element.tag:
        case 0x30:
            metadata, signature, *certificates = tlv.children(element.value)
            tail = tuple(certificate.raw for certificate in certificates)
            return _other(raw, "otherSignedNotification", metadata.raw, signature.value, tail)
        case 0xA1:
            metadata = tlv.find(raw, 0xA1, 0xBF2F)
            signature = tlv.find(raw, 0xA1, 0x5F37)
            return _other(raw, "compactOtherSignedNotification", metadata.raw, signature.value, ())
        case 0xBF37:
            data = tlv.find(raw, 0xBF37, 0xBF27)
            signature = tlv.find(raw, 0xBF37, 0x5F37)
            metadata = tlv.find(data.raw, 0xBF27, 0xBF2F)
            return _other(raw, "profileInstallationResult", metadata.raw, signature.value, (), signed=data.raw)
        case 0xA0:
            seq = tlv.find(raw, 0xA0, 0xA0, 0x02)
            number = int.from_bytes(seq.value, signed=True)
            return Notification(raw, "compactProfileInstallationResult", number, "install", "", "")
        case tag:
            raise tlv.TlvError(f"a PendingNotification cannot have the tag {tag:X}")


def _other(
    raw: bytes, form: str, metadata: bytes, signature: bytes, certificates: tuple[bytes, ...], signed: bytes = b""
) -> Notification:
    fields = codec.decode("NotificationMetadata", metadata)
    operation = next(
        (name for bit, name in enumerate(OPERATIONS) if codec.has_bit(fields["profileManagementOperation"], bit)),
        "unknown",
    )
    iccid = fields.get("iccid")
    return Notification(
        raw,
        form,
        fields["seqNumber"],
        operation,
        "" if iccid is None else iccid_text(iccid),
        fields["notificationAddress"],
        signed or metadata,
        signature,
        certificates,
    )


def verify_notification(association: Association, notification: Notification, ci: bytes | None) -> tuple[Check, ...]:
    """Signature and, where the notification brings them, certificates. `ci`: certificate of the CI, if known."""
    if not notification.signature:
        return (Check("signature", None, "compact form"),)
    checks = []
    if len(notification.certificates) == 2:
        checks.append(_chain(association, *notification.certificates, ci))
    key = _key(association, notification)
    if key is None:
        checks.append(Check("signature", None, "no key of this eUICC is known"))
    else:
        good = crypto.verify_lenient(key, notification.signature, notification.signed)
        checks.append(Check("signature", good, notification.form))
    return tuple(checks)


def _key(association: Association, notification: Notification) -> crypto.PublicKey | None:
    if association.public_key is not None:
        return crypto.public_key_from_spki(association.public_key)
    if notification.certificates:
        try:
            return crypto.public_key_from_certificate(notification.certificates[0])
        except crypto.CryptoError:
            return None
    return None


def _chain(association: Association, euicc: bytes, eum: bytes, ci: bytes | None) -> Check:
    if association.certificate is not None and association.certificate != euicc:
        return Check("certificate", False, "is not the one of this eUICC")
    try:
        leaf, issuer = x509.load_der_x509_certificate(euicc), x509.load_der_x509_certificate(eum)
        leaf.verify_directly_issued_by(issuer)
        if ci is not None:
            issuer.verify_directly_issued_by(x509.load_der_x509_certificate(ci))
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm) as error:
        return Check("certificate", False, f"chain: {error or type(error).__name__}")
    return Check("certificate", True, "eUICC, EUM" + (", CI" if ci is not None else ""))
