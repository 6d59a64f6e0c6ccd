"""Head and body of an answer of HTTP/1.1, without I/O (RFC 9112 sections 4 to 7).

A library for both sides and all methods would be a megabyte with what it loads, for an agent that sends one POST now
and then. What is read here is the strict grammar; what an answer may not have besides is decided by `ipad.net.http`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Final

from ipad.errors import CodecError
from ipad.records import dataclass

_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?")
_FIELD: Final = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
_LENGTH: Final = re.compile(rb"[0-9]{1,15}")
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,12})(?:;[\t\x20-\x7e\x80-\xff]*)?[ \t]*")
_MAX_LINE: Final = 4096
_MAX_TRAILER: Final = 16_384
_WITHOUT_BODY: Final = (204, 304)
_END: Final = b"\r\n"

Fields = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Head:
    """Status line and header fields, names in lower case.

    `length`: of the body, None where no field says so. `chunked`: the body comes in chunks. `last`: the server will
    close the connection.
    """

    status: int
    fields: Fields
    length: int | None
    chunked: bool
    last: bool


def parse_head(data: bytes) -> Head:
    """Read a head with the empty line behind it. Raises CodecError."""
    first, *lines = data.removesuffix(_END + _END).split(_END)
    status_line = _STATUS_LINE.fullmatch(first)
    if status_line is None:
        raise CodecError(f"status line {first[:40]!r}")
    fields = tuple(_field(line) for line in lines)
    codings = [value.lower() for value in _values(fields, b"transfer-encoding")]
    if codings not in ([], [b"chunked"]):
        raise CodecError(f"transfer coding {b', '.join(codings)[:40]!r}")
    options = {option.strip().lower() for value in _values(fields, b"connection") for option in value.split(b",")}
    return Head(
        status=int(status_line[2]),
        fields=fields,
        length=_length(_values(fields, b"content-length")),
        chunked=bool(codings),
        last=status_line[1] == b"0" or b"close" in options,
    )


def _field(line: bytes) -> tuple[bytes, bytes]:
    match = _FIELD.fullmatch(line)
    if match is None:
        raise CodecError(f"header line {line[:40]!r}")
    return match[1].lower(), match[2]


def _values(fields: Fields, wanted: bytes) -> list[bytes]:
    return [value for name, value in fields if name == wanted]


def _length(values: Iterable[bytes]) -> int | None:
    """The same length may stand there several times (RFC 9112 6.3)."""
    found = {part.strip() for value in values for part in value.split(b",")}
    if not found:
        return None
    if len(found) > 1 or not all(map(_LENGTH.fullmatch, found)):
        raise CodecError(f"Content-Length {b', '.join(sorted(found))[:40]!r}")
    return int(found.pop())


class _Place(Enum):
    """Where in a body the next byte belongs."""

    DATA = "data"
    CHUNK_HEAD = "head of a chunk"
    CHUNK_END = "end of a chunk"
    TRAILER = "trailer"
    REST = "rest of the connection"
    BEHIND = "behind the answer"


class Body:
    """Tells what of the bytes behind a head is the body. `rest`: what came behind its end."""

    def __init__(self, head: Head) -> None:
        self._left = 0
        self._line = bytearray()
        self._trailer = 0
        self._chunked = head.chunked
        self.rest = b""
        if head.status in _WITHOUT_BODY or (head.length == 0 and not head.chunked):
            self._place = _Place.BEHIND
        elif head.chunked:
            self._place = _Place.CHUNK_HEAD
        elif head.length is not None:
            self._place, self._left = _Place.DATA, head.length
        else:
            self._place = _Place.REST

    @property
    def complete(self) -> bool:
        """Whether all of the body was seen."""
        return self._place is _Place.BEHIND

    @property
    def bounded(self) -> bool:
        """Whether the body ends before the connection does."""
        return self._place is not _Place.REST

    def receive(self, data: bytes) -> Iterator[memoryview]:
        """The parts of the body in the next bytes. Raises CodecError."""
        view = memoryview(data)
        while view and not self.complete:
            if self._place is _Place.REST:
                yield view
                return
            if self._place is _Place.DATA:
                part, view = view[: self._left], view[self._left :]
                self._left -= len(part)
                if not self._left:
                    self._place = _Place.CHUNK_END if self._chunked else _Place.BEHIND
                yield part
            else:
                view = self._take_line(view)
        self.rest += view

    def _take_line(self, view: memoryview) -> memoryview:
        """Lines of the chunked coding are short, so that they may be copied byte by byte."""
        for at, byte in enumerate(view):
            self._line.append(byte)
            if byte == _END[1]:
                line = bytes(self._line)
                self._line.clear()
                if not line.endswith(_END):
                    raise CodecError("bare LF between chunks")
                self._read_line(line[:-2])
                return view[at + 1 :]
            if len(self._line) > _MAX_LINE:
                raise CodecError(f"a line between chunks is longer than {_MAX_LINE} bytes")
        return view[:0]

    def _read_line(self, line: bytes) -> None:
        if self._place is _Place.CHUNK_HEAD:
            match = _CHUNK.fullmatch(line)
            if match is None:
                raise CodecError(f"head of a chunk {line[:40]!r}")
            self._left = int(match[1], 16)
            self._place = _Place.DATA if self._left else _Place.TRAILER
        elif self._place is _Place.CHUNK_END:
            if line:
                raise CodecError("bytes behind the end of a chunk")
            self._place = _Place.CHUNK_HEAD
        elif not line:
            self._place = _Place.BEHIND
        else:
            self._trailer += len(line)
            if self._trailer > _MAX_TRAILER:
                raise CodecError(f"more than {_MAX_TRAILER} bytes of header lines behind the body")
            _field(line)


def request_head(target: str, fields: Iterable[tuple[str, str]]) -> bytes:
    """The head of a POST. Raises CodecError for text that would break its lines."""
    if re.fullmatch(r"[!-~]+", target) is None:
        raise CodecError(f"target {target[:80]!r}")
    lines = [f"POST {target} HTTP/1.1"]
    for name, value in fields:
        line = f"{name}: {value}"
        if not line.isascii() or _FIELD.fullmatch(line.encode()) is None:
            raise CodecError(f"header {name[:40]!r} with the value {value[:40]!r}")
        lines.append(line)
    return "\r\n".join([*lines, "", ""]).encode("ascii")
