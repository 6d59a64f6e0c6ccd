"""What can go wrong on demand in the exchange with the IPA.

Over CoAPS only the `MESSAGE_FAULTS` happen: `status` becomes the response code of the same digits, with Max-Age, and
without an answer means that the request is acknowledged and no response follows.

"Unreachable for k attempts after an enable" is one rule:
`Fault(FaultKind.DROP_BEFORE, function="ProvideEimPackageResult", times=k)`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hil.faults import ANY_FUNCTION, check


class FaultKind(StrEnum):
    """What goes wrong. "value" and "seconds" are the parameters of `Fault`."""

    STATUS = "status"
    """Answer HTTP status `value` (with Retry-After when `seconds` > 0) instead of processing."""
    DROP_BEFORE = "drop-before"
    """Close the connection without processing the message."""
    DROP_AFTER = "drop-after"
    """Process the message, then close without an answer."""
    DELAY = "delay"
    """Answer `seconds` late."""
    TRUNCATED = "truncated"
    """Full Content-Length, half of the body, close."""
    OVERSIZED = "oversized"
    """Body filled up with `value` zero bytes behind the answer (default 4 MiB)."""
    CONTENT_LENGTH = "content-length"
    """Content-Length larger (smaller for a negative value) than the body by `value`."""
    CHUNKED = "chunked"
    """Transfer-Encoding: chunked (legal)."""
    INFORMATIONAL = "informational"
    """`value` 1xx answers first (legal)."""
    GZIP = "gzip"
    """Content-Encoding: gzip although nobody asked for it."""
    WRONG_TAG = "wrong-tag"
    """Answer with another outer tag: BF3C in place of the right one."""
    TRAILING_BYTES = "trailing-bytes"
    """Two bytes behind the answer's TLV."""
    CONTENT_TYPE = "content-type"
    """Answer typed text/html."""
    HTML = "html"
    """Status 200 and an HTML page."""
    EMPTY = "empty"
    """Status 200 and no body."""
    DRIP = "drip"
    """One byte each `seconds`."""
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

    def __post_init__(self) -> None:
        try:
            check(self, seconds=self.seconds)
        except ValueError as error:
            raise ValueError(f"fault {self.kind}: {error}") from error


_OVERSIZE: Final = 4 * 1024 * 1024

_BODIES: Final[Mapping[FaultKind, Callable[[Fault, bytes], bytes]]] = {
    FaultKind.OVERSIZED: lambda fault, body: body + bytes(fault.value or _OVERSIZE),
    FaultKind.WRONG_TAG: lambda _, body: b"\xbf\x3c" + body[2:],
    FaultKind.TRAILING_BYTES: lambda _, body: body + b"\x05\x00",
    FaultKind.EMPTY: lambda _fault, _body: b"",
}

MESSAGE_FAULTS: Final = frozenset(
    (*_BODIES, FaultKind.STATUS, FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.DELAY)
)
"""Faults that do not need HTTP."""


def spoilt(fault: Fault, body: bytes) -> bytes | None:
    """The body that a fault makes of an answer's, None for a fault that is not about the body."""
    change = _BODIES.get(fault.kind)
    return None if change is None else change(fault, body)
