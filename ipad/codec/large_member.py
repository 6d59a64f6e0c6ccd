"""One large base64 member of a JSON object, read without a text copy of it.

A Bound Profile Package of a megabyte would be held four times: as octets, as the text of the document, as the text of
the member and decoded. Here the member is found in the octets, replaced by a mark for the JSON parser, and decoded in
pieces behind a header that is already in place.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from io import BytesIO
from typing import Final

from ipad.codec import tlv
from ipad.codec.tlv import Buffer
from ipad.errors import CodecError

MARK: Final = "!"
"""No base64, so a member that is the mark was taken out."""

_PIECE: Final = 4 * 16_384
_HEADER: Final = 12
"""Enough of a TLV to know its tag and length."""


class LargeMember:
    """The base64 digits of a member, still in the octets of the document."""

    def __init__(self, name: str, digits: memoryview) -> None:
        self._name = name
        self._digits = digits

    @classmethod
    def take(cls, document: bytes, name: str) -> tuple[LargeMember, bytes] | None:
        """Find a member and return it with the document around the mark; None when it is not there in plain letters.

        Escaped letters, as in "\\\\/", are left to the JSON parser. Whether the member really is one of the outermost
        object is seen from the parsed rest: it has `MARK` there.
        """
        found = re.search(rb'"' + name.encode() + rb'"[ \t\r\n]*:[ \t\r\n]*"', document)
        if found is None:
            return None
        start, end = found.end(), document.find(b'"', found.end())
        if end <= start or document.find(b"\\", start, end) >= 0:
            return None
        rest = document[:start] + MARK.encode() + document[end:]
        return cls(name, memoryview(document)[start:end]), rest

    def wrapped(self, tag: int, tags: Sequence[int], before: Buffer) -> bytes:
        """The member, which must be one TLV with `tag`, behind `before` in TLVs with `tags`, outermost first.

        Raises CodecError for what is no base64, no TLV, another TLV, or has octets behind it.
        """
        size = self._size()
        self._check(tag, size)
        out = BytesIO()
        content = len(before) + size
        headers: list[bytes] = []
        for outer in reversed(tags):
            header = tlv.encode_tag(outer) + tlv.encode_length(content)
            headers.insert(0, header)
            content += len(header)
        out.write(b"".join(headers))
        out.write(before)
        for position in range(0, len(self._digits), _PIECE):
            last = position + _PIECE >= len(self._digits)
            out.write(self._decoded(position, position + _PIECE, last=last))
        return out.getvalue()

    def _size(self) -> int:
        digits = self._digits
        if len(digits) % 4:
            raise CodecError(f"no base64: {len(digits)} digits", path=self._name)
        return len(digits) // 4 * 3 - bytes(digits[-2:]).count(b"=")

    def _check(self, tag: int, size: int) -> None:
        beginning = self._decoded(0, _HEADER // 3 * 4, last=len(self._digits) <= _HEADER // 3 * 4)
        header = tlv.read_header(beginning)
        if header is None or header.tag != tag:
            got = "a cut off header" if header is None else f"{header.tag:X}"
            raise CodecError(f"expected the tag {tag:X}, got {got}", path=self._name)
        if header.end != size:
            raise CodecError(f"the TLV says {header.end} bytes, {size} are there", path=self._name)

    def _decoded(self, start: int, end: int, *, last: bool) -> bytes:
        piece = self._digits[start:end]
        try:
            octets = binascii.a2b_base64(piece, strict_mode=True)
        except binascii.Error as error:
            raise CodecError(f"no base64: {error}", path=self._name) from error
        if not last and len(octets) != len(piece) // 4 * 3:
            raise CodecError("no base64: padding inside", path=self._name)
        return octets
