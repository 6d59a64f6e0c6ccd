"""TOML out of plain values: the standard library only reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Tables of `more` over those of `base`; anything but a table is replaced."""
    found = dict(base)
    for key, value in more.items():
        before = found.get(key)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        found[key] = merged(before, value) if both and isinstance(before, Mapping) else value
    return found


def dumps(value: Mapping[str, Any]) -> str:
    """A document. Values are what tomllib reads, without dates."""
    return "\n".join(_table((), value)) + "\n"


def _table(path: tuple[str, ...], value: Mapping[str, Any]) -> list[str]:
    tables = {key: item for key, item in value.items() if isinstance(item, Mapping)}
    arrays = {
        key: item
        for key, item in value.items()
        if isinstance(item, list) and item and all(isinstance(part, Mapping) for part in item)
    }
    plain = {key: item for key, item in value.items() if key not in tables and key not in arrays}
    lines = [f"{_key(key)} = {_value(item)}" for key, item in plain.items()]
    for key, item in tables.items():
        lines += [f"[{_name((*path, key))}]", *_table((*path, key), item)]
    for key, items in arrays.items():
        for item in items:
            lines += [f"[[{_name((*path, key))}]]", *_table((*path, key), item)]
    return lines


def _name(path: tuple[str, ...]) -> str:
    return ".".join(_key(part) for part in path)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key)


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    # A text, a number and a truth value are written in JSON as in TOML.
    return json.dumps(value)
