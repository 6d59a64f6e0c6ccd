"""What an event does to the state beyond the situation: windows open, actions end, wishes arise."""

from __future__ import annotations

from ipad.policy import fallback, polling, recovery, supervision
from ipad.policy.decisions import Decision, Notice, Report, ReportKind, Silence
from ipad.policy.events import (
    Action,
    ActionResult,
    Boot,
    CardRead,
    Emergency,
    Event,
    Origin,
    Outcome,
    PollDone,
    PollFailed,
    PollWanted,
    ProfileChanged,
    ReturnWanted,
    RulesLoaded,
)
from ipad.policy.polling import ProbeState, Wish
from ipad.policy.settings import Settings
from ipad.policy.situation import Situation
from ipad.policy.state import ORIGIN_OF_ACTION, State
from ipad.policy.stopwatch import Instant
from ipad.policy.supervision import Remedy, Window
from ipad.records import replace

Taken = tuple[State, tuple[Decision, ...]]

_NOTICE = {
    Origin.FALLBACK: Notice.FALLBACK,
    Origin.RETURN: Notice.FALLBACK,
    Origin.IMMEDIATE: Notice.IMMEDIATE_ENABLE_PROFILE,
    Origin.LOCAL: Notice.LOCAL,
    Origin.EMERGENCY: Notice.EMERGENCY_PROFILE,
}
_REMEDY = {
    Action.ROLLBACK: Remedy.ROLLBACK,
    Action.FALLBACK: Remedy.FALLBACK,
    Action.RETURN: Remedy.RETURN,
    Action.ENABLE: Remedy.ENABLE_PREVIOUS,
}


def take(settings: Settings, state: State, event: Event, before: Situation, now: float) -> Taken:
    """The state after an event; `before` is the situation that the event changed."""
    match event:
        case Boot():
            return _boot(settings, state, event, now), ()
        case CardRead():
            return _card(settings, state, event, before, now)
        case ProfileChanged():
            return _switched(settings, state, event, before, now), ()
        case ActionResult():
            return _ended(settings, state, event, now)
        case Emergency():
            return _emergency(state, event, before)
        case _:
            return _small(settings, state, event, now), ()


def _small(settings: Settings, state: State, event: Event, now: float) -> State:
    """Events that change one count or one wish."""
    match event:
        case PollDone():
            return replace(state, polls=polling.spent(state.polls, settings.poll, now))
        case PollFailed():
            polls = polling.spent(state.polls, settings.poll, now)
            return replace(state, polls=polls, probes=polling.asked(state.probes, now))
        case PollWanted():
            return replace(state, polls=polling.wish(state.polls, Wish(reason=event.reason, urgent=True)))
        case ReturnWanted():
            possible = fallback.may_return(state.fallback, state.situation)
            return replace(state, fallback=replace(state.fallback, return_wanted=possible))
        case RulesLoaded():
            changed = state.digest is not None and state.digest != event.digest
            return replace(state, digest=event.digest, policy_changed=state.policy_changed or changed)
        case _:
            return state


def _boot(settings: Settings, state: State, event: Boot, now: float) -> State:
    """Go on where the last run was interrupted. An action without a known end is looked up on the card."""
    window = state.window
    if window is not None and event.reboot:
        window = supervision.resumed(window, settings.supervision, now)
    polls = state.polls
    spread = max(0.0, state.situation.chance * settings.poll.boot_spread - event.uptime)
    not_before = Instant(now + spread) if event.reboot else None
    if settings.poll.on_boot:
        urgent = window is not None
        polls = polling.wish(polls, Wish(reason="boot", urgent=urgent, not_before=None if urgent else not_before))
    lost = state.fallback
    if event.reboot and window is None and lost.online_at is None:
        lost = replace(lost, offline_boots=lost.offline_boots + 1)
    # Of a device that was offline before, the look tells what is wrong: it is one by itself.
    first_look = not_before if window is None and not lost.offline_boots else None
    return replace(
        state,
        window=window,
        fallback=lost,
        recovery=recovery.restarted(state.recovery),
        probes=ProbeState(not_before=first_look),
        polls=polls,
    )


