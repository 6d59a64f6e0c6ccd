"""Typed access to the members of JSON objects that an operator wrote; an error names its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class FieldError(ValueError):
    """Something that makes no sense; the message says where."""


class Fields:
    """The members of one JSON object; `place` is its name in error messages."""

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, Mapping):
            raise FieldError(f"{place}: expected an object, found {type(value).__name__}")
        self._value = value
        self._place = place
        self._used: set[str] = set()

    def take(self, name: str, kind: type, default: Any = None, *, required: bool = False) -> Any:
        """A member of type `kind`; `default` when it is absent or null."""
        self._used.add(name)
        found = self._value.get(name)
        if found is None:
            if required:
                raise FieldError(f"{self._place}: missing key {name!r}")
            return default
        if not isinstance(found, kind) or (isinstance(found, bool) and kind is not bool):
            raise FieldError(f"{self._place}.{name}: expected {kind.__name__}, found {found!r}")
        return found

    def octets(self, name: str, *, required: bool = False) -> bytes | None:
        """A member with hexadecimal bytes."""
        text = self.take(name, str, required=required)
        if text is None:
            return None
        try:
            return bytes.fromhex(text)
        except ValueError:
            raise FieldError(f"{self._place}.{name}: expected hexadecimal bytes, found {text[:80]!r}") from None

    def tags(self, name: str) -> list[int] | None:
        """A list of BER tags in hexadecimal."""
        texts = self.take(name, list)
        if texts is None:
            return None
        try:
            return [int(text, 16) for text in texts]
        except (TypeError, ValueError):
            raise FieldError(f"{self._place}.{name}: expected tags in hexadecimal, found {texts!r}") from None

    def finish(self) -> None:
        """Refuse members that nobody took."""
        stray = sorted(set(self._value) - self._used)
        if stray:
            raise FieldError(f"{self._place}: unknown key {stray[0]!r}")
