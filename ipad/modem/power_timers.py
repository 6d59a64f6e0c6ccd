"""Timers of power saving mode, and the cycle of eDRX (3GPP TS 24.008 10.5.7.3, 10.5.7.4a, 10.5.5.32)."""

from __future__ import annotations

import re
from typing import Final

from ipad.modem.fields import at, split_fields, split_prefix

_OCTET: Final = re.compile(r"[01]{8}")
_ACTIVE_UNITS: Final = {0b000: 2.0, 0b001: 60.0, 0b010: 360.0}
_PERIODIC_UNITS: Final = {
    0b000: 600.0,
    0b001: 3600.0,
    0b010: 36_000.0,
    0b011: 2.0,
    0b100: 30.0,
    0b101: 60.0,
    0b110: 1_152_000.0,
}
_OFF: Final = 0b111
_OTHER_UNIT: Final = 60.0
"""TS 24.008 10.5.7.3: other units are read as one minute."""
_CYCLES: Final = {
    "0000": 5.12,
    "0001": 10.24,
    "0010": 20.48,
    "0011": 40.96,
    "0100": 61.44,
    "0101": 81.92,
    "0110": 102.4,
    "0111": 122.88,
    "1000": 143.36,
    "1001": 163.84,
    "1010": 327.68,
    "1011": 655.36,
    "1100": 1310.72,
    "1101": 2621.44,
    "1110": 5242.88,
    "1111": 10485.76,
}


def active_time(bits: str | None) -> float | None:
    """Seconds of T3324 (GPRS Timer 2): how long the modem can be reached after its last transmission; None: no PSM."""
    return _seconds(bits, _ACTIVE_UNITS)


def periodic_update(bits: str | None) -> float | None:
    """Seconds of the extended T3412 (GPRS Timer 3): how long the modem may sleep; None: not set."""
    return _seconds(bits, _PERIODIC_UNITS)


def _seconds(bits: str | None, units: dict[int, float]) -> float | None:
    if bits is None or not _OCTET.fullmatch(bits):
        return None
    value = int(bits, 2)
    unit, count = value >> 5, value & 0x1F
    return None if unit == _OFF else units.get(unit, _OTHER_UNIT) * count


def parse_edrx(line: str) -> float | None:
    """Seconds between two chances to be paged, of `+CEDRXP: <AcT>[,<asked>[,<granted>[,<window>]]]` (27.007 7.40).

    None when the line is none; 0 without eDRX.
    """
    prefix, value = split_prefix(line)
    if prefix not in ("+CEDRXP", "+CEDRXRDP"):
        return None
    fields = split_fields(value)
    if not fields or at(fields, 0) == "0":
        return 0.0
    return _CYCLES.get(at(fields, 2) or "", 0.0)


def parse_connection(line: str) -> bool | None:
    """Whether there is a signalling connection: `+CSCON: <mode>` (event), `+CSCON: <n>,<mode>` (27.007 10.1.30)."""
    prefix, value = split_prefix(line)
    if prefix != "+CSCON":
        return None
    fields = split_fields(value)
    mode = at(fields, 1) if len(fields) > 1 and at(fields, 1) in ("0", "1") else at(fields, 0)
    return None if mode not in ("0", "1") else mode == "1"
