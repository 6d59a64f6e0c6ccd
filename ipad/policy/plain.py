"""Values of policy as plain values (text, numbers, lists, maps) and back, with every type checked on the way in.

The dataclass is the schema, as in the configuration: an absent entry takes the default of its field, an entry that no
field names is ignored, because a newer version may have written it. Moments become ages: `Instant` is written as the
seconds that have passed since, and read as the moment so many seconds before the present one.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from ipad.errors import CodecError
from ipad.policy.stopwatch import Instant
from ipad.records import MISSING, dataclass, fields, is_dataclass

T = TypeVar("T")


def to_plain(value: object, now: float = 0.0) -> Any:
    """The plain form; entries that hold their default are left out."""
    if is_dataclass(value) and not isinstance(value, type):
        return _fields_to_plain(value, now)
    return _item_to_plain(type(value), value, now)


def from_plain(cls: type[T], value: object, now: float = 0.0, place: str = "", *, strict: bool = False) -> T:
    """An instance of the dataclass. Raises CodecError, with the place, for a value of a wrong shape.

    `strict`: an entry that no field names is an error as well, as it must be in what a person wrote.
    """
    made = _Reader(now, strict).read(cls, value, place or cls.__name__)
    assert isinstance(made, cls)
    return made


def _fields_to_plain(value: Any, now: float) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    cls: type = type(value)
    for name, default, hint in _schema(cls):
        entry = getattr(value, name)
        if entry is not default and (default is MISSING or entry != default):
            plain[name] = _item_to_plain(hint, entry, now)
    return plain


@cache
def _schema(cls: type) -> tuple[tuple[str, Any, Any], ...]:
    """Name, default and type of every field."""
    hints = _hints(cls)
    return tuple(
        (
            item.name,
            item.default_factory() if item.default_factory is not MISSING else item.default,
            Instant if _has_instant(hints[item.name]) else hints[item.name],
        )
        for item in fields(cls)
    )


def _item_to_plain(hint: Any, value: Any, now: float) -> Any:  # noqa: PLR0911 - one return for each case
    if value is None or isinstance(value, bool):
        return value
    if hint is Instant:
        return round(now - value, 3)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (int, str)):
        return value
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, Mapping):
        inner = get_args(hint)[1] if get_args(hint) else Any
        return {str(key): _item_to_plain(inner, entry, now) for key, entry in value.items()}
    if isinstance(value, frozenset):
        return sorted(_item_to_plain(Any, entry, now) for entry in value)
    if isinstance(value, tuple):
        return [_item_to_plain(Any, entry, now) for entry in value]
    if is_dataclass(value):
        return _fields_to_plain(value, now)
    raise TypeError(f"{value!r} has no plain form")


def _has_instant(hint: Any) -> bool:
    return hint is Instant or any(argument is Instant for argument in get_args(hint))


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


@dataclass(frozen=True, slots=True)
class _Reader:
    now: float
    strict: bool

    def read(self, hint: Any, value: object, place: str) -> Any:  # noqa: PLR0911 - one return for each case
        """The value of the type that the annotation `hint` names."""
        origin = get_origin(hint)
        if origin is Annotated:
            return self.read(get_args(hint)[0], value, place)
        if origin in (Union, types.UnionType):
            if value is None:
                return None
            return self.read(next(arg for arg in get_args(hint) if arg is not types.NoneType), value, place)
        if hint is Instant:
            return Instant(self.now - self._number(value, place))
        if origin in (tuple, frozenset):
            return self._collection(origin, get_args(hint)[0], value, place)
        if origin is Mapping:
            return self._mapping(get_args(hint)[1], value, place)
        if is_dataclass(hint) and isinstance(hint, type):
            return self._dataclass(hint, value, place)
        return self._scalar(hint, value, place)

    def _scalar(self, hint: Any, value: object, place: str) -> Any:
        if isinstance(hint, type) and issubclass(hint, Enum):
            return self._enum(hint, value, place)
        if hint is float:
            return self._number(value, place)
        if type(value) is hint:
            return value
        raise CodecError(f"expected {getattr(hint, '__name__', hint)}, got {_shown(value)}", path=place)

    def _enum(self, hint: type[Enum], value: object, place: str) -> Enum:
        for member in hint:
            if member.value == value and type(member.value) is type(value):
                return member
        known = ", ".join(str(member.value) for member in hint)
        raise CodecError(f"{_shown(value)}: expected one of {known}", path=place)

    def _number(self, value: object, place: str) -> float:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            number = float(value)
            if math.isfinite(number):
                return number
        raise CodecError(f"expected a number, got {_shown(value)}", path=place)

    def _collection(self, kind: type, inner: Any, value: object, place: str) -> Any:
        if not isinstance(value, (list, tuple)):
            raise CodecError(f"expected a list, got {_shown(value)}", path=place)
        return kind(self.read(inner, entry, f"{place}[{index}]") for index, entry in enumerate(value))

    def _mapping(self, inner: Any, value: object, place: str) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise CodecError(f"expected a map with names, got {_shown(value)}", path=place)
        return {key: self.read(inner, entry, f"{place}.{key}") for key, entry in value.items()}

    def _dataclass(self, cls: type, value: object, place: str) -> Any:
        if not isinstance(value, Mapping):
            raise CodecError(f"expected a map, got {_shown(value)}", path=place)
        hints = _hints(cls)
        made: dict[str, Any] = {}
        unknown = next((key for key in value if key not in hints), None)
        if self.strict and unknown is not None:
            raise CodecError(f"unknown entry {unknown!r}, expected {', '.join(hints) or 'none'}", path=place)
        for item in fields(cls):
            if item.name in value:
                made[item.name] = self.read(hints[item.name], value[item.name], f"{place}.{item.name}")
            elif item.default is MISSING and item.default_factory is MISSING:
                raise CodecError("is missing", path=f"{place}.{item.name}")
        return cls(**made)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
