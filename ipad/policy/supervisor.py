"""The supervisor: one event in, the next state and the decisions out.

Order of thought in every step: what happened; what counts from now on; and then, at most one thing that touches the
modem or the card, the most important first: a profile on trial, a loss that is permanent, the way back, a rung of the
ladder, a rule. Looks and polls do not disturb and are decided beside.
"""

from __future__ import annotations

from typing import Final

from ipad.policy import conditions, fallback, polling, recovery, supervision
from ipad.policy.causes import RejectKind, describe_cause, reject_kind
from ipad.policy.choice import choose
from ipad.policy.decisions import Commit, Decision, Report, ReportKind, WaitUntil
from ipad.policy.events import Event, Layer, Tick
from ipad.policy.intake import take
from ipad.policy.radio import RegistrationState
from ipad.policy.settings import Settings
from ipad.policy.situation import observe
from ipad.policy.state import State
from ipad.policy.stopwatch import earliest
from ipad.records import dataclass, replace

LEAST_WAIT: Final = 1.0
"""Seconds until the supervisor wants to be asked again at the soonest."""

LONGEST_WAIT: Final = 3600.0
"""Seconds after which it wants to be asked at the latest, so that a missed moment never lasts."""

_NEWS: Final = (RejectKind.PERMANENT, RejectKind.UNPROVISIONED, RejectKind.DEVICE)
"""Refusals that a person should know of at once: they are about the subscription or the device."""

TELL_AFTER: Final = 60.0
"""Seconds offline before a loss is reported: shorter ones are no news."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What one event led to. The last decision is always `WaitUntil`."""

    state: State
    decisions: tuple[Decision, ...]

    @property
    def wake_at(self) -> float:
        """When to come back."""
        last = self.decisions[-1]
        assert isinstance(last, WaitUntil)
        return last.at


def step(settings: Settings, state: State, event: Event, now: float) -> Step:
    """Take one event at the monotonic moment `now`. Pure: the same arguments give the same answer."""
    before = state.situation
    state = replace(state, situation=observe(before, event, now))
    state, decisions = take(settings, state, event, before, now)
    state = _follow(settings, state, now)
    if not state.situation.emergency:
        state, chosen, looks = choose(settings, state, now)
        decisions = (*decisions, *chosen)
    else:
        looks = None
    state, reports = _tell(state, settings, decisions, now)
    wake = earliest(looks, *_moments(settings, state, now)) or now + LONGEST_WAIT
    at = min(max(wake, now + LEAST_WAIT), now + LONGEST_WAIT)
    return Step(state=state, decisions=(*decisions, *reports, WaitUntil(at=at)))


def tick(settings: Settings, state: State, now: float) -> Step:
    """Nothing happened but time."""
    return step(settings, state, Tick(), now)


def _follow(settings: Settings, state: State, now: float) -> State:
    """Let every count run or stand as the situation says."""
    s, dead = state.situation, settings.fallback.dead_probes
    window = state.window
    lost = state.fallback
    if window is not None:
        window = supervision.turned(window, s, now)
    else:
        lost = fallback.watch_loss(lost, s, settings.fallback, now)
    return replace(
        state,
        window=window,
        fallback=fallback.forget_failures(lost, settings.fallback, now),
        recovery=recovery.watch_fault(state.recovery, s, settings.recovery, dead, now),
        polls=polling.note_weakness(polling.note_network(state.polls, s, settings.poll), s, settings.poll, now),
        stay=conditions.follow_stay(state.stay, s, now),
    )


def _tell(
    state: State, settings: Settings, decisions: tuple[Decision, ...], now: float
) -> tuple[State, tuple[Decision, ...]]:
    """Report the beginning and the end of a loss, and what the network refuses, each once."""
    s = state.situation
    if s.registered and state.told_cause is not None:
        state = replace(state, told_cause=None)
    if s.state is RegistrationState.DENIED and s.cause != state.told_cause and reject_kind(s.cause) in _NEWS:
        text = f"refused with {describe_cause(s.cause or 0)}"
        report = Report(kind=ReportKind.REJECTED, text=text, layer=Layer.REGISTERED)
        return replace(state, told_cause=s.cause), (report,)
    if state.told:
        back = s.verdict.works or any(isinstance(decision, Commit) for decision in decisions)
        report = Report(kind=ReportKind.BACK, text="packets come back again")
        return (replace(state, told=False), (report,)) if back else (state, ())
    layer = s.failing(settings.fallback.dead_probes)
    if layer is None or state.window is not None or state.fallback.loss.value(now) < TELL_AFTER:
        return state, ()
    text = f"offline at layer {layer}{f': {s.failure}' if s.failure else ''}"
    return replace(state, told=True), (Report(kind=ReportKind.LOSS, text=text, layer=layer),)


def _moments(settings: Settings, state: State, now: float) -> tuple[float | None, ...]:
    """When something happens by time alone, beside what `choose` names."""
    s = state.situation
    lost = state.fallback.loss
    return (
        s.awake_at if s.awake_at is not None and s.awake_at > now else None,
        state.pending.at + settings.supervision.action_limit if state.pending is not None else None,
        polling.next_look(state.polls, state.probes, s, settings.poll, now),
        lost.reaches(TELL_AFTER, now) if lost.running and not state.told else None,
    )
