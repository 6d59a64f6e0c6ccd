"""Command APDU: header, channel and the four cases, short lengths only (ISO 7816-4 5, TS 102 221 10.1)."""

from __future__ import annotations

from dataclasses import dataclass

from hil.euicc import status
from hil.euicc.errors import StatusError


@dataclass(frozen=True, slots=True)
class Command:
    """A command. `le` is None when the command has no Le; Le 00 is 256."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes
    le: int | None

    @property
    def proprietary(self) -> bool:
        """Class 8x or Cx (ETSI and GlobalPlatform) instead of 0x or 4x (interindustry)."""
        return bool(self.cla & 0x80)

    @property
    def channel(self) -> int:
        """Logical channel of the class byte (TS 102 221 10.1.1)."""
        return (self.cla & 0x0F) + 4 if self.cla & 0x40 else self.cla & 0x03


def parse_command(octets: bytes) -> Command:
    """Read a command APDU. StatusError 6700 for wrong or extended lengths, 6E00 and 6882 for the class byte."""
    if len(octets) < 4:
        raise StatusError(status.WRONG_LENGTH)
    cla, ins, p1, p2 = octets[:4]
    _check_class(cla)
    body = octets[4:]
    if not body:
        return Command(cla, ins, p1, p2, b"", None)
    if len(body) == 1:
        return Command(cla, ins, p1, p2, b"", body[0] or 256)
    length = body[0]
    data = body[1 : 1 + length]
    rest = body[1 + length :]
    if not length or len(data) != length or len(rest) > 1:
        raise StatusError(status.WRONG_LENGTH)
    return Command(cla, ins, p1, p2, data, (rest[0] or 256) if rest else None)


def _check_class(cla: int) -> None:
    high = cla & 0xF0
    if high in (0x00, 0x80):
        if cla & 0x0C:
            raise StatusError(status.SECURE_MESSAGING_NOT_SUPPORTED)
    elif high in (0x60, 0xE0):
        raise StatusError(status.SECURE_MESSAGING_NOT_SUPPORTED)
    elif high not in (0x40, 0xC0):
        raise StatusError(status.CLA_NOT_SUPPORTED)
