"""Values of an AT answer: prefix, fields parted by commas outside quotes (3GPP TS 27.007 4)."""

from __future__ import annotations

import re

_PREFIXED = re.compile(r"([+^#!%$*&_][A-Za-z][A-Za-z0-9]*)\s*:\s*(.*)", re.DOTALL)


def split_prefix(line: str) -> tuple[str, str]:
    """Part `+CREG: 1` into ("+CREG", "1"), tolerating blanks round the colon; ("", line) without a prefix."""
    match = _PREFIXED.fullmatch(line)
    return (match[1].upper(), match[2].strip()) if match else ("", line)


def split_fields(text: str) -> tuple[str, ...]:
    """The fields of `text` as printed, blanks round them removed, quotes kept. An empty text has no fields."""
    fields: list[str] = []
    current: list[str] = []
    quoted = False
    for char in text:
        if char == '"':
            quoted = not quoted
        if char == "," and not quoted:
            fields.append("".join(current).strip())
            current.clear()
        else:
            current.append(char)
    last = "".join(current).strip()
    return (*fields, last) if fields or last else ()


def unquote(field: str) -> str:
    """The field without blanks and quotes round it."""
    return field.strip().strip('"').strip()


def number(field: str | None) -> int | None:
    """A decimal number, quoted or not, with leading zeros or not; None for anything else."""
    text = unquote(field or "")
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else None


def hexadecimal(field: str | None) -> int | None:
    """A hexadecimal number, quoted or not, with 0x or not, blanks inside ignored; None for anything else."""
    text = "".join(unquote(field or "").split()).lower().removeprefix("0x")
    if not text or len(text) > 16 or any(char not in "0123456789abcdef" for char in text):
        return None
    return int(text, 16)


def at(fields: tuple[str, ...], index: int) -> str | None:
    """The field at `index`, unquoted; None when it is absent or empty."""
    return unquote(fields[index]) or None if index < len(fields) else None
