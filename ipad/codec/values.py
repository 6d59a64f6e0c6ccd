"""Contents of primitive TLVs: how values of the wire become values of Python and back.

Each kind has `decode(content)` and `encode(value)` for the content octets alone; tags belong to `schema`.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Any, Generic, Protocol, Self, TypeVar

from ipad.codec.tlv import Buffer
from ipad.errors import CodecError
from ipad.records import dataclass

T = TypeVar("T")
E = TypeVar("E", bound=IntEnum)
F = TypeVar("F", bound=IntFlag)

_MAX_INTEGER_BYTES = 16


class Kind(Protocol[T]):
    """How the content octets of one primitive type are read and written."""

    def decode(self, content: Buffer) -> T:
        """Return the value, or raise CodecError."""
        ...

    def encode(self, value: T) -> bytes:
        """Return the content octets, or raise CodecError for a value out of bounds."""
        ...


class OpenEnum(IntEnum):
    """An enumeration that keeps numbers which the specification does not name (yet).

    Such a member is called `unknown`; it compares equal to its number.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = "unknown"
        member._value_ = value
        return member

    @property
    def spec_name(self) -> str:
        """The name as the specification writes it, such as `iccidOrAidNotFound`."""
        first, *rest = self.name.lower().split("_")
        return first + "".join(word.capitalize() for word in rest)

    def __str__(self) -> str:
        return f"{self.spec_name}({self.value})"


@dataclass(frozen=True, slots=True)
class BitString:
    """A BIT STRING without named bits: the octets and how many bits of the last one are unused."""

    octets: bytes
    unused: int = 0


@dataclass(frozen=True)
class Integer:
    """INTEGER in minimal two's complement (X.690 8.3). Redundant leading octets are accepted."""

    def decode(self, content: Buffer) -> int:
        if not 1 <= len(content) <= _MAX_INTEGER_BYTES:
            raise CodecError(f"INTEGER of {len(content)} octets, expected 1 to {_MAX_INTEGER_BYTES}")
        return int.from_bytes(content, "big", signed=True)

    def encode(self, value: int) -> bytes:
        return value.to_bytes(
            value.bit_length() // 8 + 1 if value >= 0 else (value + 1).bit_length() // 8 + 1, "big", signed=True
        )


@dataclass(frozen=True)
class Enumeration(Generic[E]):
    """INTEGER with named numbers."""

    type: type[E]

    def decode(self, content: Buffer) -> E:
        return self.type(INTEGER.decode(content))

    def encode(self, value: E) -> bytes:
        return INTEGER.encode(int(value))


@dataclass(frozen=True)
class NamedBits(Generic[F]):
    """BIT STRING with named bits: bit n of the specification is `1 << n` of the flag.

    Written without trailing zero bits (X.690 11.2.2), read with any number of them.
    """

    type: type[F]

    def decode(self, content: Buffer) -> F:
        bits = BIT_STRING.decode(content)
        value = 0
        for index, octet in enumerate(bits.octets):
            for bit in range(8):
                if octet & 0x80 >> bit:
                    value |= 1 << 8 * index + bit
        return self.type(value)

    def encode(self, value: F) -> bytes:
        number = int(value)
        size = number.bit_length()
        octets = bytearray((size + 7) // 8)
        for bit in range(size):
            if number >> bit & 1:
                octets[bit // 8] |= 0x80 >> bit % 8
        return bytes((-size % 8,)) + bytes(octets)


@dataclass(frozen=True)
class Bits:
    """BIT STRING without named bits."""

    def decode(self, content: Buffer) -> BitString:
        if not content or content[0] > 7 or (len(content) == 1 and content[0]):
            raise CodecError(
                f"BIT STRING begins with {bytes(content[:1]).hex() or 'nothing'} and has {len(content)} octets"
            )
        return BitString(bytes(content[1:]), content[0])

    def encode(self, value: BitString) -> bytes:
        return bytes((value.unused,)) + value.octets


@dataclass(frozen=True)
class Octets:
    """OCTET STRING with size bounds."""

    minimum: int = 0
    maximum: int | None = None

    def decode(self, content: Buffer) -> bytes:
        self._check(len(content))
        return bytes(content)

    def encode(self, value: bytes) -> bytes:
        self._check(len(value))
        return value

    def _check(self, size: int) -> None:
        if size < self.minimum or (self.maximum is not None and size > self.maximum):
            expected = (
                f"{self.minimum}" if self.minimum == self.maximum else f"{self.minimum} to {self.maximum or 'any'}"
            )
            raise CodecError(f"{size} octets, expected {expected}")


@dataclass(frozen=True)
class Utf8:
    """UTF8String; bounds count octets and bind what we send.

    A name that a card keeps in another encoding, or that is too long, must not make a whole list unreadable:
    octets that are no UTF-8 are read as backslash escapes. Whoever uses a string as a host name or prints it
    checks it for that use.
    """

    minimum: int = 0
    maximum: int | None = None

    def decode(self, content: Buffer) -> str:
        return str(content, "utf-8", "backslashreplace")

    def encode(self, value: str) -> bytes:
        return Octets(self.minimum, self.maximum).encode(value.encode())


@dataclass(frozen=True)
class Null:
    """NULL, as a bool that is true when the element is present."""

    def decode(self, content: Buffer) -> bool:
        if len(content):
            raise CodecError(f"NULL with {len(content)} octets")
        return True

    def encode(self, value: bool) -> bytes:  # noqa: ARG002 - one signature for all kinds
        return b""


@dataclass(frozen=True)
class Boolean:
    """BOOLEAN; TRUE is written FF, any octet but 00 is read as TRUE."""

    def decode(self, content: Buffer) -> bool:
        if len(content) != 1:
            raise CodecError(f"BOOLEAN of {len(content)} octets, expected 1")
        return content[0] != 0

    def encode(self, value: bool) -> bytes:
        return b"\xff" if value else b"\x00"


@dataclass(frozen=True)
class ObjectIdentifier:
    """OBJECT IDENTIFIER as dotted decimal text (X.690 8.19)."""

    def decode(self, content: Buffer) -> str:
        if not content or content[-1] & 0x80:
            raise CodecError("OBJECT IDENTIFIER is empty or cut off")
        arcs: list[int] = []
        value = 0
        for octet in content:
            if not value and octet == 0x80:
                raise CodecError("OBJECT IDENTIFIER has a padded subidentifier")
            value = value << 7 | octet & 0x7F
            if not octet & 0x80:
                arcs.append(value)
                value = 0
        root = min(arcs[0] // 40, 2)
        return ".".join(map(str, (root, arcs[0] - 40 * root, *arcs[1:])))

    def encode(self, value: str) -> bytes:
        try:
            root, second, *rest = (int(arc) for arc in value.split("."))
        except ValueError as error:
            raise CodecError(f"{value!r} is no OBJECT IDENTIFIER") from error
        if root > 2 or second < 0 or (root < 2 and second > 39) or any(arc < 0 for arc in rest):
            raise CodecError(f"{value!r} is no OBJECT IDENTIFIER")
        out = bytearray()
        for arc in (40 * root + second, *rest):
            groups = [arc & 0x7F]
            while arc := arc >> 7:
                groups.append(arc & 0x7F | 0x80)
            out += bytes(reversed(groups))
        return bytes(out)


INTEGER = Integer()
BIT_STRING = Bits()
OCTET_STRING = Octets()
UTF8_STRING = Utf8()
NULL = Null()
BOOLEAN = Boolean()
OID = ObjectIdentifier()

AnyKind = Kind[Any]
