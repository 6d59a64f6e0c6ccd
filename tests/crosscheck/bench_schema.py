"""The bench's ASN.1 types seen from outside: how to make values of any of them."""

from __future__ import annotations

import functools
from typing import Any

from hypothesis import strategies as st

from hil import codec
from tests.crosscheck import material

_DEEP = 2


@functools.cache
def values(type_name: str) -> st.SearchStrategy[Any]:
    """Values of a type."""
    return _values({"type": type_name}, 0)


def _values(descriptor: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    kind = descriptor["type"]
    if kind in material.OPAQUE:
        return st.sampled_from(material.OPAQUE[kind])
    types = codec.type_descriptors()
    if kind in types:
        return _values({**types[kind], **_size(descriptor)}, depth)
    if kind == "SEQUENCE OF":
        return st.lists(st.deferred(lambda: _values(descriptor["element"], depth + 1)), max_size=2)
    if kind == "SEQUENCE":
        return _sequence(descriptor, depth)
    if kind == "CHOICE":
        return st.one_of(
            [st.tuples(st.just(member["name"]), _member(member, depth)) for member in _members(descriptor)]
        )
    return _primitive(kind, descriptor)


def _members(descriptor: dict[str, Any]) -> list[dict[str, Any]]:
    return [member for member in descriptor["members"] if member is not None]


def _member(member: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    return st.deferred(lambda: _values(member, depth + 1))


def _sequence(descriptor: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    required = {}
    optional = {}
    for member in _members(descriptor):
        value = _member(member, depth)
        if "default" in member:
            required[member["name"]] = st.just(member["default"]) | value
        elif not member.get("optional"):
            required[member["name"]] = value
        elif depth < _DEEP:
            optional[member["name"]] = value
    return st.fixed_dictionaries(required, optional=optional)


def _size(descriptor: dict[str, Any]) -> dict[str, Any]:
    return {"size": descriptor["size"]} if "size" in descriptor else {}


def _bounds(descriptor: dict[str, Any]) -> tuple[int, int]:
    size = descriptor.get("size")
    if not size:
        return 0, 20
    low, high = size[0] if isinstance(size[0], tuple) else (size[0], size[0])
    return low, min(high, low + 20)


def _bit_strings(descriptor: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "named-bits" not in descriptor:
        return st.sampled_from(material.BITS)
    known = [int(position) for _, position in descriptor["named-bits"]]
    return st.sets(st.sampled_from(known)).map(lambda chosen: codec.bits(*chosen))


def _primitive(kind: str, descriptor: dict[str, Any]) -> st.SearchStrategy[Any]:
    low, high = _bounds(descriptor)
    strategies: dict[str, st.SearchStrategy[Any]] = {
        "INTEGER": st.sampled_from(material.INTEGERS),
        "BOOLEAN": st.booleans(),
        "NULL": st.none(),
        "OBJECT IDENTIFIER": st.sampled_from(material.OIDS),
        "OCTET STRING": st.binary(min_size=low, max_size=high),
        "UTF8String": st.text(alphabet="ab.-$1", min_size=low, max_size=high),
        "ANY": st.just(b"\x04\x02\x01\x02"),
    }
    return _bit_strings(descriptor) if kind == "BIT STRING" else strategies[kind]
