"""Known messages: their fields, and the same bytes again from the fields alone."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from enum import IntFlag
from typing import Any

import pytest

import ipad.codec
from ipad.codec.schema import Choice, DataObject, field_specs
from ipad.codec.values import BitString
from tests.vectors.sgp32 import VECTORS

CLASSES: dict[str, Any] = {
    name: cls
    for info in pkgutil.iter_modules(ipad.codec.__path__)
    for name, cls in inspect.getmembers(importlib.import_module(f"ipad.codec.{info.name}"), inspect.isclass)
}
each = pytest.mark.parametrize("key", VECTORS)
written = pytest.mark.parametrize("key", [key for key, vector in VECTORS.items() if "read_only" not in vector])
only_read = pytest.mark.parametrize("key", [key for key, vector in VECTORS.items() if "read_only" in vector])


def decoded(key: str) -> Any:
    vector = VECTORS[key]
    return CLASSES[vector["type"]].decode(bytes.fromhex(vector["hex"]))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Path and plain value of everything in a data object that is there."""
    if isinstance(value, DataObject | Choice):
        specs = field_specs(type(value))
        if not specs:
            yield path, "present"
        for spec in specs:
            member = getattr(value, spec.name)
            if member is not None:
                yield from leaves(member, f"{path}.{spec.name}")
        if isinstance(value, Choice) and value.unknown is not None:
            yield f"{path}.unknown", value.unknown.hex().upper()
    elif isinstance(value, tuple):
        yield f"{path}.length", len(value)
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}.{index}")
    elif isinstance(value, IntFlag):
        yield path, [bit for bit in range(int(value).bit_length()) if int(value) >> bit & 1]
    elif isinstance(value, BitString):
        yield path, value.octets.hex().upper()
    else:
        yield path, value.hex().upper() if isinstance(value, bytes | memoryview) else value


def rebuilt(value: Any) -> Any:
    """The same data object without the bytes it came from."""
    if isinstance(value, tuple):
        return tuple(rebuilt(item) for item in value)
    if not isinstance(value, DataObject | Choice):
        return value
    return replace(value, **{spec.name: rebuilt(getattr(value, spec.name)) for spec in field_specs(type(value))})


@each
def test_message_says_what_is_known_of_it(key: str) -> None:
    found = list(leaves(decoded(key)))
    for name, value in VECTORS[key].get("values", {}).items():
        at = [(path, leaf) for path, leaf in found if path.endswith(f".{name}")]
        assert len(at) == 1, f"{name}: {at}"
        assert at[0][1] == value, name
    for name in VECTORS[key].get("absent", ()):
        assert not [path for path, _ in found if f"{path}.".find(f".{name}.") >= 0], name
    assert not [path for path, _ in found if path.endswith(".unknown")]


@each
def test_message_keeps_its_bytes(key: str) -> None:
    data = bytes.fromhex(VECTORS[key]["hex"])
    message = CLASSES[VECTORS[key]["type"]].decode(memoryview(data))
    assert message.raw == message.encode() == data


@written
def test_message_is_written_from_its_values(key: str) -> None:
    assert rebuilt(decoded(key)).encode().hex().upper() == VECTORS[key]["hex"]


@only_read
def test_form_that_is_only_read_is_written_in_the_form_of_the_specification(key: str) -> None:
    message = decoded(key)
    data = rebuilt(message).encode()
    assert data.hex().upper() != VECTORS[key]["hex"]
    again = type(message).decode(data)
    assert again == message
    assert rebuilt(again).encode() == data
