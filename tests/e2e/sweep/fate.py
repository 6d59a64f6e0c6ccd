"""What faults do to the whole device: the agent's process ends, power goes away, the clock moves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NoReturn

from tests.e2e.sweep.catalogue import Fault
from tests.e2e.sweep.gates import Gates

YEAR = 365 * 86_400.0


@dataclass
class Fate:
    """`dead`: the process is gone; whatever is still unwound of it reaches neither modem, network nor disk."""

    gates: Gates
    dead: bool = False
    died: asyncio.Event = field(default_factory=asyncio.Event)
    cut: Callable[[], None] = lambda: None
    """Takes the port away from the process."""
    move: Callable[[float | None], None] = lambda _seconds: None
    """Moves the wall clock by seconds, None: to 1970."""
    power: Callable[[Fault], None] = lambda _fault: None
    """The card has lost its supply."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    reboot: bool = False
    """The gateway lost its power with the process."""
    exhausted: bool = False
    """There is no memory for the next answer of the card that the agent puts together."""

    def die(self, *, reboot: bool = False) -> None:
        """SIGKILL, now; or with `reboot` no power for the gateway."""
        self.dead = True
        self.reboot = reboot
        self.cut()
        self.died.set()

    async def never(self) -> NoReturn:
        """Where a dead process stands until it is buried."""
        await asyncio.get_running_loop().create_future()
        raise AssertionError("a dead process was woken")

    def move_clock(self, fault: Fault) -> None:
        """The wall clock jumps."""
        self.move(YEAR if fault is Fault.CLOCK_FORWARD else None)
