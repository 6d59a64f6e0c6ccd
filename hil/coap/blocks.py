"""Block-wise transfer at the server: bodies of requests put together, bodies of responses cut (RFC 7959, RFC 9175).

Independent of the block-wise code of the CoAP library, so that each block can be made wrong.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import aiocoap

from hil.coap.knobs import BlockFault, CoapKnobs, RequestTagRule

_Key = tuple[Hashable, bytes]


@dataclass
class _Response:
    code: int
    body: bytes
    etag: bytes | None


class Blocks:
    """The bodies under way of one endpoint, by association and Request-Tag."""

    def __init__(self, knobs: CoapKnobs) -> None:
        self._knobs = knobs
        self._uploads: dict[_Key, bytearray] = {}
        self._downloads: dict[_Key, _Response] = {}

    def forget(self, remote: Hashable) -> None:
        """Drop what belongs to an association that ended."""
        self._uploads = {key: body for key, body in self._uploads.items() if key[0] != remote}
        self._downloads = {key: response for key, response in self._downloads.items() if key[0] != remote}

    def take(self, request: Any) -> bytes | aiocoap.Message:
        """The whole body, or the answer to a block that is not the last or not right."""
        block = request.opt.block1
        if block is None:
            return self._take_whole(request)
        key = self._key(request)
        if block.block_number == 0:
            self._uploads[key] = bytearray()
        body = self._uploads.get(key)
        lost = self._knobs.take_block_fault(BlockFault.LOSE_UPLOAD, block.block_number)
        if body is None or len(body) != block.start or lost:
            self._uploads.pop(key, None)
            return aiocoap.Message(code=aiocoap.REQUEST_ENTITY_INCOMPLETE)
        untagged = self._knobs.request_tag is RequestTagRule.REQUIRE and not request.opt.request_tag
        if untagged or block.size_exponent > 6 or not block.is_valid_for_payload_size(len(request.payload)):
            return aiocoap.Message(code=aiocoap.BAD_REQUEST)
        body += request.payload
        if len(body) > self._knobs.max_request:
            return self._too_large()
        if not block.more:
            return bytes(self._uploads.pop(key))
        wrong = self._knobs.take_block_fault(BlockFault.WRONG_UPLOAD_NUMBER, block.block_number)
        number = block.block_number + wrong
        exponent = min(block.size_exponent, self._exponent)
        return aiocoap.Message(code=aiocoap.CONTINUE, block1=(number, True, exponent))

    def begin(self, request: Any, code: int, body: bytes) -> aiocoap.Message:
        """The response to a complete request, or its first block."""
        wish = request.opt.block2
        exponent = self._exponent if wish is None else min(wish.size_exponent, self._exponent)
        endless = self._knobs.block_fault is BlockFault.ENDLESS
        if len(body) <= 16 << exponent and not endless:
            message = aiocoap.Message(code=aiocoap.Code(code), payload=body)
        else:
            etag = hashlib.sha256(body).digest()[:4] if self._knobs.etag else None
            response = _Response(code, body, etag)
            self._downloads[self._key(request)] = response
            message = self._block(response, 0, exponent)
        if request.opt.block1 is not None:
            message.opt.block1 = request.opt.block1
        return message

    def resume(self, request: Any) -> aiocoap.Message:
        """A later block of a response."""
        response = self._downloads.get(self._key(request))
        if response is None:
            return aiocoap.Message(code=aiocoap.REQUEST_ENTITY_INCOMPLETE)
        wish = request.opt.block2
        exponent, number = wish.size_exponent, wish.block_number
        if self._knobs.take_block_fault(BlockFault.SMALLER, number) and exponent:
            exponent, number = exponent - 1, number * 2
        elif exponent > self._exponent:
            number <<= exponent - self._exponent
            exponent = self._exponent
        if number * (16 << exponent) >= len(response.body) and self._knobs.block_fault is not BlockFault.ENDLESS:
            return aiocoap.Message(code=aiocoap.BAD_REQUEST)
        return self._block(response, number, exponent)

    @property
    def _exponent(self) -> int:
        return self._knobs.block_size.bit_length() - 5

    def _block(self, response: _Response, number: int, exponent: int) -> aiocoap.Message:
        knobs = self._knobs
        if knobs.take_block_fault(BlockFault.SKIP, number):
            number += 1
        if knobs.take_block_fault(BlockFault.REPEAT, number):
            number -= 1
        size = 16 << exponent
        body, start = response.body, number * size
        if knobs.take_block_fault(BlockFault.ENDLESS, number):
            body = bytes(start + size + 1)
        payload = body[start : start + size]
        if knobs.take_block_fault(BlockFault.SHORT, number):
            payload = payload[:-1]
        etag = b"other" if knobs.take_block_fault(BlockFault.CHANGED, number) else response.etag
        message = aiocoap.Message(code=aiocoap.Code(response.code), payload=payload)
        if not knobs.take_block_fault(BlockFault.WITHOUT_OPTION, number):
            message.opt.block2 = (number, start + size < len(body), exponent)
        if etag is not None:
            message.opt.etag = etag
        return message

    def _take_whole(self, request: Any) -> bytes | aiocoap.Message:
        if len(request.payload) > self._knobs.max_request:
            return self._too_large()
        if self._exponent < 6 and len(request.payload) > self._knobs.block_size:
            message = self._too_large()
            message.opt.block1 = (0, False, self._exponent)
            return message
        return bytes(request.payload)

    def _too_large(self) -> aiocoap.Message:
        return aiocoap.Message(code=aiocoap.REQUEST_ENTITY_TOO_LARGE, size1=self._knobs.max_request)

    def _key(self, request: Any) -> _Key:
        ignored = self._knobs.request_tag is RequestTagRule.IGNORE
        return request.remote, b"" if ignored else b"".join(request.opt.request_tag)
