"""Full forms from the compact ones of minimizeEsipaBytes, byte for byte (SGP.32 6.3.2, 4.1).

Pure: what the eIM has stored comes as `Stored` and `Session`. Whether the result is right is seen from the signature
of the eUICC, which is over the full form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hil import tlv

_SIGNATURE: Final = 0x5F37
_AID: Final = "A0000005591010FFFFFFFF8900{}00"
_SIMA_OK: Final = bytes.fromhex("3007A0053003800100")


class ExpansionError(ValueError):
    """Something is needed that the eIM does not have."""


class WrongSignatureError(ExpansionError):
    """What was rebuilt is not what the eUICC signed."""


@dataclass(frozen=True)
class Stored:
    """What the eIM keeps of an eUICC; complete TLVs."""

    info2: bytes | None = None
    certificate: bytes | None = None
    eum_certificate: bytes | None = None


@dataclass
class Session:
    """One relayed RSP session: complete TLVs, but the contents alone of `oid`, `address` and `iccid`."""

    transaction: bytes
    server_address: bytes
    server_challenge: bytes
    address: bytes = b""
    oid: bytes = b""
    context: bytes = b""
    """CtxParams1 that the eIM made."""
    otpk: bytes = b""
    hash_cc: bytes = b""
    server_signature2: bytes = b""
    iccid: bytes = b""


@dataclass(frozen=True)
class Expanded:
    """A full object, and what its signature has to be good for. Several where the encoding is not certain."""

    raw: bytes
    signed: bytes
    signature: bytes


def authenticate_response(content: bytes, stored: Stored, session: Session) -> Expanded:
    """BF38 from the content of its A2."""
    parts = {part.tag: part for part in tlv.children(content)}
    if 0x30 in parts:
        signed = parts[0x30].raw
    else:
        compact = {part.tag: part for part in tlv.children(parts[0xA0].value)}
        info2 = _with_memory(_need(stored.info2, "EUICCInfo2"), compact[0x84].raw)
        context = compact[0xA2].value if 0xA2 in compact else _need(session.context, "ctxParams1")
        head = (session.transaction, session.server_address, session.server_challenge)
        signed = tlv.build(0x30, *head, info2, context)
    certificates = [
        tlv.build(0x30, parts[tag].value) if tag in parts else _need(known, "certificate")
        for tag, known in ((0xA1, stored.certificate), (0xA2, stored.eum_certificate))
    ]
    signature = parts[_SIGNATURE]
    raw = tlv.build(0xBF38, tlv.build(0xA0, signed, signature.raw, *certificates))
    return Expanded(raw, signed, signature.value)


def prepare_download_response(content: bytes, session: Session) -> Expanded:
    """BF21 from the content of its A2."""
    compact, signature = tlv.children(content)
    parts = {part.tag: part.raw for part in tlv.children(compact.value)}
    key = parts.get(0x5F49) or _need(session.otpk, "bppEuiccOtpk")
    code = parts.get(0x04, session.hash_cc)
    signed = tlv.build(0x30, session.transaction, key, code)
    raw = tlv.build(0xBF21, tlv.build(0xA0, signed, signature.raw))
    return Expanded(raw, signed + session.server_signature2, signature.value)


def cancel_session_response(content: bytes, session: Session) -> tuple[Expanded, ...]:
    """BF41 from the content of its A2, in both ways in which eUICCs tag what they sign."""
    compact, signature = tlv.children(content)
    given = [part.value for part in tlv.children(compact.value) if part.tag == 0x80]
    reason = given[0] if given else b"\x7f"
    oid = _need(session.oid, "smdpOid")
    found = []
    for oid_tag, reason_tag in ((0x81, 0x82), (0x06, 0x81)):
        signed = tlv.build(0x30, session.transaction, tlv.build(oid_tag, oid), tlv.build(reason_tag, reason))
        raw = tlv.build(0xBF41, tlv.build(0xA0, signed, signature.raw))
        found.append(Expanded(raw, signed, signature.value))
    return tuple(found)


def installation_result(content: bytes, session: Session) -> Expanded:
    """BF37 from the content of compactProfileInstallationResult (A0)."""
    data, signature = tlv.children(content)
    parts = {part.tag: part for part in tlv.children(data.value)}
    present = 0x01 not in parts or parts[0x01].value != b"\x00"
    metadata = tlv.build(
        0xBF2F,
        tlv.build(0x80, parts[0x02].value),
        bytes.fromhex("81020780"),
        tlv.build(0x0C, session.address),
        tlv.build(0x5A, _need(session.iccid, "ICCID")) if present else b"",
    )
    result = tlv.build(0xA2, _result(tlv.single(parts[0xA2].value)))
    oid = tlv.build(0x06, _need(session.oid, "smdpOid"))
    signed = tlv.build(0xBF27, parts[0x80].raw, metadata, oid, result)
    return Expanded(tlv.build(0xBF37, signed, signature.raw), signed, signature.value)


def other_notification(content: bytes, stored: Stored) -> Expanded:
    """OtherSignedNotification (30) from the content of compactOtherSignedNotification (A1)."""
    parts = {part.tag: part for part in tlv.children(content)}
    metadata, signature = parts[0xBF2F], parts[_SIGNATURE]
    certificates = (_need(stored.certificate, "certificate"), _need(stored.eum_certificate, "EUM certificate"))
    raw = tlv.build(0x30, metadata.raw, signature.raw, *certificates)
    return Expanded(raw, metadata.raw, signature.value)


def _result(final: tlv.Tlv) -> bytes:
    if final.tag == 0xA1:
        return final.raw
    parts = {part.tag: part for part in tlv.children(final.value)}
    aid = bytes.fromhex(_AID.format(parts[0x4F].value.hex()))
    response = parts[0x04].value if 0x04 in parts else _SIMA_OK
    return tlv.build(0xA0, tlv.build(0x4F, aid), tlv.build(0x04, response))


def _with_memory(info2: bytes, memory: bytes) -> bytes:
    """EUICCInfo2 with another extCardResource."""
    fields = tlv.children(tlv.single(info2).value)
    return tlv.build(0xBF22, *(memory if field.tag == 0x84 else field.raw for field in fields))


def _need(value: bytes | None, name: str) -> bytes:
    if not value:
        raise ExpansionError(f"{name} is not stored")
    return value
