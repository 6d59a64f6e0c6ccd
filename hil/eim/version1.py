"""An eIM of SGP.32 v1.0: what it refuses of later forms, and its own forms of what the virtual eIM says in v1.2.

Source: SGP.32 v1.0 6.3.2 and 2.11.1; only what differs on the wire.
"""

from __future__ import annotations

from typing import Final

from hil import tlv
from hil.eim.messages import MalformedRequestError, outer, parts

_TAGS: Final = {0x81: 0x80, 0xA8: 0x88, 0xA0: 0xBF2B, 0xA2: 0xBF2B}
"""Tags of a tag list in v1.2 and what v1.0 calls them."""

_PLMN_SIZE: Final = 3


def read(body: bytes) -> bytes:
    """A request in v1.0 as one of v1.2. Raises MalformedRequestError for what v1.0 does not have."""
    message = outer(body)
    fields = parts(message.value)
    tags = [field.tag for field in fields]
    match message.tag:
        case 0xBF4F:
            cause = any(field.tag == 0x81 and len(field.value) != _PLMN_SIZE for field in fields)
            _refuse(cause or 0x82 in tags, "GetEimPackage with fields of a later version")
        case 0xBF50:
            _refuse(tags[:1] == [0x5A] or 0xA0 in tags, "ProvideEimPackageResult is no CHOICE")
            return tlv.build(0xBF50, *(_result(field) for field in fields))
        case 0xBF3D:
            _refuse(0xBF50 in tags, "HandleNotification with BF50")
        case 0xBF39:
            _refuse(0x82 in tags, "InitiateAuthentication with eimTransactionId")
    return body


def from_json(message: bytes) -> bytes:
    """A request in JSON, whose members have the same names in both versions, with the tags of v1.0."""
    whole = outer(message)
    fields = parts(whole.value)
    tags = [field.tag for field in fields]
    if whole.tag == 0xBF4F and 0x81 not in tags:
        return tlv.build(0xBF4F, *(_retagged(field, 0x82, 0x81) for field in fields))
    if whole.tag == 0xBF3D:
        return tlv.build(0xBF3D, *(_retagged(field, 0xBF50, 0xA1) for field in fields))
    return message


def written(answer: bytes) -> bytes:
    """An answer in v1.2 as one of v1.0."""
    message = tlv.single(answer)
    content = parts(message.value)
    if message.tag == 0xBF50 and content and content[0].tag == 0x30:
        return tlv.build(0xBF50)
    if message.tag == 0xBF4F and content[0].tag == 0xBF52:
        return tlv.build(0xBF4F, _data_request(content[0]))
    return answer


def _retagged(field: tlv.Tlv, tag: int, older: int) -> bytes:
    return tlv.build(older, field.value) if field.tag == tag else field.raw


def _refuse(wrong: bool, reason: str) -> None:
    if wrong:
        raise MalformedRequestError(f"{reason}: not in v1.0")


def _result(result: tlv.Tlv) -> bytes:
    match result.tag:
        case 0x30:
            _refuse(any(part.tag == 0xA0 for part in parts(result.value)), "a bare list of notifications")
        case 0xBF52:
            arm = parts(result.value)[0]
            _refuse(arm.tag == 0xA1, "ipaEuiccDataResponseError with a transaction")
            if arm.tag == 0xA0:
                return tlv.build(0xBF52, tlv.build(0xA0, *(_object(part) for part in parts(arm.value))))
        case 0xBF54:
            errors = [part for part in parts(result.value) if part.tag == 0x30]
            reasons = any(part.tag == 0x04 for error in errors for part in parts(error.value))
            _refuse(reasons, "profileDownloadError with a reason")
    return result.raw


def _object(part: tlv.Tlv) -> bytes:
    _refuse(part.tag in (0x81, 0xA0, 0xA2, 0x87), f"IpaEuiccData with {part.tag:X}")
    if part.tag == 0x80:
        return tlv.build(0x81, part.value)
    return part.value if part.tag == 0xBF2B else part.raw


def _data_request(request: tlv.Tlv) -> bytes:
    fields = []
    for field in parts(request.value):
        if field.tag == 0x5C:
            fields.append(tlv.build(0x5C, b"".join(_older_tags(field.value))))
        elif field.tag == 0xA2:
            fields.append(tlv.build(0xA1, tlv.build(0x82)))
        elif field.tag != 0x83:
            fields.append(field.raw)
    return tlv.build(0xBF52, *fields)


def _older_tags(listed: bytes) -> list[bytes]:
    found, position = [], 0
    while position < len(listed):
        size = 2 if listed[position] & 0x1F == 0x1F else 1
        tag = int.from_bytes(listed[position : position + size])
        older = _TAGS.get(tag, tag)
        found.append(older.to_bytes(2 if older > 0xFF else 1))
        position += size
    return list(dict.fromkeys(found))
