"""`ipad config`: is the file right, and what holds."""

from __future__ import annotations

from pathlib import Path

from ipad.cli.invocation import Invocation
from ipad.cli.output import Report
from ipad.config import flatten
from ipad.errands.envelope import Json
from ipad.toml import dotted


async def check(call: Invocation) -> Report:
    """The file was read before this is called: what is left is to say so."""
    path = str(call.document.path) if call.document.path is not None else None
    note = "the configuration is valid" if path else "there is no configuration file; defaults hold"
    return Report({"file": path, "valid": True}, notes=(note,))


async def show(call: Invocation) -> Report:
    """Every setting with the line it comes from."""
    rows: list[Json] = [
        {
            "key": dotted(keys),
            "value": _value(value),
            "origin": call.document.place(keys) if keys in call.document.lines else "default",
        }
        for keys, value in flatten(call.config)
    ]
    return Report({"settings": rows}, tables={"settings": ("key", "value", "origin")})


def _value(value: object) -> Json:
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [_value(item) for item in value]
    assert value is None or isinstance(value, (bool, int, float, str))
    return value
