"""Builds USIM profile packages: what an operator would order from a SM-DP+.

The package is the plain concatenation of DER profile elements: header, MF, PUK and PIN codes, USIM with optional
files, AKA parameters, MNO security domain, ballast if a size is asked for, end.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from hil import tlv
from hil.upp import elements
from hil.upp.elements import ElementTag

USIM_AID = bytes.fromhex("A0000000871002FFFFFFFF8900000100")
MNO_SD_AID = bytes.fromhex("A000000151000000")
_BALLAST_PACKAGE_AID = bytes.fromhex("A0000005591010B0")
_BALLAST_BLOCK = 24 * 1024
MILENAGE = 1


@dataclass(frozen=True, kw_only=True)
class UsimProfile:
    """What makes one profile differ from the next. `size` is the wanted length of the package in bytes."""

    iccid: str
    imsi: str
    mnc_length: int = 2
    service_provider_name: str = "Test"
    key: bytes = bytes.fromhex("465B5CE8B199B49FAA5F0A2EE238A6BC")
    opc: bytes = bytes.fromhex("CD63CB71954A9F4E48A5994E37A02BAF")
    profile_type: str = "Test USIM"
    gid1: bytes | None = None
    algorithm: int = MILENAGE
    size: int = 0

    @property
    def plmn(self) -> bytes:
        """Home network in the coding of TS 24.008."""
        mcc, mnc = self.imsi[:3], self.imsi[3 : 3 + self.mnc_length].ljust(3, "F")
        return bytes.fromhex(mcc[1] + mcc[0] + mnc[2] + mcc[2] + mnc[1] + mnc[0])

    @property
    def iccid_file(self) -> bytes:
        """Content of EF.ICCID: swapped digits, padded with F."""
        return _swapped(self.iccid.ljust(20, "F"))


def build(profile: UsimProfile) -> bytes:
    """Return the unprotected profile package."""
    parts = [_header(profile), _mf(profile), _puk_codes(), _pin_codes(), _usim(profile), _opt_usim(profile)]
    parts += [_local_pin_codes(), _aka(profile), _security_domain()]
    number = 9
    missing = profile.size - sum(map(len, parts)) - 9
    while missing > 0:
        parts.append(_ballast(number, min(missing, _BALLAST_BLOCK), profile.iccid))
        missing -= len(parts[-1])
        number += 1
    parts.append(tlv.build(ElementTag.END, _pe_header(number)))
    return b"".join(parts)


def _pe_header(number: int, *, mandated: bool = True) -> bytes:
    flag = tlv.build(0x80) if mandated else b""
    return tlv.build(0xA0, flag, tlv.build(0x81, tlv.integer(number)))


def _swapped(digits: str) -> bytes:
    return bytes.fromhex("".join(digits[i + 1] + digits[i] for i in range(0, len(digits), 2)))


def _content(tag: int, content: bytes) -> bytes:
    return tlv.build(tag, tlv.build(0x83, content))


def _header(profile: UsimProfile) -> bytes:
    templates = (elements.TEMPLATE_MF, elements.TEMPLATE_USIM, elements.TEMPLATE_OPT_USIM)
    services = tlv.build(0x81) + (tlv.build(0x84) if profile.algorithm == MILENAGE else tlv.build(0x91))
    return tlv.build(
        ElementTag.HEADER,
        tlv.build(0x80, b"\x02"),
        tlv.build(0x81, b"\x03"),
        tlv.build(0x82, profile.profile_type.encode()),
        tlv.build(0x83, bytes.fromhex(profile.iccid.ljust(20, "F"))),
        tlv.build(0xA5, services),
        tlv.build(0xA6, *(tlv.build(0x06, oid) for oid in templates)),
    )


def _mf(profile: UsimProfile) -> bytes:
    application = tlv.build(0x61, tlv.build(0x4F, USIM_AID), tlv.build(0x50, b"USIM"))
    directory = tlv.build(0xA1, tlv.build(0x82, b"\x42\x21\x00\x26"), tlv.build(0x80, b"\x26"))
    return tlv.build(
        ElementTag.MF,
        _pe_header(1),
        tlv.build(0x81, elements.TEMPLATE_MF),
        tlv.build(0xA2, tlv.build(0xA1, tlv.build(0xC6, b"\x01\x81\x0a"))),
        _content(0xA4, profile.iccid_file),
        tlv.build(0xA5, directory, tlv.build(0x83, application)),
        tlv.build(0xA6, _access_rules()),
    )


_ALWAYS = b"\x90\x00"
_READ, _UPDATE, _BOTH = 1, 2, 3


def _key(reference: int) -> bytes:
    return tlv.build(0xA4, tlv.build(0x83, bytes([reference])), tlv.build(0x95, b"\x08"))


_PIN1, _PIN2, _ADM1 = _key(0x01), _key(0x81), _key(0x0A)
# The fourteen records to which the template's files refer (TS 102 221 9.2.7).
_RULES: tuple[tuple[tuple[int, bytes], ...], ...] = (
    ((_READ, _ALWAYS), (_UPDATE, _PIN1)),
    ((_READ, _PIN1), (_UPDATE, _ADM1)),
    ((_READ, _PIN1), (_UPDATE, _ADM1)),
    ((_READ, _PIN1), (_UPDATE, _ADM1)),
    ((_BOTH, _PIN1),),
    ((_READ, _ALWAYS), (_UPDATE, _ADM1)),
    ((_BOTH, _ADM1),),
    ((_READ, _PIN1), (_UPDATE, _PIN2)),
    ((_READ, _PIN1), (_UPDATE, _ADM1)),
    ((_READ, _ALWAYS), (_UPDATE, _ADM1)),
    ((_READ, _ALWAYS),),
    ((_READ, _ADM1),),
    ((_BOTH, _ADM1),),
    ((0x5E, _ADM1),),
)
_RULE_RECORD = 0x20


def _access_rules() -> bytes:
    out = tlv.build(0xA1, tlv.build(0x82, b"\x42\x21\x00\x20"), tlv.build(0x80, b"\x01\xc0"))
    skip = 0
    for rule in _RULES:
        record = b"".join(tlv.build(0x80, bytes([mode])) + condition for mode, condition in rule)
        if skip:
            out += tlv.build(0x82, tlv.integer(skip))
        out += tlv.build(0x83, record)
        skip = _RULE_RECORD - len(record)
    return out


def _puk_codes() -> bytes:
    puks = (
        tlv.build(0x30, tlv.build(0x80, tlv.integer(reference)), tlv.build(0x81, b"12345678")) for reference in (1, 129)
    )
    return tlv.build(ElementTag.PUK_CODES, _pe_header(2), tlv.build(0xA1, *puks))


def _pin(reference: int, value: bytes, puk: int | None, attributes: int) -> bytes:
    return tlv.build(
        0x30,
        tlv.build(0x80, tlv.integer(reference)),
        tlv.build(0x81, value.ljust(8, b"\xff")),
        tlv.build(0x82, tlv.integer(puk)) if puk is not None else b"",
        tlv.build(0x83, bytes([attributes])),
    )


def _pin_codes() -> bytes:
    pins = tlv.build(0xA0, _pin(1, b"1234", 1, 6), _pin(10, b"12345678", None, 3))
    return tlv.build(ElementTag.PIN_CODES, _pe_header(3), tlv.build(0xA1, pins))


def _local_pin_codes() -> bytes:
    pins = tlv.build(0xA0, _pin(129, b"1234", 129, 3))
    return tlv.build(ElementTag.PIN_CODES, _pe_header(6), tlv.build(0xA1, pins))


def _usim(profile: UsimProfile) -> bytes:
    odd = len(profile.imsi) % 2
    imsi = _swapped(("9" if odd else "1") + profile.imsi + ("" if odd else "F"))
    adf = tlv.build(0xA1, tlv.build(0x83, b"\x7f\xf1"), tlv.build(0x84, USIM_AID), tlv.build(0xC6, b"\x01\x81\x0a"))
    emergency = tlv.build(0xA1, tlv.build(0x82, b"\x42\x21\x00\x04"), tlv.build(0x80, b"\x04"))
    services = bytearray.fromhex("000A040001040000000010000000")
    if profile.gid1 is not None:
        services[2] |= 0x01
    return tlv.build(
        ElementTag.USIM,
        _pe_header(4),
        tlv.build(0x81, elements.TEMPLATE_USIM),
        tlv.build(0xA2, adf),
        _content(0xA3, b"\x08" + imsi),
        tlv.build(0xA4, _access_rules()),
        _content(0xA8, bytes(services)),
        _content(0xAD, b"\x01" + profile.service_provider_name.encode()[:16].ljust(16, b"\xff")),
        _content(0xAE, b"\x00"),
        _content(0xB2, (1 << int(profile.imsi[-1])).to_bytes(2, "big")),
        _content(0xB5, bytes([0, 0, 0, profile.mnc_length])),
        tlv.build(0xB6, emergency, tlv.build(0x83, b"\x11\xf2\xff\x00")),
    )


def _opt_usim(profile: UsimProfile) -> bytes:
    gid = _sized(0xA5, profile.gid1) if profile.gid1 is not None else b""
    networks = profile.plmn + b"\x40\x00" + profile.plmn + b"\x80\x00"
    return tlv.build(
        ElementTag.OPT_USIM,
        _pe_header(5),
        tlv.build(0x81, elements.TEMPLATE_OPT_USIM),
        gid,
        _sized(0xB1, networks),
    )


def _sized(tag: int, content: bytes) -> bytes:
    return tlv.build(tag, tlv.build(0xA1, tlv.build(0x80, bytes([len(content)]))), tlv.build(0x83, content))


def _aka(profile: UsimProfile) -> bytes:
    options = b"\x00" if profile.algorithm == MILENAGE else b"\x02"
    parameter = tlv.build(
        0xA1,
        tlv.build(0x80, bytes([profile.algorithm])),
        tlv.build(0x81, options),
        tlv.build(0x82, profile.key),
        tlv.build(0x83, profile.opc),
    )
    return tlv.build(ElementTag.AKA_PARAMETER, _pe_header(7), tlv.build(0xA1, parameter))


def _security_domain() -> bytes:
    instance = tlv.build(
        0xA1,
        tlv.build(0x4F, bytes.fromhex("A0000001515350")),
        tlv.build(0x4F, bytes.fromhex("A000000151535041")),
        tlv.build(0x4F, MNO_SD_AID),
        tlv.build(0x82, bytes.fromhex("82DC00")),
        tlv.build(0x83, b"\x0f"),
        tlv.build(0xC9, bytes.fromhex("810280008201F08301F08701F0")),
    )
    keys = []
    for number, (usage, start) in enumerate(((0x18, 0x40), (0x14, 0x50), (0x48, 0x60)), start=1):
        component = tlv.build(0x30, tlv.build(0x80, b"\x88"), tlv.build(0x86, bytes(range(start, start + 16))))
        keys.append(
            tlv.build(
                0x30,
                tlv.build(0x95, bytes([usage])),
                tlv.build(0x82, bytes([number])),
                tlv.build(0x83, b"\x01"),
                tlv.build(0x30, component),
            )
        )
    return tlv.build(ElementTag.SECURITY_DOMAIN, _pe_header(8), instance, tlv.build(0xA2, *keys))


def _ballast(number: int, size: int, seed: str) -> bytes:
    """An application load package that a card may skip; real profiles owe most of their size to applets."""
    content = hashlib.shake_256(f"{seed}/{number}".encode()).digest(size)
    block = tlv.build(0xA1, tlv.build(0x4F, _BALLAST_PACKAGE_AID), tlv.build(0xC4, content))
    return tlv.build(ElementTag.APPLICATION, _pe_header(number, mandated=False), block)
