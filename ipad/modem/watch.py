"""Watches a modem: what it tells by itself is believed, the rest is asked for, as seldom as the situation allows.

A modem that tells of registration and bearer is left alone between its events. One that does not is asked at most once
a minute, unless somebody is in a hurry; one that sleeps is not asked at all. A modem that is gone is a fact, no error.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from ipad.clock import Clock
from ipad.errors import ModemError, PortError
from ipad.modem.facts import (
    AntennaCondition,
    BearerFact,
    ModemCondition,
    ModemFact,
    RadioFact,
    RegistrationFact,
    SignalFact,
    SimFact,
    SleepFact,
)
from ipad.modem.fields import split_prefix
from ipad.modem.modem import Modem
from ipad.modem.registration import Registration, parse_registration
from ipad.modem.signal import parse_signal
from ipad.modem.sim import is_sim_change
from ipad.modem.survey import Part, Session, Survey
from ipad.modem.told import Told
from ipad.modem.urc import is_boot
from ipad.modem.waiting import within
from ipad.records import dataclass

__all__ = [
    "AntennaCondition",
    "BearerFact",
    "ModemCondition",
    "ModemFact",
    "RadioFact",
    "RadioWatch",
    "RegistrationFact",
    "SignalFact",
    "SimFact",
    "SleepFact",
    "WatchSettings",
]

logger = logging.getLogger(__name__)

_STARTING: Final = 1.0
"""Seconds between looks at a card that may be starting."""
_HURRY_SHARE: Final = 0.05
"""Of the time since the hurry began: what lasts for hours can wait a minute, and looks cost energy."""
_TOLD_SHARE: Final = 5.0
"""How many times rarer the looks of a long hurry become where the modem tells by itself what it waits for."""
_AWAKE_MARGIN: Final = 2.0
"""Seconds that a modem gets after its sleep before it is asked anything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchSettings:
    """Seconds between looks, the shorter one counts.

    `hurry`: in a hurry, growing up to `quiet` while it lasts. `quiet`: at a modem that does not tell by itself. `net`:
    at one that does, in case an event was lost; 0: never. `signal`: between measurements of the signal, which no event
    tells; 0: only at looks. `absent`: between tries to open the port. `gather`: what is waited after an event for those
    that follow it.
    """

    hurry: float = 4.0
    quiet: float = 60.0
    net: float = 3600.0
    signal: float = 0.0
    absent: float = 5.0
    gather: float = 0.5


