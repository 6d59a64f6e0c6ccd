"""Command and response APDU of short length, and status words (ISO/IEC 7816-4 5; ETSI TS 102 221 10)."""

from __future__ import annotations

from typing import Final, Self

from ipad.errors import CardError
from ipad.records import dataclass, replace

MAX_DATA: Final = 255
MAX_LE: Final = 256
MAX_RESPONSE: Final = 65_536
"""Data of a response that a modem joined from several GET RESPONSE commands of its own."""

INS_SELECT: Final = 0xA4
INS_MANAGE_CHANNEL: Final = 0x70
INS_GET_RESPONSE: Final = 0xC0
INS_STORE_DATA: Final = 0xE2
INS_FETCH: Final = 0x12
INS_TERMINAL_RESPONSE: Final = 0x14

_MEANINGS: Final = {
    0x6200: "warning without diagnosis",
    0x6283: "selected file invalidated",
    0x6300: "authentication failed",
    0x6581: "memory problem",
    0x6700: "wrong length",
    0x6881: "logical channel not open or not supported",
    0x6882: "secure messaging not supported",
    0x6982: "security status not satisfied: ES10 is not open to this terminal",
    0x6985: "conditions of use not satisfied: out of sequence, or the card wants a reset",
    0x6A80: "incorrect data field",
    0x6A81: "function not supported, or no logical channel free",
    0x6A82: "application or file not found",
    0x6A84: "not enough memory",
    0x6A86: "wrong P1 or P2",
    0x6A88: "referenced data not found: the function is not supported, or the object does not exist",
    0x6D00: "instruction not supported: wrong application selected",
    0x6E00: "class not supported: wrong application selected",
    0x6F00: "no precise diagnosis",
    0x9300: "busy with a proactive command",
}
_MEANINGS_BY_SW1: Final = {
    0x61: "data waiting",
    0x6C: "wrong Le",
    0x90: "success",
    0x91: "success, a proactive command waits",
    0x94: "file error",
    0x98: "security error",
}
_TRANSIENT: Final = frozenset({0x6F00, 0x9300})


def meaning(sw: int) -> str:
    """What a status word means on ES10, for people."""
    return _MEANINGS.get(sw) or _MEANINGS_BY_SW1.get(sw >> 8) or "unknown status word"


def is_success(sw: int) -> bool:
    """Executed: 9000, 91xx, and the older forms 92xx and 9Fxx. Busy (93xx) and 94xx, 98xx are errors."""
    return sw == 0x9000 or sw >> 8 in (0x91, 0x92, 0x9F)


def is_transient(sw: int) -> bool:
    """Whether the same command may succeed a little later."""
    return sw in _TRANSIENT


@dataclass(frozen=True, slots=True)
class CommandApdu:
    """A command. `le` is the expected length 1..256, None when the command asks for no data."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    le: int | None = None

    def __post_init__(self) -> None:
        if any(not 0 <= byte <= 0xFF for byte in (self.cla, self.ins, self.p1, self.p2)):
            raise ValueError("CLA, INS, P1 and P2 are bytes")
        if len(self.data) > MAX_DATA:
            raise ValueError(f"{len(self.data)} bytes of data, at most {MAX_DATA} fit")
        if self.le is not None and not 1 <= self.le <= MAX_LE:
            raise ValueError(f"Le {self.le} is not 1 to {MAX_LE}")

    def encode(self) -> bytes:
        """The bytes of cases 1 to 4; Le 256 is 00."""
        lc = bytes((len(self.data),)) if self.data else b""
        le = b"" if self.le is None else bytes((self.le & 0xFF,))
        return bytes((self.cla, self.ins, self.p1, self.p2)) + lc + self.data + le

    def with_le(self, le: int) -> Self:
        """The same command with another Le."""
        return replace(self, le=le)


@dataclass(frozen=True, slots=True)
class ResponseApdu:
    """A response: data and status word."""

    data: bytes
    sw: int

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Part data and status word. Raises CardError when that is impossible."""
        if not 2 <= len(octets) <= MAX_RESPONSE + 2:
            raise CardError(f"response APDU of {len(octets)} bytes, expected 2 to {MAX_RESPONSE + 2}")
        return cls(octets[:-2], int.from_bytes(octets[-2:], "big"))


def channel_class(cla: int, channel: int) -> int:
    """Put a logical channel number 0..19 into a class byte with zero channel bits (ETSI TS 102 221 10.1.1)."""
    if not 0 <= channel <= 19:
        raise ValueError(f"logical channel {channel} is not 0 to 19")
    if channel <= 3:
        return cla | channel
    return (0xC0 if cla & 0x80 else 0x40) | (channel - 4)
