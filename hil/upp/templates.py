"""File templates of profile elements: what a member tag of MF, USIM and opt-USIM creates (9.2, 9.5.1, 9.5.2)."""

from __future__ import annotations

from dataclasses import dataclass

from hil.upp.elements import ElementTag

MF = 0x3F00
ADF = 0x7FFF


@dataclass(frozen=True, slots=True)
class Template:
    """A file's defaults. `record_length` 0 is transparent; `size` None must come from the package.

    `fill` is the default content, its last octet repeated to the end. `required`: the package must bring content.
    """

    file_id: int
    size: int | None = None
    record_length: int = 0
    short_id: int = 0
    fill: bytes = b"\xff"
    required: bool = False
    by_default: bool = True
    access_rule: int = 0


_LOCATION = bytes.fromhex("FFFFFFFFFFFFFF0000FF01")

_MF = {
    0xA3: Template(0x2F05, 2, short_id=0x05, access_rule=1),
    0xA4: Template(0x2FE2, 10, short_id=0x02, required=True, access_rule=11),
    0xA5: Template(0x2F00, record_length=0x26, short_id=0x1E, required=True, access_rule=10),
    0xA6: Template(0x2F06, record_length=0x20, short_id=0x06, required=True, access_rule=10),
    0xA7: Template(0x2F08, 5, short_id=0x08, by_default=False, access_rule=10),
}

_USIM = {
    0xA3: Template(0x6F07, 9, short_id=0x07, required=True, access_rule=2),
    0xA4: Template(0x6F06, record_length=0x20, short_id=0x17, required=True, access_rule=10),
    0xA5: Template(0x6F08, 33, short_id=0x08, fill=b"\x07\xff", access_rule=5),
    0xA6: Template(0x6F09, 33, short_id=0x09, fill=b"\x07\xff", access_rule=5),
    0xA7: Template(0x6F31, 1, short_id=0x12, fill=b"\x0a", access_rule=2),
    0xA8: Template(0x6F38, 14, short_id=0x04, required=True, access_rule=2),
    0xA9: Template(0x6F3B, 520, 26, access_rule=8),
    0xAA: Template(0x6F3C, 1760, 176, fill=b"\x00\xff", access_rule=5),
    0xAB: Template(0x6F42, 38, 38, access_rule=5),
    0xAC: Template(0x6F43, 2, access_rule=5),
    0xAD: Template(0x6F46, 17, required=True, access_rule=10),
    0xAE: Template(0x6F56, 1, short_id=0x05, required=True, access_rule=8),
    0xAF: Template(0x6F5B, 6, short_id=0x0F, fill=bytes.fromhex("F00000F00000"), access_rule=5),
    0xB0: Template(0x6F5C, 3, short_id=0x10, access_rule=2),
    0xB1: Template(0x6F73, 14, short_id=0x0C, fill=bytes.fromhex("FFFFFFFFFFFFFFFFFFFF0000FF01"), access_rule=5),
    0xB2: Template(0x6F78, 2, short_id=0x06, required=True, access_rule=2),
    0xB3: Template(0x6F7B, 12, short_id=0x0D, access_rule=5),
    0xB4: Template(0x6F7E, 11, short_id=0x0B, fill=_LOCATION, access_rule=5),
    0xB5: Template(0x6FAD, 4, short_id=0x03, fill=bytes.fromhex("00000002"), access_rule=10),
    0xB6: Template(0x6FB7, record_length=4, short_id=0x01, required=True, access_rule=10),
    0xB7: Template(0x6FC4, 128, access_rule=5),
    0xB8: Template(
        0x6FE3, 18, short_id=0x1E, fill=bytes.fromhex("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF0001"), access_rule=5
    ),
    0xB9: Template(0x6FE4, 80, 80, short_id=0x18, access_rule=5),
}

_OPT_USIM = {
    0xA2: Template(0x6F05, short_id=0x02, access_rule=1),
    0xA5: Template(0x6F3E, access_rule=2),
    0xA6: Template(0x6F3F, access_rule=2),
    0xA7: Template(0x6F40, record_length=28, access_rule=5),
    0xAF: Template(0x6F60, 40, short_id=0x0A, access_rule=5),
    0xB0: Template(0x6F61, 40, short_id=0x11, access_rule=2),
    0xB1: Template(0x6F62, 10, short_id=0x13, access_rule=2),
    0xBF26: Template(0x6FC5, record_length=16, short_id=0x19, access_rule=10),
    0xBF27: Template(0x6FC6, record_length=8, short_id=0x1A, access_rule=10),
    0xBF2E: Template(0x6FCD, access_rule=2),
    0xBF3A: Template(0x6FD9, short_id=0x1D, access_rule=2),
}

MEMBERS: dict[int, dict[int, Template]] = {
    ElementTag.MF: _MF,
    ElementTag.USIM: _USIM,
    ElementTag.OPT_USIM: _OPT_USIM,
}
"""Templates by element tag and member tag. Members of opt-USIM exist only where the package names them."""
