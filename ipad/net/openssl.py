"""The OpenSSL that the `ssl` module of Python has loaded already, its functions called with the types they have."""

from __future__ import annotations

import _ssl
import ctypes
from collections.abc import Mapping
from typing import Any, Final

Functions = Mapping[str, tuple[Any, tuple[Any, ...]]]
"""By name: the type of the result, and those of the parameters."""

OWN: Final[str | None] = getattr(_ssl, "__file__", None)
"""Python's own extension, which is linked with the library; None where it is part of the program."""


def declared(name: str | None, functions: Functions) -> ctypes.CDLL:
    """The library behind a file, with these functions declared. Raises OSError, AttributeError for one it has not."""
    library = ctypes.CDLL(name)
    for function, (result, parameters) in functions.items():
        found = getattr(library, function)
        found.restype, found.argtypes = result, parameters
    return library
