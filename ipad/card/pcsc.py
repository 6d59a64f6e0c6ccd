"""A card in a PC/SC reader. Here the agent plays the terminal: there is no modem in between.

Needs pyscard, an optional dependency that is imported when the first reader is opened. Its calls block, so they run in
one worker thread that belongs to the channel.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol, TypeVar

from ipad.apdu.command import is_success
from ipad.card.logical import LogicalChannel, announce_terminal
from ipad.card.toolkit import fetch, parse_proactive, terminal_response
from ipad.errors import CardError

logger = logging.getLogger(__name__)

T = TypeVar("T")

TERMINAL_CAPABILITY: Final = bytes.fromhex("80AA000005A903830107")
"""Profile download, discovery and local management are in the device (ETSI TS 102 221 11.1.19.2.4; SGP.22 5.7.1)."""

_MAX_PROACTIVE: Final = 8


class Reader(Protocol):
    """A reader with blocking calls, all made from one thread. They raise CardError."""

    def connect(self) -> None:
        """Power the card, for us alone. No-op when connected."""
        ...

    def transmit(self, command: bytes) -> bytes:
        """Send an APDU."""
        ...

    def reset(self) -> None:
        """Reset the card."""
        ...

    def disconnect(self) -> None:
        """Leave the card to others, powered. Idempotent."""
        ...


class PcscChannel:
    """A logical channel to the ISD-R of a card in a reader."""

    def __init__(
        self, reader: Reader, *, max_data: int = 255, terminal_capability: bytes = TERMINAL_CAPABILITY
    ) -> None:
        self._reader = reader
        self._max_data = max_data
        self._terminal_capability = terminal_capability
        self._worker: ThreadPoolExecutor | None = None
        self._announced = False
        self._channel = LogicalChannel(self._send)

    @property
    def max_data(self) -> int:
        """Largest block."""
        return self._max_data

    async def open(self, aid: bytes) -> bytes:
        """See `CardChannel.open`."""
        await self._in_thread(self._reader.connect)
        if not self._announced:
            await announce_terminal(self._send, self._terminal_capability)
            self._announced = True
        try:
            return await self._channel.open(aid)
        except BaseException:
            await self._release()
            raise

    async def transmit(self, command: bytes) -> bytes:
        """See `CardChannel.transmit`. A proactive command that the response announces is served before returning."""
        response = await self._channel.transmit(command)
        if response[-2:-1] == b"\x91":
            await self._serve(response[-1])
        return response

    async def close(self) -> None:
        """See `CardChannel.close`; the reader is free afterwards."""
        try:
            await self._channel.close()
        except CardError as error:
            logger.debug("the logical channel was not closed: %s", error)
        await self._release()

    async def reset(self) -> None:
        """See `CardChannel.reset`."""
        self._channel.forget()
        self._announced = False
        await self._in_thread(self._reader.connect)
        await self._in_thread(self._reader.reset)

    async def _serve(self, length: int) -> None:
        """Fetch and answer proactive commands until the card has no more (ETSI TS 102 221 7.4.2)."""
        for _ in range(_MAX_PROACTIVE):
            response = await self._send(fetch(length))
            if not is_success(int.from_bytes(response[-2:], "big")):
                raise CardError(f"FETCH: status word {response[-2:].hex().upper()}")
            command = parse_proactive(response[:-2])
            if command.needs_reset:
                logger.info("REFRESH with qualifier %02X: the card is reset", command.qualifier)
                await self.reset()
                return
            answer = await self._send(terminal_response(command))
            if command.type == 0x01:
                logger.info("REFRESH, profile state change: the card closed its channels")
                self._channel.forget()
            if answer[-2:-1] != b"\x91":
                return
            length = answer[-1]
        raise CardError("the card announces proactive commands without end")

    async def _send(self, command: bytes) -> bytes:
        return await self._in_thread(lambda: self._reader.transmit(command))

    async def _release(self) -> None:
        self._channel.forget()
        self._announced = False
        if self._worker is not None:
            await self._in_thread(self._reader.disconnect)
            self._worker.shutdown(wait=False)
            self._worker = None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._worker is None:
            self._worker = ThreadPoolExecutor(1, thread_name_prefix="ipad-pcsc")
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)


class PcscReader:
    """A reader of the PC/SC service. `name`: all or part of its name, "" for the only one."""

    def __init__(self, name: str = "") -> None:
        self._name = name
        self._scard: Any = None
        self._context: Any = None
        self._card: Any = None
        self._protocol: Any = None

    def connect(self) -> None:
        """See `Reader.connect`."""
        if self._card is not None:
            return
        scard = self._scard = self._scard or _import_scard()
        try:
            self._context = self._check("the PC/SC service", *scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM))
            reader = self._choose()
            result, card, protocol = scard.SCardConnect(
                self._context, reader, scard.SCARD_SHARE_EXCLUSIVE, scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
            )
            self._card = self._check(f"reader {reader!r}", result, card)
            self._protocol = scard.SCARD_PCI_T1 if protocol == scard.SCARD_PROTOCOL_T1 else scard.SCARD_PCI_T0
        except CardError:
            self.disconnect()
            raise

    def transmit(self, command: bytes) -> bytes:
        """See `Reader.transmit`."""
        if self._card is None:
            raise CardError("the card is not connected")
        return bytes(self._check("the card", *self._scard.SCardTransmit(self._card, self._protocol, list(command))))

    def reset(self) -> None:
        """See `Reader.reset`."""
        if self._card is None:
            raise CardError("the card is not connected")
        scard = self._scard
        result, _ = scard.SCardReconnect(
            self._card,
            scard.SCARD_SHARE_EXCLUSIVE,
            scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1,
            scard.SCARD_UNPOWER_CARD,
        )
        self._check("reset of the card", result)

    def disconnect(self) -> None:
        """See `Reader.disconnect`."""
        if self._card is not None:
            self._scard.SCardDisconnect(self._card, self._scard.SCARD_LEAVE_CARD)
            self._card = None
        if self._context is not None:
            self._scard.SCardReleaseContext(self._context)
            self._context = None

    def _choose(self) -> str:
        readers: list[str] = list(self._check("the list of readers", *self._scard.SCardListReaders(self._context, [])))
        matching = [name for name in readers if self._name.lower() in name.lower()]
        if self._name in readers:
            return self._name
        if len(matching) == 1:
            return matching[0]
        wanted = f"reader {self._name!r}" if self._name else "a single reader"
        found = ", ".join(matching or readers) or "none"
        raise CardError(f"expected {wanted}, found {found}", hint='name one: card = "pcsc:<part of the name>"')

    def _check(self, what: str, result: int, value: Any = None) -> Any:
        scard = self._scard
        if result == scard.SCARD_S_SUCCESS:
            return value
        hints = {
            scard.SCARD_E_NO_SERVICE: "start pcscd",
            scard.SCARD_E_NO_READERS_AVAILABLE: "connect a reader",
            scard.SCARD_E_NO_SMARTCARD: "insert a card",
            scard.SCARD_W_REMOVED_CARD: "insert a card",
            scard.SCARD_E_SHARING_VIOLATION: "another program uses the card",
            scard.SCARD_W_UNPOWERED_CARD: "take the card out and insert it again",
        }
        raise CardError(f"{what}: {scard.SCardGetErrorMessage(result)}", hint=hints.get(result))


def _import_scard() -> Any:
    try:
        return importlib.import_module("smartcard.scard")
    except ImportError as error:
        raise CardError(
            "PC/SC readers need the Python package pyscard", transient=False, hint="pip install 'ipad[pcsc]'"
        ) from error
