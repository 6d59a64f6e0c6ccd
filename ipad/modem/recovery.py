"""After a profile change, or when service is lost: the recovery ladder (ETSI TS 102 223 6.4.7 REFRESH).

Many modems execute REFRESH by themselves, some late, some never. Each rung is stronger than the one before; the ICCID
decides whether it helped. Where it is not the card but the network that is missed, somebody else decides which rung is
next, and climbs one at a time.
"""

from __future__ import annotations

import logging
from typing import Final

from ipad.board import Rung
from ipad.endings import lastly
from ipad.errors import ModemError, PortError, PortTimeoutError
from ipad.ids import Iccid
from ipad.modem.modem import Modem
from ipad.modem.repair import repair
from ipad.modem.rungs import RESTARTS, Rungs
from ipad.modem.sim import SimCondition

logger = logging.getLogger(__name__)

_POLL: Final = 0.5
_AFTER_RESET: Final = 30.0


class SimRecovery:
    """Makes a modem read its card again, or begin anew."""

    def __init__(self, modem: Modem) -> None:
        self._modem = modem
        self._port = modem.port
        self._board = modem.board
        self._clock = modem.clock
        self._rungs = Rungs(modem)

    async def recover(self, expected: Iccid | None) -> Rung | None:
        """Climb until the modem shows `expected`; return the rung that helped, None when none was needed.

        Without an expectation (no profile is enabled) the SIM is powered off and on once. Raises ModemError when
        every rung failed, PortError when the modem did not come back.
        """
        self._modem.expected = expected
        with self._modem.recovery():
            return await self._recover(expected)

    async def climb(self, rung: str) -> None:
        """Climb one rung, whatever the modem shows, and leave it switched on.

        A profile that shows afterwards for the first time gets what follows a profile change. Raises ModemError when
        the modem refuses the rung, PortError when it does not come back, or for a rung that the board does not have.
        """
        with self._modem.recovery():
            logger.info("%s: recovery, rung %s", self._port.name, rung)
            async with lastly(self._rungs.ensure_on):
                await self._rungs.climb(rung)
            expected = self._modem.expected
            if expected is not None and expected != self._modem.followed:
                if await self._verified(expected, self._patience(rung)):
                    await self._finish(expected)
            else:
                await self._wait_readable(self._board.refresh.settle)

    async def switch_on(self) -> None:
        """End a state with less than full functionality, such as a recovery that was cut off. Raises PortError."""
        with self._modem.recovery():
            await self._rungs.ensure_on()

    async def reinitialise(self) -> None:
        """Power the SIM off and on. Every session with the card is gone afterwards."""
        with self._modem.recovery():
            await self._one("cfun0")
            await self._wait_readable(self._board.refresh.settle)

    async def reset(self) -> None:
        """Restart the modem and wait until it answers again. Raises PortError when it does not."""
        with self._modem.recovery():
            await self._one("reset")

    async def _recover(self, expected: Iccid | None) -> Rung | None:
        if expected is None:
            await self.reinitialise()
            return "cfun0"
        if await self._shows(expected):
            return "reset" if await self._finish(expected) else None
        tried: list[str] = []
        for rung in self._board.refresh.ladder:
            logger.info("%s: waiting for ICCID %s, rung %s", self._port.name, expected.masked(), rung)
            if rung != "wait":
                await self._one(rung)
            tried.append(rung)
            if await self._verified(expected, self._patience(rung)):
                await self._finish(expected)
                return rung
        raise ModemError(
            f"{self._port.name}: the modem does not show ICCID {expected.masked()} after {', '.join(tried)}",
            hint="power the modem off and on",
        )

    async def _one(self, rung: Rung) -> None:
        """One rung of several: a refusal, or a hook that fails, is one that did not help."""
        try:
            await self._rungs.climb(rung)
        except ModemError as error:
            logger.info("%s", error)
        except PortError as error:
            if not self._port.is_open:
                raise
            logger.error("%s", error)

    def _patience(self, rung: str) -> float:
        return _AFTER_RESET if rung in RESTARTS else self._board.refresh.settle

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
            await self._rungs.tolerant(command)
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
            await self._one("reset")
            await self._verified(expected, _AFTER_RESET)
        return restart
