"""Compact forms of what the eUICC gives (SGP.32 4.1 minimizeEsipaBytes, 6.3.2): what the eIM can add is left out.

Signatures are over the full forms, so an eIM must rebuild them byte for byte. Every function here compares what would
be rebuilt with what the eUICC gave and returns None where they differ, or where the eIM cannot know what is left out:
then the full form is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ipad.codec import tlv
from ipad.codec.tlv import Buffer, Element
from ipad.errors import CodecError
from ipad.records import dataclass

_SIGNATURE: Final = 0x5F37
_AID_BEFORE: Final = bytes.fromhex("A0000005591010FFFFFFFF8900")
_AID_AFTER: Final = b"\x00"
_AID_SIZE: Final = len(_AID_BEFORE) + 2 + len(_AID_AFTER)
_SIMA_OK: Final = bytes.fromhex("3007A0053003800100")
_INSTALL: Final = bytes.fromhex("81020780")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """What an eIM knows of one RSP session that it relays, as far as the IPA saw it.

    `server` are the TLVs 80, 83 and 84 that begin euiccSigned1; `ctx_params1` is the TLV that the eIM made itself.
    `oid` is the content of the OBJECT IDENTIFIER in the server's certificate, None where it cannot be read. `otpk` and
    `hash_cc` are TLVs of the answer to AuthenticateClient. `iccid` is None where the IPA was not told it.
    """

    server: bytes
    address: bytes
    oid: bytes | None = None
    ctx_params1: bytes | None = None
    otpk: bytes | None = None
    hash_cc: bytes | None = None
    iccid: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactKnowledge:
    """What an eIM has stored of an eUICC, as digests. `refused`: it takes full forms only, for good."""

    refused: bool = False
    info1: bytes | None = None
    info2: bytes | None = None
    certificates: bytes | None = None


def digest(*parts: Buffer) -> bytes:
    """What a stored object is remembered by."""
    import hashlib  # noqa: PLC0415 - costs memory, and few eIMs want compact messages

    return hashlib.sha256(b"".join(parts)).digest()[:16]


def info2_digest(info2: Buffer) -> bytes | None:
    """The digest of an EUICCInfo2 without the free memory, which changes; None for one that cannot be rebuilt."""
    fields = list(tlv.children(tlv.read_single(info2).value))
    if [field.tag for field in fields].count(0x84) != 1 or tlv.tlv(0xBF22, *_raw(fields)) != bytes(info2):
        return None
    return digest(*(b"\x84" if field.tag == 0x84 else field.raw for field in fields))


def server_facts(server_signed1: Buffer) -> tuple[bytes, bytes]:
    """`server` and `address` of SessionFacts from a ServerSigned1."""
    fields = {field.tag: field for field in tlv.children(tlv.read_single(server_signed1).value)}
    missing = [f"{tag:X}" for tag in (0x80, 0x83, 0x84) if tag not in fields]
    if missing:
        raise CodecError(f"serverSigned1 lacks {' '.join(missing)}")
    return b"".join(bytes(fields[tag].raw) for tag in (0x80, 0x83, 0x84)), bytes(fields[0x83].value)


def authenticate_response(response: Buffer, facts: SessionFacts, known: CompactKnowledge) -> bytes | None:
    """The compact BF38 of a full one."""
    parts = _arm(response, 0xBF38, (0x30, _SIGNATURE, 0x30, 0x30))
    if parts is None:
        return None
    signed, signature, euicc, eum = parts
    certificates = digest(euicc.raw, eum.raw) == known.certificates
    data = _signed1(signed, facts, known)
    if data is None and not certificates:
        return None
    if any(tlv.tlv(0x30, certificate.value) != bytes(certificate.raw) for certificate in (euicc, eum)):
        return None
    kept = () if certificates else (tlv.tlv(0xA1, euicc.value), tlv.tlv(0xA2, eum.value))
    return tlv.tlv(0xBF38, tlv.tlv(0xA2, data or signed.raw, signature.raw, *kept))


def _signed1(signed: Element, facts: SessionFacts, known: CompactKnowledge) -> bytes | None:
    """compactEuiccSigned1 with the free memory and, unless the eIM made it, ctxParams1."""
    fields = list(tlv.children(signed.value))
    if [field.tag for field in fields] != [0x80, 0x83, 0x84, 0xBF22, 0xA0]:
        return None
    info2, context = fields[3], bytes(fields[4].raw)
    server = b"".join(_raw(fields[:3]))
    rebuilt = tlv.tlv(0x30, server, info2.raw, context) == bytes(signed.raw)
    if not rebuilt or server != facts.server or known.info2 is None or info2_digest(info2.raw) != known.info2:
        return None
    memory = tlv.find(info2.value, 0x84)
    if memory is None or facts.ctx_params1 not in (None, context):
        return None
    return tlv.tlv(0xA0, memory.raw, b"" if facts.ctx_params1 == context else tlv.tlv(0xA2, context))


def prepare_download_response(response: Buffer, facts: SessionFacts) -> bytes | None:
    """The compact BF21 of a full one."""
    parts = _arm(response, 0xBF21, (0x30, _SIGNATURE))
    if parts is None:
        return None
    signed, signature = parts
    fields = {field.tag: bytes(field.raw) for field in tlv.children(signed.value)}
    transaction = _transaction(facts)
    key, code = fields.get(0x5F49, b""), fields.get(0x04, b"")
    if tlv.tlv(0x30, transaction, key, code) != bytes(signed.raw) or not key:
        return None
    if facts.hash_cc is not None and code != facts.hash_cc:
        return None  # the eIM would put in the one that it gave
    content = (b"" if key == facts.otpk else key, b"" if code == facts.hash_cc else code)
    return tlv.tlv(0xBF21, tlv.tlv(0xA2, tlv.tlv(0x30, *content), signature.raw))


def cancel_session_response(response: Buffer, facts: SessionFacts) -> bytes | None:
    """The compact BF41 of a full one; the reason is always given, for its default is not certain."""
    parts = _arm(response, 0xBF41, (0x30, _SIGNATURE))
    if parts is None:
        return None
    signed, signature = parts
    fields = list(tlv.children(signed.value))
    if [field.tag for field in fields] not in ([0x80, 0x81, 0x82], [0x80, 0x06, 0x81]):
        return None
    rebuilt = tlv.tlv(0x30, _transaction(facts), fields[1].raw, fields[2].raw)
    plain = all(tlv.tlv(field.tag, field.value) == bytes(field.raw) for field in fields[1:])
    if rebuilt != bytes(signed.raw) or not plain or bytes(fields[1].value) != facts.oid:
        return None
    return tlv.tlv(0xBF41, tlv.tlv(0xA2, tlv.tlv(0x30, tlv.tlv(0x80, fields[2].value)), signature.raw))


def installation_result(result: Buffer, facts: SessionFacts) -> bytes | None:
    """compactProfileInstallationResult (A0) of a BF37."""
    parts = _exactly(tlv.read_single(result), (0xBF27, _SIGNATURE))
    data = None if parts is None else _exactly(parts[0], (0x80, 0xBF2F, 0x06, 0xA2))
    final = None if data is None else _only(data[3])
    if parts is None or data is None or final is None:
        return None
    transaction, metadata, _, _ = data
    number = tlv.find(metadata.value, 0x80)
    iccid = tlv.find(metadata.value, 0x5A)
    outcome = _compact_result(final)
    if number is None or outcome is None:
        return None
    compacted, rebuilt_result = outcome
    named = b"" if iccid is None else bytes(iccid.raw)
    rebuilt_metadata = tlv.tlv(0xBF2F, tlv.tlv(0x80, number.value), _INSTALL, tlv.tlv(0x0C, facts.address), named)
    name = tlv.tlv(0x06, facts.oid or b"")
    rebuilt = tlv.tlv(0xBF27, _transaction(facts), rebuilt_metadata, name, tlv.tlv(0xA2, rebuilt_result))
    same_iccid = iccid is None or facts.iccid in (None, bytes(iccid.value))
    if tlv.tlv(0xBF37, rebuilt, parts[1].raw) != bytes(result) or not same_iccid:
        return None
    absent = b"" if iccid is not None else b"\x01\x01\x00"
    content = (transaction.raw, tlv.tlv(0x02, number.value), absent, tlv.tlv(0xA2, compacted))
    return tlv.tlv(0xA0, tlv.tlv(0xA0, *content), parts[1].raw)


def other_notification(notification: Buffer, eid: bytes, known: CompactKnowledge) -> bytes | None:
    """compactOtherSignedNotification (A1) of an otherSignedNotification (30)."""
    parts = _exactly(tlv.read_single(notification), (0xBF2F, _SIGNATURE, 0x30, 0x30))
    if parts is None or digest(parts[2].raw, parts[3].raw) != known.certificates:
        return None
    return tlv.tlv(0xA1, tlv.tlv(0x5A, eid), parts[0].raw, parts[1].raw)


def _compact_result(final: Element) -> tuple[bytes, bytes] | None:
    """compactFinalResult, and what finalResult is rebuilt from it."""
    if final.tag == 0xA1:
        return bytes(final.raw), bytes(final.raw)
    parts = _exactly(final, (0x4F, 0x04))
    if final.tag != 0xA0 or parts is None:
        return None
    aid, response = bytes(parts[0].value), bytes(parts[1].value)
    if len(aid) != _AID_SIZE or not aid.startswith(_AID_BEFORE) or not aid.endswith(_AID_AFTER):
        return None
    octets = aid[len(_AID_BEFORE) : len(_AID_BEFORE) + 2]
    told = b"" if response == _SIMA_OK else tlv.tlv(0x04, response)
    return tlv.tlv(0xA0, tlv.tlv(0x4F, octets), told), tlv.tlv(0xA0, tlv.tlv(0x4F, aid), tlv.tlv(0x04, response))


def _arm(response: Buffer, tag: int, tags: Sequence[int]) -> list[Element] | None:
    """The parts of the ok alternative (A0) of a response; None where it, or its encoding, is another."""
    element = tlv.read_single(response)
    arm = _only(element)
    if element.tag != tag or arm is None or arm.tag != 0xA0:
        return None
    parts = _exactly(arm, tags)
    return parts if parts is not None and tlv.tlv(tag, tlv.tlv(0xA0, *_raw(parts))) == bytes(response) else None


def _exactly(element: Element, tags: Sequence[int]) -> list[Element] | None:
    parts = list(tlv.children(element.value))
    return parts if [part.tag for part in parts] == list(tags) else None


def _only(element: Element) -> Element | None:
    parts = list(tlv.children(element.value))
    return parts[0] if len(parts) == 1 else None


def _raw(elements: Sequence[Element]) -> list[Buffer]:
    return [element.raw for element in elements]


def _transaction(facts: SessionFacts) -> bytes:
    return bytes(tlv.read_element(facts.server).raw)
