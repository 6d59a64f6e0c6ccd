"""Reading plain values with their types checked: what comes from a file is not trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ipad.errors import StateError

T = TypeVar("T")


class Record:
    """A map of plain values. Every read names the type that it expects; StateError says where it is not so.

    A missing entry and one that is null are the same; `need_...` insists on a value.
    """

    def __init__(self, values: Mapping[str, object], place: str) -> None:
        self._values = values
        self._read: set[str] = set()
        self.place = place

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all entries."""
        return tuple(self._values)

    def rest(self) -> dict[str, object]:
        """The entries that were never read."""
        return {name: value for name, value in self._values.items() if name not in self._read}

    def text(self, name: str) -> str | None:
        """A text."""
        return self._typed(name, str)

    def octets(self, name: str) -> bytes | None:
        """A byte string."""
        return self._typed(name, bytes)

    def number(self, name: str) -> int | None:
        """An integer."""
        value = self._typed(name, int)
        return None if value is None else self._number(value, name)

    def flag(self, name: str) -> bool:
        """A boolean; false when missing."""
        return bool(self._typed(name, bool))

    def need_text(self, name: str) -> str:
        """A text that must be there."""
        return self._there(name, self.text(name))

    def need_octets(self, name: str) -> bytes:
        """A byte string that must be there."""
        return self._there(name, self.octets(name))

    def need_number(self, name: str) -> int:
        """An integer that must be there."""
        return self._there(name, self.number(name))

    def items(self, name: str) -> list[object]:
        """A list; empty when missing."""
        return self._typed(name, list) or []

    def numbers(self, name: str) -> tuple[int, ...]:
        """A list of integers."""
        return tuple(self._number(item, name) for item in self.items(name))

    def record(self, name: str) -> Record | None:
        """A map with names."""
        value = self._typed(name, dict)
        return None if value is None else self._record(value, f"{self.place}.{name}")

    def records(self, name: str) -> list[Record]:
        """A list of maps with names."""
        return [self._record(item, f"{self.place}.{name}[{index}]") for index, item in enumerate(self.items(name))]

    def numbers_by_text(self, name: str) -> dict[str, int]:
        """A map from text to integer."""
        record = self.record(name)
        return {} if record is None else {key: record.need_number(key) for key in record.names}

    def pairs_by_octets(self, name: str) -> dict[bytes, tuple[int, int]]:
        """A map from byte string to a pair of integers."""
        pairs: dict[bytes, tuple[int, int]] = {}
        for key, value in (self._typed(name, dict) or {}).items():
            if not isinstance(key, bytes) or not isinstance(value, list) or len(value) != 2:
                raise StateError(f"{self.place}.{name} is no map from byte strings to pairs of numbers")
            pairs[key] = (self._number(value[0], name), self._number(value[1], name))
        return pairs

    def _typed(self, name: str, kind: type[T]) -> T | None:
        self._read.add(name)
        value = self._values.get(name)
        if value is not None and not isinstance(value, kind):
            raise StateError(f"{self.place}.{name} is {type(value).__name__}, expected {kind.__name__}")
        return value

    def _number(self, value: object, name: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise StateError(f"{self.place}.{name} holds {type(value).__name__}, expected int")
        return value

    def _record(self, value: object, place: str) -> Record:
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise StateError(f"{place} is no map with names")
        return Record(value, place)

    def _there(self, name: str, value: T | None) -> T:
        if value is None:
            raise StateError(f"{self.place}.{name} is missing")
        return value
