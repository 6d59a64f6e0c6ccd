"""Subject and reason codes of the JSON binding as the error codes of ESipa (SGP.22 5.2.6, 5.6; SGP.32 6.3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

UNDEFINED_ERROR: Final = 127

_CODES: Final[Mapping[tuple[str, str, str], int]] = {
    ("initiateAuthentication", "8.8.1", "3.8"): 1,
    ("initiateAuthentication", "8.9.1", "3.8"): 1,
    ("initiateAuthentication", "8.8.3", "3.1"): 2,
    ("initiateAuthentication", "8.9.3", "3.1"): 2,
    ("initiateAuthentication", "8.8.2", "3.1"): 3,
    ("initiateAuthentication", "8.9.2", "3.1"): 3,
    ("initiateAuthentication", "8.8.4", "3.7"): 3,
    ("initiateAuthentication", "8.9.4", "3.7"): 3,
    ("authenticateClient", "8.1.2", "6.1"): 1,
    ("authenticateClient", "8.1.2", "6.3"): 2,
    ("authenticateClient", "8.1.3", "6.1"): 3,
    ("authenticateClient", "8.1.3", "6.3"): 4,
    ("authenticateClient", "8.1", "6.1"): 5,
    ("authenticateClient", "8.2.6", "3.8"): 6,
    ("authenticateClient", "8.2", "1.2"): 6,
    ("authenticateClient", "8.1.1", "3.8"): 7,
    ("authenticateClient", "8.2.5", "4.3"): 8,
    ("authenticateClient", "8.11.1", "3.9"): 9,
    ("authenticateClient", "8.10.1", "3.9"): 10,
    ("authenticateClient", "8.1", "4.8"): 11,
    ("authenticateClient", "8.8.5", "4.10"): 18,
    ("authenticateClient", "8.8.5", "4.1"): 18,
    ("authenticateClient", "8.9.5", "3.9"): 56,
    ("getBoundProfilePackage", "8.1", "6.1"): 1,
    ("getBoundProfilePackage", "8.2.7", "2.2"): 2,
    ("getBoundProfilePackage", "8.2.7", "3.8"): 3,
    ("getBoundProfilePackage", "8.2.7", "6.4"): 4,
    ("getBoundProfilePackage", "8.2", "3.7"): 5,
    ("getBoundProfilePackage", "8.8.5", "4.10"): 6,
    ("getBoundProfilePackage", "8.8.5", "4.1"): 6,
    ("getBoundProfilePackage", "8.10.1", "3.9"): 95,
    ("cancelSession", "8.10.1", "3.9"): 1,
    ("cancelSession", "8.1", "6.1"): 2,
}


def error_code(function: str, subject: str, reason: str) -> int:
    """The code of ESipa for what a function of the JSON binding was refused with; undefinedError for unknown pairs."""
    return _CODES.get((function, subject, reason), UNDEFINED_ERROR)
