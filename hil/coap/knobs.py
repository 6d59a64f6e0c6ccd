"""Orders to a CoAPS endpoint: how it behaves, and what it does wrong."""

from dataclasses import dataclass, field
from enum import StrEnum


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


@dataclass
class Refusal:
    """Answer a code like "5.03" instead of asking the handler; `after` lets that many requests pass first."""

    code: str
    times: int | None = 1
    after: int = 0
    max_age: int | None = None

    def __post_init__(self) -> None:
        kind, separator, detail = self.code.partition(".")
        if not (separator and kind in ("4", "5") and detail.isdigit() and int(detail) < 32):
            raise ValueError(f"refusal {self.code!r}: expected a code like 4.00 or 5.03")

    @property
    def number(self) -> int:
        """The code as one byte (RFC 7252 3)."""
        kind, _, detail = self.code.partition(".")
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
    refusals: list[Refusal] = field(default_factory=list)
    block_fault: BlockFault | None = None
    block_fault_at: int = 1
    block_fault_times: int | None = 1
    drop_received: set[int] = field(default_factory=set)
    """Datagrams of clients to lose, counted from 0 over all that arrive."""
    drop_sent: set[int] = field(default_factory=set)
    """The same for datagrams to clients."""
    datagram_delay: float = 0.0
    """Each way."""

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
        if number > self.block_fault_at and fault not in (BlockFault.ENDLESS, BlockFault.SMALLER, BlockFault.CHANGED):
            return False
        if self.block_fault_times is not None:
            if self.block_fault_times == 0:
                return False
            self.block_fault_times -= 1
        return True


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
