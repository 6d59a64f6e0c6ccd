"""EID, ICCID, IMSI and PLMN between digits and octets."""

from __future__ import annotations


def swap_nibbles(octets: bytes) -> bytes:
    """Exchange the two halves of each octet."""
    return bytes((octet << 4 & 0xF0) | octet >> 4 for octet in octets)


def eid_octets(digits: str) -> bytes:
    """EID: 32 digits as plain BCD. ValueError unless the number modulo 97 is 1 (SGP.29 10)."""
    if len(digits) != 32 or not digits.isdecimal():
        raise ValueError(f"EID {digits!r} is not 32 digits")
    if int(digits) % 97 != 1:
        raise ValueError(f"EID {digits} has wrong check digits")
    return bytes.fromhex(digits)


def make_eid(prefix: str) -> str:
    """Fill up to 30 digits with zeros and append the two check digits (SGP.29 10)."""
    body = prefix.ljust(30, "0") + "00"
    return body[:30] + f"{98 - int(body) % 97:02}"


def iccid_octets(digits: str) -> bytes:
    """ICCID: 18 to 20 digits as BCD with swapped nibbles, filled with F (ITU-T E.118, TS 102 221 13.2)."""
    if not 18 <= len(digits) <= 20 or not digits.isdecimal():
        raise ValueError(f"ICCID {digits!r} is not 18 to 20 digits")
    return swap_nibbles(bytes.fromhex(digits.ljust(20, "F")))


def iccid_digits(octets: bytes) -> str:
    """The digits of an ICCID."""
    return swap_nibbles(octets).hex().upper().rstrip("F")


def luhn_digit(digits: str) -> str:
    """The check digit that makes `digits` plus it pass the Luhn test."""
    total = 0
    for index, char in enumerate(reversed(digits)):
        doubled = int(char) * (2 if index % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def imsi_octets(digits: str) -> bytes:
    """Content of EF.IMSI: length, then parity nibble and digits swapped (TS 31.102 4.2.2)."""
    if not 6 <= len(digits) <= 15 or not digits.isdecimal():
        raise ValueError(f"IMSI {digits!r} is not 6 to 15 digits")
    coded = ("9" if len(digits) % 2 else "1") + digits
    coded += "F" * (len(coded) % 2)
    return (bytes([len(coded) // 2]) + swap_nibbles(bytes.fromhex(coded))).ljust(9, b"\xff")


def plmn_octets(plmn: str) -> bytes:
    """The three octets of a PLMN written `001-01` or `310-260` (TS 24.008 10.5.1.13)."""
    mcc, _, mnc = plmn.partition("-")
    if len(mcc) != 3 or len(mnc) not in (2, 3) or not (mcc + mnc).isdecimal():
        raise ValueError(f"PLMN {plmn!r} is not MCC-MNC")
    third = mnc[2] if len(mnc) == 3 else "F"
    return bytes.fromhex(mcc[1] + mcc[0] + third + mcc[2] + mnc[1] + mnc[0])
