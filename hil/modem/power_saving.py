"""Power saving mode of the virtual modem (3GPP TS 23.682 4.5.4, TS 27.007 7.38): connected, idle, asleep, awake again.

The network grants what the modem asks for, as long as the knob says so. Asleep, the modem keeps its registration and
its addresses, and hears nothing of the line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from hil.clock import Clock, Timer

# Values of a unit in seconds: T3324 (TS 24.008 10.5.7.3) and the extended T3412 (10.5.7.4a).
_T3324 = (2, 60, 360, 60, 60, 60, 60, None)
_T3412 = (600, 3600, 36000, 2, 30, 60, 1152000, None)
_REQUEST = re.compile(r'1,[^,]*,[^,]*,"?([01]{8})"?,"?([01]{8})"?')


class Phase(Enum):
    """What the modem does with its radio."""

    OFF = "not registered"
    CONNECTED = "connected"
    IDLE = "idle"
    ASLEEP = "asleep"


@dataclass(frozen=True)
class Grant:
    """The timers of the network: as they are printed, and in seconds."""

    active_bits: str
    update_bits: str
    active: float
    update: float


@dataclass(frozen=True)
class PowerSavingEvents:
    """connected: there is a signalling connection, or no longer. asleep: the modem falls asleep for so many seconds.
    awake: it starts again."""

    connected: Callable[[bool], None]
    asleep: Callable[[float], None]
    awake: Callable[[], None]


class PowerSaving:
    """`request` is the value of +CPSMS; `inactivity` seconds without traffic release the connection."""

    def __init__(self, clock: Clock, inactivity: float, request: Callable[[], str], events: PowerSavingEvents) -> None:
        self._clock = clock
        self._inactivity = inactivity
        self._request = request
        self._events = events
        self._timer: Timer | None = None
        self._idle_at = 0.0
        self.phase = Phase.OFF
        self.granting = False

    @property
    def asleep(self) -> bool:
        return self.phase is Phase.ASLEEP

    @property
    def connected(self) -> bool:
        return self.phase is Phase.CONNECTED

    @property
    def grant(self) -> Grant | None:
        """What the network granted; None: the modem does not sleep."""
        match = _REQUEST.fullmatch(self._request())
        if not self.granting or match is None:
            return None
        update, active = int(match[1], 2), int(match[2], 2)
        units = _T3324[active >> 5], _T3412[update >> 5]
        if units[0] is None or units[1] is None:
            return None
        return Grant(match[2], match[1], units[0] * (active & 0x1F), units[1] * (update & 0x1F))

    def traffic(self) -> None:
        """Something is sent or received: there is a connection for a while. Wakes a modem that sleeps."""
        self._cancel()
        if self.asleep:
            self.phase = Phase.IDLE
            self._events.awake()
        if self.phase is not Phase.CONNECTED:
            self.phase = Phase.CONNECTED
            self._events.connected(True)
        self._timer = self._clock.call_later(self._inactivity, self._release)

    def stop(self) -> None:
        """Not registered any more, or switched off."""
        self._cancel()
        was, self.phase = self.phase, Phase.OFF
        if was is Phase.CONNECTED:
            self._events.connected(False)

    def _release(self) -> None:
        self._timer = None
        self.phase = Phase.IDLE
        self._idle_at = self._clock.monotonic()
        self._events.connected(False)
        self.settle()

    def settle(self) -> None:
        """The timers may have changed while the modem is idle."""
        grant = self.grant
        if self.phase is not Phase.IDLE:
            return
        self._cancel()
        if grant is not None:
            end = self._idle_at + grant.active
            self._timer = self._clock.call_later(max(0.0, end - self._clock.monotonic()), self._sleep)

    def _sleep(self) -> None:
        self._timer = None
        grant = self.grant
        if grant is None:
            return
        remaining = max(1.0, self._idle_at + grant.update - self._clock.monotonic())
        self._timer = self._clock.call_later(remaining, self.traffic)
        self._events.asleep(remaining)
        self.phase = Phase.ASLEEP

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
