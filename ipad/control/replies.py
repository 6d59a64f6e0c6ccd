"""Answers of the control API: a message, or a stream of lines."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from http import HTTPStatus
from typing import Any, Final

from ipad.errands.envelope import Json, Record, Result, failure, success
from ipad.errors import ExitCode, IpadError, NotPermittedError
from ipad.ids import mask_identifiers
from ipad.records import dataclass

JSON: Final = "application/json"
LINES: Final = "application/jsonl"
TEXT: Final = "text/plain; charset=utf-8"

_STATUS: Final = {
    ExitCode.USAGE: HTTPStatus.BAD_REQUEST,
    ExitCode.TIMEOUT: HTTPStatus.GATEWAY_TIMEOUT,
    ExitCode.REFUSED_BY_EUICC: HTTPStatus.CONFLICT,
    ExitCode.REFUSED_BY_SERVER: HTTPStatus.BAD_GATEWAY,
    ExitCode.NETWORK: HTTPStatus.BAD_GATEWAY,
    ExitCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ExitCode.TRY_AGAIN: HTTPStatus.SERVICE_UNAVAILABLE,
}
_IMEI_DIGITS: Final = range(14, 17)
"""Of an IMEI, an IMSI and an IMEISV."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One message. `headers` beside Content-Type."""

    status: int
    body: bytes
    media_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """Lines, one JSON object each, as long as they come."""

    lines: AsyncGenerator[Mapping[str, Any], None]


def told(result: Result, *, masked: bool, status: HTTPStatus = HTTPStatus.OK) -> Reply:
    """The answer with a result."""
    return _message(success(result), masked=masked, status=status)


def refused(error: IpadError, *, masked: bool = False, status: HTTPStatus | None = None) -> Reply:
    """The answer with an error."""
    if status is None:
        status = _STATUS.get(error.exit_code, HTTPStatus.INTERNAL_SERVER_ERROR)
        if isinstance(error, NotPermittedError):
            status = HTTPStatus.FORBIDDEN
    return _message(failure(error), masked=masked, status=status)


def masked_json(value: Json) -> Json:
    """The same with only the ends of everything that identifies a card, a device or a subscriber."""
    if isinstance(value, str):
        if len(value) in _IMEI_DIGITS and value.isascii() and value.isdigit():
            return f"{value[:6]}…{value[-2:]}"
        return mask_identifiers(value)
    if isinstance(value, Mapping):
        return {key: masked_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked_json(item) for item in value]
    return value


def line(record: Mapping[str, Any]) -> bytes:
    """One line of a stream."""
    return json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n"


def _message(content: Record, *, masked: bool, status: HTTPStatus) -> Reply:
    shown = masked_json(content) if masked else content
    return Reply(status=status, body=json.dumps(shown).encode("ascii") + b"\n")
