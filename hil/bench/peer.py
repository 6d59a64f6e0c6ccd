"""What an eIM's server chooses in TLS, asked by a client of the bench beside the link: certificates and tickets.

Lengths of tickets are read from the hellos of this client and from the records of the server; what is encrypted is
measured by its record.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hil.bench.floor.handshake import Choices
from hil.webserver import LOOPBACK

_SESSION_TICKET, _PRE_SHARED_KEY = 35, 41
_CHANGE_CIPHER_SPEC, _HANDSHAKE, _APPLICATION_DATA = 20, 22, 23
_NEW_SESSION_TICKET: Final = 4
_HEADER: Final = 5
_CONTENT_TYPE_AND_TAG: Final = 1 + 16
_CIPHERS: Final = "ECDHE-ECDSA-AES128-GCM-SHA256"
_REQUEST: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
_READ: Final = 1 << 16


@dataclass(frozen=True)
class _Handshake:
    certificate: int
    tickets: tuple[int, ...]
    presented: int
    """Length of the ticket that this client presented."""
    session: ssl.SSLSession | None


async def ask(port: int, server_name: str) -> Choices:
    """Shake hands twice with the server at a port of loopback: in full, and with what it gave. Raises OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(_CIPHERS)
    full = await _shake_hands(context, port, server_name, None)
    short = await _shake_hands(context, port, server_name, full.session)
    return Choices(
        server_name,
        certificates=(full.certificate,),
        ticket=short.presented,
        tickets_full=full.tickets,
        tickets_resumed=short.tickets,
    )


async def _shake_hands(
    context: ssl.SSLContext, port: int, server_name: str, session: ssl.SSLSession | None
) -> _Handshake:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=server_name, session=session)
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    received = bytearray()
    hello = b""

    async def step() -> None:
        nonlocal hello
        sent = outgoing.read()
        hello = hello or sent
        writer.write(sent)
        data = await reader.read(_READ)
        if not data:
            raise ConnectionError("the server ended the handshake")
        received.extend(data)
        incoming.write(data)

    try:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await step()
        before = len(received)
        tls.write(_REQUEST)
        while True:
            try:
                tls.read(_READ)
                break
            except ssl.SSLWantReadError:
                await step()
        certificate = tls.getpeercert(binary_form=True) or b""
        tickets = _tickets(bytes(received), before, in_the_clear=tls.version() != "TLSv1.3")
        return _Handshake(len(certificate), tickets, _presented(hello), tls.session)
    finally:
        writer.close()


def _tickets(received: bytes, handshake: int, *, in_the_clear: bool) -> tuple[int, ...]:
    """NewSessionTicket messages: of TLS 1.2 before anything is encrypted; of TLS 1.3 each record behind the handshake
    but the last one, which is the answer to the request."""
    if not in_the_clear:
        sizes = [len(record) for kind, record in _records(received[handshake:]) if kind == _APPLICATION_DATA]
        return tuple(size - _CONTENT_TYPE_AND_TAG for size in sizes[:-1])
    clear = bytearray()
    for kind, record in _records(received):
        if kind == _CHANGE_CIPHER_SPEC:
            break
        if kind == _HANDSHAKE:
            clear += record
    return tuple(4 + len(body) for kind, body in _messages(bytes(clear)) if kind == _NEW_SESSION_TICKET)


def _presented(hello: bytes) -> int:
    """Length of the ticket in a ClientHello: session_ticket (RFC 5077 3.2) or the identity of pre_shared_key
    (RFC 8446 4.2.11)."""
    body = next(body for _, body in _messages(next(record for _, record in _records(hello))))
    position = 34
    position += 1 + body[position]
    position += 2 + int.from_bytes(body[position : position + 2])
    position += 1 + body[position] + 2
    while position < len(body):
        kind, length = int.from_bytes(body[position : position + 2]), int.from_bytes(body[position + 2 : position + 4])
        if kind == _PRE_SHARED_KEY:
            return int.from_bytes(body[position + 6 : position + 8])
        if kind == _SESSION_TICKET and length:
            return length
        position += 4 + length
    return 0


def _records(stream: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(stream):
        end = position + _HEADER + int.from_bytes(stream[position + 3 : position + _HEADER])
        yield stream[position], stream[position + _HEADER : end]
        position = end


def _messages(stream: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(stream):
        end = position + 4 + int.from_bytes(stream[position + 1 : position + 4])
        yield stream[position], stream[position + 4 : end]
        position = end
