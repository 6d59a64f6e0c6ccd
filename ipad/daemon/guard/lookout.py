"""Watches modem and bearer while they are open, and tells policy what they show."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from ipad.bearer.backend import BearerBackend
from ipad.clock import Clock
from ipad.daemon.radio_events import radio_event, signal_interval
from ipad.endings import called_off
from ipad.errors import BearerError
from ipad.modem.modem import Modem
from ipad.modem.watch import BearerFact, RadioFact, RadioWatch, WatchSettings

if TYPE_CHECKING:
    from ipad.daemon.guard.guard import Guard

logger = logging.getLogger(__name__)

_DOUBT: Final = 30.0
_DOUBT_LIMIT: Final = 3600.0
"""Seconds between looks along a path that the modem does not show, at first and at the most."""


class Lookout:
    """The watch over one open modem, for a guard."""

    def __init__(self, modem: Modem, bearer: BearerBackend, clock: Clock, guard: Guard) -> None:
        self._bearer = bearer
        self._clock = clock
        self._sessions = modem.sessions
        self._sessions.hidden = guard.hidden
        self._guard = guard
        self._faint = False
        self._up = False
        self._asking: asyncio.Task[None] | None = None
        self.ask_again: Callable[[], Coroutine[Any, Any, None]] | None = None
        """Asks for the link anew; called when it was lost while the modem is registered."""
        settings = WatchSettings(signal=signal_interval(guard.engine.settings))
        self._watch = RadioWatch(modem, clock, self._tell, settings, session=self._session)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch as long as the context lasts."""
        working = [asyncio.ensure_future(self._watch.run()), asyncio.ensure_future(self._doubt())]
        self._guard.hurry = self._watch.hurry
        try:
            yield
        finally:
            self._guard.hurry = lambda _on: None
            await called_off(*working, *([self._asking] if self._asking is not None else []))

    async def look(self, *, anew: bool = True) -> None:
        """Read everything once and tell all of it; unless `anew`, only what was not read yet."""
        await self._watch.look(anew=anew)

    def reached(self) -> None:
        """An eIM was reached. A modem that is registered and never showed a bearer hides it: that it shows none is no
        sign of loss. Whether the answer came over the modem at all is only known where the interface is configured."""
        if self._may_hide:
            logger.warning("the modem does not show its data link: its registration stands for it from now on")
            self._sessions.hidden = self._guard.hidden = True
            self._asking = asyncio.ensure_future(self._watch.look())

    @property
    def _may_hide(self) -> bool:
        """Whether the modem is registered and never showed a bearer."""
        s = self._guard.situation
        return s.registered and s.bearer is None and not self._sessions.visible and not self._sessions.hidden

    async def _doubt(self) -> None:
        """Look whether an eIM can be reached although no bearer was ever shown; a profile on trial is not judged so."""
        pause = _DOUBT
        while not self._sessions.visible and not self._sessions.hidden:
            await self._clock.sleep(pause)
            if self._may_hide and not self._guard.on_trial:
                if await self._guard.reaches_eim():
                    self.reached()
                pause = min(pause * 2.0, _DOUBT_LIMIT)

    def hold(self, on: bool) -> None:
        """Ask the modem nothing while the eUICC is busy; its events are still heard."""
        self._watch.hold(on)

    async def _session(self) -> str | None:
        """The name of the link; a back end that cannot tell has none."""
        try:
            session = await self._bearer.session()
        except BearerError as error:
            logger.log(logging.DEBUG if self._faint else logging.WARNING, "the link cannot be seen: %s", error)
            self._faint = True
            return None
        self._faint = False
        self._guard.hidden = self._sessions.hidden
        return session

    def _tell(self, fact: RadioFact) -> None:
        event = radio_event(fact)
        if event is not None:
            self._guard.feed(event)
        if isinstance(fact, BearerFact):
            lost, self._up = self._up and fact.session is None, fact.session is not None
            if lost and self._guard.situation.registered and self.ask_again is not None:
                self._asking = asyncio.ensure_future(self.ask_again())
