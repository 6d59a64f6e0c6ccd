"""AuthenticateServerResponse and others with any certificates, keys and contents, as no real eUICC would make them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hil import codec, tlv
from hil.crypto import PrivateKey, sign
from hil.pki import Pki, Validity
from hil.pki import certificates as shape
from hil.pki.pki import EUM_OID

PAST = Validity(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 2, 1, tzinfo=UTC))
_ORGANIZATION = "Test EUM"


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@dataclass(frozen=True)
class Chain:
    """Certificates of an eUICC, and the key that signs for it."""

    euicc: bytes
    eum: bytes
    key: PrivateKey


def good_chain(pki: Pki) -> Chain:
    return Chain(pki.euicc.certificate, pki.eum.certificate, pki.euicc.key)


def with_bad_eum(pki: Pki) -> Chain:
    return Chain(pki.euicc.certificate, flipped(pki.eum.certificate), pki.euicc.key)


def with_bad_euicc(pki: Pki) -> Chain:
    return Chain(flipped(pki.euicc.certificate), pki.eum.certificate, pki.euicc.key)


def with_expired_eum(pki: Pki) -> Chain:
    extensions = shape.eum_extensions(EUM_OID, _ORGANIZATION, pki.eid[:8])
    issuer = shape.Issuer.of(pki.ci.certificate, pki.ci.key)
    eum = shape.issue(shape.name("Test EUM", _ORGANIZATION), pki.eum.public_key, issuer, extensions, PAST)
    return Chain(pki.euicc.certificate, eum, pki.euicc.key)


def with_expired_euicc(pki: Pki) -> Chain:
    subject = shape.name("Test eUICC", _ORGANIZATION, pki.eid)
    issuer = shape.Issuer.of(pki.eum.certificate, pki.eum.key)
    euicc = shape.issue(subject, pki.euicc.public_key, issuer, shape.euicc_extensions(), PAST)
    return Chain(euicc, pki.eum.certificate, pki.euicc.key)


def resigned(response: bytes, chain: Chain) -> bytes:
    """The response with other certificates, signed by their key."""
    signed1 = tlv.children(tlv.find(response, 0xBF38, 0xA0).value)[0].raw
    signature = tlv.build(0x5F37, sign(chain.key, signed1))
    return tlv.build(0xBF38, tlv.build(0xA0, signed1, signature, chain.euicc, chain.eum))


def with_bad_signature(response: bytes, tag: int) -> bytes:
    """An ok response (BF38, BF21, BF41) whose signature has one bit flipped."""
    parts = [part.raw for part in tlv.children(tlv.find(response, tag, 0xA0).value)]
    parts[1] = flipped(parts[1])
    return tlv.build(tag, tlv.build(0xA0, *parts))


def cancel_response(key: PrivateKey, transaction_id: bytes, oid: str, reason: int = 1) -> bytes:
    value: dict[str, Any] = {"transactionId": transaction_id, "smdpOid": oid, "reason": reason}
    signed = codec.encode("EuiccCancelSessionSigned", value)
    return tlv.build(0xBF41, tlv.build(0xA0, signed, tlv.build(0x5F37, sign(key, signed))))
