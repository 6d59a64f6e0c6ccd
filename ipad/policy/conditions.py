"""Whether the trigger of a rule holds, for how long it has, and whether the rule may act again."""

from __future__ import annotations

import datetime as dt
from typing import Final

from ipad.policy.causes import ROAMING_REFUSALS, describe_cause
from ipad.policy.events import Layer
from ipad.policy.radio import WEAK_BELOW, RegistrationState
from ipad.policy.rules import Rule, Trigger
from ipad.policy.situation import Situation
from ipad.policy.stopwatch import STANDING, Instant, Stopwatch, earliest
from ipad.records import dataclass, replace

DAY: Final = 86400.0
_LONGEST_STAY: Final = 3660 * DAY


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleState:
    """`held` counts while the trigger holds. `seen_at` is when the rule was first evaluated."""

    held: Stopwatch = STANDING
    fired_at: Instant | None = None
    fired: int = 0
    seen_at: Instant | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Stay:
    """How long the device roams in a country.

    `watch` counts on the monotonic clock, which does not run while the device is off; `wall` is when the stay began on
    a wall clock that could be believed, and adds what the other one missed.
    """

    country: str | None = None
    watch: Stopwatch = STANDING
    wall: float | None = None

    def days(self, wall: float | None, now: float) -> float:
        """Length of the stay."""
        counted = self.watch.value(now)
        if wall is not None and self.wall is not None and 0 <= wall - self.wall <= _LONGEST_STAY:
            counted = max(counted, wall - self.wall)
        return counted / DAY


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What conditions need beside the situation."""

    dead_probes: int
    stay: Stay
    policy_changed: bool


def follow_stay(stay: Stay, s: Situation, now: float) -> Stay:
    """The stay after a registration: it goes on while the country does, and ends at home."""
    wall = s.wall(now)
    if not s.registered or s.country is None:
        return stay
    if s.state is RegistrationState.HOME:
        return stay if stay == Stay() else Stay()
    if s.country != stay.country:
        return Stay(country=s.country, watch=STANDING.turned(now, on=True), wall=wall)
    if stay.wall is None and wall is not None:
        return replace(stay, wall=wall - stay.watch.value(now))
    return stay if stay.watch.running else replace(stay, watch=stay.watch.turned(now, on=True))


def holds(rule: Rule, state: RuleState, s: Situation, facts: Facts, now: float) -> str | None:  # noqa: PLR0911 - one return for each case
    """Why the trigger applies now; None when it does not."""
    match rule.trigger:
        case Trigger.LOSS_OF_SERVICE:
            layer = s.failing(facts.dead_probes)
            return None if layer is None or s.blind(now) else f"offline at layer {layer}"
        case Trigger.WEAK_SIGNAL:
            return _weak(rule, s, now)
        case Trigger.ROAMING_REFUSED:
            refused = s.state is RegistrationState.DENIED and s.cause in ROAMING_REFUSALS and not s.blind(now)
            return f"refused with {describe_cause(s.cause or 0)}" if refused else None
        case Trigger.DATA_PATH_BROKEN:
            broken = s.failing(facts.dead_probes) is Layer.DNS and not s.blind(now)
            return "registered with a bearer, but nothing comes back" if broken else None
        case Trigger.SLOW_DATA | Trigger.LOSSY_DATA:
            return _bad_data(rule, s, now)
        case Trigger.FIRST_BOOT:
            return "first start of the device" if not state.fired else None
        case Trigger.POLICY_CHANGED:
            return "the policy file changed" if facts.policy_changed else None
        case _:
            return _by_time(rule, state, s, facts, now)


def _weak(rule: Rule, s: Situation, now: float) -> str | None:
    sample = s.signal
    if sample is None or sample.dbm is None or s.blind(now) or (rule.access and sample.access not in rule.accesses):
        return None
    limit = rule.below if rule.below is not None else WEAK_BELOW[sample.access]
    return f"signal of {sample.dbm:g} dBm is below {limit:g} dBm" if sample.dbm < limit else None


def _bad_data(rule: Rule, s: Situation, now: float) -> str | None:
    if not s.connected or s.blind(now):
        return None
    kbps, loss = s.traffic.kbps, s.traffic.loss
    if rule.kbps is not None and kbps is not None and kbps < rule.kbps:
        return f"throughput of {kbps:g} kbit/s is below {rule.kbps:g}"
    if rule.percent is not None and loss is not None and loss > rule.percent:
        return f"loss of {loss:g} % is above {rule.percent:g} %"
    return None


def _by_time(rule: Rule, state: RuleState, s: Situation, facts: Facts, now: float) -> str | None:
    wall = s.wall(now)
    match rule.trigger:
        case Trigger.PERMANENT_ROAMING:
            stay, days = facts.stay, facts.stay.days(wall, now)
            if stay.country is None or (rule.countries and stay.country not in rule.countries):
                return None
            return f"roaming in {stay.country} for {days:.0f} days" if days >= (rule.days or 0) else None
        case Trigger.EXPIRY:
            return None if wall is None or wall < expiry_moment(rule) else f"the subscription ends on {rule.date}"
        case Trigger.REFRESH:
            since = state.fired_at if state.fired_at is not None else state.seen_at
            due = since is not None and rule.every is not None and now - since >= rule.every
            return f"{(rule.every or 0) / 3600:g} hours have passed" if due else None
        case _:
            return None


def expiry_notice(rule: Rule) -> float:
    """Days before its date from which an expiry rule applies."""
    return rule.days if rule.days is not None else 14.0


def expiry_moment(rule: Rule) -> float:
    """Wall clock second (UTC) from which an expiry rule applies."""
    date = dt.date.fromisoformat(rule.date or "9999-12-31")
    end = dt.datetime(date.year, date.month, date.day, tzinfo=dt.UTC)
    return end.timestamp() - expiry_notice(rule) * DAY


def follow(state: RuleState, *, applies: bool, now: float) -> RuleState:
    """The state of a rule whose trigger applies or not: an interruption begins the holding time anew."""
    seen = state.seen_at if state.seen_at is not None else Instant(now)
    held = state.held.turned(now, on=True) if applies else STANDING
    return state if held == state.held and seen == state.seen_at else replace(state, held=held, seen_at=seen)


def is_due(rule: Rule, state: RuleState, now: float) -> bool:
    """Whether a rule whose trigger applies acts now."""
    rested = state.fired_at is None or now - state.fired_at >= _rest(rule)
    return rested and state.held.value(now) >= rule.holding


def _rest(rule: Rule) -> float:
    return rule.every if rule.every is not None else rule.again


def next_look(rule: Rule, state: RuleState, s: Situation, stay: Stay, now: float) -> float | None:
    """When a rule may act if nothing changes."""
    moment: float | None = None
    if state.held.running:
        moment = state.held.reaches(rule.holding, now)
    elif rule.trigger is Trigger.REFRESH and rule.every is not None and state.seen_at is not None:
        moment = max(state.seen_at, state.fired_at or state.seen_at) + rule.every
    elif rule.trigger is Trigger.EXPIRY and s.offset is not None:
        moment = expiry_moment(rule) - s.offset
    elif rule.trigger is Trigger.PERMANENT_ROAMING and stay.country is not None:
        moment = now + max(0.0, (rule.days or 0) - stay.days(s.wall(now), now)) * DAY
    if moment is None:
        return None
    rested = state.fired_at + _rest(rule) if state.fired_at is not None else None
    return max(moment, rested) if rested is not None else earliest(moment)


def fired(state: RuleState, now: float) -> RuleState:
    """The rule acted."""
    return replace(state, fired_at=Instant(now), fired=state.fired + 1)
