"""The Bound Profile Package, cut for ES10b.LoadBoundProfilePackage (SGP.22 2.5.4, 2.5.5, 5.7.6).

The package is never re-encoded: every segment is a view of the bytes received, so that a package of some
hundred kilobytes costs no copy.

::

    BF36 L  BF23 …            segment 1: header of BF36 and InitialiseSecureChannel
            A0 L 87…          segment 2: header and ConfigureISDP
            A1 L │ 88… │ 88…  the header alone, then each StoreMetadata TLV
            A2 L 87…          optional: header and ReplaceSessionKeys
            A3 L │ 86… │ 86…  the header alone, then each TLV of profile elements
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from ipad.codec import tlv
from ipad.codec.profile import StoreMetadataRequest
from ipad.codec.rsp import InitialiseSecureChannelRequest
from ipad.codec.tlv import Buffer, Element
from ipad.errors import CodecError
from ipad.records import dataclass

MAX_SIZE = 2 * 1024 * 1024
MAC_SIZE = 8

_PACKAGE, _SECURE_CHANNEL = 0xBF36, 0xBF23
_CONFIGURE, _METADATA, _KEYS, _ELEMENTS = 0xA0, 0xA1, 0xA2, 0xA3
_INNER = {_CONFIGURE: 0x87, _METADATA: 0x88, _KEYS: 0x87, _ELEMENTS: 0x86}


@dataclass(frozen=True)
class BoundProfilePackage:
    """A package whose structure was checked down to the protected TLVs."""

    package: Element
    secure_channel: Element
    sequences: tuple[Element, ...]

    @classmethod
    def parse(cls, data: Buffer) -> Self:
        """Check size and structure. Raises CodecError; no byte has gone to a card then."""
        if len(data) > MAX_SIZE:
            raise CodecError(f"{len(data)} bytes, at most {MAX_SIZE} are accepted", path="BoundProfilePackage")
        try:
            package = tlv.read_single(data)
            if package.tag != _PACKAGE:
                raise CodecError(f"expected tag {_PACKAGE:X}, got {package.tag:X}")
            first, *rest = tlv.children(package.value)
            _check_order(first, rest)
            for sequence in rest:
                _check_sequence(sequence)
        except ValueError as error:
            raise CodecError("the package is empty", path="BoundProfilePackage") from error
        except CodecError as error:
            raise CodecError(error.reason, path="BoundProfilePackage") from error
        return cls(package, first, tuple(rest))

    @property
    def transaction_id(self) -> bytes:
        """The transactionId inside InitialiseSecureChannel."""
        return InitialiseSecureChannelRequest.decode(self.secure_channel.raw).transaction_id

    @property
    def metadata(self) -> StoreMetadataRequest:
        """What StoreMetadata will tell the eUICC: those segments carry a MAC but are not encrypted."""
        sequence = next(item for item in self.sequences if item.tag == _METADATA)
        plain = bytearray()
        for segment in tlv.children(sequence.value):
            if len(segment.value) < MAC_SIZE:
                raise CodecError(
                    f"segment 88 of {len(segment.value)} bytes is shorter than its MAC", path="BoundProfilePackage"
                )
            plain += segment.value[:-MAC_SIZE]
        return StoreMetadataRequest.decode(bytes(plain))

    def segments(self) -> Iterator[memoryview]:
        """The pieces in the order of loading; each is one chain of STORE DATA blocks."""
        yield self.package.raw[: _offset(self.package) + len(self.secure_channel.raw)]
        for sequence in self.sequences:
            header = _offset(sequence)
            inner = tlv.children(sequence.value)
            if sequence.tag in (_CONFIGURE, _KEYS):
                yield sequence.raw[: header + len(next(inner).raw)]
            else:
                yield sequence.raw[:header]
            for element in inner:
                yield element.raw

    @property
    def size(self) -> int:
        """All bytes of the package."""
        return len(self.package.raw)


def _offset(element: Element) -> int:
    return len(element.raw) - len(element.value)


def _check_order(first: Element, rest: list[Element]) -> None:
    tags = [element.tag for element in rest]
    if first.tag != _SECURE_CHANNEL or tags not in (
        [_CONFIGURE, _METADATA, _ELEMENTS],
        [_CONFIGURE, _METADATA, _KEYS, _ELEMENTS],
    ):
        found = " ".join(f"{tag:X}" for tag in (first.tag, *tags))
        raise CodecError(f"parts {found}, expected BF23 A0 A1 [A2] A3")


def _check_sequence(sequence: Element) -> None:
    expected = _INNER[sequence.tag]
    count = 0
    for element in tlv.children(sequence.value):
        if element.tag != expected:
            raise CodecError(f"tag {element.tag:X} in {sequence.tag:X}, expected {expected:X}")
        count += 1
    if not count:
        raise CodecError(f"{sequence.tag:X} is empty")
