"""Rules of an operator: a trigger, how long it must hold, and what to do then.

A rule is data. What it may ask for depends on the eUICC: of an IoT eUICC the IPA may only roll back, fall back and
return (SGP.32 5.9.16, 5.9.20, 5.9.21), every other change of profile is the eIM's; a consumer eUICC has none of these
functions, there the device itself enables profiles (SGP.22 5.7.16).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Final, Literal

from ipad.policy.countries import COUNTRIES
from ipad.policy.decisions import Notice
from ipad.policy.events import EuiccKind
from ipad.policy.radio import Access
from ipad.records import dataclass, fields
from ipad.toml import Check, Within


class Trigger(StrEnum):
    """What a rule waits for."""

    LOSS_OF_SERVICE = "loss-of-service"
    WEAK_SIGNAL = "weak-signal"
    ROAMING_REFUSED = "roaming-refused"
    PERMANENT_ROAMING = "permanent-roaming"
    DATA_PATH_BROKEN = "data-path-broken"
    SLOW_DATA = "slow-data"
    LOSSY_DATA = "lossy-data"
    FIRST_BOOT = "first-boot"
    EXPIRY = "expiry"
    REFRESH = "refresh"
    POLICY_CHANGED = "policy-changed"


class Deed(StrEnum):
    """What a rule does."""

    POLL = "poll"
    ROLLBACK = "rollback"
    FALLBACK = "fallback"
    RETURN = "return"
    RECOVER = "recover"
    HOOK = "hook"
    ENABLE = "enable"


def _is_date(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text))


Seconds = Annotated[float, Within(0, 366 * 86400, "s")]
Country = Annotated[str, Check(lambda code: code in COUNTRIES, "an ISO 3166 code of a country with an MCC")]
IccidText = Annotated[str, Check(lambda text: bool(re.fullmatch(r"\d{18,20}", text)), "an ICCID of 18 to 20 digits")]
Date = Annotated[str, Check(_is_date, 'a date such as "2027-03-31"')]
Program = Annotated[str, Check(lambda path: path.startswith("/"), "the absolute path of a program")]
Rung = Literal["wait", "cfun4", "cfun0", "simdet", "cfun16", "reset", "power", "hook"]
Cause = Literal["undefined", "local", "fallback"]
TriggerName = Literal[
    "loss-of-service",
    "weak-signal",
    "roaming-refused",
    "permanent-roaming",
    "data-path-broken",
    "slow-data",
    "lossy-data",
    "first-boot",
    "expiry",
    "refresh",
    "policy-changed",
]
DeedName = Literal["poll", "rollback", "fallback", "return", "recover", "hook", "enable"]
AccessName = Literal["gsm", "umts", "lte", "lte-m", "nb-iot", "nr5g"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: `when` it applies, for `hold` seconds, `do` something; not again within `again` seconds.

    below: dBm. access: the technologies that count, empty: all. kbps: floor of the throughput. percent: ceiling of the
    loss. countries: ISO codes, empty: any. days: stay in a country, or time before `date`. every: seconds. cause: state
    change told to the eIM. rung: of the board's ladder. program: hook. profiles: ICCIDs to enable, in turn.
    """

    when: TriggerName
    do: DeedName
    enabled: bool = True
    hold: Seconds | None = None
    again: Annotated[float, Within(60, 366 * 86400, "s")] = 21600.0
    below: Annotated[float, Within(-160, -20, "dBm")] | None = None
    access: tuple[AccessName, ...] = ()
    kbps: Annotated[float, Within(0.1, 1e7, "kbit/s")] | None = None
    percent: Annotated[float, Within(1, 100, "%")] | None = None
    countries: tuple[Country, ...] = ()
    days: Annotated[float, Within(0, 3660, "days")] | None = None
    date: Date | None = None
    every: Annotated[float, Within(3600, 366 * 86400, "s")] | None = None
    cause: Cause | None = None
    rung: Rung | None = None
    program: Program | None = None
    profiles: tuple[IccidText, ...] = ()

    @property
    def trigger(self) -> Trigger:
        return Trigger(self.when)

    @property
    def deed(self) -> Deed:
        return Deed(self.do)

    @property
    def accesses(self) -> tuple[Access, ...]:
        return tuple(Access(name) for name in self.access)

    @property
    def holding(self) -> float:
        """How long the trigger must hold."""
        return self.hold if self.hold is not None else DEFAULT_HOLD.get(self.trigger, 0.0)

    @property
    def notice(self) -> Notice:
        """The state change that an early poll reports."""
        return Notice[(self.cause or "undefined").upper()]


