"""The choice of what to do: at most one thing that touches modem or card, and the looks and polls beside."""

from __future__ import annotations

from typing import Final

from ipad.policy import conditions, fallback, polling, recovery, supervision
from ipad.policy.decisions import (
    Commit,
    Decision,
    EnableProfile,
    ExecuteFallback,
    Recover,
    Report,
    ReportKind,
    ReturnFromFallback,
    Rollback,
)
from ipad.policy.deeds import apply_rules
from ipad.policy.events import Action, Origin
from ipad.policy.intake import postponed
from ipad.policy.settings import Settings
from ipad.policy.state import Pending, State
from ipad.policy.stopwatch import Instant, Stopwatch, earliest
from ipad.policy.supervision import Ending, Judgement, Remedy, Window
from ipad.records import replace

_RUNG_TIME: Final = 60.0
"""Seconds that a rung may take: none is begun when a remedy is due before that."""

Choice = tuple[State, tuple[Decision, ...], float | None]
"""The state, the decisions, and when to look again."""


def choose(settings: Settings, state: State, now: float) -> Choice:
    """Everything that is to be done now."""
    state = _give_up_waiting(settings, state, now)
    state, acts, look = _act(settings, state, now)
    state, deeds = apply_rules(settings, state, now)
    on_trial = state.window is not None
    probes, probe = polling.next_probe(
        state.probes, state.situation, settings.poll, settings.supervision, now, on_trial=on_trial
    )
    polls, poll = polling.grant(state.polls, state.situation, settings.poll, now)
    state = replace(state, probes=probes, polls=polls)
    beside = tuple(decision for decision in (probe, poll) if decision is not None)
    facts = [
        conditions.next_look(rule, state.rules[name], state.situation, state.stay, now)
        for name, rule in settings.rules.items()
        if name in state.rules
    ]
    return state, (*acts, *deeds, *beside), earliest(look, *(at for at in facts if at is not None and at > now))


def _give_up_waiting(settings: Settings, state: State, now: float) -> State:
    """An action that was never answered counts as failed."""
    pending = state.pending
    if pending is None or now - pending.at < settings.supervision.action_limit:
        return state
    state = replace(state, pending=None)
    return state if pending.action is Action.RECOVER else postponed(settings, state, pending.action, now)


def _act(settings: Settings, state: State, now: float) -> Choice:
    """The one thing that touches modem or card, if it is time for one."""
    if state.window is not None:
        state, decisions, look = _on_trial(settings, state, state.window, now)
    else:
        state, decisions, look = _steady(settings, state, now)
    if state.pending is not None or any(not isinstance(decision, Commit | Report) for decision in decisions):
        return state, decisions, look
    if state.window is not None and state.window.retry_at is not None and state.window.retry_at < now + _RUNG_TIME:
        return state, decisions, look
    on_trial = state.window is not None
    climb = recovery.next_climb(state.recovery, state.situation, settings.recovery, now, on_trial=on_trial)
    if climb.rung is None:
        return state, decisions, earliest(look, climb.look_at)
    after = recovery.climbed(state.recovery, climb.rung, state.situation, settings.recovery, now)
    state = replace(state, recovery=after, pending=Pending(action=Action.RECOVER, at=Instant(now)))
    act = Recover(rung=climb.rung, step=climb.step, reason=climb.reason)
    if climb.rung in recovery.HARD:
        state = state.noted(f"recovery: {climb.rung}", climb.reason, now)
    return state, (*decisions, act), look


# A profile on trial


def _on_trial(settings: Settings, state: State, window: Window, now: float) -> Choice:
    if state.pending is not None and state.pending.action is not Action.RECOVER:
        return state, (), None  # a change of profile is under way: whatever is seen now is about to end
    dwell = None
    if window.origin in (Origin.FALLBACK, Origin.RETURN) and state.fallback.turns > 1:
        silent = not state.situation.heard
        dwell = supervision.dwell_time(state.fallback.turns, settings.supervision, settings.fallback, silent=silent)
    ladder = state.recovery.ladder(recovery.Fault.NETWORK)
    judgement = supervision.judge_window(
        window,
        state.situation,
        settings.supervision,
        now,
        dwell=dwell,
        rung_until=ladder.due if ladder.climbed and not window.retries else None,
    )
    match judgement.ending:
        case Ending.WAIT:
            return state, (), judgement.look_at
        case Ending.PROVEN | Ending.SETTLED:
            return _committed(state, window, now, proven=judgement.ending is Ending.PROVEN)
        case Ending.FAILED:
            return _remedy(settings, state, window, judgement, now)


