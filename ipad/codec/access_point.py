"""What connectivity parameters of a profile say about its access point: COMPREHENSION-TLVs of a BIP channel.

GetConnectivityParameters (SGP.32 5.9.24) hands out the parameters of the HTTP channel of GlobalPlatform Amendment B,
which are data objects of ETSI TS 102 223: bearer description (8.52), network access name (8.70), user login and
password as two text strings (8.15), coded as TS 101 220 7.1.1 says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ipad.errors import CodecError
from ipad.records import dataclass, field

_COMPREHENSION_REQUIRED: Final = 0x80
_NETWORK_ACCESS_NAME: Final = 0x47
_TEXT_STRING: Final = 0x0D
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")
_MAX_NAME = 100
# Coding groups of TS 23.038 4 that mean eight bits for each character.
_EIGHT_BIT = frozenset({0x04, 0xF4, 0xF5, 0xF6, 0xF7})
_UCS2 = 0x08
_PACKED_SEVEN_BIT = frozenset({0x00, 0xF0, 0xF1, 0xF2, 0xF3})
# Characters of the default alphabet of TS 23.038 6.2.1 that ASCII has elsewhere and names are made with.
_SEVEN_BIT = {0x00: "@", 0x02: "$", 0x11: "_"}


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """An access point name as people write it, and the login and password that belong to it ("": none)."""

    name: str
    login: str = ""
    password: str = field(default="", repr=False)


def decode_access_point(http_params: bytes) -> AccessPoint | None:
    """Read httpParams of ConnectivityParameters; None when they name no access point.

    Objects of other kinds are skipped. Raises CodecError, whose message never holds what the parameters say.
    """
    name: str | None = None
    texts: list[str] = []
    for tag, value in _objects(http_params):
        if tag == _NETWORK_ACCESS_NAME and name is None:
            name = _access_point_name(value)
        elif tag == _TEXT_STRING:
            texts.append(_text(value))
    if name is None:
        return None
    return AccessPoint(name, *texts[:2])


def _objects(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag without the comprehension bit, and value, of each object (TS 101 220 7.1.1)."""
    position = 0
    while position < len(data):
        tag, position = data[position], position + 1
        if tag in (0x00, 0xFF):
            continue  # padding of the stored file
        if tag & 0x7F == 0x7F:
            if position + 2 > len(data):
                raise CodecError("connectivity parameters: a tag is cut off")
            tag = int.from_bytes(data[position : position + 2], "big") & 0x7FFF
            position += 2
        else:
            tag &= ~_COMPREHENSION_REQUIRED
        length, position = _length(data, position)
        if position + length > len(data):
            raise CodecError(f"connectivity parameters: object {tag:02X} says {length} bytes, there are fewer")
        yield tag, data[position : position + length]
        position += length


def _length(data: bytes, position: int) -> tuple[int, int]:
    """A length of one to four bytes and the position behind it (TS 101 220 7.1.2)."""
    if position >= len(data):
        raise CodecError("connectivity parameters: a length is missing")
    first = data[position]
    if first < 0x80:
        return first, position + 1
    count = first & 0x7F
    if not 1 <= count <= 3 or position + 1 + count > len(data):
        raise CodecError(f"connectivity parameters: length byte {first:02X} is not allowed or cut off")
    return int.from_bytes(data[position + 1 : position + 1 + count], "big"), position + 1 + count


def _access_point_name(value: bytes) -> str:
    """Labels with their lengths in front (TS 23.003 9.1); plain text as well, which some issuers store."""
    name = _labels(value)
    if name is None:
        name = value.decode("ascii", "replace")
    if name and (len(name) >= _MAX_NAME or not all(map(_LABEL.fullmatch, name.split(".")))):
        raise CodecError(f"connectivity parameters: {len(value)} bytes that are no network access name")
    return name


def _labels(value: bytes) -> str | None:
    labels: list[str] = []
    position = 0
    while position < len(value):
        end = position + 1 + value[position]
        label = value[position + 1 : end]
        if end > len(value) or not label or not label.isascii():
            return None
        labels.append(label.decode("ascii"))
        position = end
    return ".".join(labels)


def _text(value: bytes) -> str:
    """A text string: its data coding scheme, then the characters (TS 102 223 8.15)."""
    if not value:
        return ""
    scheme, coded = value[0], value[1:]
    if scheme in _EIGHT_BIT and coded.isascii():
        text = coded.decode("ascii")
    elif scheme == _UCS2 and len(coded) % 2 == 0:
        text = coded.decode("utf-16-be", "replace")
    elif scheme in _PACKED_SEVEN_BIT:
        text = _unpacked(coded)
    else:
        raise CodecError(f"connectivity parameters: a text in coding {scheme:02X} that cannot be read")
    if not (text.isascii() and text.isprintable()):
        raise CodecError("connectivity parameters: a login or password that is not printable ASCII")
    return text


def _unpacked(coded: bytes) -> str:
    """Seven bits for each character, the first in the lowest bits (TS 23.038 6.1.2.1)."""
    bits = int.from_bytes(coded, "little")
    codes = [bits >> 7 * number & 0x7F for number in range(len(coded) * 8 // 7)]
    if len(coded) % 7 == 0 and codes and codes[-1] in (0x00, 0x0D):
        codes.pop()  # seven spare bits: filler, not a character
    return "".join(_SEVEN_BIT.get(code, chr(code)) for code in codes)
