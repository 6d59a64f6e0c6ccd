"""What a fault makes of bytes."""

from __future__ import annotations

from tests.e2e.sweep.catalogue import Fault

_NOISE = bytes.fromhex("9f3c00ffe17d2a5500c8fe0180ff7f3b")


def noise(size: int) -> bytes:
    """Bytes that mean nothing, always the same."""
    return (_NOISE * (size // len(_NOISE) + 1))[:size]


def damaged(data: bytes, fault: Fault, before: bytes | None) -> bytes | None:
    """A TLV (or anything else) after a fault; `before`: what came before it. None: the fault makes no difference."""
    match fault:
        case Fault.EMPTY:
            return b"" if data else None
        case Fault.REORDER:
            return before if before is not None and before != data else None
        case _ if not data:
            return None
        case Fault.GARBAGE:
            return noise(len(data))
        case Fault.TRUNCATION:
            return data[: len(data) // 2]
        case Fault.WRONG_TAG:
            return bytes([data[0] ^ 0x21]) + data[1:]
        case Fault.WRONG_LENGTH:
            return wrong_length(data)
        case _:
            raise AssertionError(f"{fault} is no damage")


def wrong_length(data: bytes) -> bytes | None:
    """A TLV whose length is too large by one."""
    position = 2 if data[0] & 0x1F == 0x1F else 1
    if len(data) <= position:
        return None
    long_form = data[position] & 0x7F if data[position] & 0x80 else 0
    last = position + long_form
    return data[:last] + bytes([(data[last] + 1) & 0xFF]) + data[last + 1 :] if last < len(data) else None
