"""What the rules of the operator do, within the limits that policy keeps for itself.

A rule never acts while another action is under way, never without regard to the budget of switches, and undoes or gives
up a profile only where the built-in policy could: a rule changes when, not whether it may.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ipad.policy import conditions, fallback, polling, recovery
from ipad.policy.conditions import Facts, RuleState
from ipad.policy.decisions import (
    Decision,
    EnableProfile,
    ExecuteFallback,
    Recover,
    ReturnFromFallback,
    Rollback,
    RunHook,
)
from ipad.policy.events import Action, EuiccKind
from ipad.policy.polling import Wish
from ipad.policy.rules import Deed, Rule
from ipad.policy.settings import Settings
from ipad.policy.state import Pending, State
from ipad.policy.stopwatch import Instant
from ipad.policy.supervision import Remedy
from ipad.records import dataclass, replace

Done = tuple[State, Decision | None] | None
"""The state and the decision, if there is one to carry out; None when the deed is not possible now."""


@dataclass(frozen=True, slots=True)
class Order:
    """A rule that is due, and all that its deed may need."""

    settings: Settings
    state: State
    name: str
    rule: Rule
    reason: str
    now: float

    def pending(self, action: Action, target: str | None = None, **changes: Any) -> State:
        """The state with an action under way, and other changes."""
        return replace(self.state, pending=Pending(action=action, at=Instant(self.now), target=target), **changes)

    @property
    def may_switch(self) -> bool:
        """Whether a change of profile is possible: nothing under way or on trial, something left of the budget."""
        state, kept = self.state, self.state.fallback
        if state.pending is not None or state.window is not None or state.situation.blind(self.now) is not None:
            return False
        if kept.retry_at is not None and kept.retry_at > self.now:
            return False
        return kept.switches.permits(self.settings.fallback.switches, self.now)


def apply_rules(settings: Settings, state: State, now: float) -> tuple[State, tuple[Decision, ...]]:
    """Follow every rule and do what is due. A deed that is not possible now stays due."""
    decisions: list[Decision] = []
    waiting = False
    for name, rule in settings.rules.items():
        if not rule.enabled:
            continue
        memory = state.rules.get(name, RuleState())
        facts = Facts(dead_probes=settings.fallback.dead_probes, stay=state.stay, policy_changed=state.policy_changed)
        reason = conditions.holds(rule, memory, state.situation, facts, now)
        memory = conditions.follow(memory, applies=reason is not None, now=now)
        state = state.with_rule(name, memory)
        if reason is None or not conditions.is_due(rule, memory, now):
            continue
        text = f"rule {name}: {reason}"
        done = _DEEDS[rule.deed](Order(settings, state, name, rule, text, now))
        if done is None:
            waiting = True
            continue
        state, decision = done
        state = state.with_rule(name, conditions.fired(memory, now)).noted(f"{rule.deed} by a rule", text, now)
        if decision is not None:
            decisions.append(decision)
    return replace(state, policy_changed=state.policy_changed and waiting), tuple(decisions)


def _poll(order: Order) -> Done:
    wish = Wish(reason=order.reason, notice=order.rule.notice)
    return replace(order.state, polls=polling.wish(order.state.polls, wish)), None


def _hook(order: Order) -> Done:
    return order.state, RunHook(program=order.rule.program or "", rule=order.name, reason=order.reason)


def _rollback(order: Order) -> Done:
    window = order.state.window
    if order.state.pending is not None or window is None or Remedy.ROLLBACK not in window.remedies:
        return None
    if window.retry_at is not None and window.retry_at > order.now:
        return None
    return order.pending(Action.ROLLBACK, window.previous), Rollback(reason=order.reason)


def _fallback(order: Order) -> Done:
    s = order.state.situation
    if not order.may_switch or not fallback.available(order.state.fallback, s, order.settings.fallback):
        return None
    return order.pending(Action.FALLBACK, s.fallback), ExecuteFallback(reason=order.reason)


def _return(order: Order) -> Done:
    kept = order.state.fallback
    if not order.may_switch or not order.settings.fallback.enabled:
        return None
    if not fallback.may_return(kept, order.state.situation):
        return None
    return order.pending(Action.RETURN, kept.former), ReturnFromFallback(reason=order.reason)


def _enable(order: Order) -> Done:
    s, rule = order.state.situation, order.rule
    if s.kind is not EuiccKind.CONSUMER or not order.may_switch:
        return None
    place = rule.profiles.index(s.enabled) if s.enabled in rule.profiles else -1
    in_turn = (*rule.profiles[place + 1 :], *rule.profiles[: max(place, 0)])
    others = [iccid for iccid in in_turn if iccid in s.installed]
    if not others:
        return None
    # The one that failed last time brought the present profile back: the turn goes on behind it.
    target = others[order.state.rules[order.name].fired % len(others)]
    quota, kept = order.settings.fallback.switches, order.state.fallback
    spent = replace(kept, switches=kept.switches.spend(quota, order.now))
    return order.pending(Action.ENABLE, target, fallback=spent), EnableProfile(iccid=target, reason=order.reason)


def _recover(order: Order) -> Done:
    rung, state, settings = order.rule.rung or "", order.state, order.settings.recovery
    if state.pending is not None or state.situation.blind(order.now) is not None or rung not in state.situation.rungs:
        return None
    after = recovery.ordered(state.recovery, rung, settings, order.now)
    if after is None:
        return None
    return order.pending(Action.RECOVER, recovery=after), Recover(rung=rung, step=0, reason=order.reason)


_DEEDS: dict[Deed, Callable[[Order], Done]] = {
    Deed.POLL: _poll,
    Deed.HOOK: _hook,
    Deed.ROLLBACK: _rollback,
    Deed.FALLBACK: _fallback,
    Deed.RETURN: _return,
    Deed.RECOVER: _recover,
    Deed.ENABLE: _enable,
}
