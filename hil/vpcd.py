"""The virtual card behind a PC/SC reader: the client side of the vpcd protocol of vsmartcard.

A frame is two octets of length, big endian, and that many octets. The reader sends one octet to control the card (00
power off, 01 power on, 02 reset, 04 give the ATR) or a command APDU; the card answers 04 with the ATR and an APDU with
the response APDU. Removing the card is closing the connection.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Final, Protocol

from hil.clock import Clock
from hil.euicc.errors import PowerLoss

_log = logging.getLogger(__name__)

DEFAULT_PORT: Final = 35963
POWER_OFF: Final = 0x00
POWER_ON: Final = 0x01
RESET: Final = 0x02
GIVE_ATR: Final = 0x04
_HEADER: Final = 2
_RECONNECT_SECONDS: Final = 1.0
_RECEIVE_BYTES: Final = 4096


class Card(Protocol):
    """What stands in the reader."""

    @property
    def atr(self) -> bytes: ...

    @property
    def powered(self) -> bool: ...

    def reset(self) -> bytes: ...

    def power_off(self) -> None: ...

    def transmit(self, apdu: bytes) -> bytes: ...


class VpcdProtocol:
    """Sans-IO: octets of the reader in, octets for the reader out."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self._buffer = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Take what arrived, in pieces of any size; return what is to be sent, already framed."""
        self._buffer += data
        out = bytearray()
        while len(self._buffer) >= _HEADER:
            size = int.from_bytes(self._buffer[:_HEADER], "big")
            if len(self._buffer) < _HEADER + size:
                break
            frame = bytes(self._buffer[_HEADER : _HEADER + size])
            del self._buffer[: _HEADER + size]
            answer = self._answer(frame)
            if answer is not None:
                out += len(answer).to_bytes(_HEADER, "big") + answer
        return bytes(out)

    def _answer(self, frame: bytes) -> bytes | None:
        if len(frame) > 1:
            return self._transmit(frame)
        control = frame[0] if frame else None
        if control == GIVE_ATR:
            return self._card.atr
        if control == POWER_OFF:
            self._card.power_off()
        elif control in (POWER_ON, RESET):
            self._reset()
        else:
            _log.warning("unknown control frame from the reader: %s", frame.hex())
        return None

    def _transmit(self, apdu: bytes) -> bytes:
        """A card that lost its power is mute: an empty frame makes the driver report a transmission error."""
        if not self._card.powered:
            return b""
        try:
            return self._card.transmit(apdu)
        except PowerLoss:
            _log.info("the card lost its power during a command")
            return b""

    def _reset(self) -> None:
        try:
            self._card.reset()
        except PowerLoss:
            _log.info("the card lost its power during the reset")


async def serve_connection(card: Card, stream: socket.socket) -> None:
    """Answer one reader until it closes the connection. The socket is non-blocking and stays the caller's."""
    loop = asyncio.get_running_loop()
    protocol = VpcdProtocol(card)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while True:
            # The driver writes length and payload in two segments: a delayed acknowledgement would cost 40 ms each.
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            data = await loop.sock_recv(stream, _RECEIVE_BYTES)
            if not data:
                return
            answer = protocol.feed(data)
            if answer:
                await loop.sock_sendall(stream, answer)
    finally:
        card.power_off()


async def connect(
    card: Card,
    host: str,
    port: int = DEFAULT_PORT,
    *,
    clock: Clock,
    pause: float = _RECONNECT_SECONDS,
    on_inserted: Callable[[bool], None] = lambda _inserted: None,
) -> None:
    """Stand in the reader that listens at `host`:`port` until cancelled; connect again when it is gone.

    `pause` is in seconds. `on_inserted` hears of every change.
    """
    while True:
        try:
            stream = await _open(host, port)
        except OSError as error:
            _log.debug("reader %s:%d: %s", host, port, error)
            await clock.sleep(pause)
            continue
        with stream:
            on_inserted(True)
            try:
                await serve_connection(card, stream)
            except OSError as error:
                _log.info("reader %s:%d: %s", host, port, error)
            finally:
                on_inserted(False)
        await clock.sleep(pause)


async def listen(card: Card, host: str = "127.0.0.1", port: int = 0, *, ready: Callable[[int], None]) -> None:
    """The reversed set-up: the reader's driver connects to us, one reader at a time. `ready` hears the port."""
    loop = asyncio.get_running_loop()
    with socket.create_server((host, port)) as server:
        server.setblocking(False)
        ready(server.getsockname()[1])
        while True:
            stream, _address = await loop.sock_accept(server)
            with stream:
                stream.setblocking(False)
                try:
                    await serve_connection(card, stream)
                except OSError as error:
                    _log.info("reader: %s", error)


async def _open(host: str, port: int) -> socket.socket:
    """Connect to the first address of the host that answers."""
    loop = asyncio.get_running_loop()
    addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _name, address in addresses:
        stream = socket.socket(family, kind, protocol)
        stream.setblocking(False)
        try:
            await loop.sock_connect(stream, address)
        except OSError as error:
            stream.close()
            failure = error
        except BaseException:
            stream.close()
            raise
        else:
            return stream
    raise failure
