"""Chance, for what spreads load: the module `random` of the standard library would take a hundred kilobytes for it."""

from __future__ import annotations

import os
from typing import Final

_BITS: Final = 53
"""What a float can tell apart."""


def chance() -> float:
    """A number from 0 to less than 1."""
    return (int.from_bytes(os.urandom(7), "big") >> (56 - _BITS)) / (1 << _BITS)


def deviation() -> float:
    """A number from -1 to less than 1."""
    return 2.0 * chance() - 1.0
