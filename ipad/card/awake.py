"""A channel during which the modem does not sleep (power saving mode, 3GPP TS 27.007 7.38).

In PSM a modem takes the power from the card: every channel is lost, and a UART falls silent in the middle of a package.
"""

from __future__ import annotations

import logging

from ipad.card.at import AtCommands
from ipad.card.channel import CardChannel
from ipad.errors import ModemError, PortError
from ipad.modem.fields import number, split_fields, unquote

logger = logging.getLogger(__name__)


class AwakeChannel:
    """A channel that switches PSM off before it opens, and sets it as it was when it is closed."""

    def __init__(self, channel: CardChannel, port: AtCommands) -> None:
        self._channel = channel
        self._port = port
        self._restore: str | None = None

    @property
    def max_data(self) -> int:
        """As the channel says."""
        return self._channel.max_data

    async def open(self, aid: bytes) -> bytes:
        """See `CardChannel.open`."""
        await self._wake()
        return await self._channel.open(aid)

    async def transmit(self, command: bytes) -> bytes:
        """See `CardChannel.transmit`."""
        return await self._channel.transmit(command)

    async def close(self) -> None:
        """See `CardChannel.close`."""
        try:
            await self._channel.close()
        finally:
            await self._sleep_again()

    async def reset(self) -> None:
        """See `CardChannel.reset`."""
        await self._channel.reset()

    async def _wake(self) -> None:
        if self._restore is not None:
            return
        try:
            answer = await self._port.command("AT+CPSMS?")
        except ModemError as error:
            logger.debug("%s", error)
            return
        setting = answer.value("+CPSMS")
        fields = split_fields(setting or "")
        if not fields or number(fields[0]) != 1:
            return
        try:
            await self._port.command("AT+CPSMS=0")
        except ModemError as error:
            logger.warning("the power saving mode cannot be switched off: %s", error)
            return
        self._restore = restoring(fields)

    async def _sleep_again(self) -> None:
        if self._restore is None or not self._port.is_open:
            return
        command, self._restore = self._restore, None
        try:
            await self._port.command(command)
        except PortError as error:
            logger.warning("the power saving mode is not set as it was: %s", error)


def restoring(fields: tuple[str, ...]) -> str:
    """The command that sets what `+CPSMS: <mode>,<RAU>,<GPRS-READY>,<TAU>,<active time>` showed."""
    timers = [unquote(field) for field in fields[1:5]]
    while timers and not timers[-1]:
        timers.pop()
    return ",".join(["AT+CPSMS=1", *(f'"{timer}"' if timer else "" for timer in timers)])