DEFAULT_HOLD: Final = {
    Trigger.LOSS_OF_SERVICE: 600.0,
    Trigger.WEAK_SIGNAL: 600.0,
    Trigger.ROAMING_REFUSED: 600.0,
    Trigger.DATA_PATH_BROKEN: 300.0,
    Trigger.SLOW_DATA: 600.0,
    Trigger.LOSSY_DATA: 600.0,
}
"""Seconds, for triggers that must hold; the others are moments."""

_NEEDED: Final = {
    Trigger.PERMANENT_ROAMING: ("days",),
    Trigger.SLOW_DATA: ("kbps",),
    Trigger.LOSSY_DATA: ("percent",),
    Trigger.EXPIRY: ("date",),
    Trigger.REFRESH: ("every",),
    Deed.RECOVER: ("rung",),
    Deed.HOOK: ("program",),
    Deed.ENABLE: ("profiles",),
}
_OPTIONAL: Final = {
    Trigger.WEAK_SIGNAL: ("below", "access"),
    Trigger.PERMANENT_ROAMING: ("countries",),
    Trigger.EXPIRY: ("days",),
    Deed.POLL: ("cause",),
}
_ALWAYS: Final = ("when", "do", "enabled", "again")
_NETWORK: Final = frozenset(DEFAULT_HOLD)
"""Triggers that say that the present profile serves badly."""

_IOT_REFUSAL: Final = (
    "SGP.32 leaves the choice of a profile to the eIM; of an IoT eUICC the device may only roll back, fall back and "
    "return"
)
_CONSUMER_REFUSAL: Final = "an SGP.22 eUICC has no such function"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a rule cannot be, at which of its keys, and what would do."""

    key: str
    problem: str
    hint: str | None = None


def refusals(rule: Rule, kind: EuiccKind) -> Iterator[Refusal]:
    """Everything that is wrong with a rule on this kind of eUICC."""
    yield from _missing_or_useless(rule)
    deed = rule.deed
    if kind is EuiccKind.IOT and deed is Deed.ENABLE:
        yield Refusal("do", _IOT_REFUSAL, 'use do = "fallback", or do = "poll" to ask the eIM')
    if kind is EuiccKind.CONSUMER and deed in (Deed.ROLLBACK, Deed.FALLBACK, Deed.RETURN):
        yield Refusal("do", _CONSUMER_REFUSAL, 'use do = "enable" with profiles = [...]')
    if deed in (Deed.ROLLBACK, Deed.FALLBACK) and rule.trigger not in _NETWORK:
        what = "undoes" if deed is Deed.ROLLBACK else "gives up"
        yield Refusal(
            "do",
            f"{deed} {what} a profile that does not serve, which {rule.trigger} does not say",
            'use do = "poll" to ask the eIM for another profile',
        )
    if deed in (Deed.FALLBACK, Deed.ENABLE) and rule.trigger in _NETWORK and rule.holding < SHORTEST_SWITCH:
        yield Refusal(
            "hold", f"a change of profile after less than {SHORTEST_SWITCH:g} s would follow every short outage"
        )
    if deed is Deed.ENABLE and len(set(rule.profiles)) != len(rule.profiles):
        yield Refusal("profiles", "a profile is named twice")


SHORTEST_SWITCH: Final = 60.0
"""Seconds that a bad state must last at least before a rule changes the profile."""


def _missing_or_useless(rule: Rule) -> Iterator[Refusal]:
    needed = (*_NEEDED.get(rule.trigger, ()), *_NEEDED.get(rule.deed, ()))
    useful = {*_ALWAYS, *needed, *_OPTIONAL.get(rule.trigger, ()), *_OPTIONAL.get(rule.deed, ())}
    if rule.trigger in _NETWORK:
        useful.add("hold")
    for key in needed:
        if getattr(rule, key) in (None, ()):
            owner = rule.deed if key in _NEEDED.get(rule.deed, ()) else rule.trigger
            yield Refusal("", f"{owner} needs the key {key}")
    for item in fields(rule):
        if item.name not in useful and getattr(rule, item.name) != item.default:
            yield Refusal(item.name, f"has no meaning with {rule.trigger} and {rule.deed}")
