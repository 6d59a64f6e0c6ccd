"""Decoded objects as plain JSON values, for the history and the control API."""

from typing import Any

from hil import codec


def to_json(value: Any) -> Any:
    """Values of `hil.codec` as JSON: bytes become upper-case hex, a CHOICE an object with one member, NULL true.

    A BIT STRING becomes the list of its set bit numbers.
    """
    if isinstance(value, tuple):
        first, second = value
        if isinstance(first, bytes):
            return [position for position in range(second) if codec.has_bit((first, second), position)]
        return {first: to_json(second)}
    if isinstance(value, dict):
        return {name: to_json(content) for name, content in value.items()}
    if isinstance(value, list):
        return [to_json(content) for content in value]
    if isinstance(value, bytes):
        return value.hex().upper()
    return True if value is None else value


def decoded(type_name: str, data: bytes) -> Any:
    """JSON of an object, or `{"undecodable": reason}`: a bad object is a finding, not an accident."""
    try:
        return to_json(codec.decode(type_name, data))
    except codec.CodecError as error:
        return {"undecodable": str(error)}
