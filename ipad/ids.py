"""Identifiers of cards, devices and networks: validated once, printed and masked in one way."""

from __future__ import annotations

import re
from typing import Final, Self

from ipad.errors import CodecError
from ipad.records import dataclass

_IDENTIFIER: Final = re.compile(r"(?<![0-9A-Za-z])(?:\d{32}|89\d{16,18})(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class Eid:
    """EID: 32 decimal digits, on the wire plain BCD in 16 bytes (SGP.29 10)."""

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != 16:
            raise CodecError(f"EID of {len(self.octets)} octets, expected 16")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read 32 digits; blanks are ignored."""
        digits = "".join(text.split())
        if len(digits) != 32 or not digits.isascii() or not digits.isdigit():
            raise CodecError(f"EID {text!r} is not 32 decimal digits")
        return cls(bytes.fromhex(digits))

    def __str__(self) -> str:
        return self.octets.hex().upper()

    @property
    def checked(self) -> bool:
        """Whether the check digits agree: divided by 97 the EID leaves a remainder of 1 (SGP.29 10)."""
        text = str(self)
        return text.isdigit() and int(text) % 97 == 1

    def masked(self) -> str:
        """The first 8 digits (issuer) and the last 4."""
        text = str(self)
        return f"{text[:8]}…{text[-4:]}"


@dataclass(frozen=True, slots=True)
class Iccid:
    """ICCID: 18 to 20 digits, on the wire BCD with swapped nibbles, padded with F to 10 bytes (ITU-T E.118)."""

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != 10:
            raise CodecError(f"ICCID of {len(self.octets)} octets, expected 10")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the digits as printed; blanks, quotes and a trailing F are ignored."""
        digits = "".join(text.split()).strip('"').upper().rstrip("F")
        if not 18 <= len(digits) <= 20 or not digits.isascii() or not digits.isdigit():
            raise CodecError(f"ICCID {text!r} is not 18 to 20 decimal digits")
        return cls(swap_nibbles(bytes.fromhex(digits.ljust(20, "F"))))

    def __str__(self) -> str:
        return swap_nibbles(self.octets).hex().upper().rstrip("F")

    def masked(self) -> str:
        """The first 6 digits (issuer) and the last 4."""
        text = str(self)
        return f"{text[:6]}…{text[-4:]}"


@dataclass(frozen=True, slots=True)
class Imei:
    """IMEI: 15 digits; the first 8 are the TAC (3GPP TS 23.003 6.2)."""

    digits: str

    def __post_init__(self) -> None:
        if len(self.digits) != 15 or not self.digits.isascii() or not self.digits.isdigit():
            raise CodecError(f"IMEI {self.digits!r} is not 15 decimal digits")

    def __str__(self) -> str:
        return self.digits

    def masked(self) -> str:
        """The first 8 digits (TAC) and the last 2."""
        return f"{self.digits[:8]}…{self.digits[-2:]}"

    @property
    def check_digit_valid(self) -> bool:
        """Whether the last digit is the Luhn check digit of the others."""
        total = 0
        for index, char in enumerate(self.digits):
            digit = int(char) * (2 if index % 2 else 1)
            total += digit - 9 if digit > 9 else digit
        return total % 10 == 0

    @property
    def tac(self) -> str:
        """Type allocation code: the first 8 digits."""
        return self.digits[:8]


@dataclass(frozen=True, slots=True)
class Plmn:
    """A network: MCC of three digits, MNC of two or three (3GPP TS 24.008 10.5.1.13)."""

    mcc: str
    mnc: str

    def __post_init__(self) -> None:
        digits = self.mcc + self.mnc
        if len(self.mcc) != 3 or len(self.mnc) not in (2, 3) or not digits.isascii() or not digits.isdigit():
            raise CodecError(f"PLMN {self.mcc!r}-{self.mnc!r} is not three and two or three digits")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read MCC and MNC written together (5 or 6 digits)."""
        return cls(text[:3], text[3:])

    def __str__(self) -> str:
        return f"{self.mcc}-{self.mnc}"

    def encode(self) -> bytes:
        """The three octets of TS 24.008: 310-260 becomes 130062, 262-01 becomes 62F210."""
        mcc, mnc = self.mcc, self.mnc.ljust(3, "F")
        return bytes.fromhex(mcc[1] + mcc[0] + mnc[2] + mcc[2] + mnc[1] + mnc[0])


def mask_identifiers(text: str) -> str:
    """Replace the middle of everything in a text that looks like an EID or an ICCID."""
    return _IDENTIFIER.sub(lambda match: f"{match[0][:6]}…{match[0][-4:]}", text)


def swap_nibbles(octets: bytes) -> bytes:
    """Exchange the two halves of each octet."""
    return bytes(octet << 4 & 0xF0 | octet >> 4 for octet in octets)
