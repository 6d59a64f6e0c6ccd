"""Logical channels: selected application, current file, STORE DATA chain and the answer that waits to be fetched."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from hil.euicc import status
from hil.euicc.errors import StatusError
from hil.euicc.files import MF, ElementaryFile

_MAXIMUM_BLOCKS = 256


class Application(Enum):
    """What a channel has selected."""

    MF = auto()
    USIM = auto()
    ISDR = auto()
    ECASD = auto()


@dataclass(slots=True)
class Channel:
    """One open channel."""

    number: int
    application: Application = Application.MF
    folder: int = MF
    file: ElementaryFile | None = None
    record: int = 0
    """Current record of a linear file, 0 before the first."""
    chain: bytearray = field(default_factory=bytearray)
    next_block: int = 0
    answer: bytes = b""
    """What GET RESPONSE still has to fetch."""

    def select(self, application: Application, folder: int) -> None:
        """Make an application or the MF current; the current file is gone."""
        self.application = application
        self.folder = folder
        self.file = None
        self.record = 0

    def append_block(self, number: int, block: bytes) -> None:
        """Add a STORE DATA block. Block 0 begins a new chain; a number out of order drops the chain (6A86)."""
        if number == 0:
            self.drop_chain()
        elif number != self.next_block:
            self.drop_chain()
            raise StatusError(status.WRONG_P1_P2)
        self.chain += block
        self.next_block = (number + 1) % _MAXIMUM_BLOCKS

    def take_chain(self) -> bytes:
        """The complete request; the chain is empty afterwards."""
        request = bytes(self.chain)
        self.drop_chain()
        return request

    def drop_chain(self) -> None:
        """Forget an incomplete request."""
        self.chain.clear()
        self.next_block = 0


class ChannelTable:
    """The channels that are open; 0 always is."""

    def __init__(self, highest: int) -> None:
        self._highest = highest
        self._open: dict[int, Channel] = {}
        self.reset()

    def reset(self) -> None:
        """Close all channels and start the basic channel anew."""
        self._open = {0: Channel(0)}

    def get(self, number: int) -> Channel:
        """An open channel; StatusError 6881 if it is not."""
        channel = self._open.get(number)
        if channel is None:
            raise StatusError(status.CHANNEL_NOT_SUPPORTED)
        return channel

    @property
    def numbers(self) -> tuple[int, ...]:
        """The open channels in order."""
        return tuple(sorted(self._open))

    def open_any(self) -> int:
        """Open the lowest free channel; StatusError 6A81 if there is none."""
        for number in range(1, self._highest + 1):
            if number not in self._open:
                self._open[number] = Channel(number)
                return number
        raise StatusError(status.FUNCTION_NOT_SUPPORTED)

    def open_number(self, number: int) -> None:
        """Open a given channel; StatusError 6A86 for a number out of range, 6A81 for one in use."""
        if not 1 <= number <= self._highest:
            raise StatusError(status.WRONG_P1_P2)
        if number in self._open:
            raise StatusError(status.FUNCTION_NOT_SUPPORTED)
        self._open[number] = Channel(number)

    def close(self, number: int) -> None:
        """Close a channel; StatusError 6A86 for the basic one, 6200 for one that is not open."""
        if not 1 <= number <= self._highest:
            raise StatusError(status.WRONG_P1_P2)
        if self._open.pop(number, None) is None:
            raise StatusError(status.WARNING)
