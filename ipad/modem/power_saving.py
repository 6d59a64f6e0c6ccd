"""When a modem sleeps: lines and timers in, the moment at which it can be reached again out (3GPP TS 23.682 4.5.4).

In power saving mode a modem falls silent once T3324 has run out after its last transmission, and wakes up for the
periodic update of T3412. A modem that sleeps is neither asked anything nor taken for lost. Whatever it says shows that
it is awake. Time is a parameter; all times are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ipad.modem.fields import at, number, split_fields, split_prefix, unquote
from ipad.modem.power_timers import active_time, parse_connection, parse_edrx, periodic_update
from ipad.modem.registration import Registration

SLEEP_LINES: Final = frozenset({"PSM POWER DOWN"})
"""What modems say before they fall asleep, beside what their definition names."""
DEFAULT_PERIODIC: Final = 3240.0
"""T3412 where the network gave no other value (TS 24.301 10.2: 54 minutes)."""
_MARGIN: Final = 60.0
"""How much later than its timer says a modem may be back: it starts, searches and attaches first."""


class PowerSaving:
    """What is known about the sleep of one modem."""

    def __init__(self, lines: Collection[str] = ()) -> None:
        self._lines = SLEEP_LINES | frozenset(lines)
        self._active: float | None = None
        self._periodic: float | None = None
        self._idle_at: float | None = None
        self._told_idle = False
        self._since: float | None = None
        self._until = 0.0
        self.cycle = 0.0
        """Seconds of an eDRX cycle; 0: eDRX is not used. The modem answers meanwhile, but that wakes it up."""

    @property
    def granted(self) -> bool:
        """Whether the modem may enter power saving mode."""
        return self._active is not None

    def seen(self, entry: Registration) -> None:
        """Timers of a registration; a read one without timers, though it would show them, ends power saving mode."""
        if entry.active is not None:
            self._active, self._periodic = entry.active, entry.periodic
        elif entry.n in (4, 5) and entry.stat.data_capable:
            self._active = self._periodic = None

    def asked(self, value: str) -> None:
        """`+CPSMS: <mode>[,<RAU>,<ready>,<TAU>,<active time>]`: what the modem asks for stands for what it gets."""
        fields = split_fields(value)
        if number(at(fields, 0)) != 1:
            self._active = self._periodic = None
        elif self._active is None:
            self._active, self._periodic = active_time(at(fields, 4)), periodic_update(at(fields, 3))

    def line(self, text: str, now: float) -> None:
        """An unsolicited line came."""
        self.heard(now)
        prefix, value = split_prefix(text)
        connected = parse_connection(text)
        cycle = parse_edrx(text)
        if text in self._lines:
            self._fall_asleep(now)
        elif connected is not None:
            self._told_idle = True
            self._idle_at = None if connected else now
        elif cycle is not None:
            self.cycle = cycle
        elif prefix == "+QPSMTIMER":
            self._read_seconds(value)

    def heard(self, at_time: float) -> None:
        """The modem said something at that time; one that slept is awake."""
        asleep_since = self._asleep_since(at_time)
        if asleep_since is not None and at_time > asleep_since:
            self._since = self._idle_at = None

    def fell_silent(self, heard_at: float, now: float) -> bool:
        """A command got no answer, or the port went: whether sleep explains that. `heard_at`: its last sign of life."""
        if self.remaining(now):
            return True
        if self._active is None or (self._told_idle and self._asleep_since(now) is None):
            return False
        begin = self._idle_at if self._idle_at is not None else heard_at
        if now < begin + self._active:
            return False
        until = begin + (self._periodic or DEFAULT_PERIODIC)
        if now >= until + _MARGIN:
            return False
        self._since, self._until = now, max(until, now + _MARGIN)
        return True

    def remaining(self, now: float) -> float:
        """Seconds until the modem can be reached; 0: it is awake, or should be."""
        if self._since is not None:
            return max(0.0, self._until - now)
        since = self._asleep_since(now)
        if since is None or self._idle_at is None:
            return 0.0
        return max(0.0, self._idle_at + (self._periodic or DEFAULT_PERIODIC) - now)

    def changes_at(self, now: float) -> float | None:
        """The next moment at which `remaining` begins or ends by itself."""
        remaining = self.remaining(now)
        if remaining:
            return now + remaining
        if self._idle_at is not None and self._active is not None and self._idle_at + self._active > now:
            return self._idle_at + self._active
        return None

    def _asleep_since(self, now: float) -> float | None:
        if self._since is not None:
            return self._since
        if self._idle_at is None or self._active is None or now < self._idle_at + self._active:
            return None
        return self._idle_at + self._active

    def _fall_asleep(self, now: float) -> None:
        begin = self._idle_at if self._idle_at is not None else now - (self._active or 0.0)
        self._since, self._until = now, max(begin + (self._periodic or DEFAULT_PERIODIC), now)

    def _read_seconds(self, value: str) -> None:
        """Quectel `+QPSMTIMER: <periodic update>,<active time>`, in seconds."""
        periodic, active = (number(unquote(field)) for field in (*split_fields(value), "", "")[:2])
        if periodic is not None and active is not None and periodic > 0 and active >= 0:
            self._active, self._periodic = float(active), float(periodic)
