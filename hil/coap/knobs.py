"""Orders to a CoAPS endpoint: how it behaves, and what it does wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_BLOCK_SIZES: Final = (16, 32, 64, 128, 256, 512, 1024)
_LASTING: Final = ("endless", "smaller", "changed")


class BlockFault(StrEnum):
    """What goes wrong in a block-wise transfer."""

    LOSE_UPLOAD = "lose-upload"
    """4.08 to block `at` of a request: the server forgot the blocks before."""
    WRONG_UPLOAD_NUMBER = "wrong-upload-number"
    """Acknowledge block `at` of a request as the one after it."""
    SKIP = "skip"
    """Answer the request for block `at` with the one after it."""
    REPEAT = "repeat"
    """Answer the request for block `at` with the one before it."""
    SHORT = "short"
    """Block `at` with a byte less than its size says."""
    CHANGED = "changed"
    """Another ETag from block `at` on."""
    WITHOUT_OPTION = "without-option"
    """Block `at` without Block2."""
    SMALLER = "smaller"
    """From block `at` (of the size asked for) on, blocks of half the size (legal)."""
    ENDLESS = "endless"
    """Each block says that another follows."""


class RequestTagRule(StrEnum):
    """What the Request-Tag of a body in blocks means to the server (RFC 9175 3)."""

    USE = "use"
    """Bodies are told apart by it."""
    REQUIRE = "require"
    """4.00 to a block without one."""
    IGNORE = "ignore"
    """As a server that does not know the option, which is elective."""


@dataclass
class Refusal:
    """Answer a code like "5.03" instead of asking the handler; `after` lets that many requests pass first."""

    code: str
    times: int | None = 1
    after: int = 0
    max_age: int | None = None

    def __post_init__(self) -> None:
        code_number(self.code, "45")

    @property
    def number(self) -> int:
        """The code as one byte (RFC 7252 3)."""
        return code_number(self.code, "45")


def code_number(code: str, classes: str) -> int:
    """A code like "2.04" as one byte (RFC 7252 3), of one of the classes. Raises ValueError."""
    kind, separator, detail = code.partition(".")
    if not (separator and len(kind) == 1 and kind in classes and detail.isdecimal() and int(detail) < 32):
        examples = " or ".join({"2": "2.04", "4": "4.00", "5": "5.03"}[one] for one in classes)
        raise ValueError(f"response {code!r}: expected a code like {examples}")
    return (int(kind) << 5) | int(detail)


@dataclass
class CoapKnobs:
    """Behaviour of an endpoint; may be changed at any time. Sizes in bytes, times in seconds of the bench's clock."""

    block_size: int = 1024
    """Largest block taken and sent: a client that sends larger ones is told so."""
    max_request: int = 1 << 20
    """A longer body is refused with 4.13."""
    separate: bool = False
    """Acknowledge each request at once and send its response later as a message of its own."""
    ack_timeout: float = 2.0
    """Until a separate response that was not acknowledged is sent again (RFC 7252 4.8)."""
    delay: float = 0.0
    """Before the handler is asked. More than 0.1 s makes the response a separate one anyway."""
    silent: bool = False
    """Acknowledge requests and never respond."""
    etag: bool = True
    """Responses in blocks carry an ETag."""
    request_tag: RequestTagRule = RequestTagRule.USE
    echo: bool = False
    """Challenge the first request of each association with 4.01 and an Echo option (RFC 9175 2)."""
    success: str = "2.04"
    """Code of a response with the answer of the handler."""
    content_format: int | None = None
    """Content-Format of such a response; there is none for ESipa."""
    refusals: list[Refusal] = field(default_factory=list)
    block_fault: BlockFault | None = None
    block_fault_at: int = 1
    block_fault_times: int | None = 1
    lose_received: int = 0
    """So many of the datagrams of clients that come next get lost."""
    lose_sent: int = 0
    """The same for datagrams to clients."""
    double_sent: int = 0
    """So many of the next datagrams to clients are sent twice."""
    drop_received: set[int] = field(default_factory=set)
    """Datagrams of clients to lose, counted from 0 over all that arrive."""
    drop_sent: set[int] = field(default_factory=set)
    """The same for datagrams to clients."""
    datagram_delay: float = 0.0
    """Each way."""

    def __post_init__(self) -> None:
        if self.block_size not in _BLOCK_SIZES:
            raise ValueError(f"block_size is {self.block_size}, expected one of {', '.join(map(str, _BLOCK_SIZES))}")
        if self.content_format is not None and not 0 <= self.content_format <= 0xFFFF:
            raise ValueError(f"content_format is {self.content_format}, expected 0 to 65535")
        if min(self.lose_received, self.lose_sent, self.double_sent, self.max_request) < 0:
            raise ValueError("counts and sizes cannot be negative")
        if min(self.ack_timeout, self.delay, self.datagram_delay) < 0:
            raise ValueError("times cannot be negative")
        code_number(self.success, "2")

    def take_refusal(self) -> Refusal | None:
        """The refusal for this request, counted down."""
        for refusal in self.refusals:
            if refusal.after:
                refusal.after -= 1
                continue
            if refusal.times is not None:
                refusal.times -= 1
                if refusal.times == 0:
                    self.refusals.remove(refusal)
            return refusal
        return None

    def take_block_fault(self, fault: BlockFault, number: int) -> bool:
        """Whether `fault` is to happen at block `number`, counted down."""
        if self.block_fault is not fault or number < self.block_fault_at:
            return False
        if number > self.block_fault_at and fault not in _LASTING:
            return False
        if self.block_fault_times is not None:
            if self.block_fault_times == 0:
                return False
            self.block_fault_times -= 1
        return True

    def loses_received(self, number: int) -> bool:
        """Whether the datagram of a client with this position gets lost, counted down."""
        if number in self.drop_received:
            return True
        if self.lose_received:
            self.lose_received -= 1
            return True
        return False

    def copies_to_send(self, number: int) -> int:
        """How often the datagram to a client with this position is sent, counted down."""
        if number in self.drop_sent:
            return 0
        if self.lose_sent:
            self.lose_sent -= 1
            return 0
        if self.double_sent:
            self.double_sent -= 1
            return 2
        return 1


@dataclass(frozen=True)
class Request:
    """One request message as it arrived, for the timeline and for tests."""

    payload: bytes
    block1: tuple[int, bool, int] | None
    block2: tuple[int, bool, int] | None
    request_tag: bytes | None
    options: tuple[int, ...]
    """Numbers of all options."""
    confirmable: bool
    length: int
    """Bytes of the CoAP message."""
    association: int
    """Which association it came over, counted from 1."""
