"""The actions: what is asked for by name is looked up in files of root, and done."""

from __future__ import annotations

from pathlib import Path
from typing import Final, assert_never

from ipad.board import Board, BoardLibrary
from ipad.board.hardware import PowerKey, PowerSwitch
from ipad.clock import Clock
from ipad.config import ModemConfig
from ipad.errors import HelperError
from ipad.helper.gpio import GpioLines, Line
from ipad.helper.grounds import Grounds
from ipad.helper.hooks import Hooks
from ipad.helper.kernel import ROOT, Ioctl, ioctl
from ipad.helper.multiplexer import Multiplexers
from ipad.helper.protocol import AttachMultiplexer, PowerCycle, PulseReset, Request, RunHook, SetClock
from ipad.helper.usb import UsbSwitch, device_of
from ipad.helper.wall_clock import WallClock

_USB_OFF: Final = 5.0
"""Seconds that a modem stays off its bus."""


class Privileged:
    """Performs requests. What has to last, lines with a level and multiplexers, lasts until `close`."""

    def __init__(
        self,
        grounds: Grounds,
        clock: Clock,
        *,
        hooks: Hooks | None = None,
        wall_clock: WallClock | None = None,
        root: Path = ROOT,
        control: Ioctl = ioctl,
    ) -> None:
        self._grounds = grounds
        self._clock = clock
        self._root = root
        self._lines = GpioLines(root, control)
        self._multiplexers = Multiplexers(clock, control)
        self._hooks = hooks or Hooks(clock)
        self._wall_clock = wall_clock or WallClock()
        self._not_before: dict[str, float] = {}

    @property
    def holding(self) -> bool:
        """Whether something would be undone or forgotten by the end of this process."""
        now = self._clock.monotonic()
        return (
            self._lines.holding
            or self._multiplexers.holding
            or any(now < moment for moment in self._not_before.values())
        )

    def close(self) -> None:
        """Let go of everything."""
        self._lines.close()
        self._multiplexers.close()

    async def perform(self, request: Request, *, for_root: bool) -> int:
        """Do it; returns the exit code of a hook, else 0. `for_root`: root asks, who may name any board.

        Raises HelperError.
        """
        match request:
            case PulseReset():
                await self._reset(self._grounds.board(request.board, any_board=for_root)[0])
            case PowerCycle():
                await self._power_cycle(*self._grounds.board(request.board, any_board=for_root))
            case AttachMultiplexer():
                board, modem, _ = self._grounds.board(request.board, any_board=for_root)
                await self._multiplexers.attach(board, uart_of(board, modem), anew=request.anew)
            case RunHook():
                return await self._hooks.run(request)
            case SetClock():
                if not for_root and not self._grounds.config().clock.set:
                    raise HelperError("clock.set is not switched on in the configuration", transient=False)
                self._wall_clock.set(request.seconds)
            case _:
                assert_never(request)
        return 0

    async def _reset(self, board: Board) -> None:
        gpio = board.reset.gpio
        if gpio is None:
            raise HelperError(f"board {board.name} has no reset.gpio", transient=False)
        self._count(board)
        line = Line(gpio.chip, gpio.line, gpio.active_low)
        try:
            self._lines.drive(line, active=True)
            await self._clock.sleep(gpio.pulse)
        finally:
            self._lines.drive(line, active=False)
            self._lines.release(line)

    async def _power_cycle(self, board: Board, modem: ModemConfig, library: BoardLibrary) -> None:
        reset = board.reset
        if reset.power is not None:
            self._count(board)
            await self._switch(reset.power)
        elif reset.key is not None:
            self._count(board)
            await self._press(reset.key)
        elif reset.usb in ("authorized", "port"):
            device = device_of(board, library, modem.port, self._root)
            switch = UsbSwitch(device, "port" if reset.usb == "port" else "authorized", self._root)
            self._count(board)
            await self._replug(switch)
        else:
            await self._reset(board)

    async def _switch(self, power: PowerSwitch) -> None:
        """The line is kept afterwards: without a hand on it, it may fall back to what it is when nobody drives it."""
        line = Line(power.chip, power.line, power.active_low)
        try:
            self._lines.drive(line, active=False)
            await self._clock.sleep(power.off)
        finally:
            self._lines.drive(line, active=True)

    async def _press(self, key: PowerKey) -> None:
        """A long press switches a modem off that was on, a short one on that was off."""
        line = Line(key.chip, key.line, key.active_low)
        try:
            for pressed, pause in ((key.off, key.pause), (key.on, 0.0)):
                self._lines.drive(line, active=True)
                await self._clock.sleep(pressed)
                self._lines.drive(line, active=False)
                await self._clock.sleep(pause)
        finally:
            self._lines.drive(line, active=False)
            self._lines.release(line)

    async def _replug(self, switch: UsbSwitch) -> None:
        try:
            switch.off()
            await self._clock.sleep(_USB_OFF)
        finally:
            switch.on()

    def _count(self, board: Board) -> None:
        """Raise HelperError when the hardware was reset a moment ago; else it is now."""
        now, moment = self._clock.monotonic(), self._not_before.get(board.name, float("-inf"))
        if now < moment:
            raise TooSoonError(f"board {board.name} was reset a moment ago: not again for {moment - now:.0f} s")
        self._not_before[board.name] = now + board.reset.min_interval


class TooSoonError(HelperError):
    """Allowed, but not so often."""


def uart_of(board: Board, modem: ModemConfig) -> str:
    """The UART that the multiplexer takes: that of the board, else the configured one. Raises HelperError."""
    path = board.ports.at.path if board.ports.at is not None else ""
    if not path and modem.port.startswith("/dev/"):
        path = modem.port
    if not path or ".." in Path(path).parts:
        raise HelperError(f"board {board.name}: ports.at names no UART", transient=False)
    return path
