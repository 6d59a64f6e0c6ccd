"""Frozen dataclasses from plain mappings (TOML, JSON), types checked; an unknown key is an error with its place."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

_T = TypeVar("_T")


class DataError(ValueError):
    """A mapping does not fit the dataclass; the message says where and what was expected."""


def load(cls: type[_T], data: object, place: str) -> _T:
    """Make a `cls` of a mapping; absent keys keep their defaults.

    Raises:
        DataError: unknown or missing key, wrong type, value outside an enum.
    """
    return typing.cast("_T", _dataclass(cls, data, place))


def change(instance: _T, data: object, place: str) -> _T:
    """A copy of a dataclass instance with the members that the mapping names replaced.

    Raises:
        DataError: as for `load`.
    """
    fields = _fields(type(instance), data, place)
    return typing.cast("_T", dataclasses.replace(typing.cast("Any", instance), **fields))


def _fields(cls: type, data: object, place: str) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise DataError(f"{place}: expected a table, found {type(data).__name__}")
    hints = typing.get_type_hints(cls)
    known = {field.name for field in dataclasses.fields(cls) if field.init}
    for key in data:
        if key not in known:
            raise DataError(f"{place}: unknown key {key!r}, there are {', '.join(sorted(known))}")
    return {key: _value(hints[key], item, f"{place}.{key}") for key, item in data.items()}


def _dataclass(cls: Any, data: object, place: str) -> Any:
    fields = _fields(cls, data, place)
    for field in dataclasses.fields(cls):
        no_default = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if field.init and no_default and field.name not in fields:
            raise DataError(f"{place}: missing key {field.name!r}")
    try:
        return cls(**fields)
    except DataError:
        raise
    except ValueError as error:
        raise DataError(f"{place}: {error}") from error


def _value(kind: Any, value: object, place: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return _optional(kind, value, place)
    if origin in (tuple, list, set):
        if not isinstance(value, list | tuple):
            raise DataError(f"{place}: expected a list, found {type(value).__name__}")
        items = [_value(typing.get_args(kind)[0], item, f"{place}[{n}]") for n, item in enumerate(value)]
        return items if origin is list else set(items) if origin is set else tuple(items)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise DataError(f"{place}: expected a table, found {type(value).__name__}")
        item_kind = typing.get_args(kind)[1]
        return {str(key): _value(item_kind, item, f"{place}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, place)
    return _scalar(kind, value, place)


def _optional(kind: Any, value: object, place: str) -> Any:
    if value is None:
        return None
    return _value(next(part for part in typing.get_args(kind) if part is not types.NoneType), value, place)


def _scalar(kind: Any, value: object, place: str) -> Any:
    if issubclass(kind, Enum):
        try:
            return kind(value)
        except ValueError:
            allowed = ", ".join(repr(member.value) for member in kind)
            raise DataError(f"{place}: expected one of {allowed}, found {value!r}") from None
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise DataError(f"{place}: expected {kind.__name__}, found {value!r}")
    return value
