"""Orders to break the HTTP exchange with the IPA: what, at which ESipa function, how often.

A fault is a rule. The server asks the `FaultPlan` once per request; the first rule that matches and is
due applies. Rules with `times` run out by themselves, so "unreachable for k attempts after an enable"
is one rule: `Fault(FaultKind.DROP_BEFORE, function="ProvideEimPackageResult", times=k)`.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


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


ANY_FUNCTION: Final = "any"


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
        if self.times is not None and self.times < 1:
            raise ValueError(f"fault {self.kind}: times is {self.times}, expected at least 1 or none")
        if self.after < 0 or self.seconds < 0:
            raise ValueError(f"fault {self.kind}: after and seconds cannot be negative")


@dataclass
class FaultPlan:
    """The rules in the order in which they were given."""

    faults: list[Fault] = field(default_factory=list)

    def take(self, function: str) -> Fault | None:
        """The rule to apply to this request, counted down; None when all is well."""
        for fault in self.faults:
            if fault.function not in (ANY_FUNCTION, function):
                continue
            if fault.after:
                fault.after -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times == 0:
                    self.faults.remove(fault)
            return fault
        return None

    def add(self, fault: Fault) -> None:
        """Append a rule."""
        self.faults.append(fault)

    def clear(self) -> None:
        """Forget all rules."""
        self.faults.clear()
