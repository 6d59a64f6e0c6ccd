"""After a profile change: the ladder that ends when the modem shows the new card (ETSI TS 102 223 6.4.7 REFRESH).

Many modems execute REFRESH by themselves, some late, some never. Each rung is stronger than the one before; the ICCID
decides whether it helped.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from ipad.board import Rung
from ipad.errors import ModemError, PortError, PortTimeoutError
from ipad.ids import Iccid
from ipad.modem.modem import Modem
from ipad.modem.quirks import Quirk, quirks
from ipad.modem.repair import repair
from ipad.modem.sim import SimCondition

logger = logging.getLogger(__name__)

_POLL: Final = 0.5
_RF_PAUSE: Final = 1.0
_SIM_PAUSE: Final = 2.0
_RESET_LIMIT: Final = 5.0
_DROP_WAIT: Final = 10.0
_AFTER_RESET: Final = 30.0
_RESTARTS: Final = frozenset({"reset", "power", "cfun16"})
"""Rungs after which the modem starts anew, which takes longer than reading a card."""


class SimRecovery:
    """Makes a modem read its card again."""

    def __init__(self, modem: Modem) -> None:
        self._modem = modem
        self._port = modem.port
        self._board = modem.board
        self._clock = modem.clock

    async def recover(self, expected: Iccid | None) -> Rung | None:
        """Climb until the modem shows `expected`; return the rung that helped, None when none was needed.

        Without an expectation (no profile is enabled) the SIM is powered off and on once. Raises ModemError when
        every rung failed, PortError when the modem did not come back.
        """
        if expected is None:
            await self.reinitialise()
            return "cfun0"
        if await self._shows(expected):
            return "reset" if await self._finish(expected) else None
        tried: list[str] = []
        for rung in self._board.refresh.ladder:
            logger.info("%s: waiting for ICCID %s, rung %s", self._port.name, expected.masked(), rung)
            await self._climb(rung)
            tried.append(rung)
            if await self._verified(expected, _AFTER_RESET if rung in _RESTARTS else self._board.refresh.settle):
                await self._finish(expected)
                return rung
        raise ModemError(
            f"{self._port.name}: the modem does not show ICCID {expected.masked()} after {', '.join(tried)}",
            hint="power the modem off and on",
        )

    async def reinitialise(self) -> None:
        """Power the SIM off and on. Every session with the card is gone afterwards."""
        await self._climb("cfun0")
        await self._wait_readable(self._board.refresh.settle)

    async def reset(self) -> None:
        """Restart the modem and wait until it answers again. Raises PortError when it does not."""
        commands = self._commands("reset") or self._board.reset.soft
        for command in commands:
            await self._tolerant(command, limit=_RESET_LIMIT)
        await self._wait_for_drop("reset")
        await self._port.reopen(self._board.refresh.reenum_timeout)

    async def _power_cycle(self) -> None:
        """Reset by hardware. A hook that fails is one rung that did not help."""
        await self._port.close()
        try:
            await self._modem.hook.power_cycle()
        except PortError as error:
            logger.error("%s", error)
        await self._port.reopen(self._board.refresh.reenum_timeout)

    async def _climb(self, rung: Rung) -> None:
        match rung:
            case "reset":
                await self.reset()
            case "power":
                await self._power_cycle()
            case _ if self._commands(rung):
                for command in self._commands(rung):
                    await self._tolerant(command)
                await self._wait_for_drop(rung)
            case "cfun4":
                await self._off_and_on("AT+CFUN=4", _RF_PAUSE)
            case "cfun0":
                await self._off_and_on("AT+CFUN=0", _SIM_PAUSE)
            case "cfun16":
                await self._tolerant("AT+CFUN=16")
                await self._wait_for_drop(rung)
            case _:
                pass

    async def _off_and_on(self, off: str, pause: float) -> None:
        if Quirk.CFUN_IN_ONE_LINE in quirks(self._board):
            await self._port.send_unanswered(off, "AT+CFUN=1")
            await self._clock.sleep(pause)
            await self._port.reopen(self._board.refresh.reenum_timeout)
            return
        await self._tolerant(off)
        await self._clock.sleep(pause)
        try:
            await self._port.command("AT+CFUN=1")
        except ModemError as error:
            logger.info("%s", error)
        except PortError:
            await self._port.reopen(self._board.refresh.reenum_timeout)
            await self._tolerant("AT+CFUN=1")

    async def _tolerant(self, command: str, *, limit: float | None = None) -> None:
        """Send a command at which the modem may go away: losing the line is no failure."""
        try:
            await self._port.command(command, limit=limit)
        except PortError as error:
            logger.info("%s", error)

    async def _wait_for_drop(self, rung: Rung) -> None:
        """A USB modem disappears some seconds after the command; opening the port before would find the old one."""
        if rung not in self._board.refresh.port_drops:
            return
        deadline = self._clock.monotonic() + _DROP_WAIT
        while self._port.is_open and self._clock.monotonic() < deadline:
            await self._clock.sleep(_POLL)

    async def _verified(self, expected: Iccid, limit: float) -> bool:
        deadline = self._clock.monotonic() + limit
        while True:
            if await self._shows(expected):
                return True
            if self._clock.monotonic() >= deadline:
                return False
            await self._clock.sleep(_POLL)

    async def _wait_readable(self, limit: float) -> None:
        """Wait while the modem says that the card is busy."""
        deadline = self._clock.monotonic() + limit
        while self._clock.monotonic() < deadline:
            state = await self._modem.sim_state()
            if state.condition not in (SimCondition.BUSY, SimCondition.NOT_READY, SimCondition.UNKNOWN):
                return
            await self._clock.sleep(_POLL)

    async def _shows(self, expected: Iccid) -> bool:
        try:
            if await self._modem.iccid() != expected:
                return False
            return (await self._modem.sim_state()).condition in (SimCondition.READY, SimCondition.LOCKED)
        except PortTimeoutError:
            return False
        except PortError as error:
            logger.info("%s", error)
            return False

    async def _finish(self, expected: Iccid) -> bool:
        """What follows the first sight of a profile, once; True when the modem was restarted for it."""
        if self._modem.followed == expected:
            return False
        self._modem.followed = expected
        for command in self._board.refresh.after:
            await self._tolerant(command)
        return await self._repair(expected)

    async def _repair(self, expected: Iccid) -> bool:
        """Settings that the new profile needs; one restart for all that need it."""
        restart = False
        for rule in self._board.repair:
            try:
                restart |= await repair(self._port, rule)
            except PortError as error:
                logger.warning("%s was not checked: %s", rule.name, error)
        if restart:
            await self.reset()
            await self._verified(expected, _AFTER_RESET)
        return restart

    def _commands(self, rung: str) -> Sequence[str]:
        return self._board.refresh.commands.get(rung, ())
