"""Keeps what nobody may read out of everything that a run prints or writes down."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Final

HIDDEN: Final = "***"
_LONG_ENOUGH: Final = 6
"""Characters from which on a text is unlikely to stand anywhere by chance."""


class Secrets:
    """Hides these texts, also where they are written in hexadecimal.

    What is shorter than six characters is hidden where it stands alone only, else digits of every ICCID would go.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        longest_first = sorted(set(texts) - {""}, key=len, reverse=True)
        self._plain = [_plain(text) for text in longest_first]
        self._digits = [
            re.compile(text.encode().hex(), re.IGNORECASE) for text in longest_first if len(text) >= _LONG_ENOUGH
        ]

    def hide(self, text: str) -> str:
        """A text without them."""
        for pattern in (*self._plain, *self._digits):
            text = pattern.sub(HIDDEN, text)
        return text

    def hide_octets(self, digits: str) -> str:
        """Octets in hexadecimal without them; zeros stand in their place, so that no length changes."""
        for pattern in self._digits:
            digits = pattern.sub(_zeros, digits)
        return digits


class LogFilter(logging.Filter):
    """For a logger or a handler: what it logs has no secrets."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__()
        self._secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._secrets.hide(record.getMessage()), None
        return True


def _plain(text: str) -> re.Pattern[str]:
    escaped = re.escape(text)
    alone = len(text) < _LONG_ENOUGH
    return re.compile(rf"(?<![0-9A-Za-z]){escaped}(?![0-9A-Za-z])" if alone else escaped)


def _zeros(found: re.Match[str]) -> str:
    return "0" * len(found[0])
