"""Small BER-TLV reader and writer that hands out raw slices (X.690 8.1).

For the parts whose exact bytes matter: signed data, certificates, commands of a list that must be judged one by one.
Tags are integers of their bytes, `0xBF51`. Any definite length form is read, the shortest one is written.
"""

from __future__ import annotations

from typing import NamedTuple


class TlvError(ValueError):
    """Bytes that are no TLV, or not the expected one."""


class Tlv(NamedTuple):
    """One TLV: `raw` is all of it, `value` its content."""

    tag: int
    raw: bytes
    value: bytes

    @property
    def constructed(self) -> bool:
        """Whether the content is made of TLVs."""
        return bool(self.raw[0] & 0x20)


def first(data: bytes, offset: int = 0) -> Tlv:
    """Read the TLV at `offset`; what follows it is left alone."""
    position = _end_of_tag(data, offset)
    tag = int.from_bytes(data[offset:position], "big")
    if position >= len(data):
        raise TlvError(f"tag {tag:X} at offset {offset} has no length")
    length = data[position]
    position += 1
    if length > 0x80:
        size = length & 0x7F
        if position + size > len(data):
            raise TlvError(f"length of tag {tag:X} at offset {offset} is cut off")
        length = int.from_bytes(data[position : position + size], "big")
        position += size
    elif length == 0x80:
        raise TlvError(f"tag {tag:X} at offset {offset} has an indefinite length")
    end = position + length
    if end > len(data):
        raise TlvError(f"tag {tag:X} at offset {offset} announces {length} bytes, {len(data) - position} are there")
    return Tlv(tag, bytes(data[offset:end]), bytes(data[position:end]))


def single(data: bytes, tag: int | None = None) -> Tlv:
    """Read bytes that must be exactly one TLV, with `tag` if given."""
    found = first(data)
    if len(found.raw) != len(data):
        raise TlvError(f"{len(data) - len(found.raw)} bytes follow tag {found.tag:X}")
    if tag is not None and found.tag != tag:
        raise TlvError(f"expected tag {tag:X}, got {found.tag:X}")
    return found


def children(data: bytes) -> list[Tlv]:
    """Split a content (not a whole TLV) into its TLVs."""
    found = []
    offset = 0
    while offset < len(data):
        found.append(first(data, offset))
        offset += len(found[-1].raw)
    return found


def find(data: bytes, *path: int) -> Tlv:
    """Follow tags from the outer TLV inwards, the first match of each level counts; TlvError when there is none."""
    element: Tlv | None = None
    content = data
    for tag in path:
        element = next((child for child in children(content) if child.tag == tag), None)
        if element is None:
            raise TlvError(f"no tag {tag:X} on the path {'/'.join(f'{step:X}' for step in path)}")
        content = element.value
    if element is None:
        raise TlvError("the path is empty")
    return element


def build(tag: int, *contents: bytes) -> bytes:
    """Write a TLV around the joined contents."""
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        length = bytes([size])
    else:
        octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
        length = bytes([0x80 | len(octets)]) + octets
    return tag.to_bytes((tag.bit_length() + 7) // 8, "big") + length + content


def integer(value: int) -> bytes:
    """Content of an INTEGER: minimal two's complement, 128 -> 0080, -1 -> FF."""
    bits = (value if value >= 0 else ~value).bit_length()
    return value.to_bytes(bits // 8 + 1, "big", signed=True)


def _end_of_tag(data: bytes, offset: int) -> int:
    if offset >= len(data):
        raise TlvError(f"no TLV at offset {offset}")
    end = offset + 1
    if data[offset] & 0x1F == 0x1F:
        while end < len(data) and data[end] & 0x80:
            end += 1
        end += 1
        if end > len(data) or end - offset > 4:
            raise TlvError(f"tag at offset {offset} is cut off or too long")
    return end
