"""The real-time clock of the virtual modem and the time that a network sends (3GPP TS 27.007 8.15, 8.40, 8.41)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from hil.clock import Clock

# What modules show that never heard the time.
_UNSET = datetime(1980, 1, 6, tzinfo=UTC)
# How wrong a wrong network is.
_WRONG = timedelta(days=-7000)
_STAMP = re.compile(r"(\d\d)/(\d\d)/(\d\d),(\d\d):(\d\d):(\d\d)([+-]\d\d)?")


class WallClock:
    """Clock of the modem. `quarters` is the time zone of the place in quarters of an hour."""

    def __init__(self, clock: Clock, quarters: int = 0) -> None:
        self._clock = clock
        self._offset: timedelta = timedelta()
        self.quarters = quarters
        self.update = 1
        self.report = 0
        self.restart()

    def restart(self) -> None:
        """Without a battery the clock begins anew."""
        self._set(_UNSET)

    def network_time(self, *, wrong: bool = False) -> list[str]:
        """The network told the time: set the clock if +CTZU wants it, and return the lines that +CTZR asked for."""
        now = datetime.fromtimestamp(self._clock.time(), UTC)
        told = now + _WRONG if wrong else now
        if self.update:
            self._set(told)
        if self.report == 1:
            return [f"+CTZV: {self._zone}"]
        if self.report == 2:
            local = told + timedelta(minutes=15 * self.quarters)
            return [f'+CTZE: {self._zone},0,"{local:%Y/%m/%d,%H:%M:%S}"']
        return []

    def text(self) -> str:
        """Value of +CCLK: local time and zone."""
        local = self._now() + timedelta(minutes=15 * self.quarters)
        return f"{local:%y/%m/%d,%H:%M:%S}{self._zone}"

    def set_text(self, text: str) -> bool:
        """Set the clock from a value of +CCLK; False if it is none."""
        match = _STAMP.fullmatch(text)
        if match is None:
            return False
        century = "20" if match[1] < "70" else "19"
        try:
            local = datetime.strptime(f"{century}{text[:17]}+0000", "%Y/%m/%d,%H:%M:%S%z")
        except ValueError:
            return False
        self.quarters = int(match[7] or "0")
        self._set(local - timedelta(minutes=15 * self.quarters))
        return True

    @property
    def _zone(self) -> str:
        return f"{self.quarters:+03d}"

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.monotonic(), UTC) + self._offset

    def _set(self, moment: datetime) -> None:
        self._offset = moment - datetime.fromtimestamp(self._clock.monotonic(), UTC)
