"""Hints of the device's operator about cost and energy: the text of a file, or of a message of the control API.

TOML with two keys: `metered = true` and `power = "mains" | "battery" | "low"`. An empty text takes all hints back.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from ipad.errors import ConfigError
from ipad.policy.events import Hints, Power
from ipad.records import dataclass
from ipad.toml import Document, build, key_lines


@dataclass(frozen=True, slots=True)
class _Keys:
    metered: bool = False
    power: Literal["mains", "battery", "low"] = "mains"


def parse_hints(text: str, place: str) -> Hints:
    """Read the hints; `place` names their source in an error. Raises ConfigError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{place}: not valid TOML: {error}") from error
    keys = build(_Keys, Document(Path(place), table, key_lines(text)), table)
    return Hints(metered=keys.metered, power=Power(keys.power))
