"""Which definition fits a modem: every key that a definition names must fit what is known; more keys weigh more."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable

from ipad.board.hardware import Match
from ipad.records import dataclass


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known; an empty value is unknown. `host` are the names of the machine round the modem."""

    usb: str = ""
    pci: str = ""
    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    host: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A definition that fits, and the facts that say so."""

    name: str
    reasons: tuple[str, ...]

    @property
    def score(self) -> int:
        """Number of keys that fit."""
        return len(self.reasons)


def reasons(match: Match, facts: Facts) -> tuple[str, ...]:
    """The facts that fit, as text; empty when one does not fit, or when none can be compared."""
    found: list[str] = []
    for key, patterns, values in (
        ("usb", match.usb, (facts.usb,) if facts.usb else ()),
        ("pci", match.pci, (facts.pci,) if facts.pci else ()),
        ("board", match.board, facts.host),
    ):
        if patterns and values:
            value = _first_match(patterns, values)
            if value is None:
                return ()
            found.append(f"{key} {value}")
    for key, pattern, text in (
        ("manufacturer", match.manufacturer, facts.manufacturer),
        ("model", match.model, facts.model),
        ("firmware", match.firmware, facts.firmware),
    ):
        if pattern and text:
            if not re.search(pattern, text, re.IGNORECASE):
                return ()
            found.append(f"{key} {text}")
    return tuple(found)


def score(match: Match, facts: Facts) -> int:
    """Number of keys that fit; 0 when one does not."""
    return len(reasons(match, facts))


def _first_match(patterns: Iterable[str], values: Iterable[str]) -> str | None:
    patterns = [pattern.lower() for pattern in patterns]
    return next(
        (value for value in values if any(fnmatch.fnmatchcase(value.lower(), pattern) for pattern in patterns)), None
    )
