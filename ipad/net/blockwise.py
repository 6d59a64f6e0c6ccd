"""Block-wise transfer of one request and its response, sans-IO (RFC 7959; Request-Tag of RFC 9175 3).

The requests go up block by block (Block1), the response comes down block by block (Block2). This module decides what
to ask next and whether an answer fits; it sends nothing and waits for nothing. A server gets no say in what the
assembled body is: a block that is missing, doubled, out of order, of another size or of another ETag ends the exchange.
"""

from __future__ import annotations

import secrets
from typing import Final

from ipad.errors import ExchangeError
from ipad.records import dataclass, replace

CONTINUE: Final = 0x5F
"""2.31 as one byte: class in the upper three bits, detail in the lower five (RFC 7252 3)."""

_INCOMPLETE, _TOO_LARGE = 0x88, 0x8D
_RESERVED_EXPONENT: Final = 7
_MAX_RESTARTS: Final = 2
_TAG_LENGTH: Final = 4

BLOCK_SIZES: Final = (1024, 512, 256, 128, 64, 32, 16)


@dataclass(frozen=True, slots=True)
class Block:
    """Value of a Block1 or Block2 option: `size` is 16 to 1024 bytes."""

    number: int
    more: bool
    exponent: int

    @property
    def size(self) -> int:
        """Bytes of a full block."""
        return 16 << self.exponent

    @property
    def offset(self) -> int:
        """Where the block starts in the body."""
        return self.number * self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRequest:
    """One request message. `size1` (length of the whole body) goes with the first block only."""

    payload: bytes
    block1: Block | None = None
    block2: Block | None = None
    request_tag: bytes | None = None
    size1: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoapResponse:
    """One response message, or the whole response once the blocks are put together. `max_age` in seconds."""

    code: int
    payload: bytes = b""
    block1: Block | None = None
    block2: Block | None = None
    etag: bytes | None = None
    max_age: int | None = None

    @property
    def is_success(self) -> bool:
        """Class 2."""
        return self.code >> 5 == 2

    @property
    def status(self) -> int:
        """The code as a number of three digits: 4.04 is 404."""
        return (self.code >> 5) * 100 + (self.code & 0x1F)

    @property
    def code_text(self) -> str:
        """The code as the specification writes it."""
        return f"{self.code >> 5}.{self.code & 0x1F:02}"


