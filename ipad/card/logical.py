"""A logical channel of our own: MANAGE CHANNEL and SELECT, for transports that carry bare APDUs.

Implements ETSI TS 102 221 11.1.17 (MANAGE CHANNEL), 11.1.1 (SELECT) and 10.1.1 (coding of CLA).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from ipad.apdu.command import (
    INS_GET_RESPONSE,
    INS_MANAGE_CHANNEL,
    INS_SELECT,
    MAX_LE,
    CommandApdu,
    ResponseApdu,
    channel_class,
    is_success,
    is_transient,
    meaning,
)
from ipad.errors import CardError, ModemError, NoEuiccError, StatusWordError

logger = logging.getLogger(__name__)

Send = Callable[[bytes], Awaitable[bytes]]

_NO_CHANNEL_FREE: Final = frozenset({0x6A81, 0x6A84, 0x6985})
_NOT_SELECTABLE: Final = frozenset({0x6A82, 0x6A87, 0x6A88, 0x6999, 0x6D00, 0x6E00})
_WRONG_LENGTH: Final = frozenset({0x6700, 0x6A86})
_MAX_FETCHES: Final = 16
_OPEN: Final = 0x00
_CLOSE: Final = 0x80


class LogicalChannel:
    """`send` carries one APDU. `select_le`: SELECT is sent with Le at once. `stale`: channels that an earlier run of
    ours may have left open; they are closed when the card has no other channel left."""

    def __init__(self, send: Send, *, select_le: bool = False, stale: Iterable[int] = ()) -> None:
        self._send = send
        self._select_le = select_le
        self._stale = tuple(stale)
        self._number: int | None = None

    @property
    def number(self) -> int | None:
        """The channel 1..19; None when closed."""
        return self._number

    async def open(self, aid: bytes) -> bytes:
        """Open a channel, select `aid`, return the FCI. Raises NoEuiccError, StatusWordError, CardError."""
        await self.close()
        self._number = await self._manage_open()
        try:
            return await self._select(self._number, aid)
        except BaseException:
            await self.close()
            raise

    async def transmit(self, command: bytes) -> bytes:
        """Send an APDU whose CLA has zero channel bits. Raises CardError when the channel is closed."""
        if self._number is None:
            raise CardError("the logical channel is closed")
        return await self._send(bytes((channel_class(command[0], self._number),)) + command[1:])

    async def close(self) -> None:
        """Close the channel. A card that does not know it any more is no error."""
        number, self._number = self._number, None
        if number is None:
            return
        response = await self._exchange(CommandApdu(0x00, INS_MANAGE_CHANNEL, _CLOSE, number))
        if not is_success(response.sw):
            logger.debug("channel %d was not open any more: %04X", number, response.sw)

    def forget(self) -> None:
        """The card was reset: there is no channel any more."""
        self._number = None

    async def _manage_open(self) -> int:
        response = await self._try_open()
        if response.sw in _NO_CHANNEL_FREE and self._stale:
            logger.warning("no logical channel is free (%04X), closing %s", response.sw, self._stale)
            for number in self._stale:
                await self._exchange(CommandApdu(0x00, INS_MANAGE_CHANNEL, _CLOSE, number))
            response = await self._try_open()
        if not is_success(response.sw):
            raise StatusWordError(
                f"MANAGE CHANNEL: status word {response.sw:04X} ({meaning(response.sw)})",
                sw=response.sw,
                transient=response.sw in _NO_CHANNEL_FREE or is_transient(response.sw),
            )
        if len(response.data) != 1 or not 1 <= response.data[0] <= 19:
            raise CardError(f"MANAGE CHANNEL: expected a channel 1 to 19, got {response.data.hex() or 'nothing'}")
        return response.data[0]

    async def _try_open(self) -> ResponseApdu:
        """Let the card choose the number, with Le 01 and with Le 00; else ask for one."""
        first: ResponseApdu | None = None
        for le in (1, MAX_LE):
            response = await self._exchange(CommandApdu(0x00, INS_MANAGE_CHANNEL, _OPEN, 0, le=le))
            first = first or response
            if is_success(response.sw) and response.data:
                return response
            if response.sw in _NO_CHANNEL_FREE:
                return response
        for number in (1, 2, 3):
            response = await self._exchange(CommandApdu(0x00, INS_MANAGE_CHANNEL, _OPEN, number))
            if is_success(response.sw):
                return ResponseApdu(bytes((number,)), response.sw)
        assert first is not None
        return first

    async def _select(self, channel: int, aid: bytes) -> bytes:
        command = CommandApdu(channel_class(0x00, channel), INS_SELECT, 0x04, 0x00, aid)
        response = await self._exchange(command.with_le(MAX_LE) if self._select_le else command)
        if response.sw in _WRONG_LENGTH and not self._select_le:
            response = await self._exchange(command.with_le(MAX_LE))
        if is_success(response.sw) or response.sw >> 8 == 0x62:
            return response.data
        problem = f"SELECT {aid.hex().upper()}: status word {response.sw:04X} ({meaning(response.sw)})"
        if response.sw in _NOT_SELECTABLE:
            raise NoEuiccError(
                problem,
                transient=False,
                hint="not an eUICC, or one that wants TERMINAL CAPABILITY first (apdu.terminal_capability)",
            )
        raise StatusWordError(problem, sw=response.sw, transient=is_transient(response.sw))

    async def _exchange(self, command: CommandApdu) -> ResponseApdu:
        """Send a command, fetch what it announces (61xx), correct its Le (6Cxx)."""
        data = b""
        for _ in range(_MAX_FETCHES):
            response = ResponseApdu.decode(await self._send(command.encode()))
            data += response.data
            sw1, sw2 = response.sw >> 8, response.sw & 0xFF
            if sw1 == 0x6C:
                command = command.with_le(sw2 or MAX_LE)
            elif sw1 == 0x61:
                command = CommandApdu(command.cla, INS_GET_RESPONSE, 0, 0, le=sw2 or MAX_LE)
            else:
                return ResponseApdu(data, response.sw)
        raise CardError(f"INS {command.ins:02X}: the card announces data (61xx, 6Cxx) without end", transient=False)


async def announce_terminal(send: Send, command: bytes) -> None:
    """TERMINAL CAPABILITY on channel 0 (ETSI TS 102 221 11.1.19). Cards that do not know it are left in peace."""
    if not command:
        return
    try:
        response = await send(command)
    except (ModemError, CardError) as error:
        logger.info("TERMINAL CAPABILITY could not be sent: %s", error)
        return
    if not is_success(int.from_bytes(response[-2:], "big")):
        logger.info("TERMINAL CAPABILITY was answered %s, ignored", response.hex().upper())
