"""NAME=VALUE as knobs are turned on the command line."""

from __future__ import annotations

import json
from typing import Any

from hil.cli.client import ControlError


def setting(text: str) -> tuple[str, Any]:
    """Name and value; a value is JSON when it looks so, else text. Raises ControlError."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ControlError(f"{text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
