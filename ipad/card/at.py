"""Channels to the ISD-R through a modem: the managed one and the raw one (3GPP TS 27.007 8.17, 8.43, 8.45, 8.46).

`CchoChannel` lets the modem open a logical channel (AT+CCHO, AT+CGLA, AT+CCHC). `CsimChannel` opens one by itself with
MANAGE CHANNEL over AT+CSIM. Modems are known on which only the one or only the other works. AT+CSIM also goes
to channel 0, where the modem works with the USIM: nothing is ever selected there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from ipad.apdu.command import INS_SELECT, channel_class
from ipad.board import Board
from ipad.card.answers import apdu_from_answer, session_id
from ipad.card.logical import LogicalChannel, announce_terminal
from ipad.clock import Clock
from ipad.errors import CardError, ModemError, NoEuiccError, PortError, PortTimeoutError
from ipad.modem.answer import AtAnswer
from ipad.modem.quirks import Quirk, quirks

logger = logging.getLogger(__name__)

ResetCard = Callable[[], Awaitable[None]]
"""Makes the modem initialise the card anew; returns when the card can be used."""

_LINE_OVERHEAD: Final = len('AT+CGLA=0123456789ABCDEF,522,""')
_HEADER_BYTES: Final = 6
_CLOSE_LIMIT: Final = 5.0
_BUSY: Final = frozenset({14, 100})
_NO_CARD: Final = frozenset({10, 11, 12, 15})
_NOT_ALLOWED: Final = frozenset({3, 4})
_SELECTED: Final = frozenset({0x61, 0x62, 0x90})
"""First bytes of status words that mean that the application is selected (ETSI TS 102 221 10.2.1)."""


class AtCommands(Protocol):
    """What a channel needs of the AT port."""

    @property
    def is_open(self) -> bool:
        """Whether there is a line."""
        ...

    @property
    def max_line(self) -> int:
        """Longest command line in characters."""
        ...

    async def command(self, command: str, *, limit: float | None = None) -> AtAnswer:
        """Send a command line, return what came before its OK."""
        ...


class _AtChannel:
    """What both channels share: sizes, the text of an APDU, AT+CSIM."""

    def __init__(self, port: AtCommands, board: Board, clock: Clock, reset_card: ResetCard) -> None:
        self._port = port
        self._rules = board.apdu
        self._quirks = quirks(board)
        self._clock = clock
        self._reset_card = reset_card

    @property
    def max_data(self) -> int:
        """Largest block that board, command line and APDU length allow."""
        by_line = (self._port.max_line - _LINE_OVERHEAD) // 2 - _HEADER_BYTES
        by_apdu = self._rules.max_apdu_hex // 2 - _HEADER_BYTES
        return max(1, min(self._rules.max_data, by_line, by_apdu))

    def _apdu_text(self, command: bytes) -> str:
        text = command.hex() if self._rules.hex_case == "lower" else command.hex().upper()
        return f'{len(text)},"{text}"' if self._rules.quote_apdu else f"{len(text)},{text}"

    async def _csim(self, command: bytes) -> bytes:
        return apdu_from_answer("+CSIM", await self._port.command(f"AT+CSIM={self._apdu_text(command)}"))


class CchoChannel(_AtChannel):
    """A session that the modem manages. Its id is opaque text; the modem puts the channel into CLA."""

    def __init__(
        self, port: AtCommands, board: Board, clock: Clock, reset_card: ResetCard, restart: ResetCard | None = None
    ) -> None:
        super().__init__(port, board, clock, reset_card)
        self._restart = restart
        self._session: str | None = None
        self._kept: str | None = None
        self._left_open: str | None = None
        self._released = False
        self._stale_closed = False

    async def open(self, aid: bytes) -> bytes:
        """See `CardChannel.open`; the FCI stays in the modem."""
        await self.close()
        await announce_terminal(self._csim, self._rules.terminal_capability)
        await self._close_left_open()
        await self._close_stale()
        self._session = await self._kept_session(aid) or await self._open_or_release(aid)
        return b""

    async def transmit(self, command: bytes) -> bytes:
        """See `CardChannel.transmit`. Raises ModemError when the modem refuses the line or the session is gone."""
        if self._session is None:
            raise CardError("the session with the ISD-R is closed")
        if self._rules.cla_channel_bits == "id" and self._session.isdigit() and int(self._session) <= 19:
            command = bytes((channel_class(command[0], int(self._session)),)) + command[1:]
        answer = await self._port.command(f"AT+CGLA={self._session},{self._apdu_text(command)}")
        return apdu_from_answer("+CGLA", answer)

    async def close(self) -> None:
        """See `CardChannel.close`."""
        session, self._session = self._session, None
        if session is None:
            return
        if Quirk.NO_CCHC in self._quirks:
            self._kept = session
        elif not await self._close_session(session):
            self._left_open = session

    async def reset(self) -> None:
        """See `CardChannel.reset`."""
        await self.close()
        self._stale_closed, self._kept, self._left_open = False, None, None
        await self._reset_card()

    async def _kept_session(self, aid: bytes) -> str | None:
        """The session that could not be closed, selected anew; None without one that lives."""
        session, self._kept = self._kept, None
        if session is None or not self._port.is_open:
            return None
        self._session = session
        try:
            response = await self.transmit(bytes((0x00, INS_SELECT, 0x04, 0x00, len(aid))) + aid)
        except (CardError, ModemError) as error:
            logger.debug("session %s is gone: %s", session, error)
            return None
        finally:
            self._session = None
        return session if response[-2] in _SELECTED else None

    async def _open_or_release(self, aid: bytes) -> str:
        """Open a session; where an LPA inside the modem may hold the ISD-R, make it let go, once."""
        try:
            return await self._open_session(aid)
        except NoEuiccError as error:
            if not self._rules.release or self._released or self._restart is None:
                raise
            logger.warning("%s; the LPA of the modem is switched off and the modem restarted", error)
        self._released = True
        for command in self._rules.release:
            try:
                await self._port.command(command)
            except ModemError as error:
                raise CardError(f"the modem's own LPA holds the ISD-R and does not let go: {error}") from error
        await self._restart()
        return await self._open_session(aid)

    async def _close_session(self, session: str) -> bool:
        """Whether the modem was reached: a session that it does not want to close is none any more."""
        if not self._port.is_open:
            return False
        try:
            await self._port.command(f"AT+CCHC={session}", limit=_CLOSE_LIMIT)
        except PortError as error:
            logger.debug("session %s was not closed: %s", session, error)
            return isinstance(error, ModemError)
        return True

    async def _close_left_open(self) -> None:
        """The line was lost, but not the modem: its session would take a channel of the card until the next reset."""
        session, self._left_open = self._left_open, None
        if session is not None:
            await self._close_session(session)

    async def _close_stale(self) -> None:
        """Sessions of a run that was killed block the modem until it is reset: close what may be left."""
        if self._stale_closed or Quirk.NO_CCHC in self._quirks:
            return
        for session in self._rules.close_stale:
            await self._close_session(str(session))
        self._stale_closed = True

    async def _open_session(self, aid: bytes) -> str:
        retries = self._rules.open_retries
        attempt = 0
        while True:
            try:
                answer = await self._port.command(f'AT+CCHO="{aid.hex().upper()}"')
            except ModemError as error:
                attempt += 1
                if error.code not in _BUSY or attempt > retries.count:
                    raise _open_error(error) from error
            except (PortTimeoutError, asyncio.CancelledError):
                self._stale_closed = False  # a session that nobody knows may be open now
                raise
            else:
                return self._named(answer)
            if attempt == retries.reset_after:
                await self._reset_card()
            await self._clock.sleep(retries.delay)

    def _named(self, answer: AtAnswer) -> str:
        """The id of the session. Raises CardError."""
        try:
            return session_id(answer)
        except CardError:
            self._stale_closed = False  # it is open, under a name that was lost on the line
            raise


def _open_error(error: ModemError) -> CardError:
    """What a refused AT+CCHO means. A plain ERROR and SIM failure stand for "no such application" on many modems."""
    if error.code is None or error.code in (13, 22):
        return NoEuiccError(f"the ISD-R was not opened: {error}", hint="no eUICC, or a modem without AT+CCHO")
    if error.code in _NO_CARD:
        return CardError(f"the modem offers no card: {error}")
    if error.code in _NOT_ALLOWED:
        return CardError(
            f"the modem does not allow AT+CCHO: {error}", transient=False, hint="try apdu = csim, or other firmware"
        )
    return CardError(f"the ISD-R was not opened: {error}", transient=error.transient)


class CsimChannel(_AtChannel):
    """A logical channel of our own over AT+CSIM."""

    def __init__(self, port: AtCommands, board: Board, clock: Clock, reset_card: ResetCard) -> None:
        super().__init__(port, board, clock, reset_card)
        self._channel = LogicalChannel(self._csim, select_le=self._rules.select_le, stale=self._rules.close_stale)

    async def open(self, aid: bytes) -> bytes:
        """See `CardChannel.open`."""
        await self.close()
        await announce_terminal(self._csim, self._rules.terminal_capability)
        try:
            return await self._channel.open(aid)
        except ModemError as error:
            raise CardError(f"the ISD-R was not opened: {error}", transient=error.transient) from error

    async def transmit(self, command: bytes) -> bytes:
        """See `CardChannel.transmit`. Raises ModemError when the modem refuses the line."""
        return await self._channel.transmit(command)

    async def close(self) -> None:
        """See `CardChannel.close`."""
        if not self._port.is_open:
            self._channel.forget()
        try:
            await self._channel.close()
        except (CardError, PortError) as error:
            logger.debug("the logical channel was not closed: %s", error)

    async def reset(self) -> None:
        """See `CardChannel.reset`."""
        await self.close()
        await self._reset_card()
