"""Messages of the DNS, as much as it takes to find the addresses of a server (RFC 1035 4; RFC 3596 for AAAA).

An answer comes from anybody who guesses well: what does not repeat identifier and question is none (RFC 5452 4.2, 9.1).
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Final

from ipad.errors import CodecError
from ipad.records import dataclass

_HEADER: Final = struct.Struct("!6H")
_RESPONSE, _OPCODE, _TRUNCATED, _RECURSION_DESIRED, _RCODE = 0x8000, 0x7800, 0x0200, 0x0100, 0x000F
_KNOWS: Final = 0x0480
"""Authoritative, or recursion available: what has neither only tells of other servers."""
_INTERNET: Final = 1
_LONGEST_LABEL, _LONGEST_NAME = 63, 255
_MOST_JUMPS: Final = 32
_MOST_RECORDS: Final = 256
_MOST_ALIASES: Final = 8

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class RecordType(IntEnum):
    """Types that are asked for or understood."""

    A = 1
    CNAME = 5
    AAAA = 28


class ResponseCode(IntEnum):
    """What a server makes of a question (RFC 1035 4.1.1)."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5


@dataclass(frozen=True, slots=True)
class Question:
    """A name, in lower case and without a final dot, and the type that is asked for."""

    name: str
    kind: RecordType


@dataclass(frozen=True, slots=True)
class Answer:
    """What a response says of its question.

    `addresses` are those at the end of the chain of aliases. `alias` is that end when the response has no addresses of
    it, so that it must be asked for. `lame`: the server does not know and asks nobody.
    """

    code: int
    truncated: bool = False
    lame: bool = False
    addresses: tuple[Address, ...] = ()
    alias: str | None = None


def encode_query(identifier: int, question: Question) -> bytes:
    """The query. Raises CodecError for text that is no name of the DNS."""
    header = _HEADER.pack(identifier, _RECURSION_DESIRED, 1, 0, 0, 0)
    return header + _encode_name(question.name) + struct.pack("!2H", question.kind, _INTERNET)


def decode_answer(message: bytes, identifier: int, question: Question) -> Answer:
    """Read a response. Raises CodecError for what is none to this query, or damaged."""
    if len(message) < _HEADER.size:
        raise CodecError(f"{len(message)} bytes are no DNS message")
    number, flags, questions, answers, _, _ = _HEADER.unpack_from(message)
    if number != identifier or not flags & _RESPONSE or flags & _OPCODE or questions != 1:
        raise CodecError("no response to the query")
    name, offset = _read_name(message, _HEADER.size)
    if offset + 4 > len(message) or struct.unpack_from("!2H", message, offset) != (question.kind, _INTERNET):
        raise CodecError("a response to another question")
    if name != question.name:
        raise CodecError("a response about another name")
    code, truncated = flags & _RCODE, bool(flags & _TRUNCATED)
    if truncated or code != ResponseCode.NOERROR:
        return Answer(code, truncated)
    records = [
        record
        for record in _records(message, offset + 4, min(answers, _MOST_RECORDS))
        if record.address is None or record.address.version == (4 if question.kind is RecordType.A else 6)
    ]
    lame = not records and not flags & _KNOWS
    return _follow(Answer(code, lame=lame), question, records)


@dataclass(frozen=True, slots=True)
class _Record:
    name: str
    address: Address | None = None
    alias: str | None = None


def _follow(answer: Answer, question: Question, records: list[_Record]) -> Answer:
    """Go along the aliases; the order of the records means nothing (RFC 1034 3.6.2)."""
    aliases = {record.name: record.alias for record in records if record.alias is not None}
    name = question.name
    for _ in range(_MOST_ALIASES):
        found = tuple(record.address for record in records if record.name == name and record.address is not None)
        if found:
            return Answer(answer.code, addresses=tuple(dict.fromkeys(found)))
        if name not in aliases:
            return Answer(answer.code, lame=answer.lame, alias=name if name != question.name else None)
        name = aliases[name]
    raise CodecError(f"more than {_MOST_ALIASES} aliases, one after the other")


def _records(message: bytes, offset: int, count: int) -> Iterator[_Record]:
    for _ in range(count):
        name, offset = _read_name(message, offset)
        if offset + 10 > len(message):
            raise CodecError("a record is cut off")
        kind, group, _, length = struct.unpack_from("!2HIH", message, offset)
        offset += 10
        data = message[offset : offset + length]
        if len(data) != length:
            raise CodecError("the data of a record are cut off")
        if group == _INTERNET:
            yield _record(message, name, kind, data, offset)
        offset += length


def _record(message: bytes, name: str, kind: int, data: bytes, offset: int) -> _Record:
    if kind == RecordType.A and len(data) == 4:
        return _Record(name, address=ipaddress.IPv4Address(data))
    if kind == RecordType.AAAA and len(data) == 16:
        return _Record(name, address=ipaddress.IPv6Address(data))
    if kind == RecordType.CNAME:
        return _Record(name, alias=_read_name(message, offset)[0])
    if kind in (RecordType.A, RecordType.AAAA):
        raise CodecError(f"an address of {len(data)} bytes")
    return _Record(name)


def _encode_name(name: str) -> bytes:
    try:
        labels = [label.encode("ascii") for label in name.split(".")]
    except UnicodeEncodeError as error:
        raise CodecError(f"{name!r} is not ASCII") from error
    if not all(0 < len(label) <= _LONGEST_LABEL for label in labels):
        raise CodecError(f"{name[:80]!r} is no name of the DNS: its labels have 1 to {_LONGEST_LABEL} characters")
    encoded = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    if len(encoded) > _LONGEST_NAME:
        raise CodecError(f"a name of {len(encoded)} bytes, {_LONGEST_NAME} are possible")
    return encoded


def _read_name(message: bytes, offset: int) -> tuple[str, int]:
    """The name in lower case, and the offset behind it. Pointers lead backwards only, so that there is no circle."""
    labels: list[str] = []
    behind = -1
    length = 0
    lowest = offset
    for _ in range(_LONGEST_NAME + _MOST_JUMPS):
        if offset >= len(message):
            raise CodecError("a name is cut off")
        size = message[offset]
        if size >= 0xC0:
            if offset + 2 > len(message):
                raise CodecError("a name is cut off")
            behind = offset + 2 if behind < 0 else behind
            offset = (size & 0x3F) << 8 | message[offset + 1]
            if offset >= lowest:
                raise CodecError("a name points forwards")
            lowest = offset
            continue
        if size > _LONGEST_LABEL:
            raise CodecError("a label of an unknown kind")
        if not size:
            return ".".join(labels), offset + 1 if behind < 0 else behind
        label = message[offset + 1 : offset + 1 + size]
        length += size + 1
        if len(label) < size or length >= _LONGEST_NAME:
            raise CodecError("a name is cut off or too long")
        labels.append(label.decode("latin-1").lower())
        offset += size + 1
    raise CodecError("a name without an end")
