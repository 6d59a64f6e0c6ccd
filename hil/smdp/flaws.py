"""Bound Profile Packages that are wrong in one place each, for every check of LPA and eUICC (SGP.22 2.5, 5.5)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from hil import tlv

_INITIALISE, _CONFIGURE, _METADATA, _KEYS, _ELEMENTS = 0xBF23, 0xA0, 0xA1, 0xA2, 0xA3
_OVERSIZE: Final = 3 * 1024 * 1024


class PackageFlaw(StrEnum):
    """What is wrong with the packages that a SM-DP+ hands out."""

    OPERATION = "operation"
    """remoteOpId is not installBoundProfilePackage."""
    TRANSACTION = "transaction"
    """InitialiseSecureChannel names another transaction."""
    KEY_TYPE = "key-type"
    """The control reference template asks for another key type than AES."""
    POINT = "point"
    """smdpOtpk is not on the curve."""
    FLIP_INITIALISE = "flip-initialise"
    """One bit of smdpSign is flipped."""
    FLIP_CONFIGURE = "flip-configure"
    """One bit of the ConfigureISDP segment is flipped; so the next three of their segments."""
    FLIP_METADATA = "flip-metadata"
    FLIP_KEYS = "flip-keys"
    FLIP_ELEMENTS = "flip-elements"
    OTHER_METADATA = "other-metadata"
    """StoreMetadata says something else than profileMetadata of authenticateClient."""
    REORDERED = "reordered"
    """Two segments of profile elements are swapped."""
    SHORTENED = "shortened"
    """The last segment is missing, all lengths are right."""
    TRUNCATED = "truncated"
    """Half of the package, the lengths say otherwise."""
    OVERSIZED = "oversized"
    """3 MiB of segments more than there should be."""


_FLIPPED: Final = {
    PackageFlaw.FLIP_INITIALISE: _INITIALISE,
    PackageFlaw.FLIP_CONFIGURE: _CONFIGURE,
    PackageFlaw.FLIP_METADATA: _METADATA,
    PackageFlaw.FLIP_KEYS: _KEYS,
    PackageFlaw.FLIP_ELEMENTS: _ELEMENTS,
}


def damaged(package: bytes, flaw: PackageFlaw) -> bytes:
    """The package with a flaw that needs no key; others leave it as it is. ValueError when it has no such part."""
    if flaw is PackageFlaw.TRUNCATED:
        return package[: len(package) // 2]
    parts = tlv.children(tlv.single(package, 0xBF36).value)
    if flaw in _FLIPPED:
        parts = [_flip(part) if part.tag == _FLIPPED[flaw] else part for part in parts]
        if all(part.tag != _FLIPPED[flaw] for part in parts):
            raise ValueError(f"the package has nothing for the flaw {flaw}")
    else:
        parts = [_elements(part, flaw) if part.tag == _ELEMENTS else part for part in parts]
    return tlv.build(0xBF36, *(part.raw for part in parts))


def _flip(part: tlv.Tlv) -> tlv.Tlv:
    """One bit of the last byte; of several segments the one in the middle."""
    if part.tag == _INITIALISE:
        raw = part.raw[:-1] + bytes([part.raw[-1] ^ 1])
        return tlv.single(raw)
    segments = [segment.raw for segment in tlv.children(part.value)]
    middle = len(segments) // 2
    segments[middle] = segments[middle][:-1] + bytes([segments[middle][-1] ^ 1])
    return tlv.single(tlv.build(part.tag, *segments))


def _elements(part: tlv.Tlv, flaw: PackageFlaw) -> tlv.Tlv:
    segments = [segment.raw for segment in tlv.children(part.value)]
    if flaw is PackageFlaw.REORDERED:
        segments[0], segments[-1] = segments[-1], segments[0]
    elif flaw is PackageFlaw.SHORTENED:
        segments.pop()
    elif flaw is PackageFlaw.OVERSIZED:
        segments += [tlv.build(0x86, bytes(1016))] * (_OVERSIZE // 1020)
    return tlv.single(tlv.build(part.tag, *segments))
