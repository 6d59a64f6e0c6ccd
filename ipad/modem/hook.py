"""Reset by hardware: the hook of a board, else the lines that its definition names, switched by the privileged helper.

A hook is an executable that is called `HOOK ACTION BOARD` with the lines of the definition in its environment; exit
code 0 means done. One in the helper's directory of hooks is run by the helper.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, Literal, Protocol

from ipad.board import Board
from ipad.clock import Clock
from ipad.endings import lastly
from ipad.errors import HelperError, PortError

logger = logging.getLogger(__name__)

Action = Literal["reset", "power-off", "power-on", "sim-slot"]
Runner = Callable[[tuple[str, ...], Mapping[str, str]], Awaitable[int]]
"""Runs a program with an environment and returns its exit code. Raises OSError when it cannot be started."""

_LIMIT: Final = 60.0
_HOOKS: Final = "/etc/ipad/hooks.d/"
"""Where programs lie that the helper may run; only for them its client is loaded."""


class HardwareHelper(Protocol):
    """The part of the privileged helper that hardware needs."""

    async def reset(self, board: str) -> None:
        """A pulse on the reset line. Raises HelperError."""
        ...

    async def power_cycle(self, board: str, *, off: float) -> None:
        """Power off and on; `off`: seconds that this takes. Raises HelperError."""
        ...


class BoardHook:
    """Lines and hook of one board. Hardware is not reset more often than the definition allows.

    `run` runs a hook; `helper` is asked where there is none.
    """

    def __init__(
        self, board: Board, clock: Clock, run: Runner | None = None, helper: HardwareHelper | None = None
    ) -> None:
        self._board = board
        self._clock = clock
        self._run = run or run_program
        self._helper = helper
        self._last_reset: float | None = None

    @property
    def available(self) -> bool:
        """Whether the board can be reset by hardware."""
        return bool(self._board.reset.hook) or self._board.reset.switched

    async def power_cycle(self) -> None:
        """Reset by hardware: power off and on where the board has a power line, else the reset line.

        Raises PortError when the hook fails, or when the last reset was too short a time ago.
        """
        power = self._board.reset.power
        if not self._board.reset.hook and self._board.reset.switched:
            self._count()
            await self._by_helper(self._privileged().power_cycle(self._board.name, off=_longest(self._board)))
            return
        if power is None:
            await self.reset()
            return
        self._count()
        await self.call("power-off")
        async with lastly(partial(self.call, "power-on")):
            await self._clock.sleep(power.off)

    async def reset(self) -> None:
        """Reset by the reset line. Raises PortError as `power_cycle` does."""
        self._count()
        if not self._board.reset.hook and self._board.reset.gpio is not None:
            await self._by_helper(self._privileged().reset(self._board.name))
        else:
            await self.call("reset")

    def _privileged(self) -> HardwareHelper:
        if self._helper is None:
            from ipad.helper.client import PrivilegedHelper  # noqa: PLC0415 - few boards need it, and seldom

            self._helper = PrivilegedHelper()
        return self._helper

    async def _by_helper(self, asked: Awaitable[None]) -> None:
        logger.info("board %s: the hardware is reset by the privileged helper", self._board.name)
        try:
            await asked
        except HelperError as error:
            raise PortError(str(error), transient=error.transient, hint=error.hint) from error

    def _count(self) -> None:
        """Raise PortError when the hardware was reset a moment ago; else it is now."""
        now, interval = self._clock.monotonic(), self._board.reset.min_interval
        if self._last_reset is not None and now - self._last_reset < interval:
            raise PortError(
                f"board {self._board.name}: the hardware was reset {now - self._last_reset:.0f} s ago, "
                f"not again before {interval:g} s"
            )
        self._last_reset = now

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
        except HelperError as error:
            raise PortError(str(error), transient=error.transient, hint=error.hint) from error
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
    if reset.key is not None:
        told |= {
            "IPAD_KEY_CHIP": reset.key.chip,
            "IPAD_KEY_LINE": reset.key.line,
            "IPAD_KEY_ACTIVE_LOW": str(int(reset.key.active_low)),
            "IPAD_KEY_OFF": f"{reset.key.off:g}",
            "IPAD_KEY_PAUSE": f"{reset.key.pause:g}",
            "IPAD_KEY_ON": f"{reset.key.on:g}",
        }
    if board.slots.gpio:
        told["IPAD_SIM_LINE"] = board.slots.gpio
    return told


def _longest(board: Board) -> float:
    """Seconds that switching off and on takes by the definition."""
    power, key = board.reset.power, board.reset.key
    return (power.off if power is not None else 0.0) + (key.off + key.pause + key.on if key is not None else 0.0)


async def run_program(arguments: tuple[str, ...], variables: Mapping[str, str]) -> int:
    """Run a program without a shell and wait for it. Raises OSError, HelperError, or TimeoutError after a minute."""
    if arguments[0].startswith(_HOOKS):
        from ipad.helper.client import PrivilegedHelper, through_helper  # noqa: PLC0415

        if through_helper(arguments[0]):
            return await PrivilegedHelper().run_hook(arguments[0], arguments[1:], variables, limit=_LIMIT)
    process = await asyncio.create_subprocess_exec(*arguments, env={**os.environ, **variables})
    try:
        async with asyncio.timeout(_LIMIT):
            return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
