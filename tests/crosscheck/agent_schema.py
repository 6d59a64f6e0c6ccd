"""The agent's data objects seen from outside: which there are, how to make any of them, what they say."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from enum import IntEnum, IntFlag
from typing import Any

from hypothesis import strategies as st

import ipad.codec
from hil import codec
from ipad.codec import values
from ipad.codec.schema import Choice, DataObject, FieldSpec, ListOf, Opaque, field_specs
from tests.crosscheck import material

Message = DataObject | Choice
MessageType = type[DataObject] | type[Choice]

_DEEP = 2


def classes() -> list[MessageType]:
    """Every data object of the agent."""
    found: list[MessageType] = []
    for info in pkgutil.iter_modules(ipad.codec.__path__):
        module = importlib.import_module(f"ipad.codec.{info.name}")
        if module.__name__ == "ipad.codec.schema":
            continue
        found += [item for item in vars(module).values() if _is_message(item) and item.__module__ == module.__name__]
    return found


def members(cls: MessageType) -> list[MessageType]:
    """The data objects that a data object is made of, at any depth."""
    found: list[MessageType] = []
    for spec in field_specs(cls):
        if _is_message(spec.kind):
            found += [spec.kind, *members(spec.kind)]
    return found


@functools.cache
def objects(cls: MessageType, depth: int = 0) -> st.SearchStrategy[Any]:
    """Objects of a class; what is optional is left out in the depth, since every class has its own turn."""
    specs = field_specs(cls)
    if issubclass(cls, Choice):
        return st.one_of([_alternative(cls, spec, depth) for spec in specs])
    fields = {}
    for spec in specs:
        filled = _field(cls, spec, depth)
        if spec.required:
            fields[spec.name] = filled
        elif depth < _DEEP:
            fields[spec.name] = st.just(spec.default) | filled
    return st.builds(cls, **fields)


def plain(value: Any) -> Any:
    """Names without underscores and capitals, bits as sets of positions, NULL as None: common to both codecs."""
    if isinstance(value, Choice):
        if value.unknown is not None:
            return codec.UNKNOWN, value.unknown
        spec = next(spec for spec in field_specs(type(value)) if spec.name == value.chosen)
        return material.key(spec.name), _plain_field(spec, getattr(value, spec.name))
    if isinstance(value, DataObject):
        specs = field_specs(type(value))
        if len(specs) == 1 and specs[0].tag == -1:
            return [plain(item) for item in getattr(value, specs[0].name)]
        present = [(spec, getattr(value, spec.name)) for spec in specs]
        return {material.key(spec.name): _plain_field(spec, item) for spec, item in present if _is_there(spec, item)}
    if isinstance(value, IntFlag):
        return frozenset(bit for bit in range(int(value).bit_length()) if int(value) >> bit & 1)
    if isinstance(value, values.BitString):
        size = 8 * len(value.octets) - value.unused
        return material.positions(value.octets, size)
    if isinstance(value, IntEnum):
        return int(value)
    return value


def rebuilt(value: Any) -> Any:
    """The same object without the memory of its bytes, so that encoding starts from the fields."""
    if isinstance(value, DataObject | Choice):
        names = [spec.name for spec in field_specs(type(value))]
        if isinstance(value, Choice):
            names = [value.chosen]
        return type(value)(**{name: rebuilt(getattr(value, name)) for name in names})
    return tuple(rebuilt(item) for item in value) if isinstance(value, tuple) else value


def _is_message(item: Any) -> bool:
    return inspect.isclass(item) and issubclass(item, DataObject | Choice)


def _is_there(spec: FieldSpec, value: Any) -> bool:
    if isinstance(spec.kind, values.Null):
        return bool(value)
    return value is not None


def _plain_field(spec: FieldSpec, value: Any) -> Any:
    if isinstance(spec.kind, values.Null):
        return None
    return [plain(item) for item in value] if spec.is_tuple else plain(value)


def _alternative(cls: MessageType, spec: FieldSpec, depth: int) -> st.SearchStrategy[Any]:
    return st.builds(cls, **{spec.name: _field(cls, spec, depth)})


def _field(cls: MessageType, spec: FieldSpec, depth: int) -> st.SearchStrategy[Any]:
    kind = spec.kind
    if isinstance(kind, ListOf):
        return st.lists(_primitive(kind.kind), max_size=2).map(tuple)
    if isinstance(kind, Opaque):
        item = st.sampled_from(material.opaque(cls.__name__, spec.name))
    elif inspect.isclass(kind):
        item = st.deferred(lambda: objects(spec.kind, depth + 1))
    else:
        item = _primitive(kind)
    return st.lists(item, max_size=2).map(tuple) if spec.is_tuple else item


def _primitive(kind: Any) -> st.SearchStrategy[Any]:
    return _PRIMITIVES[type(kind)](kind)


def _octets(kind: values.Octets) -> st.SearchStrategy[bytes]:
    longest = kind.minimum + 20 if kind.maximum is None else min(kind.maximum, kind.minimum + 20)
    return st.binary(min_size=kind.minimum, max_size=longest)


def _text(kind: values.Utf8) -> st.SearchStrategy[str]:
    longest = kind.maximum if kind.maximum is not None else kind.minimum + 40
    texts = st.text(alphabet="ab.-$1é€", min_size=kind.minimum, max_size=min(longest, kind.minimum + 12))
    return texts.filter(lambda text: len(text.encode()) <= longest)


def _flags(kind: Any) -> st.SearchStrategy[Any]:
    return st.sets(st.sampled_from(list(kind.type))).map(lambda chosen: kind.type(sum(chosen)))


def _numbers(kind: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([*kind.type, *([kind.type(1000)] if issubclass(kind.type, values.OpenEnum) else [])])


_PRIMITIVES: dict[type[Any], Callable[[Any], st.SearchStrategy[Any]]] = {
    values.Octets: _octets,
    values.Utf8: _text,
    values.NamedBits: _flags,
    values.Enumeration: _numbers,
    values.Integer: lambda _: st.sampled_from(material.INTEGERS),
    values.Boolean: lambda _: st.booleans(),
    values.Null: lambda _: st.just(value=True),
    values.Bits: lambda _: st.sampled_from([values.BitString(octets, -size % 8) for octets, size in material.BITS]),
    values.ObjectIdentifier: lambda _: st.sampled_from(material.OIDS),
}
