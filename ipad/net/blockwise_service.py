"""Block-wise transfer at the server, sans-IO: requests put together, answers cut (RFC 7959; Request-Tag of RFC 9175 3).

For one association, which has one request under way and one answer to fetch: a new body takes the place of the last.
"""

from __future__ import annotations

import hashlib
from typing import Final

from ipad.net.blockwise import CONTINUE, Block, CoapResponse
from ipad.records import dataclass, replace

CHANGED, BAD_REQUEST, INCOMPLETE, TOO_LARGE = 0x44, 0x80, 0x88, 0x8D
_RESERVED_EXPONENT: Final = 7
_ETAG: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockMessage:
    """What of one request message matters here. `tag` joins the blocks of one body, b"" without Request-Tag."""

    payload: bytes
    block1: Block | None = None
    block2: Block | None = None
    tag: bytes = b""


class BlockwiseService:
    """`max_body`: bytes of a request. `block_size`: of a block of an answer; what is not longer goes in one piece."""

    def __init__(self, max_body: int, block_size: int = 1024) -> None:
        self._max_body = max_body
        self._exponent = block_size.bit_length() - 5
        self._tag = b""
        self._upload: bytearray | None = None
        self._answer: tuple[bytes, bytes, bytes] | None = None

    def take(self, message: BlockMessage) -> bytes | CoapResponse:
        """The whole body of a request, or the response to a block that is not the last, not right, or asks for more."""
        if message.block2 is not None and message.block2.number:
            return self._later_block(message, message.block2)
        if message.block1 is not None:
            return self._add(message, message.block1)
        self._upload = None
        return message.payload if len(message.payload) <= self._max_body else CoapResponse(code=TOO_LARGE)

    def _add(self, message: BlockMessage, block: Block) -> bytes | CoapResponse:
        if block.exponent == _RESERVED_EXPONENT or not _fits(block, message.payload):
            self._upload = None
            return CoapResponse(code=BAD_REQUEST)
        if block.number == 0:
            self._upload, self._tag = bytearray(), message.tag
        upload = self._upload
        if upload is None or self._tag != message.tag or len(upload) != block.offset:
            return CoapResponse(code=INCOMPLETE)
        upload += message.payload
        if len(upload) > self._max_body:
            self._upload = None
            return CoapResponse(code=TOO_LARGE)
        if block.more:
            return CoapResponse(code=CONTINUE, block1=block)
        self._upload = None
        return bytes(upload)

    def answer(self, message: BlockMessage, body: bytes) -> CoapResponse:
        """The response to a complete request, or its first block; the others are then asked for."""
        wish = message.block2
        exponent = self._exponent if wish is None else min(wish.exponent, self._exponent)
        if len(body) <= 16 << exponent:
            self._answer = None
            response = CoapResponse(code=CHANGED, payload=body)
        else:
            etag = hashlib.sha256(body).digest()[:_ETAG]
            self._answer = (message.tag, body, etag)
            response = _cut(body, Block(0, True, exponent), etag)
        return replace(response, block1=message.block1)

    def _later_block(self, message: BlockMessage, wish: Block) -> CoapResponse:
        if self._answer is None or self._answer[0] != message.tag:
            return CoapResponse(code=INCOMPLETE)
        _, body, etag = self._answer
        if wish.exponent == _RESERVED_EXPONENT or wish.offset >= len(body):
            return CoapResponse(code=BAD_REQUEST)
        return _cut(body, wish, etag)


def _fits(block: Block, payload: bytes) -> bool:
    return len(payload) == block.size if block.more else len(payload) <= block.size


def _cut(body: bytes, wish: Block, etag: bytes) -> CoapResponse:
    end = wish.offset + wish.size
    return CoapResponse(
        code=CHANGED,
        payload=body[wish.offset : end],
        block2=Block(wish.number, end < len(body), wish.exponent),
        etag=etag,
    )
