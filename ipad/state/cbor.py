"""CBOR as far as a state file needs it (RFC 8949): numbers, byte and text strings, arrays, maps, simple values.

What is written is deterministic in the older way (RFC 8949 4.2.3): shortest forms, keys of a map in the order of
their length and then of their bytes. What is read may be written by others, but not endless or tagged.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Final

from ipad.errors import CodecError

_DEEPEST: Final = 64
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_SIMPLE_VALUES: Final[Mapping[int, object]] = {20: False, 21: True, 22: None}
_SIZES: Final = {24: ">B", 25: ">H", 26: ">I", 27: ">Q"}
_FLOATS: Final = {25: ">e", 26: ">f", 27: ">d"}
_NOT_A_NUMBER: Final = b"\xf9\x7e\x00"


def encode(value: object) -> bytes:
    """One item. Raises TypeError for what has no place in a state file, OverflowError for more than 64 bits."""
    out = bytearray()
    _write(value, out)
    return bytes(out)


def decode(data: bytes) -> object:
    """The one item that the bytes are. Raises CodecError."""
    reader = _Reader(data)
    try:
        value = reader.item(0)
    except (struct.error, UnicodeDecodeError, TypeError) as error:
        raise CodecError(f"damaged at byte {reader.at}: {error}") from error
    if reader.at != len(data):
        raise CodecError(f"{len(data) - reader.at} bytes behind the end")
    return value


def _write(value: object, out: bytearray) -> None:
    if value is None or isinstance(value, bool):
        out.append(0xF6 if value is None else 0xF4 + value)
    elif isinstance(value, int):
        _write_head(_UNSIGNED if value >= 0 else _NEGATIVE, value if value >= 0 else -1 - value, out)
    elif isinstance(value, float):
        out += _float(value)
    elif isinstance(value, bytes):
        _write_head(_BYTES, len(value), out)
        out += value
    elif isinstance(value, str):
        text = value.encode()
        _write_head(_TEXT, len(text), out)
        out += text
    elif isinstance(value, Mapping):
        _write_head(_MAP, len(value), out)
        for key, item in sorted(((encode(key), item) for key, item in value.items()), key=_order):
            out += key
            _write(item, out)
    elif isinstance(value, Sequence):
        _write_head(_ARRAY, len(value), out)
        for item in value:
            _write(item, out)
    else:
        raise TypeError(f"{type(value).__name__} cannot be kept")


def _order(entry: tuple[bytes, object]) -> tuple[int, bytes]:
    return len(entry[0]), entry[0]


def _write_head(kind: int, number: int, out: bytearray) -> None:
    if number < 24:
        out.append(kind << 5 | number)
        return
    if number >> 64:
        raise OverflowError("a number of more than 64 bits")
    code = 24 if number < 1 << 8 else 25 if number < 1 << 16 else 26 if number < 1 << 32 else 27
    out.append(kind << 5 | code)
    out += struct.pack(_SIZES[code], number)


def _float(value: float) -> bytes:
    if math.isnan(value):
        return _NOT_A_NUMBER
    for code, form in _FLOATS.items():
        try:
            packed = struct.pack(form, value)
        except OverflowError:
            continue
        if struct.unpack(form, packed)[0] == value:
            return bytes([_SIMPLE << 5 | code]) + packed
    raise AssertionError("a float has 64 bits")


class _Reader:
    """Takes items from the front of the data."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def item(self, depth: int) -> object:
        if depth > _DEEPEST:
            raise CodecError(f"deeper than {_DEEPEST}")
        (first,) = self._take(1)
        kind, code = first >> 5, first & 31
        if kind == _SIMPLE:
            return self._simple(code)
        number = code if code < 24 else self._number(code, _SIZES)
        if kind in (_UNSIGNED, _NEGATIVE):
            return number if kind == _UNSIGNED else -1 - number
        if kind in (_BYTES, _TEXT):
            content = self._take(int(number))
            return content if kind == _BYTES else content.decode()
        if kind == _TAG:
            raise CodecError(f"tag {number}")
        # An item has one byte at least: a number that lies cannot take memory.
        if number > len(self._data) - self.at:
            raise CodecError(f"{number} items in {len(self._data) - self.at} bytes")
        if kind == _ARRAY:
            return [self.item(depth + 1) for _ in range(int(number))]
        return self._map(int(number), depth + 1)

    def _map(self, number: int, depth: int) -> dict[object, object]:
        found: dict[object, object] = {}
        for _ in range(number):
            key = self.item(depth)
            if key in found:
                raise CodecError("a key twice")
            found[key] = self.item(depth)
        return found

    def _simple(self, code: int) -> object:
        if code in _SIMPLE_VALUES:
            return _SIMPLE_VALUES[code]
        if code in _FLOATS:
            return self._number(code, _FLOATS)
        raise CodecError(f"simple value {code}")

    def _number(self, code: int, forms: Mapping[int, str]) -> float:
        form = forms.get(code)
        if form is None:
            raise CodecError(f"length code {code}")
        number: float = struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return number

    def _take(self, size: int) -> bytes:
        if size > len(self._data) - self.at:
            raise CodecError(f"{size} bytes expected, {len(self._data) - self.at} there")
        taken = self._data[self.at : self.at + size]
        self.at += size
        return taken
