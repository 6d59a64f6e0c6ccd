"""Facts of the modem in the terms of policy."""

from __future__ import annotations

from typing import Final

from ipad.board import Board
from ipad.modem.facts import (
    BearerFact,
    ModemFact,
    RadioFact,
    RegistrationFact,
    SignalFact,
    SimFact,
)
from ipad.policy.countries import country_of
from ipad.policy.events import (
    Antenna,
    Bearer,
    Event,
    ModemChanged,
    ModemState,
    Registration,
    SignalSample,
    SimShown,
    Sleep,
)
from ipad.policy.radio import Access, state_of
from ipad.policy.rules import Trigger
from ipad.policy.settings import Settings

_SHORTEST: Final = 60.0
"""Seconds between measurements of the signal, at the least."""


def radio_event(fact: RadioFact) -> Event | None:
    """What policy is to be told of a fact; None for one that means nothing to it."""
    match fact:
        case RegistrationFact():
            plmn = None if fact.plmn is None else fact.plmn.mcc + fact.plmn.mnc
            return Registration(
                state=state_of(fact.status),
                access=None if fact.technology is None else Access(fact.technology),
                cause=fact.cause,
                plmn=plmn,
                country=None if plmn is None else country_of(plmn),
            )
        case SignalFact():
            return SignalSample(access=Access(fact.technology), dbm=fact.dbm)
        case SimFact():
            return SimShown(iccid=None if fact.iccid is None else str(fact.iccid))
        case ModemFact():
            return ModemChanged(state=ModemState(fact.condition), antenna=Antenna(fact.antenna))
        case BearerFact():
            return Bearer(session=fact.session)
        case _:
            return Sleep(seconds=fact.seconds)


def technologies(board: Board) -> tuple[Access, ...]:
    """The radio technologies of a board, for `Boot`."""
    return tuple(Access(technology) for technology in board.rats)


def signal_interval(settings: Settings) -> float:
    """Seconds between measurements of the signal that policy needs; 0: what is seen anyway is enough."""
    times = [settings.poll.weak_time] if settings.poll.weak_time else []
    rules = (rule for rule in settings.rules.values() if rule.enabled and rule.trigger is Trigger.WEAK_SIGNAL)
    times += [rule.holding for rule in rules]
    return min((max(_SHORTEST, time / 3) for time in times), default=0.0)
