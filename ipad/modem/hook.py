"""The reset hook of a board: an executable that switches power, a reset line or a SIM slot outside the modem.

It is called `HOOK ACTION BOARD` with the lines of the definition in its environment; exit code 0 means done. Whatever
needs privileges happens behind it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Literal

from ipad.board import Board
from ipad.clock import Clock
from ipad.errors import PortError

logger = logging.getLogger(__name__)

Action = Literal["reset", "power-off", "power-on", "sim-slot"]
Runner = Callable[[tuple[str, ...], Mapping[str, str]], Awaitable[int]]
"""Runs a program with an environment and returns its exit code. Raises OSError when it cannot be started."""

_LIMIT: Final = 60.0


class BoardHook:
    """The hook of one board. It does not let hardware be reset more often than the definition allows."""

    def __init__(self, board: Board, clock: Clock, run: Runner | None = None) -> None:
        self._board = board
        self._clock = clock
        self._run = run or run_program
        self._last_reset: float | None = None

    @property
    def available(self) -> bool:
        """Whether the board has a hook."""
        return bool(self._board.reset.hook)

    async def power_cycle(self) -> None:
        """Reset by hardware: power off and on where the board has a power line, else the reset line.

        Raises PortError when the hook fails, or when the last reset was too short a time ago.
        """
        rules = self._board.reset
        now = self._clock.monotonic()
        if self._last_reset is not None and now - self._last_reset < rules.min_interval:
            raise PortError(
                f"board {self._board.name}: the hardware was reset {now - self._last_reset:.0f} s ago, "
                f"not again before {rules.min_interval:g} s"
            )
        self._last_reset = now
        if rules.power is None:
            await self.call("reset")
            return
        await self.call("power-off")
        try:
            await self._clock.sleep(rules.power.off)
        finally:
            await self.call("power-on")

    async def call(self, action: Action) -> None:
        """Run the hook. Raises PortError when there is none, or when it fails."""
        hook = self._board.reset.hook
        if not hook:
            raise PortError(f"board {self._board.name} has no reset.hook", transient=False)
        logger.info("%s %s %s", hook, action, self._board.name)
        try:
            code = await self._run((hook, action, self._board.name), environment(self._board))
        except OSError as error:
            raise PortError(f"{hook} cannot be run: {error.strerror or error}", transient=False) from error
        except TimeoutError as error:
            raise PortError(f"{hook} {action}: not done within {_LIMIT:g} s") from error
        if code:
            raise PortError(f"{hook} {action}: exit code {code}")


def environment(board: Board) -> dict[str, str]:
    """What the hook is told beside its arguments."""
    reset, told = board.reset, {"IPAD_USB_RESET": board.reset.usb, "IPAD_SIM_SLOT": str(board.slots.euicc)}
    if reset.gpio is not None:
        told |= {
            "IPAD_RESET_CHIP": reset.gpio.chip,
            "IPAD_RESET_LINE": reset.gpio.line,
            "IPAD_RESET_ACTIVE_LOW": str(int(reset.gpio.active_low)),
            "IPAD_RESET_PULSE": f"{reset.gpio.pulse:g}",
        }
    if reset.power is not None:
        told |= {
            "IPAD_POWER_CHIP": reset.power.chip,
            "IPAD_POWER_LINE": reset.power.line,
            "IPAD_POWER_ACTIVE_LOW": str(int(reset.power.active_low)),
        }
    if board.slots.gpio:
        told["IPAD_SIM_LINE"] = board.slots.gpio
    return told


async def run_program(arguments: tuple[str, ...], variables: Mapping[str, str]) -> int:
    """Run a program without a shell and wait for it. Raises OSError, or TimeoutError after a minute."""
    process = await asyncio.create_subprocess_exec(*arguments, env={**os.environ, **variables})
    try:
        async with asyncio.timeout(_LIMIT):
            return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