class BlockwiseExchange:
    """One body up, one body down.

    Call `next_request`, send it, give its response to `receive`; go on until that returns the whole response. `server`
    is for messages. `block_size` is the largest block in either direction, `single_limit` what a request may carry
    without blocks, `max_body` the largest response. All are bytes.
    """

    def __init__(self, server: str, body: bytes, *, block_size: int, single_limit: int, max_body: int) -> None:
        if block_size not in BLOCK_SIZES:
            raise ValueError(f"block size {block_size}, expected one of {BLOCK_SIZES}")
        self._server = server
        self._body = body
        self._max_body = max_body
        self._preferred = block_size.bit_length() - 5
        self._upload_exponent = self._preferred
        self._in_blocks = len(body) > single_limit
        self._restarts = 0
        self._offset = 0
        self._tag = self._new_tag()
        self._first: CoapResponse | None = None
        self._received = bytearray()
        self._download_exponent = self._preferred

    def next_request(self) -> BlockRequest:
        """The next message to send; the same again until `receive` was called."""
        if self._first is not None:
            number = len(self._received) // (16 << self._download_exponent)
            return BlockRequest(
                payload=b"", block2=Block(number, False, self._download_exponent), request_tag=self._tag
            )
        # A server that was not told otherwise may choose 1024; asking for that would be two bytes for nothing.
        wish = Block(0, False, self._preferred) if (16 << self._preferred) < BLOCK_SIZES[0] else None
        if not self._in_blocks:
            return BlockRequest(payload=self._body, block2=wish)
        block = self._upload_block()
        return BlockRequest(
            payload=self._body[self._offset : self._offset + block.size],
            block1=block,
            block2=None if block.more else wish,
            request_tag=self._tag,
            size1=len(self._body) if self._offset == 0 else None,
        )

    def receive(self, response: CoapResponse) -> CoapResponse | None:
        """Take the response to the last request; return the whole response when it is there, of whatever code.

        Raises ExchangeError for blocks that do not fit together.
        """
        if self._first is not None:
            return self._continue_download(response)
        if self._starts_again(response):
            return None
        if self._in_blocks and self._continue_upload(response):
            return None
        return self._begin_download(response)

    def _upload_block(self) -> Block:
        size = 16 << self._upload_exponent
        return Block(self._offset // size, self._offset + size < len(self._body), self._upload_exponent)

    def _starts_again(self, response: CoapResponse) -> bool:
        """4.08 and 4.13 of an upload: from the start with another Request-Tag, and with smaller blocks if told so."""
        if self._restarts == _MAX_RESTARTS or not self._can_try_otherwise(response):
            return False
        if response.code == _TOO_LARGE and response.block1 is not None:
            self._upload_exponent = min(self._upload_exponent, self._exponent(response.block1, "Block1"))
        self._restarts += 1
        self._in_blocks = True
        self._offset = 0
        self._tag = self._new_tag()
        return True

    def _can_try_otherwise(self, response: CoapResponse) -> bool:
        if response.code == _INCOMPLETE:
            return self._in_blocks
        if response.code != _TOO_LARGE:
            return False
        # Without a hint there is something left to try only when the body went in one piece.
        limit = (16 << self._upload_exponent) if self._in_blocks else len(self._body)
        if response.block1 is not None:
            self._exponent(response.block1, "Block1")
            return response.block1.size < limit
        return not self._in_blocks and len(self._body) > (16 << self._upload_exponent)

    def _continue_upload(self, response: CoapResponse) -> bool:
        """Whether there is another block of the request to send."""
        sent = self._upload_block()
        echo = response.block1
        if echo is None:
            if response.is_success and (sent.more or response.code == CONTINUE):
                raise self._error(f"{response.code_text} without Block1 to block {sent.number} of the request")
            return False
        exponent = self._exponent(echo, "Block1")
        if echo.number != sent.number:
            raise self._error(f"Block1 number {echo.number} in the answer to block {sent.number}")
        if not response.is_success:
            return False
        if not sent.more:
            if response.code == CONTINUE:
                raise self._error("2.31 Continue after the last block of the request")
            return False
        self._offset += sent.size
        self._upload_exponent = min(self._upload_exponent, exponent)
        return True

    def _begin_download(self, response: CoapResponse) -> CoapResponse | None:
        if response.code == CONTINUE:
            raise self._error("2.31 Continue to a request that is complete")
        block = response.block2
        if block is not None and block.number:
            raise self._error(f"the response begins with block {block.number}")
        self._first = response
        return self._take_block(response)

    def _continue_download(self, response: CoapResponse) -> CoapResponse | None:
        assert self._first is not None
        if not response.is_success:
            return response
        if response.block2 is None:
            raise self._error("a block of the response comes without Block2")
        if response.code != self._first.code or response.etag != self._first.etag:
            raise self._error("the response changed between two blocks")
        return self._take_block(response)

    def _take_block(self, response: CoapResponse) -> CoapResponse | None:
        block = response.block2
        if block is not None:
            exponent = self._exponent(block, "Block2")
            if block.offset != len(self._received):
                raise self._error(f"block at byte {block.offset} of the response, expected {len(self._received)}")
            if len(response.payload) != block.size if block.more else len(response.payload) > block.size:
                raise self._error(f"{len(response.payload)} bytes in block {block.number} of {block.size}")
            # A large first block may come before the server knows our wish; later ones are as small as we asked for.
            self._download_exponent = min(self._download_exponent, exponent)
        self._received += response.payload
        if len(self._received) > self._max_body:
            raise self._error(f"the response is longer than {self._max_body} bytes")
        if block is not None and block.more:
            return None
        return replace(response, payload=bytes(self._received), block1=None, block2=None)

    def _exponent(self, block: Block, name: str) -> int:
        if block.exponent == _RESERVED_EXPONENT:
            raise self._error(f"{name} has the reserved size exponent 7")
        return block.exponent

    def _new_tag(self) -> bytes | None:
        # Identifies the body, not the message: a server must never join blocks of two bodies (RFC 9175 3.3).
        return secrets.token_bytes(_TAG_LENGTH) if self._in_blocks else None

    def _error(self, what: str) -> ExchangeError:
        return ExchangeError(f"{self._server}: block-wise transfer: {what}")
