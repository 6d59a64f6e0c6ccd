"""The link of one device: its radio, its NAT, and the doors to all servers behind them."""

from __future__ import annotations

import random

from hil.clock import Clock, Timer
from hil.link.doorway import LOOPBACK, Address, Door, DoorPlan
from hil.link.meter import Heading, Meter, Traffic
from hil.link.profile import LinkProfile, Passage
from hil.link.radio import Radio
from hil.link.tcp import TcpDoor
from hil.link.udp import UdpDoor


class Link:
    """All doors share rate, queue and fate: effective is the worse one of what the bearer allows and of a cut.

    With a clock driven by hand and a seeded generator everything repeats itself. `outside` is the address of this
    machine at which the device finds all doors.
    """

    def __init__(
        self,
        clock: Clock,
        profile: LinkProfile | None = None,
        chance: random.Random | None = None,
        outside: str = LOOPBACK,
    ) -> None:
        self.meter = Meter()
        """All doors together."""
        self._clock = clock
        self._outside = outside
        self._radio = Radio(profile or LinkProfile(), chance or random.Random(0))
        self._doors: dict[str, Door] = {}
        self._bearer = self._cut = self._applied = Passage.OPEN
        self._mending: Timer | None = None

    @property
    def profile(self) -> LinkProfile:
        """May be exchanged at any time; what is on its way arrives as it was sent."""
        return self._radio.profile

    @profile.setter
    def profile(self, profile: LinkProfile) -> None:
        self._radio.profile = profile

    @property
    def doors(self) -> tuple[Door, ...]:
        """All doors."""
        return tuple(self._doors.values())

    @property
    def bearer(self) -> Passage:
        """What the modem has: IP traffic, a session without, or nothing."""
        return self._bearer

    @bearer.setter
    def bearer(self, bearer: Passage) -> None:
        self._bearer = bearer
        self._apply()

    @property
    def interruption(self) -> Passage:
        """The cut that lasts, OPEN when there is none."""
        return self._cut

    @property
    def passage(self) -> Passage:
        """The worse one of bearer and cut."""
        return max(self._bearer, self._cut)

    def tcp_door(self, name: str, host: str = LOOPBACK, port: int = 0, *, inward: bool = False) -> TcpDoor:
        """A way to a server, to be started; `inward`: to the device, where it is the server. No NAT is on that way.

        Raises ValueError when there is a door of this name.
        """
        door = TcpDoor(self._plan(name, (host, port), inward=inward))
        door.passage = self.passage
        self._doors[name] = door
        return door

    def udp_door(self, name: str, host: str = LOOPBACK, port: int = 0, *, inward: bool = False) -> UdpDoor:
        """A way over datagrams; see `tcp_door`. Raises ValueError."""
        door = UdpDoor(self._plan(name, (host, port), inward=inward))
        door.passage = self.passage
        self._doors[name] = door
        return door

    async def remove(self, name: str) -> None:
        """Stop a door and forget it; what went through it stays counted for the link. Raises KeyError."""
        await self._doors.pop(name).stop()

    async def close(self) -> None:
        """Stop all doors and forget them, and the end of a cut that still lasts."""
        self._stop_mending()
        for name in tuple(self._doors):
            await self.remove(name)

    def cut(self, passage: Passage = Passage.SHUT, seconds: float | None = None) -> None:
        """Shut or swallow, for so many seconds or until `restore`; a new cut ends the one before."""
        self._stop_mending()
        self._cut = passage
        if seconds is not None:
            self._mending = self._clock.call_later(seconds, self.restore)
        self._apply()

    def restore(self) -> None:
        """The end of a cut; the doors follow the bearer."""
        self._stop_mending()
        self._cut = Passage.OPEN
        self._apply()

    def rebind(self) -> None:
        """The NAT forgets its table."""
        for door in self._doors.values():
            door.rebind()

    def snapshot(self) -> Traffic:
        """What went over the link so far, with the acknowledgements that are still owed."""
        self.settle()
        return self.meter.snapshot()

    def since(self, before: Traffic) -> Traffic:
        """What went over the link after a snapshot."""
        self.settle()
        return self.meter.since(before)

    def traffic(self) -> dict[str, Traffic]:
        """What went through each door so far."""
        self.settle()
        return {name: door.meter.snapshot() for name, door in self._doors.items()}

    def settle(self) -> None:
        """Count acknowledgements that are owed without waiting for their 40 ms."""
        for door in self._doors.values():
            door.settle()

    def reset(self) -> None:
        """All meters begin anew."""
        self.settle()
        for meter in (self.meter, *(door.meter for door in self._doors.values())):
            meter.reset()

    def _plan(self, name: str, target: Address, *, inward: bool) -> DoorPlan:
        if name in self._doors:
            raise ValueError(f"the link has a door {name!r} already")
        forth = Heading.DOWN if inward else Heading.UP
        return DoorPlan(name, target, self._radio, self._clock, self.meter, forth, self._outside)

    def _apply(self) -> None:
        passage = self.passage
        if passage is self._applied:
            return
        self._applied = passage
        if passage is not Passage.OPEN:
            self._radio.clear(self._clock.monotonic())
        for door in self._doors.values():
            door.let(passage)

    def _stop_mending(self) -> None:
        if self._mending is not None:
            self._mending.cancel()
            self._mending = None
