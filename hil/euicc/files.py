"""Files of a profile as the terminal sees them (TS 102 221 8 and 11.1.1, TS 31.102 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hil import tlv

MF: Final = 0x3F00
ADF_CURRENT: Final = 0x7FFF
"""File identifier of the current application, used in paths."""
EF_DIR: Final = 0x2F00
EF_ICCID: Final = 0x2FE2
EF_IMSI: Final = 0x6F07
USIM_AID: Final = bytes.fromhex("A0000000871002FFFFFFFF8900000100")

_SYSTEM_COMMANDS: Final = bytes.fromhex("A506" + "800171" + "870101")
"""UICC characteristics; supported system commands: TERMINAL CAPABILITY (TS 102 221 11.1.1.4.6)."""
_PIN_STATUS: Final = bytes.fromhex("C606" + "900100" + "830101")
"""PIN status template: PIN1 (key reference 01) is there and disabled."""


@dataclass(frozen=True, slots=True)
class ElementaryFile:
    """An EF. `folder` is MF or ADF_CURRENT; `record_length` 0 means transparent, else linear fixed."""

    folder: int
    file_id: int
    content: bytes
    record_length: int = 0
    short_id: int = 0
    writable: bool = False
    """UPDATE without a PIN or an administrative key."""

    @property
    def record_count(self) -> int:
        """Number of records; 0 for a transparent file."""
        return len(self.content) // self.record_length if self.record_length else 0

    def record(self, number: int) -> bytes | None:
        """A record by its number, from 1; None if there is none."""
        if not 1 <= number <= self.record_count:
            return None
        start = (number - 1) * self.record_length
        return self.content[start : start + self.record_length]

    def control_parameters(self) -> bytes:
        """FCP template (TS 102 221 11.1.1.3)."""
        if self.record_length:
            descriptor = bytes.fromhex("4221") + self.record_length.to_bytes(2, "big") + bytes([self.record_count])
        else:
            descriptor = bytes.fromhex("4121")
        return tlv.build(
            0x62,
            tlv.build(0x82, descriptor),
            tlv.build(0x83, self.file_id.to_bytes(2, "big")),
            tlv.build(0x8A, b"\x05"),
            tlv.build(0x8B, bytes.fromhex("2F06" if self.folder == MF else "6F06") + b"\x01"),
            tlv.build(0x80, len(self.content).to_bytes(2, "big")),
            tlv.build(0x88, bytes([self.short_id << 3])) if self.short_id else tlv.build(0x88),
        )


def mf_control_parameters() -> bytes:
    """FCP template of the MF."""
    return tlv.build(
        0x62,
        tlv.build(0x82, bytes.fromhex("7821")),
        tlv.build(0x83, MF.to_bytes(2, "big")),
        _SYSTEM_COMMANDS,
        tlv.build(0x8A, b"\x05"),
        tlv.build(0x8B, bytes.fromhex("2F0601")),
        _PIN_STATUS,
    )


def adf_control_parameters(aid: bytes) -> bytes:
    """FCP template of an application."""
    return tlv.build(
        0x62,
        tlv.build(0x82, bytes.fromhex("7821")),
        tlv.build(0x84, aid),
        tlv.build(0x8A, b"\x05"),
        tlv.build(0x8B, bytes.fromhex("6F0601")),
        _PIN_STATUS,
    )
