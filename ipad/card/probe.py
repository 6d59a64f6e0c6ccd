"""Which way to the ISD-R works: found out by a real open, never by a test command.

Test commands (`AT+CCHO=?`) fail on modems on which the command itself works, and the other way round. A method that
failed is tried again next time: modems have moments in which the ISD-R is held by their own firmware.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from ipad.board import Board
from ipad.card.at import AtCommands, CchoChannel, CsimChannel, ResetCard
from ipad.card.awake import AwakeChannel
from ipad.card.channel import CardChannel
from ipad.clock import Clock
from ipad.errors import CardError, ConfigError, NoEuiccError

logger = logging.getLogger(__name__)


def at_channel(
    port: AtCommands, board: Board, clock: Clock, reset_card: ResetCard, restart: ResetCard | None = None
) -> CardChannel:
    """The channel that the board definition asks for; several methods are probed in their order.

    `reset_card` initialises the card anew, `restart` the whole modem. Raises ConfigError when the definition names no
    method that goes through an AT port.
    """
    channels: dict[str, CardChannel] = {}
    for method in board.apdu.method:
        if method == "ccho":
            channels[method] = CchoChannel(port, board, clock, reset_card, restart)
        elif method == "csim":
            channels[method] = CsimChannel(port, board, clock, reset_card)
    if not channels:
        raise ConfigError(f"board {board.name}: apdu.method names no method for an AT port")
    channel = ProbingChannel(channels) if len(channels) > 1 else next(iter(channels.values()))
    return AwakeChannel(channel, port) if board.power_saving.psm == "off-during-esim" else channel


class ProbingChannel:
    """Several channels to the same card, of which the first that opens is used."""

    def __init__(self, channels: Mapping[str, CardChannel]) -> None:
        self._channels = dict(channels)
        self._method = next(iter(channels))

    @property
    def method(self) -> str:
        """Name of the method in use: the last that opened, before that the first."""
        return self._method

    @property
    def max_data(self) -> int:
        """As the channel in use says."""
        return self._channels[self._method].max_data

    async def open(self, aid: bytes) -> bytes:
        """Open by the method that worked last, else by the others in order. Raises what tells most about the card."""
        failures: dict[str, CardError] = {}
        for method in sorted(self._channels, key=lambda name: name != self._method):
            try:
                fci = await self._channels[method].open(aid)
            except CardError as error:
                logger.info("%s: %s", method, error)
                failures[method] = error
            else:
                self._method = method
                return fci
        raise _most_telling(failures)

    async def transmit(self, command: bytes) -> bytes:
        """As the channel in use does."""
        return await self._channels[self._method].transmit(command)

    async def close(self) -> None:
        """As the channel in use does."""
        await self._channels[self._method].close()

    async def reset(self) -> None:
        """As the channel in use does."""
        await self._channels[self._method].reset()


def _most_telling(failures: Mapping[str, CardError]) -> CardError:
    """One error for all: it says "no eUICC" when any method got as far as asking the card."""
    text = "; ".join(f"{method}: {error}" for method, error in failures.items())
    missing = [error for error in failures.values() if isinstance(error, NoEuiccError)]
    if missing:
        return NoEuiccError(text, transient=any(error.transient for error in missing), hint=missing[-1].hint)
    return CardError(
        text,
        transient=any(error.transient for error in failures.values()),
        hint=next((error.hint for error in failures.values() if error.hint), None),
    )
