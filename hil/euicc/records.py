"""Frozen dataclasses to plain CBOR values and back, driven by their annotations."""

from __future__ import annotations

import dataclasses
import types
import typing
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from hil.euicc.errors import EuiccError

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """Dataclasses become maps, tuples arrays, enums their values; the rest CBOR holds as it is."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    return value


def from_plain(cls: type[T], plain: Any) -> T:
    """The opposite of `to_plain`. Raises EuiccError where the value does not fit the annotation."""
    return typing.cast("T", _read(cls, plain, cls.__name__))


def _read(kind: Any, plain: Any, place: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return _read_optional(kind, plain, place)
    if origin is tuple:
        if not isinstance(plain, list):
            raise EuiccError(f"{place}: expected a list, got {type(plain).__name__}")
        element = typing.get_args(kind)[0]
        return tuple(_read(element, item, f"{place}[{index}]") for index, item in enumerate(plain))
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(typing.cast("type", kind), plain, place)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(plain)
        except ValueError as error:
            raise EuiccError(f"{place}: {error}") from error
    if type(plain) is not kind:
        raise EuiccError(f"{place}: expected {kind.__name__}, got {type(plain).__name__}")
    return plain


def _read_optional(kind: Any, plain: Any, place: str) -> Any:
    if plain is None:
        return None
    inner = [option for option in typing.get_args(kind) if option is not type(None)]
    return _read(inner[0], plain, place)


def _read_dataclass(cls: type, plain: Any, place: str) -> Any:
    if not isinstance(plain, dict):
        raise EuiccError(f"{place}: expected a map, got {type(plain).__name__}")
    values = {}
    for name, kind in _annotations(cls).items():
        if name not in plain:
            raise EuiccError(f"{place}.{name} is missing")
        values[name] = _read(kind, plain[name], f"{place}.{name}")
    return cls(**values)


@cache
def _annotations(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}
