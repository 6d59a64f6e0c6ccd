"""What the agent reads of an X.509 certificate (RFC 5280 4.1): key, dates, names, policies, and whether it is a CA.

Signatures are verified by the TLS library and by the eUICC; nothing here trusts anything.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final, Self

from ipad.codec import tlv
from ipad.codec.tlv import Buffer, Element
from ipad.codec.values import OID
from ipad.errors import CodecError
from ipad.records import dataclass

ROLE_DP_AUTH: Final = "2.23.146.1.2.1.4"
ROLE_DS_AUTH: Final = "2.23.146.1.2.1.7"
"""Certificate policies of servers that authenticate towards an eUICC (SGP.22 4.5.2.1.1)."""

_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_BASIC_CONSTRAINTS: Final = bytes.fromhex("551D13")
_SUBJECT_ALT_NAME: Final = bytes.fromhex("551D11")
_CERTIFICATE_POLICIES: Final = bytes.fromhex("551D20")
_REGISTERED_ID = 0x88
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----")
_EPOCH: Final = 719_163
"""1970-01-01 as an ordinal of `date`."""
_TIME = re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z")


@dataclass(frozen=True, slots=True)
class Certificate:
    """The parts of a certificate; dates in seconds since 1970, `spki` and the names as complete TLVs.

    `registered_ids` and `policies` are OIDs as dotted text: the registeredID entries of subjectAltName, by which an
    RSP server is known (SGP.22 4.5.2.1), and the certificate policies, which say its role.
    """

    der: bytes
    subject: bytes
    issuer: bytes
    spki: bytes
    not_before: float
    not_after: float
    is_ca: bool
    registered_ids: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()

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
            extensions = _extensions(next((item for item in fields[6:] if item.tag == 0xA3), None))
            check_spki(bytes(key.raw))
            return cls(
                der=der,
                subject=bytes(subject.raw),
                issuer=bytes(issuer.raw),
                spki=bytes(key.raw),
                not_before=_time(before),
                not_after=_time(after),
                is_ca=_is_ca(extensions.get(_BASIC_CONSTRAINTS)),
                registered_ids=tuple(_registered_ids(extensions.get(_SUBJECT_ALT_NAME))),
                policies=tuple(_policies(extensions.get(_CERTIFICATE_POLICIES))),
            )
        except ValueError as error:
            raise CodecError(f"validity: {error}", path="Certificate") from error
        except CodecError as error:
            raise CodecError(error.reason, path="Certificate") from error

    @property
    def registered_id(self) -> str | None:
        """The OID of the RSP server, if the certificate names exactly one."""
        return self.registered_ids[0] if len(self.registered_ids) == 1 else None


def read_certificates(data: bytes) -> tuple[bytes, ...]:
    """The certificates of a file in DER: one in DER, or any number in PEM (RFC 7468). Raises CodecError."""
    blocks = _PEM.findall(data)
    try:
        found = tuple(binascii.a2b_base64(block) for block in blocks) if blocks else (data,)
    except ValueError as error:
        raise CodecError(f"PEM block: {error}", path="Certificate") from error
    for der in found:
        Certificate.parse(der)
    return found


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
    year, month, day, hours, minutes, seconds = (int(group) for group in match.groups())
    days = date(year, month, 1).toordinal() - _EPOCH + day - 1
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _extensions(wrapper: Element | None) -> Mapping[bytes, Buffer]:
    """The content of each extension by its identifier."""
    found: dict[bytes, Buffer] = {}
    if wrapper is None:
        return found
    for extension in tlv.children(tlv.read_single(wrapper.value).value):
        identifier = tlv.find(extension.value, 0x06)
        content = tlv.find(extension.value, 0x04)
        if identifier is not None and content is not None:
            found[bytes(identifier.value)] = content.value
    return found


def _is_ca(content: Buffer | None) -> bool:
    if content is None:
        return False
    flag = tlv.find(tlv.read_single(content).value, 0x01)
    return flag is not None and bytes(flag.value) not in (b"", b"\0")


def _registered_ids(content: Buffer | None) -> Iterator[str]:
    if content is not None:
        for name in tlv.children(tlv.read_single(content).value):
            if name.tag == _REGISTERED_ID:
                yield OID.decode(name.value)


def _policies(content: Buffer | None) -> Iterator[str]:
    if content is not None:
        for information in tlv.children(tlv.read_single(content).value):
            identifier = tlv.find(information.value, 0x06)
            if identifier is not None:
                yield OID.decode(identifier.value)
