"""Turning knobs from JSON: every part of the rig has one dataclass of knobs with typed members."""

import dataclasses
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from hil.modem.loading import DataError, change
from hil.network import Service
from hil.rig.rig import Rig
from hil.rig.rsp import SMDP, SMDS

__all__ = ["DataError", "knob_values", "parts", "turn"]


def parts(rig: Rig) -> tuple[str, ...]:
    """Names of the parts that have knobs."""
    return ("card", "modem", "network", *rig.eims, *(() if rig.rsp is None else (SMDP, SMDS)))


def knob_values(rig: Rig, part: str) -> dict[str, Any]:
    """All knobs of a part as JSON. Raises KeyError."""
    values = plain(_knobs(rig, part))
    assert isinstance(values, dict)
    return values


def turn(rig: Rig, part: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change the named knobs of a part, nothing when one of them is wrong. Raises KeyError, DataError."""
    current = _knobs(rig, part)
    changed = change(current, changes, part)
    _setter(rig, part)(changed)
    return knob_values(rig, part)


def plain(value: Any) -> Any:
    """Dataclasses, enums and bytes as JSON values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def _knobs(rig: Rig, part: str) -> Any:
    match part:
        case "card":
            return rig.card.knobs
        case "modem":
            return rig.modem.knobs
        case "network":
            return rig.network.default_service
        case "smdp" if rig.rsp is not None:
            return rig.rsp.core.knobs
        case "smds" if rig.rsp is not None:
            return rig.rsp.smds.server.smds.knobs
        case _:
            return rig.eim(part).core.knobs


def _setter(rig: Rig, part: str) -> Callable[[Any], None]:
    match part:
        case "modem":
            return rig.modem.set_knobs
        case "network":
            return lambda service: _set_default(rig, service)
        case _:
            return lambda changed: _copy(changed, _knobs(rig, part))


def _set_default(rig: Rig, service: Service) -> None:
    rig.network.default_service = service
    rig.network.set_service(service)


def _copy(source: Any, target: Any) -> None:
    """Card, eIM and RSP servers read their knobs from one shared object."""
    for field in dataclasses.fields(source):
        setattr(target, field.name, getattr(source, field.name))