class RadioWatch:
    """Tells facts about one modem while `run` runs. All methods belong to one event loop."""

    def __init__(
        self,
        modem: Modem,
        clock: Clock,
        tell: Callable[[RadioFact], None],
        settings: WatchSettings = WatchSettings(),  # noqa: B008 - immutable
        *,
        session: Session | None = None,
    ) -> None:
        """`session` names the data bearer; without it the modem's own contexts do."""
        self._modem = modem
        self._port = modem.port
        self._clock = clock
        self._settings = settings
        self._told = Told(tell)
        self._survey = Survey(modem, self._told.tell, session)
        self._wake = asyncio.Event()
        self._reading = asyncio.Lock()
        self._due = Part.EVERYTHING
        self._hurried = False
        self._hurried_at = 0.0
        self._held = False
        self._restarted = False
        self._openings = -1
        self._looked_at = 0.0
        self._measured_at = 0.0
        self._bearer_read_at = 0.0

    async def run(self) -> None:
        """Watch until cancelled."""
        self._modem.attach()
        endings = (
            self._port.subscribe(self._line),
            self._port.on_loss(self._lost),
            self._modem.on_recovered(self._recovered),
        )
        try:
            while True:
                await self._turn()
                await self._pause()
        finally:
            for end in endings:
                end()

    async def look(self, *, anew: bool = True) -> None:
        """Read everything now and tell all of it, also what did not change. A modem that sleeps is not asked.

        Unless `anew` a look that is under way is waited for, and only what was not read yet is read.
        """
        if anew:
            self._told.forget()
            self._due = Part.EVERYTHING
        await self._turn(held=False)

    def hurry(self, on: bool) -> None:
        """Look every few seconds at first, or as seldom as possible."""
        if on != self._hurried:
            self._hurried = on
            self._hurried_at = self._clock.monotonic()
            self._wake.set()

    def hold(self, on: bool) -> None:
        """Send nothing (`on`) until further notice, as while a package is executed; events are still heard."""
        self._held = on
        self._wake.set()

    @property
    def tells(self) -> bool:
        """Whether the modem is believed to tell changes of registration and bearer by itself.

        It is not from the first change on that a look found without an event, until an event comes.
        """
        return self._modem.subscription.tells and not self._survey.untold

    async def _turn(self, *, held: bool | None = None) -> None:
        """One look at what is due."""
        if (self._held if held is None else held) or self._modem.recovering:
            return
        async with self._reading:
            slept = self._told.asleep
            if self._asleep():
                return
            if slept:
                # Its time is over, and it did not say anything: is it really back?
                self._due |= Part.MODEM
            now = self._clock.monotonic()
            part = self._due | self._overdue(now)
            if not part:
                return
            self._due = Part.NOTHING
            if Part.MODEM in part:
                self._looked_at = now
            if Part.SIGNAL in part:
                self._measured_at = now
            if Part.BEARER in part:
                self._bearer_read_at = now
            try:
                await self._read(part)
            except PortError as error:
                self._due |= part
                self._gone(error)
            except BaseException:
                self._due |= part
                raise

    async def _read(self, part: Part) -> None:
        if self._restarted:
            self._restarted = False
            await self._port.renew()
        await self._port.open()
        if self._port.openings != self._openings:
            self._openings = self._port.openings
            self._survey.untold = False
            self._survey.view.forget()
            part = Part.EVERYTHING
        before = self._told.condition
        await self._survey.read(part)
        if self._told.condition is ModemCondition.ON and before is not ModemCondition.ON and part != Part.EVERYTHING:
            await self._survey.read(Part.EVERYTHING)
        if self._modem.recovering:
            # What was read while the agent itself switched the modem off is worth nothing.
            self._due |= part
        self._survey.power.heard(self._port.heard_at)
        if self._survey.sim.pending:
            self._due |= Part.SIM

    def _overdue(self, now: float) -> Part:
        interval = self._interval()
        part = Part.NOTHING
        if interval is not None and now >= self._looked_at + interval:
            part = Part.EVERYTHING if self._hurried else Part.EVERYTHING & ~Part.SIGNAL
        if self._settings.signal and now >= self._measured_at + self._settings.signal:
            part |= Part.SIGNAL
        settled_at = self._settled_at()
        if settled_at is not None and now >= settled_at:
            part |= Part.BEARER
        return part

    def _settled_at(self) -> float | None:
        """When a bearer that may have been that of the card before can be believed; None: nothing is waited for."""
        settled_at = self._modem.sessions.settled_at
        return settled_at if settled_at > self._bearer_read_at else None

    def _interval(self) -> float | None:
        """Seconds between looks; None: only events cause them."""
        if self._told.condition is ModemCondition.ABSENT:
            return self._settings.absent
        if self._hurried:
            lasted = self._clock.monotonic() - self._hurried_at
            longest = self._settings.quiet * (_TOLD_SHARE if self.tells else 1.0)
            return max(self._settings.hurry, min(lasted * _HURRY_SHARE, longest))
        if self._told.condition is not ModemCondition.ON or not self.tells:
            # AT commands end the sleep between two cycles of eDRX.
            return max(self._settings.quiet, self._survey.power.cycle)
        return self._settings.net or None

    def _gone(self, error: PortError) -> None:
        """The modem did not answer: it sleeps, or it is gone."""
        if isinstance(error, ModemError):
            logger.info("%s", error)
            return
        if self._survey.power.fell_silent(self._port.heard_at, self._clock.monotonic()):
            self._asleep()
            return
        if self._told.condition is not ModemCondition.ABSENT:
            logger.warning("the modem is gone: %s", error)
        self._absent()

    def _absent(self) -> None:
        self._survey.view.forget()
        self._modem.sessions.lost()
        self._told.tell(ModemFact(condition=ModemCondition.ABSENT))
        self._due = Part.EVERYTHING

    def _asleep(self) -> bool:
        """Whether the modem sleeps; tells it when that changes."""
        now = self._clock.monotonic()
        self._survey.power.heard(self._port.heard_at)
        remaining = self._survey.power.remaining(now)
        self._told.sleep(remaining, now)
        return remaining > 0

    def _lost(self) -> None:
        """The line was hung up."""
        now = self._clock.monotonic()
        if self._survey.power.remaining(now) or (
            not self._modem.recovering and self._survey.power.fell_silent(self._port.heard_at, now)
        ):
            self._asleep()
        else:
            self._absent()
        self._wake.set()

    def _recovered(self) -> None:
        self._told.forget()
        self._due = Part.EVERYTHING
        self._wake.set()

    def _line(self, line: str) -> None:
        """An unsolicited line."""
        power, now = self._survey.power, self._clock.monotonic()
        slept = power.remaining(now) > 0
        power.line(line, now)
        prefix, _ = split_prefix(line)
        registration = parse_registration(line)
        if registration is not None:
            power.seen(registration)
            self._registration(registration)
        elif is_boot(line):
            self._restarted = not self._modem.recovering
            self._due = Part.EVERYTHING
            if not slept:
                self._modem.sessions.lost()
        elif prefix == "+CGEV":
            self._due |= Part.BEARER
        elif is_sim_change(line) or prefix == "+CPIN":
            self._due |= Part.SIM | Part.BEARER
        elif prefix == "+CFUN":
            self._due |= Part.MODEM
        elif prefix == "%CESQ":
            signal = parse_signal((line,))
            self._told.tell(self._survey.view.signal(signal if signal is not None and signal.known else None))
        self._asleep()
        self._wake.set()

    def _registration(self, entry: Registration) -> None:
        view = self._survey.view
        before, self._survey.untold = view.registered, False
        view.take(entry)
        self._told.tell(view.registration())
        if view.network_unknown:
            self._due |= Part.NETWORK
        if view.registered != before:
            # Without registration there may be no radio either: flight mode has no event of its own.
            self._due |= Part.BEARER | (Part.NOTHING if view.registered else Part.MODEM)
        if self._told.condition is not ModemCondition.ON:
            self._due |= Part.MODEM
        if view.denied_without_cause:
            self._due |= Part.REGISTRATION

    async def _pause(self) -> None:
        """Wait for an event or for what is due by time."""
        if await self._woken(self._until_next()):
            await self._clock.sleep(self._settings.gather)
            self._wake.clear()

    def _until_next(self) -> float | None:
        """Seconds until something has to be done without any event; None: nothing."""
        if self._held or self._modem.recovering:
            return None
        now = self._clock.monotonic()
        remaining = self._survey.power.remaining(now)
        if remaining:
            return remaining + _AWAKE_MARGIN
        moments = [self._survey.power.changes_at(now)]
        interval = self._interval()
        moments.append(None if interval is None else self._looked_at + interval)
        if self._settings.signal:
            moments.append(self._measured_at + self._settings.signal)
        moments.append(self._settled_at())
        if self._due and self._told.condition is not ModemCondition.ABSENT:
            moments.append(now + _STARTING)
        waits = [moment - now for moment in moments if moment is not None]
        return max(0.0, min(waits)) if waits else None

    async def _woken(self, seconds: float | None) -> bool:
        """Whether an event came before `seconds` passed."""
        waiter = asyncio.ensure_future(self._wake.wait())
        try:
            if seconds is None:
                return await waiter
            return await within(self._clock, seconds, waiter)
        except TimeoutError:
            return False
        finally:
            waiter.cancel()
