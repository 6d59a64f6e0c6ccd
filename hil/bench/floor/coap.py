"""Least CoAP messages for a body there and a body back (RFC 7252, RFC 7959, RFC 9175; SGP.32 6.2).

No token (RFC 7252 5.3.1: one request at a time needs none), the three Uri-Path options, no Content-Format, answers in
the acknowledgement (5.2.1). A body that fits into 1,152 bytes of message goes in one (4.6), a longer one in blocks of
1,024 with a Request-Tag of one byte (SGP.32 6.2 asks for the option).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hil.bench.floor import dtls
from hil.bench.floor.terms import Script, Term

HEADER: Final = 4
"""RFC 7252 3."""
MARKER: Final = 1
PATH: Final = ("gsma", "rsp2", "asn1")
LARGEST_MESSAGE: Final = 1152
BLOCK: Final = 1024

_URI_PATH, _BLOCK2, _BLOCK1, _REQUEST_TAG = 11, 23, 27, 292
_SIZE_EXPONENT: Final = 6

_Options = tuple[tuple[int, int], ...]
"""Numbers and lengths of values, in the order of numbers."""

_PATH_OPTIONS: Final[_Options] = tuple((_URI_PATH, len(segment)) for segment in PATH)


@dataclass(frozen=True)
class Message:
    """Options and payload of one message."""

    options: _Options
    payload: int

    @property
    def overhead(self) -> int:
        """Bytes round the payload."""
        return HEADER + options_size(self.options) + (MARKER if self.payload else 0)


def options_size(options: _Options) -> int:
    """Encoded options (RFC 7252 3.1): a byte each, with extensions for a delta or length of 13 and of 269 or more."""
    size = last = 0
    for number, length in options:
        size += 1 + _extension(number - last) + _extension(length) + length
        last = number
    return size


def block_length(number: int, more: bool) -> int:
    """Length of the value of a block option (RFC 7959 2.2): the least number of bytes."""
    value = number << 4 | more << 3 | _SIZE_EXPONENT
    return (value.bit_length() + 7) // 8


def exchanges(request: int, response: int) -> Iterator[tuple[Message, Message]]:
    """Pairs of messages for a request and a response of so many bytes of body."""
    path = options_size(_PATH_OPTIONS)
    blocks = -(-request // BLOCK) if HEADER + path + MARKER + request > LARGEST_MESSAGE else 0
    tag: _Options = ((_REQUEST_TAG, 1),) if blocks else ()
    last = Message(_PATH_OPTIONS, request)
    echo: _Options = ()
    for number in range(blocks):
        more = number + 1 < blocks
        block: _Options = ((_BLOCK1, block_length(number, more)),)
        message = Message(_PATH_OPTIONS + block + tag, BLOCK if more else request - number * BLOCK)
        if more:
            yield message, Message(block, 0)
        else:
            last, echo = message, block
    if HEADER + MARKER + options_size(echo) + response <= LARGEST_MESSAGE:
        yield last, Message(echo, response)
        return
    count = -(-response // BLOCK)
    for number in range(count):
        more = number + 1 < count
        length = block_length(number, more)
        answer = Message(
            ((_BLOCK2, length),) + (echo if not number else ()), BLOCK if more else response - number * BLOCK
        )
        wish: _Options = ((_BLOCK2, block_length(number, more=False)),)
        yield (Message(_PATH_OPTIONS + wish + tag, 0) if number else last), answer


def exchange(script: Script, request: int, response: int) -> None:
    """Add the datagrams of one exchange to a script."""
    for question, answer in exchanges(request, response):
        script.up(*_terms(question))
        script.down(*_terms(answer))


def _terms(message: Message) -> tuple[Term, ...]:
    return (
        Term("CoAP", message.overhead, "RFC 7252 3, RFC 7959 2.2, RFC 9175 3.2"),
        Term("ESipa", message.payload, "as sent"),
        dtls.record(),
    )


def _extension(value: int) -> int:
    return 0 if value < 13 else 1 if value < 269 else 2
