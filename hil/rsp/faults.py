"""What a SM-DP+ or SM-DS does wrong on demand in the HTTP exchange and in the JSON of its answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

from hil.faults import ANY_FUNCTION, check
from hil.rsp.status import StatusCode
from hil.webserver import Delivery, Reply

_OVERSIZE: Final = 8 * 1024 * 1024
_HTML: Final = b"<!DOCTYPE html><html><body>It works!</body></html>"


class FaultKind(StrEnum):
    """What goes wrong. "text", "value" and "seconds" are the parameters of `Fault`."""

    FAILED = "failed"
    """Function execution status Failed with subject and reason `text`, such as 8.2.6/3.8; nothing is executed."""
    MEMBER = "member"
    """A member of the answer replaced, `text` is NAME=VALUE, or left out, `text` is NAME."""
    STATUS = "status"
    """HTTP status `value` (500) with an HTML page; nothing is executed."""
    HTML = "html"
    """Status 200 and an HTML page."""
    NOT_JSON = "not-json"
    """`text` as body of an answer that says to be JSON."""
    EMPTY = "empty"
    """Status 200 and no body."""
    CONTENT_TYPE = "content-type"
    """The right answer typed text/html."""
    DROP_BEFORE = "drop-before"
    """Close the connection without executing anything."""
    DROP_AFTER = "drop-after"
    """Execute, then close without an answer."""
    DELAY = "delay"
    """Answer `seconds` late."""
    DRIP = "drip"
    """`value` (1) bytes each `seconds`."""
    TRUNCATED = "truncated"
    """Full Content-Length, half of the body, close."""
    CONTENT_LENGTH = "content-length"
    """Content-Length larger (smaller for a negative value) than the body by `value`."""
    CHUNKED = "chunked"
    """Transfer-Encoding: chunked (legal)."""
    OVERSIZED = "oversized"
    """An answer filled up with `value` (8 MiB) blanks."""
    REDIRECT = "redirect"
    """307 to another host."""


@dataclass
class Fault:
    """One rule; `times` None means until it is removed, `after` skips that many matches first."""

    kind: FaultKind
    function: str = ANY_FUNCTION
    times: int | None = 1
    after: int = 0
    value: int = 0
    seconds: float = 0.0
    text: str = ""

    def __post_init__(self) -> None:
        try:
            check(self, seconds=self.seconds)
            if self.kind is FaultKind.FAILED:
                StatusCode.parse(self.text)
            if self.kind is FaultKind.MEMBER and not self.text.partition("=")[0]:
                raise ValueError("text must be NAME=VALUE or NAME")
        except ValueError as error:
            raise ValueError(f"fault {self.kind}: {error}") from error

    @property
    def status_code(self) -> StatusCode | None:
        """The status to fail with."""
        return StatusCode.parse(self.text) if self.kind is FaultKind.FAILED else None

    def changed(self, members: Mapping[str, Any]) -> dict[str, Any]:
        """The members of an answer as this rule wants them."""
        found = dict(members)
        if self.kind is FaultKind.MEMBER:
            name, equals, value = self.text.partition("=")
            found.pop(name, None)
            if equals:
                found[name] = _value(value)
        return found


def instead(fault: Fault) -> Reply | None:
    """The reply of a fault that keeps the request from the function."""
    match fault.kind:
        case FaultKind.STATUS:
            return Reply(fault.value or HTTPStatus.INTERNAL_SERVER_ERROR, _HTML, (("Content-Type", "text/html"),))
        case FaultKind.DROP_BEFORE:
            return Reply(HTTPStatus.OK, delivery=Delivery(drop=True))
        case FaultKind.REDIRECT:
            location = (("Location", "https://elsewhere.example.com/gsma/rsp2/es9plus/"),)
            return Reply(HTTPStatus.TEMPORARY_REDIRECT, b"", location)
        case _:
            return None


def spoilt(reply: Reply, fault: Fault) -> Reply:
    """The right reply, made wrong (or unusual) as the fault says."""
    body = reply.body
    bodies: dict[FaultKind, Callable[[], bytes]] = {
        FaultKind.NOT_JSON: fault.text.encode,
        FaultKind.EMPTY: lambda: b"",
        FaultKind.OVERSIZED: lambda: body.ljust(fault.value or _OVERSIZE),
    }
    if fault.kind in bodies:
        return replace(reply, body=bodies[fault.kind]())
    if fault.kind in (FaultKind.HTML, FaultKind.CONTENT_TYPE):
        others = tuple(header for header in reply.headers if header[0] != "Content-Type")
        text = _HTML if fault.kind is FaultKind.HTML else body
        return replace(reply, body=text, headers=(("Content-Type", "text/html"), *others))
    deliveries = {
        FaultKind.DROP_AFTER: Delivery(drop=True),
        FaultKind.DELAY: Delivery(delay=fault.seconds),
        FaultKind.DRIP: Delivery(drip=fault.value or 1, drip_pause=fault.seconds),
        FaultKind.TRUNCATED: Delivery(cut_after=len(body) // 2),
        FaultKind.CONTENT_LENGTH: Delivery(declared_length=max(0, len(body) + (fault.value or 1))),
        FaultKind.CHUNKED: Delivery(chunked=True),
    }
    return replace(reply, delivery=deliveries.get(fault.kind, Delivery()))


def _value(text: str) -> Any:
    """JSON where it looks so, else text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
