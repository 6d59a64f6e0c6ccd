"""The rungs of the recovery ladder: how a modem's radio, its card, or all of it is switched off and on.

Whatever happens in between, also a cancelled caller, full functionality is asked for at the end: a device that stays in
the flight mode that the agent itself asked for is lost.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, get_args

from ipad.board import Rung
from ipad.endings import lastly
from ipad.errors import ModemError, PortError
from ipad.modem.modem import Modem
from ipad.modem.quirks import Quirk, quirks

logger = logging.getLogger(__name__)

RESTARTS: Final = frozenset({"reset", "power", "cfun16", "hook"})
"""Rungs after which the modem starts anew, which takes longer than reading a card."""

_POLL: Final = 0.5
_RF_PAUSE: Final = 1.0
_SIM_PAUSE: Final = 2.0
_RESET_LIMIT: Final = 5.0
_DROP_WAIT: Final = 10.0
_ON_TRIES: Final = 5
_ON_PAUSE: Final = 2.0
_FULL: Final = 1


class Rungs:
    """The rungs that the board of a modem has."""

    def __init__(self, modem: Modem) -> None:
        self._modem = modem
        self._port = modem.port
        self._board = modem.board
        self._clock = modem.clock

    def check(self, rung: str) -> None:
        """Raise PortError for a rung that this board cannot climb."""
        known = rung in get_args(Rung)
        if not known or (rung == "simdet" and not self._commands(rung)):
            ladder = ", ".join(self._board.refresh.ladder)
            raise PortError(
                f"board {self._board.name} has no recovery rung {rung!r}; its ladder is {ladder}", transient=False
            )

    async def climb(self, rung: str) -> None:
        """Climb one rung and bring the dialogue into step again.

        Raises ModemError when the modem refuses all commands of the rung, PortError when it does not come back, when
        the hook fails, or for a rung that does not exist.
        """
        self.check(rung)
        match rung:
            case "wait":
                await self._clock.sleep(self._board.refresh.settle)
            case "reset":
                await self.reset()
            case "power":
                await self._by_hook(self._modem.hook.power_cycle)
            case "hook":
                await self._by_hook(self._modem.hook.reset)
            case _ if self._commands(rung) or rung == "cfun16":
                await self._by_commands(rung, self._commands(rung) or ("AT+CFUN=16",))
            case "cfun4":
                await self._off_and_on(rung, "AT+CFUN=4", _RF_PAUSE)
            case _:
                await self._off_and_on(rung, "AT+CFUN=0", _SIM_PAUSE)

    async def reset(self) -> None:
        """Restart the modem and wait until it answers again. Raises PortError when it does not."""
        refusals = [await self.tolerant(command, limit=_RESET_LIMIT) for command in self._reset_commands]
        await self._wait_for_drop("reset")
        await self._port.reopen(self._board.refresh.reenum_timeout)
        _raise_if_all(refusals)

    async def switch_on(self) -> None:
        """Ask for full functionality, a few times if need be. Raises ModemError when it is refused, PortError."""
        for attempt in range(_ON_TRIES):
            try:
                await self._port.command("AT+CFUN=1")
            except ModemError as error:
                logger.info("%s", error)
                if attempt == _ON_TRIES - 1:
                    raise
                await self._clock.sleep(_ON_PAUSE)
            except PortError:
                await self._port.reopen(self._board.refresh.reenum_timeout)
            else:
                return

    async def ensure_on(self) -> None:
        """End a rung that was cut off, and see to full functionality. Raises PortError when the modem is silent."""
        for command in self._commands(self._modem.begun)[-1:]:
            await self.tolerant(command)
        if await self._modem.functionality() not in (_FULL, None):
            await self.switch_on()
        await self._modem.note_begun("")

    async def tolerant(self, command: str, *, limit: float | None = None) -> ModemError | None:
        """Send a command at which the modem may go away: losing the line is no failure. Returns its refusal."""
        try:
            await self._port.command(command, limit=limit)
        except ModemError as error:
            logger.info("%s", error)
            return error
        except PortError as error:
            logger.info("%s", error)
        return None

    async def _by_commands(self, rung: str, commands: Sequence[str]) -> None:
        if len(commands) > 1:
            await self._modem.note_begun(rung)
        refusals = [await self.tolerant(command) for command in commands]
        await self._modem.note_begun("")
        await self._wait_for_drop(rung)
        if rung in RESTARTS:
            await self._port.reopen(self._board.refresh.reenum_timeout)
        _raise_if_all(refusals)

    async def _by_hook(self, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Reset by hardware. Without the hook's help the modem is looked for all the same."""
        await self._port.close()
        failure: PortError | None = None
        try:
            await act()
        except PortError as error:
            failure = error
        await self._port.reopen(self._board.refresh.reenum_timeout)
        if failure is not None:
            raise failure

    async def _off_and_on(self, rung: str, off: str, pause: float) -> None:
        if Quirk.CFUN_IN_ONE_LINE in quirks(self._board):
            await self._port.send_unanswered(off, "AT+CFUN=1")
            await self._clock.sleep(pause)
            await self._port.reopen(self._board.refresh.reenum_timeout)
            return
        await self._modem.note_begun(rung)
        async with lastly(self._on_again):
            refusal = await self.tolerant(off)
            await self._clock.sleep(pause)
        if refusal is not None:
            raise refusal

    async def _on_again(self) -> None:
        await self.switch_on()
        await self._modem.note_begun("")

    async def _wait_for_drop(self, rung: str) -> None:
        """A USB modem disappears some seconds after the command; opening the port before would find the old one."""
        if rung not in self._board.refresh.port_drops:
            return
        deadline = self._clock.monotonic() + _DROP_WAIT
        while self._port.is_open and self._clock.monotonic() < deadline:
            await self._clock.sleep(_POLL)

    @property
    def _reset_commands(self) -> Sequence[str]:
        return self._commands("reset") or self._board.reset.soft

    def _commands(self, rung: str) -> Sequence[str]:
        return self._board.refresh.commands.get(rung, ())


def _raise_if_all(refusals: Sequence[ModemError | None]) -> None:
    """One command that was taken, or whose line was lost, is enough."""
    refused = [refusal for refusal in refusals if refusal is not None]
    if refusals and len(refused) == len(refusals):
        raise refused[-1]
