"""What the agent reads of an X.509 certificate (RFC 5280 4.1): key, dates, names as bytes, and whether it is a CA.

Signatures are verified by the TLS library; nothing here trusts anything.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from typing import Final, Self

from ipad.codec import tlv
from ipad.codec.tlv import Element
from ipad.errors import CodecError

_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_BASIC_CONSTRAINTS: Final = bytes.fromhex("551D13")
_TIME = re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z")


@dataclass(frozen=True, slots=True)
class Certificate:
    """The parts of a certificate; dates in seconds since 1970, `spki` and the names as complete TLVs."""

    der: bytes
    subject: bytes
    issuer: bytes
    spki: bytes
    not_before: float
    not_after: float
    is_ca: bool

    @classmethod
    def parse(cls, der: bytes) -> Self:
        """Read a DER certificate. Raises CodecError."""
        try:
            tbs = _first(tlv.read_single(der), "TBSCertificate")
            fields = [item for item in tlv.children(tbs.value) if item.tag != 0xA0]
            if [item.tag for item in fields[:6]] != [0x02, 0x30, 0x30, 0x30, 0x30, 0x30]:
                raise CodecError("TBSCertificate does not have its six fields")
            issuer, validity, subject, key = fields[2:6]
            before, after = list(tlv.children(validity.value))[:2]
            extensions = next((item for item in fields[6:] if item.tag == 0xA3), None)
            check_spki(bytes(key.raw))
            return cls(
                der=der,
                subject=bytes(subject.raw),
                issuer=bytes(issuer.raw),
                spki=bytes(key.raw),
                not_before=_time(before),
                not_after=_time(after),
                is_ca=extensions is not None and _is_ca(extensions),
            )
        except ValueError as error:
            raise CodecError(f"validity: {error}", path="Certificate") from error
        except CodecError as error:
            raise CodecError(error.reason, path="Certificate") from error


def check_spki(data: bytes) -> None:
    """Refuse what is no SubjectPublicKeyInfo: SEQUENCE of AlgorithmIdentifier and BIT STRING. Raises CodecError."""
    key = tlv.read_single(data)
    parts = list(tlv.children(key.value))
    if key.tag != 0x30 or [part.tag for part in parts] != [0x30, 0x03] or tlv.find(parts[0].value, 0x06) is None:
        raise CodecError("expected AlgorithmIdentifier and BIT STRING", path="SubjectPublicKeyInfo")


def _first(element: Element, name: str) -> Element:
    first = next(tlv.children(element.value), None)
    if element.tag != 0x30 or first is None or first.tag != 0x30:
        raise CodecError(f"{name} is missing")
    return first


def _time(element: Element) -> float:
    text = bytes(element.value)
    if element.tag == _UTC_TIME:
        text = (b"19" if text >= b"50" else b"20") + text
    elif element.tag != _GENERALIZED_TIME:
        raise CodecError(f"tag {element.tag:X} is no time")
    match = _TIME.fullmatch(text)
    if match is None:
        raise CodecError(f"time {text[:20]!r} is not in the form of RFC 5280")
    return calendar.timegm(tuple(int(group) for group in match.groups()))


def _is_ca(extensions: Element) -> bool:
    for extension in tlv.children(tlv.read_single(extensions.value).value):
        identifier = tlv.find(extension.value, 0x06)
        content = tlv.find(extension.value, 0x04)
        if identifier is not None and content is not None and identifier.value == _BASIC_CONSTRAINTS:
            flag = tlv.find(tlv.read_single(content.value).value, 0x01)
            return flag is not None and bytes(flag.value) not in (b"", b"\0")
    return False
