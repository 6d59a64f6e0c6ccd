"""BER-TLV: reading with bounds, writing in DER (X.690 8.1, 10.1).

Tags are integers of their bytes (`0xBF51`). Reading accepts any definite length form; indefinite lengths,
tags of more than three bytes and lengths of more than four bytes are refused. Writing uses the shortest form.
"""

from __future__ import annotations

from collections.abc import Iterator

from ipad.errors import CodecError
from ipad.records import dataclass

_MAX_TAG_BYTES = 3
_MAX_LENGTH_BYTES = 4
_CONSTRUCTED = 0x20

Buffer = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Element:
    """One TLV inside a buffer. `raw` is all of it, `value` its content; both share the buffer."""

    tag: int
    raw: memoryview
    value: memoryview

    @property
    def constructed(self) -> bool:
        """Whether the tag says that the content is made of TLVs."""
        return bool(self.raw[0] & _CONSTRUCTED)


@dataclass(frozen=True, slots=True)
class Header:
    """Tag, and the offsets of content and end of a TLV relative to its first byte."""

    tag: int
    content: int
    end: int


def read_header(data: Buffer, offset: int = 0) -> Header | None:
    """Read the header at `offset`, or return None when more bytes are needed to know it.

    Raises CodecError for a header that no continuation can make valid.
    """
    bounds = _bounds(data, offset)
    return None if bounds is None else Header(*bounds)


def _bounds(data: Buffer, offset: int) -> tuple[int, int, int] | None:
    """What a header says, without an object for it: most are read and forgotten."""
    size = len(data)
    if offset >= size:
        return None
    tag = data[offset]
    pos = offset + 1
    if tag & 0x1F == 0x1F:
        long_tag = _read_long_tag(data, offset)
        if long_tag is None:
            return None
        tag, pos = long_tag
    elif tag == 0:
        raise CodecError(f"tag 00 at offset {offset}")
    if pos >= size:
        return None
    length = data[pos]
    pos += 1
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= _MAX_LENGTH_BYTES:
            raise CodecError(f"tag {tag:X} at offset {offset}: length byte {length:02X} is not allowed")
        if pos + count > size:
            return None
        length = int.from_bytes(data[pos : pos + count], "big")
        pos += count
    return tag, pos - offset, pos - offset + length


def _read_long_tag(data: Buffer, offset: int) -> tuple[int, int] | None:
    """A tag of more than one byte and the offset behind it; None when it is cut off."""
    tag = data[offset]
    for pos in range(offset + 1, min(offset + _MAX_TAG_BYTES, len(data))):
        tag = tag << 8 | data[pos]
        if not data[pos] & 0x80:
            return tag, pos + 1
    if len(data) - offset >= _MAX_TAG_BYTES:
        raise CodecError(f"tag {tag:X} at offset {offset} has more than {_MAX_TAG_BYTES} bytes")
    return None


def read_element(data: Buffer, offset: int = 0) -> Element:
    """Read one TLV that begins at `offset`; what follows it is left alone."""
    bounds = _bounds(data, offset)
    if bounds is None:
        raise CodecError(f"TLV header cut off at offset {offset} of {len(data)} bytes")
    tag, content, size = bounds
    end = offset + size
    if end > len(data):
        raise CodecError(
            f"tag {tag:X} at offset {offset} says {size - content} bytes, {len(data) - offset - content} are there"
        )
    view = data if isinstance(data, memoryview) else memoryview(data)
    return Element(tag, view[offset:end], view[offset + content : end])


def read_single(data: Buffer) -> Element:
    """Read a buffer that must hold exactly one TLV: trailing bytes are refused, not ignored."""
    element = read_element(data)
    if len(element.raw) != len(data):
        raise CodecError(f"{len(data) - len(element.raw)} bytes follow the TLV with tag {element.tag:X}")
    return element


def children(data: Buffer) -> Iterator[Element]:
    """Iterate over the TLVs that a content consists of."""
    view = memoryview(data)
    pos = 0
    while pos < len(view):
        element = read_element(view, pos)
        yield element
        pos += len(element.raw)


def find(data: Buffer, *path: int) -> Element | None:
    """Follow tags from the content `data` downwards; the first match on each level counts."""
    element: Element | None = None
    view: Buffer = data
    for tag in path:
        element = next((child for child in children(view) if child.tag == tag), None)
        if element is None:
            return None
        view = element.value
    return element


def encode_tag(tag: int) -> bytes:
    """Return the bytes of a tag."""
    return tag.to_bytes((tag.bit_length() + 7) // 8 or 1, "big")


def encode_length(length: int) -> bytes:
    """Return the shortest definite length form."""
    if length < 0x80:
        return bytes((length,))
    size = (length.bit_length() + 7) // 8
    return bytes((0x80 | size,)) + length.to_bytes(size, "big")


def tlv(tag: int, *contents: Buffer) -> bytes:
    """Return the DER TLV of a tag around the concatenated contents."""
    return b"".join((encode_tag(tag), encode_length(sum(map(len, contents))), *contents))