def _card(settings: Settings, state: State, event: CardRead, before: Situation, now: float) -> Taken:
    """Compare the eUICC with what policy knows: a switch may have happened that was never told."""
    kept = state.fallback
    if event.fallback is not None and event.fallback != before.fallback:
        kept = replace(kept, unavailable=False)
    if event.in_fallback is not None and event.in_fallback != kept.active:
        entered = Instant(now) if event.in_fallback else None
        kept = replace(kept, active=event.in_fallback, known=True, entered_at=entered)
    state = replace(state, fallback=kept)
    if before.enabled is None or event.enabled == before.enabled or state.situation.emergency:
        return _not_carried_out(state), ()
    change = ProfileChanged(origin=_origin(state, event), iccid=event.enabled, previous=before.enabled)
    state = _switched(settings, state, change, before, now)
    return state, (Report(kind=ReportKind.CARD, text=f"another profile is enabled, by {change.origin}"),)


def _not_carried_out(state: State) -> State:
    """The eUICC is as it was: an action that was under way before the boot did not happen."""
    pending, booted = state.pending, state.situation.booted_at
    interrupted = pending is not None and booted is not None and pending.at <= booted
    return replace(state, pending=None) if interrupted else state


def _origin(state: State, event: CardRead) -> Origin:
    """How the enabled profile came to be: what policy had decided, if that explains it.

    Nobody has told of it: it may be a fallback whose answer was lost. Where it is not, the eUICC refuses the way back.
    """
    pending = state.pending
    if pending is not None and pending.action in ORIGIN_OF_ACTION and pending.target in (None, event.enabled):
        return ORIGIN_OF_ACTION[pending.action]
    if event.enabled is None:
        return Origin.LOCAL
    return Origin.FALLBACK if event.enabled == event.fallback else Origin.PACKAGE


def _switched(settings: Settings, state: State, change: ProfileChanged, before: Situation, now: float) -> State:
    """Another profile is enabled: its trial begins, and everything known about the one before is history."""
    undone = state.pending is not None and state.pending.undo and state.pending.target == change.iccid
    if undone:
        change = replace(change, rollback=False)
    after = fallback.after_switch(state.fallback, change, before, settings.fallback, now)
    wish = Wish(reason=f"another profile is enabled: {change.origin}", notice=_NOTICE.get(change.origin), urgent=True)
    state = replace(
        state,
        window=supervision.open_window(change, state.situation, now),
        pending=None,
        fallback=after,
        recovery=recovery.restarted(state.recovery),
        probes=ProbeState(),
        polls=polling.wish(state.polls, wish),
    )
    return state.noted(f"enabled by {change.origin}", change.iccid or "no profile", now)


def _ended(settings: Settings, state: State, event: ActionResult, now: float) -> Taken:
    """An action ended. That it succeeded shows in the profile; that it did not, decides what comes next."""
    if state.pending is None or state.pending.action is not event.action:
        return state, ()
    if event.outcome is Outcome.DONE and event.action is not Action.RECOVER:
        return state, ()  # the change of profile follows
    state = replace(state, pending=None)
    if event.action is Action.RECOVER:
        return state, ()
    if event.outcome is Outcome.REFUSED:
        text = f"the eUICC refuses {event.action}"
        # No is an answer too, where policy only asked.
        asked = event.action is Action.RETURN and not state.fallback.known
        reports = () if asked else (Report(kind=ReportKind.REFUSED, text=text),)
        return _refused(state, event.action).noted(text, "", now), reports
    return postponed(settings, state, event.action, now), ()


def postponed(settings: Settings, state: State, action: Action, now: float) -> State:
    """The same again after a growing pause: the eUICC was busy or gave no answer."""
    window: Window | None = state.window
    if window is not None and _REMEDY[action] in window.remedies:
        return replace(state, window=supervision.refused(window, settings.supervision, now))
    return replace(state, fallback=fallback.not_now(state.fallback, settings.supervision.busy_first, now))


def _refused(state: State, action: Action) -> State:
    """The eUICC will not do it, however often it is asked."""
    if state.window is not None:
        state = replace(state, window=state.window.without(_REMEDY[action]))
    if action is Action.FALLBACK:
        return replace(state, fallback=replace(state.fallback, unavailable=True))
    if action is Action.RETURN:
        kept = replace(state.fallback, active=False, known=True, entered_at=None, return_wanted=False)
        return replace(state, fallback=kept)
    return state


def _emergency(state: State, event: Emergency, before: Situation) -> Taken:
    """Silence while the emergency profile is active; afterwards the eIM is told (SGP.32 5.9.22)."""
    if event.active == before.emergency:
        return state, ()
    if event.active:
        return replace(state, pending=None), (Silence(on=True),)
    wish = Wish(reason="the emergency profile is disabled", notice=Notice.EMERGENCY_PROFILE, urgent=True)
    return replace(state, polls=polling.wish(state.polls, wish)), (Silence(on=False),)
