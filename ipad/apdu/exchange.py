"""One ES10 call as a machine without I/O: STORE DATA blocks out, the whole response in (SGP.22 5.7.2).

::

    exchange = StoreDataExchange(request)
    command = exchange.start()
    while command is not None:
        command = exchange.receive(await channel.transmit(command))
    response = exchange.response

A block that is not the last is answered 9000. After the last block the card answers with data, with 61xx (GET
RESPONSE fetches, ETSI TS 102 221 7.3.1.1.5), or with both. 6Cxx asks for the same command with another Le. 91xx is
success: a proactive command waits, which belongs to whoever runs the card's toolkit session.
"""

from __future__ import annotations

from typing import Final

from ipad.apdu.command import (
    INS_GET_RESPONSE,
    INS_STORE_DATA,
    MAX_DATA,
    MAX_LE,
    CommandApdu,
    ResponseApdu,
    is_success,
    is_transient,
    meaning,
)
from ipad.errors import CardError, StatusWordError
from ipad.records import dataclass

MAX_BLOCKS: Final = 256
P1_MORE: Final = 0x11
P1_LAST: Final = 0x91
_CLA_GP: Final = 0x80


@dataclass(frozen=True, slots=True)
class ExchangeRules:
    """How a request is cut and an answer fetched.

    `max_data`: bytes per block, 1..255. `append_le`: add Le to the last block, for cards that send data only then.
    `get_response_cla`: class of GET RESPONSE, 00 or 80. `max_response` bytes and `max_fetches` commands bound an
    answer: a modem is known that says 61 00 for ever.
    """

    max_data: int = MAX_DATA
    append_le: bool = False
    get_response_cla: int = 0x00
    max_response: int = 512 * 1024
    max_fetches: int = 4096

    def __post_init__(self) -> None:
        if not 1 <= self.max_data <= MAX_DATA:
            raise ValueError(f"blocks of {self.max_data} bytes, possible are 1 to {MAX_DATA}")


class StoreDataExchange:
    """The exchange of one request. `split_last` sends the last byte as a block of its own (see `IsdrSession`)."""

    def __init__(self, request: bytes, rules: ExchangeRules, *, split_last: bool = False) -> None:
        blocks = [request[start : start + rules.max_data] for start in range(0, len(request), rules.max_data)]
        if split_last and blocks and len(blocks[-1]) > 1:
            blocks[-1:] = [blocks[-1][:-1], blocks[-1][-1:]]
        if not blocks:
            raise ValueError("an ES10 request has at least one byte")
        if len(blocks) > MAX_BLOCKS:
            raise CardError(
                f"request of {len(request)} bytes needs {len(blocks)} blocks of {rules.max_data}, "
                f"at most {MAX_BLOCKS} are possible",
                transient=False,
            )
        self._rules = rules
        self._blocks = blocks
        self._index = 0
        self._command: CommandApdu | None = None
        self._fetches = 0
        self._empty_fetches = 0
        self._le_corrected = False
        self._data = bytearray()
        self.refresh_announced = False

    @property
    def response(self) -> bytes:
        """The response; complete when `receive` returned None."""
        return bytes(self._data)

    @property
    def last_block_sent(self) -> bool:
        """Whether the card has, or may have, what it needs to act."""
        return self._command is not None and self._index == len(self._blocks) - 1

    @property
    def block_size(self) -> int:
        """Bytes of data in the block that is being sent."""
        return len(self._blocks[self._index])

    @property
    def position(self) -> str:
        """Where the exchange stands, for messages."""
        block = f"STORE DATA block {self._index + 1} of {len(self._blocks)}"
        return f"GET RESPONSE {self._fetches} after {block}" if self._fetches else block

    def start(self) -> bytes:
        """The first command APDU."""
        return self._send(self._block())

    def receive(self, response: bytes) -> bytes | None:
        """Take the response to the last command; return the next command, or None when the call is complete.

        Raises StatusWordError when the card refuses, CardError for an answer without end.
        """
        assert self._command is not None
        answer = ResponseApdu.decode(response)
        sw1, sw2 = answer.sw >> 8, answer.sw & 0xFF
        if sw1 == 0x6C and not self._le_corrected:
            self._le_corrected = True
            return self._send(self._command.with_le(sw2 or MAX_LE))
        self._le_corrected = False
        self._collect(answer.data)
        if sw1 == 0x61:
            return self._send(self._get_response(sw2 or MAX_LE, progress=bool(answer.data)))
        if not is_success(answer.sw):
            raise StatusWordError(
                f"{self.position}: status word {answer.sw:04X} ({meaning(answer.sw)})",
                sw=answer.sw,
                transient=is_transient(answer.sw),
            )
        if sw1 == 0x91:
            self.refresh_announced = True
        # Data before the last block are an error report of the card: it wants no more of this request.
        if self._data or self._index == len(self._blocks) - 1:
            return None
        self._index += 1
        return self._send(self._block())

    def _send(self, command: CommandApdu) -> bytes:
        self._command = command
        return command.encode()

    def _block(self) -> CommandApdu:
        last = self._index == len(self._blocks) - 1
        return CommandApdu(
            cla=_CLA_GP,
            ins=INS_STORE_DATA,
            p1=P1_LAST if last else P1_MORE,
            p2=self._index,
            data=self._blocks[self._index],
            le=MAX_LE if last and self._rules.append_le else None,
        )

    def _get_response(self, le: int, *, progress: bool) -> CommandApdu:
        self._empty_fetches = 0 if progress or not self._fetches else self._empty_fetches + 1
        self._fetches += 1
        if self._fetches > self._rules.max_fetches or self._empty_fetches > 3:
            raise CardError(f"{self.position}: the card announces data (61xx) without end", transient=False)
        return CommandApdu(self._rules.get_response_cla, INS_GET_RESPONSE, 0, 0, le=le)

    def _collect(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > self._rules.max_response:
            raise CardError(f"{self.position}: response of more than {self._rules.max_response} bytes", transient=False)
