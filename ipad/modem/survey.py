"""Looks at a modem: the commands that read its state, and the facts that follow from the answers.

What is asked for depends on what may have changed, so that an event costs a command or two and not a dozen.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from enum import Flag, auto
from typing import Final

from ipad.errors import IpadError, PortError
from ipad.modem.facts import BearerFact, ModemCondition, ModemFact, RadioFact
from ipad.modem.modem import Modem
from ipad.modem.power_saving import PowerSaving
from ipad.modem.power_timers import parse_edrx
from ipad.modem.radio_view import RadioView, SimView
from ipad.modem.registration import RegistrationStatus
from ipad.modem.rungs import Rungs

logger = logging.getLogger(__name__)

Session = Callable[[], Awaitable[str | None]]
"""Names the data bearer; None without one. May raise PortError, or another IpadError when it cannot say."""

_MINIMUM: Final = 0
_FULL: Final = 1
_RADIO_OFF: Final = 4


class Part(Flag):
    """What can be read."""

    NOTHING = 0
    MODEM = auto()
    SIM = auto()
    REGISTRATION = auto()
    NETWORK = auto()
    BEARER = auto()
    SIGNAL = auto()
    POWER = auto()
    EVERYTHING = MODEM | SIM | REGISTRATION | NETWORK | BEARER | SIGNAL | POWER


class Survey:
    """Reads a modem and tells what it found. `session` stands in for the modem's own count of bearers."""

    def __init__(self, modem: Modem, tell: Callable[[RadioFact], None], session: Session | None = None) -> None:
        self._modem = modem
        self._tell = tell
        self._session = session
        self.view = RadioView(modem.board)
        self.sim = SimView(modem.board.refresh.settle)
        self.power = PowerSaving(modem.board.power_saving.asleep)
        self.untold = False
        """Whether a look found a change that the modem should have told."""

    async def read(self, part: Part) -> None:
        """Read and tell. Raises PortError when the modem is gone or silent."""
        with self._modem.one_look():
            await self._read(part)

    async def _read(self, part: Part) -> None:
        if Part.REGISTRATION in part or Part.MODEM in part:
            await self._registration()
        if Part.MODEM in part and not await self._is_on():
            return
        if self.view.registered and (Part.NETWORK in part or self.view.network_unknown):
            self.view.serve(await self._modem.operator())
        if self.view.heard:
            self._tell(self.view.registration())
        if Part.SIM in part:
            await self._sim()
        if Part.BEARER in part:
            await self._bearer()
        if Part.SIGNAL in part:
            self._tell(self.view.signal(await self._modem.signal()))
        if Part.POWER in part and self._modem.board.power_saving.psm != "ignore":
            await self._power()

    async def _registration(self) -> None:
        subscription = await self._modem.subscribe()
        domains = await self._modem.registration()
        for domain, entry in domains.items():
            self.power.seen(entry)
            if subscription.forgotten(domain, entry.n):
                logger.warning("%s: the modem forgot what it was to tell", self._modem.port.name)
                self._modem.subscription_lost()
            elif domain in subscription.registration and domain != "CREG" and self.view.differs(entry):
                self.untold = True
        if self._modem.subscription is subscription:
            await self._modem.subscribe()
        self.view.replace(domains)
        if self.view.denied_without_cause:
            self.view.refuse(await self._modem.reject_cause())

    async def _is_on(self) -> bool:
        condition = await self._condition()
        if self._modem.recovering:
            # A recovery began meanwhile: what is off now is off for a moment, by our own doing.
            return False
        self._tell(ModemFact(condition=condition))
        return condition is ModemCondition.ON

    async def _condition(self) -> ModemCondition:
        """Off and flight mode count only where somebody else asked for them: what the agent itself did is put right."""
        functionality = await self._modem.functionality()
        if functionality in (None, _FULL) or self._modem.recovering:
            if functionality == _FULL and not self._modem.recovering:
                await self._modem.note_begun("")
            return ModemCondition.ON
        if self._modem.begun:
            logger.warning("%s: switched on again after a recovery that was cut off", self._modem.port.name)
            await Rungs(self._modem).ensure_on()
            return ModemCondition.ON
        if functionality == _MINIMUM:
            return ModemCondition.OFF
        packet = self.view.packet
        # Other values than 4 are flight mode on some modems and mere power saving on others.
        idle = packet is None or packet.stat is RegistrationStatus.NOT_SEARCHING
        return ModemCondition.FLIGHT if functionality == _RADIO_OFF or idle else ModemCondition.ON

    async def _sim(self) -> None:
        iccid = await self._modem.iccid()
        now = self._modem.clock.monotonic()
        self._modem.sessions.card(iccid, now)
        state = await self._modem.sim_state()
        fact = self.sim.see(iccid, state.condition, now)
        if fact is not None and not self._modem.recovering:
            self._tell(fact)

    async def _bearer(self) -> None:
        """A bearer belongs to a registration: without one, none is asked for."""
        attached = await self._modem.attached()
        if self._session is not None:
            try:
                session = await self._session()
            except PortError:
                raise
            except IpadError as error:
                logger.info("the bearer is not known: %s", error)
                return
        else:
            session = await self._own_session(attached)
        self._tell(BearerFact(session=session, attached=attached))

    async def _own_session(self, attached: bool | None) -> str | None:
        bearer = await self._modem.active_bearer() if self.view.registered and attached is not False else None
        sessions = self._modem.sessions
        if bearer is None:
            sessions.lost()
            return None
        return sessions.name(bearer.addresses, self._modem.clock.monotonic())

    async def _power(self) -> None:
        setting = await self._modem.power_saving()
        if setting is not None:
            self.power.asked(setting)
        cycle = parse_edrx(await self._modem.edrx() or "")
        if cycle is not None:
            self.power.cycle = cycle
