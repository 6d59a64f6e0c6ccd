"""Everything that policy knows and remembers, as one immutable value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ipad.policy.conditions import RuleState, Stay
from ipad.policy.events import Action, Origin
from ipad.policy.fallback import FallbackState
from ipad.policy.polling import PollState, ProbeState
from ipad.policy.recovery import RecoveryState
from ipad.policy.situation import Situation
from ipad.policy.stopwatch import Instant
from ipad.policy.supervision import Window
from ipad.records import dataclass, field, replace

HISTORY: Final = 32
"""Decisions that are remembered for people."""

ORIGIN_OF_ACTION: Final = {
    Action.ROLLBACK: Origin.ROLLBACK,
    Action.FALLBACK: Origin.FALLBACK,
    Action.RETURN: Origin.RETURN,
    Action.ENABLE: Origin.LOCAL,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Pending:
    """An action that was decided and whose end was not told yet. `target` is the profile that will be enabled.

    `undo`: it brings the profile of before back, so that there is nothing left to bring back after it.
    """

    action: Action
    at: Instant
    target: str | None = None
    undo: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One decision of the past: what, why, when (wall clock, if it could be believed)."""

    what: str
    why: str
    at: Instant
    wall: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """The whole of policy.

    `told` is set while a loss was reported and has not ended, `told_cause` is the reject cause that was reported.
    """

    situation: Situation = field(default_factory=Situation)
    window: Window | None = None
    pending: Pending | None = None
    fallback: FallbackState = field(default_factory=FallbackState)
    recovery: RecoveryState = field(default_factory=RecoveryState)
    polls: PollState = field(default_factory=PollState)
    probes: ProbeState = field(default_factory=ProbeState)
    stay: Stay = field(default_factory=Stay)
    rules: Mapping[str, RuleState] = field(default_factory=dict)
    digest: str | None = None
    policy_changed: bool = False
    told: bool = False
    told_cause: int | None = None
    history: tuple[Entry, ...] = ()

    def with_rule(self, name: str, rule: RuleState) -> State:
        """With the state of one rule exchanged."""
        return self if self.rules.get(name) == rule else replace(self, rules={**self.rules, name: rule})

    def noted(self, what: str, why: str, now: float) -> State:
        """With one more entry in the history."""
        entry = Entry(what=what, why=why, at=Instant(now), wall=self.situation.wall(now))
        return replace(self, history=(*self.history, entry)[-HISTORY:])
