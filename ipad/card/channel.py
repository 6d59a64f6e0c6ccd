"""The contract of every channel to the ISD-R, and a wrapper that traces what goes through it."""

from __future__ import annotations

import logging
from typing import Final, Protocol

from ipad.apdu.command import INS_STORE_DATA

logger = logging.getLogger(__name__)

TRACE: Final = 5
"""Log level of APDUs, below DEBUG."""

_SHOWN = 16


class CardChannel(Protocol):
    """One logical channel to the ISD-R over some transport. Not for concurrent use: `IsdrSession` owns it."""

    @property
    def max_data(self) -> int:
        """Largest STORE DATA block that the transport takes, 1 to 255 bytes."""
        ...

    async def open(self, aid: bytes) -> bytes:
        """Open a channel and select `aid`; return the FCI, b"" if the transport hides it.

        Raises NoEuiccError when the application cannot be selected, CardError or PortError when the way to the card
        is broken. What was opened before a failure is closed again.
        """
        ...

    async def transmit(self, command: bytes) -> bytes:
        """Send a command APDU with zero channel bits in CLA; return the response APDU with its status word.

        Raises CardError when no response came (`ModemError` or `PortError` as its cause says why).
        """
        ...

    async def close(self) -> None:
        """Close the channel. Idempotent; a channel that is already lost is no error."""
        ...

    async def reset(self) -> None:
        """Initialise the card anew. Every channel is gone afterwards."""
        ...


class TracedChannel:
    """A channel whose APDUs are logged at TRACE.

    Headers, lengths and status words are shown, and of the data only the first 16 bytes: tags and short values, but
    neither a profile nor a whole hashed confirmation code.
    """

    def __init__(self, channel: CardChannel, name: str) -> None:
        self._channel = channel
        self._name = name

    @property
    def max_data(self) -> int:
        """As the channel says."""
        return self._channel.max_data

    async def open(self, aid: bytes) -> bytes:
        """As the channel does."""
        fci = await self._channel.open(aid)
        logger.log(TRACE, "%s: %s selected, FCI %s", self._name, aid.hex().upper(), fci.hex().upper() or "hidden")
        return fci

    async def transmit(self, command: bytes) -> bytes:
        """As the channel does."""
        if not logger.isEnabledFor(TRACE):
            return await self._channel.transmit(command)
        logger.log(TRACE, "%s > %s", self._name, _command_text(command))
        response = await self._channel.transmit(command)
        logger.log(TRACE, "%s < %s", self._name, _response_text(response))
        return response

    async def close(self) -> None:
        """As the channel does."""
        await self._channel.close()

    async def reset(self) -> None:
        """As the channel does."""
        logger.log(TRACE, "%s: card reset", self._name)
        await self._channel.reset()


def _command_text(command: bytes) -> str:
    header, data = command[:5].hex().upper(), command[5:]
    if command[1:2] == bytes((INS_STORE_DATA,)) and command[3:4] != b"\x00":
        return f"{header} …({len(data)})"
    return f"{header} {_cut(data)}"


def _response_text(response: bytes) -> str:
    return f"{_cut(response[:-2])} {response[-2:].hex().upper()}".strip()


def _cut(data: bytes) -> str:
    text = data[:_SHOWN].hex().upper()
    return f"{text}…({len(data)})" if len(data) > _SHOWN else text
