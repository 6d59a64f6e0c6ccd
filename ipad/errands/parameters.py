"""What an errand is given, from a command line or from JSON: each value is checked, and none may be left over.

The function of an errand takes these and gives an `Act`, so that what is wrong with them is said before anything is
opened and before the errand waits for its turn.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

from ipad.errands.envelope import Result
from ipad.errors import CodecError, UsageError
from ipad.ids import Iccid

S = TypeVar("S")

Act = Callable[[S], Awaitable[Result]]
"""What is then done with the card, the agent or the modem."""

_LONGEST_TEXT: Final = 64 * 1024


class Parameters:
    """The values by name. Every method raises UsageError with the name and what was expected."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = dict(values)

    def known(self, *names: str) -> None:
        """Refuse what is not among these."""
        for name in self._values:
            if name not in names:
                expected = f"expected {', '.join(names)}" if names else "nothing is expected"
                raise UsageError(f"{name!r} is unknown: {expected}")

    def text(self, name: str, *, longest: int = _LONGEST_TEXT) -> str:
        """A text that must be there."""
        found = self.optional_text(name, longest=longest)
        if found is None:
            raise UsageError(f"{name!r} is missing: expected a text")
        return found

    def optional_text(self, name: str, *, longest: int = _LONGEST_TEXT) -> str | None:
        """A text, or None."""
        value = self._values.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > longest):
            raise UsageError(f"{name!r} is {_shown(value)}: expected a text of at most {longest} characters")
        return value

    def number(self, name: str, *, low: int = 0, high: int = 2**31 - 1, default: int | None = None) -> int:
        """A whole number; it must be there unless there is a default."""
        value = self._values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise UsageError(f"{name!r} is {_shown(value)}: expected a number from {low} to {high}")
        return value

    def flag(self, name: str) -> bool:
        """True or false; what is not there is false."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, bool):
            raise UsageError(f"{name!r} is {_shown(value)}: expected true or false")
        return bool(value)

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        """One of the allowed texts."""
        value = self._values.get(name, default)
        if not isinstance(value, str) or value not in allowed:
            raise UsageError(f"{name!r} is {_shown(value)}: expected {' or '.join(allowed)}")
        return value

    def names(self, name: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
        """At least one of the allowed names."""
        value = self._values.get(name)
        given = value if isinstance(value, list | tuple) else ()
        if not given or any(item not in allowed for item in given):
            raise UsageError(f"{name!r} is {_shown(value)}: expected a list of {', '.join(allowed)}")
        return tuple(item for item in allowed if item in given)

    def iccid(self, name: str = "iccid") -> Iccid:
        """An ICCID that must be there."""
        try:
            return Iccid.parse(self.text(name, longest=64))
        except CodecError as error:
            raise UsageError(str(error)) from error

    def octets(self, name: str) -> bytes:
        """Hexadecimal digits that must be there."""
        text = self.text(name)
        try:
            return bytes.fromhex(text)
        except ValueError as error:
            raise UsageError(f"{name!r} is {_shown(text)}: expected hexadecimal digits") from error


def _shown(value: object) -> str:
    if value is None:
        return "missing"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
