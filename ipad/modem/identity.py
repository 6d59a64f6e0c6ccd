"""Who the modem is and which card it sees: manufacturer, model, IMEI, ICCID, IMSI (3GPP TS 27.007 5; 8.18)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ipad.errors import CodecError
from ipad.ids import Iccid, Imei, swap_nibbles
from ipad.modem.fields import at, number, split_fields, split_prefix, unquote
from ipad.records import dataclass

ICCID_BY_CRSM = "AT+CRSM=176,12258,0,0,10"
"""READ BINARY of EF-ICCID (2FE2)."""

_ICCID_VALUE = re.compile(r"[0-9A-Fa-f]{18,20}")


@dataclass(frozen=True, slots=True)
class ModemIdentity:
    """What the modem calls itself; a part that it does not tell is empty."""

    manufacturer: str = ""
    model: str = ""
    revision: str = ""


def parse_ati(lines: Iterable[str]) -> ModemIdentity:
    """Read the answer to ATI: `Manufacturer:`, `Model:`, `Revision:` lines, or three lines in this order."""
    named: dict[str, str] = {}
    plain: list[str] = []
    for line in lines:
        key, separator, value = line.partition(":")
        if separator and key.strip().lower() in ("manufacturer", "model", "revision", "imei"):
            named[key.strip().lower()] = value.strip()
        else:
            plain.append(line)
    unnamed = (key for key in ("manufacturer", "model", "revision") if key not in named)
    named |= dict(zip(unnamed, plain, strict=False))
    return ModemIdentity(
        manufacturer=named.get("manufacturer", ""),
        model=named.get("model", ""),
        revision=named.get("revision", ""),
    )


def parse_text(lines: Iterable[str], prefix: str) -> str:
    """The value of an answer that comes bare or behind its prefix; "" without one."""
    for line in lines:
        own, value = split_prefix(line)
        if not own or own == prefix:
            return unquote(value)
    return ""


def parse_imei(lines: Iterable[str]) -> Imei | None:
    """The first 15 digits of a line, with or without prefix, quotes or text behind a comma."""
    for line in lines:
        _, value = split_prefix(line)
        match = re.match(r'"?(\d{15,16})\b', value.strip())
        if match:
            return Imei(match[1][:15])
    return None


def parse_iccid(lines: Iterable[str]) -> Iccid | None:
    """An ICCID as modems print it: any prefix or none, quotes, filler F, nibbles swapped on some firmware.

    Nibbles are put right when only that gives the 89 with which every ICCID begins (ITU-T E.118).
    """
    for line in lines:
        prefix, value = split_prefix(line)
        if prefix == "+CRSM":
            found = _iccid_of_crsm(value)
        else:
            text = "".join(unquote(value).split()).removesuffix(",").upper()
            found = _iccid(text) if _ICCID_VALUE.fullmatch(text) else None
        if found is not None:
            return found
    return None


def _iccid_of_crsm(value: str) -> Iccid | None:
    fields = split_fields(value)
    if (number(at(fields, 0)), number(at(fields, 1))) != (144, 0):
        return None
    text = "".join((at(fields, 2) or "").split())
    return _iccid(text.upper(), swapped=True) if re.fullmatch(r"[0-9A-Fa-f]{20}", text) else None


def _iccid(text: str, *, swapped: bool = False) -> Iccid | None:
    turned = swap_nibbles(bytes.fromhex(text.ljust(20, "F"))).hex().upper()
    candidates = [turned, text] if swapped or (not text.startswith("89") and turned.startswith("89")) else [text]
    for candidate in candidates:
        try:
            return Iccid.parse(candidate)
        except CodecError:
            continue
    return None


def parse_imsi(lines: Iterable[str]) -> str | None:
    """The IMSI, 6 to 15 digits, bare or behind `+CIMI:` (3GPP TS 23.003 2.2)."""
    for line in lines:
        text = unquote(split_prefix(line)[1])
        if text.isascii() and text.isdigit() and 6 <= len(text) <= 15:
            return text
    return None