def _committed(state: State, window: Window, now: float, *, proven: bool) -> Choice:
    commit = Commit(iccid=window.iccid, origin=window.origin, proven=proven, after=window.watch.value(now))
    state = replace(state, window=None, fallback=fallback.proven(state.fallback))
    return state.noted("commit" if proven else "commit without an eIM", window.iccid, now), (commit,), None


def _remedy(settings: Settings, state: State, window: Window, judgement: Judgement, now: float) -> Choice:
    """The window failed: the first remedy that is left and possible."""
    if state.pending is not None:
        return state, (), None
    if window.retry_at is not None and window.retry_at > now:
        return state, (), window.retry_at
    for remedy in window.remedies:
        if remedy is Remedy.FALLBACK and not fallback.available(state.fallback, state.situation, settings.fallback):
            continue
        if remedy in (Remedy.FALLBACK, Remedy.RETURN):
            due = state.fallback.switches.next_at(settings.fallback.switches, now)
            if due > now:
                return state, (), due
        return _decided(state, remedy, window, judgement.reason, now)
    # Nothing is left for this window. What is still possible later is found by the watch over lasting loss.
    lost = Stopwatch(window.bad.value(now)).turned(now, on=window.bad.running)
    state = replace(state, window=None, told=True, fallback=replace(state.fallback, loss=lost))
    text = f"no other profile may be chosen: {judgement.reason}"
    state = state.noted("stranded", judgement.reason, now)
    return state, (Report(kind=ReportKind.STRANDED, text=text, layer=judgement.layer),), None


def _decided(state: State, remedy: Remedy, window: Window, reason: str, now: float) -> Choice:
    act: Decision
    match remedy:
        case Remedy.ROLLBACK:
            act, action, target = Rollback(reason=reason), Action.ROLLBACK, window.previous
        case Remedy.FALLBACK:
            act, action, target = ExecuteFallback(reason=reason), Action.FALLBACK, state.situation.fallback
        case Remedy.RETURN:
            act, action, target = ReturnFromFallback(reason=reason), Action.RETURN, state.fallback.former
        case Remedy.ENABLE_PREVIOUS:
            assert window.previous is not None
            act, action, target = EnableProfile(iccid=window.previous, reason=reason), Action.ENABLE, window.previous
    undo = remedy is Remedy.ENABLE_PREVIOUS
    pending = Pending(action=action, at=Instant(now), target=target, undo=undo)
    return replace(state, pending=pending).noted(action, reason, now), (act,), None


# No profile on trial


def _steady(settings: Settings, state: State, now: float) -> Choice:
    s, kept = state.situation, state.fallback
    turn = recovery.has_had_turn(state.recovery, s, settings.recovery)
    loss = fallback.judge_loss(kept, s, settings.fallback, now, ladder_done=turn, supervision=settings.supervision)
    if loss.lost:
        return _lost(settings, state, loss.reason, now)
    back = fallback.return_time(kept, s, settings.fallback, now)
    possible = settings.fallback.enabled and state.pending is None and s.blind(now) is None
    # Only from a fallback profile that works: while it does not, the watch over lasting loss decides.
    if back is None or not possible or not (s.verdict.works or kept.return_wanted):
        return state, (), loss.look_at
    if back > now:
        return state, (), earliest(loss.look_at, back)
    if kept.return_wanted:
        reason = "asked for"
    elif kept.active:
        reason = "the former profile may have service again"
    else:
        reason = "the eUICC may know a former profile"
    return _switch(state, Action.RETURN, reason, now)


def _lost(settings: Settings, state: State, reason: str, now: float) -> Choice:
    """Connectivity is lost for good: the other profile, if there is one."""
    kept = state.fallback
    back = fallback.may_return(kept, state.situation)
    possible = back or fallback.available(kept, state.situation, settings.fallback)
    if state.pending is not None or not possible:
        return state, (), None
    due = fallback.earliest_allowed(kept, kept.retry_at or now, settings.fallback, now)
    if due > now:
        return state, (), due
    return _switch(state, Action.RETURN if back else Action.FALLBACK, reason, now)


def _switch(state: State, action: Action, reason: str, now: float) -> Choice:
    returning = action is Action.RETURN
    target = state.fallback.former if returning else state.situation.fallback
    act: Decision = ReturnFromFallback(reason=reason) if returning else ExecuteFallback(reason=reason)
    pending = Pending(action=action, at=Instant(now), target=target)
    return replace(state, pending=pending).noted(action, reason, now), (act,), None
