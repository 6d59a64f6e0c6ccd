"""One call of the control API: who asks for what, with values that are checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from ipad.control.peer import Peer
from ipad.control.replies import JSON
from ipad.errors import UsageError
from ipad.net.http_service import HttpRequest
from ipad.records import dataclass

_QUERY: Final = ("modem", "wait", "masked")
_MOST_QUERIES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`operator`: the peer may operate the device. `path` are the parameters in the path, `given` those of the body."""

    peer: Peer
    operator: bool
    masked: bool
    modem: str | None
    wait: bool | None
    path: Mapping[str, str]
    given: Mapping[str, object]

    @property
    def values(self) -> dict[str, object]:
        """Everything that the call was given. Raises UsageError for a name that is in the path and in the body."""
        for name in self.path:
            if name in self.given:
                raise UsageError(f"{name!r} is in the path already")
        return {**self.path, **self.given}


def read_call(request: HttpRequest, path: Mapping[str, str], peer: Peer, *, operator: bool) -> Call:
    """The call that a request is. Raises UsageError."""
    query = _query(request.query)
    masked = _flag(query, "masked")
    return Call(
        peer=peer,
        operator=operator,
        masked=not operator or bool(masked),
        modem=query.get("modem"),
        wait=_flag(query, "wait"),
        path=path,
        given=_body(request),
    )


def _query(text: str) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=_MOST_QUERIES)
    except ValueError as error:
        raise UsageError(f"the query cannot be read: {error}") from error
    query = dict(pairs)
    unknown = next((name for name in query if name not in _QUERY), None)
    if unknown is not None or len(query) != len(pairs):
        what = f"{unknown!r} is unknown" if unknown is not None else "a name is there twice"
        raise UsageError(f"the query cannot be used: {what}", hint=f"known: {', '.join(_QUERY)}")
    return query


def _flag(query: Mapping[str, str], name: str) -> bool | None:
    value = query.get(name)
    if value is not None and value not in ("0", "1"):
        raise UsageError(f"{name}={value[:40]}: expected 0 or 1")
    return None if value is None else value == "1"


def _body(request: HttpRequest) -> Mapping[str, object]:
    if not request.body:
        return {}
    if request.media_type != JSON:
        raise UsageError(f"the body is {request.media_type or 'of no type'!r}: expected {JSON}")
    try:
        found = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the body is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"the body is {type(found).__name__}: expected a JSON object")
    return found
