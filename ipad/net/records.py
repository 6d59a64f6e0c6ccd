"""DTLS records and the datagrams that carry them (RFC 6347 4.1), sans-IO.

A TLS library that writes to memory forgets where a datagram ends; here records are cut at their headers and packed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

HEADER: Final = 13
"""Type, version, epoch, sequence number, length."""

_TYPES: Final = range(20, 27)
_MAJOR_VERSION: Final = 0xFE
_MAX_RECORD: Final = (1 << 14) + 2048


def pack(stream: bytes, mtu: int) -> list[bytes]:
    """Cut a stream of whole records into datagrams of at most `mtu` bytes; a record that is longer goes alone."""
    datagrams: list[bytes] = []
    current = b""
    for record in _cut(stream):
        if current and len(current) + len(record) > mtu:
            datagrams.append(current)
            current = b""
        current += record
    if current:
        datagrams.append(current)
    return datagrams


def acceptable(datagram: bytes) -> bytes:
    """The whole records at the start of a datagram; b"" for one that is no DTLS.

    What does not follow the record format is dropped (RFC 6347 4.1.2.7), so that it cannot shift the border of the
    next record in the library's memory.
    """
    return b"".join(_cut(datagram))


def renumbered(datagram: bytes, offset: int) -> bytes:
    """The records of a datagram with other numbers, as long as nothing protects them (epoch 0)."""
    if not offset:
        return datagram
    return b"".join(
        record if record[3:5] != b"\0\0" else record[:5] + _number(record, offset) + record[11:]
        for record in _cut(datagram)
    )


def _number(record: bytes, offset: int) -> bytes:
    return ((int.from_bytes(record[5:11], "big") + offset) % (1 << 48)).to_bytes(6, "big")


def _cut(stream: bytes) -> Iterator[bytes]:
    offset = 0
    while offset + HEADER <= len(stream):
        length = int.from_bytes(stream[offset + 11 : offset + HEADER], "big")
        end = offset + HEADER + length
        if stream[offset] not in _TYPES or stream[offset + 1] != _MAJOR_VERSION or length > _MAX_RECORD:
            return
        if end > len(stream):
            return
        yield stream[offset:end]
        offset = end
