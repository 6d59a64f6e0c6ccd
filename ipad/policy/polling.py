"""Polls beside the regular interval, and looks through the layers: when they are wanted and when they may go out.

A wish is kept until it can be granted: an early poll waits for a bearer, for the end of quiet hours and for the budget,
unless it is urgent, as it is after a change of profile, when the eIM is the judge.
"""

from __future__ import annotations

from typing import Final

from ipad.policy.allowance import UNSPENT, Allowance
from ipad.policy.decisions import EarlyPoll, Notice, Probe
from ipad.policy.events import Hints, Power
from ipad.policy.settings import PollSettings, SupervisionSettings
from ipad.policy.situation import Situation
from ipad.policy.stopwatch import STANDING, Instant, Stopwatch, earliest, latest
from ipad.records import dataclass, replace

DAY: Final = 86400
NEW_BEARER_PAUSE: Final = 2.0
"""Least seconds from the start of a bearer to the first look through it: addresses and routes come a moment later."""

CATCH_UP_LIMIT: Final = 1800.0
"""Seconds within which what an outage held up has gone out, however long it was."""

UNNAMED: Final = "registered"
"""Stands for the bearer of a modem whose bearer nobody can tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """An early poll that is wanted: why, with which notice, not before when."""

    reason: str
    notice: Notice | None = None
    urgent: bool = False
    not_before: Instant | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PollState:
    """`plmn` and `country` are those of the last registration; `early_at` is the last early poll.

    `weak` counts while the device is online with a weak signal, `weak_told` that this was a reason for a poll.
    """

    wish: Wish | None = None
    plmn: str | None = None
    country: str | None = None
    early_at: Instant | None = None
    weak: Stopwatch = STANDING
    weak_told: bool = False
    budget: Allowance = UNSPENT


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeState:
    """`due` is the next look, `tries` are looks over `session` that proved nothing; a failed poll has `asked`.

    `lost_at`: when a bearer over which all was well was lost, while there is none. `not_before`: when the first poll
    may go out after a boot that a whole fleet may share, while there was no bearer yet.
    """

    due: Instant | None = None
    tries: int = 0
    session: str | None = None
    asked: bool = False
    lost_at: Instant | None = None
    not_before: Instant | None = None


def wish(state: PollState, new: Wish) -> PollState:
    """Want an early poll. Of two wishes the later stays, or the urgent one, with whatever notice there is."""
    old = state.wish
    if old is None:
        return replace(state, wish=new)
    first, second = (new, old) if new.urgent or not old.urgent else (old, new)
    notice = first.notice if first.notice is not None else second.notice
    not_before = None if first.urgent else latest(new.not_before, old.not_before)
    return replace(state, wish=replace(first, notice=notice, not_before=not_before))


def note_network(state: PollState, s: Situation, settings: PollSettings) -> PollState:
    """A registration in another network or country than the last one is a reason to poll."""
    if not s.registered or s.plmn is None:
        return state
    country_changed = state.country is not None and s.country is not None and s.country != state.country
    plmn_changed = state.plmn is not None and s.plmn != state.plmn
    state = replace(state, plmn=s.plmn, country=s.country or state.country)
    if country_changed and settings.on_new_country:
        return wish(state, Wish(reason=f"registered in another country: {s.country}", notice=Notice.UNDEFINED))
    if plmn_changed and settings.on_new_network:
        return wish(state, Wish(reason=f"registered in another network: {s.plmn}"))
    return state


def note_weakness(state: PollState, s: Situation, settings: PollSettings, now: float) -> PollState:
    """Help before it is needed: while a bad link is still alive the eIM can be asked for another profile."""
    if not (s.connected and s.weak and settings.weak_time):
        return state if state.weak == STANDING else replace(state, weak=STANDING, weak_told=False)
    weak = state.weak.turned(now, on=True)
    if state.weak_told or weak.value(now) < settings.weak_time:
        return replace(state, weak=weak)
    state = replace(state, weak=weak, weak_told=True)
    return wish(state, Wish(reason="the signal is weak", notice=Notice.UNDEFINED))


def grant(state: PollState, s: Situation, settings: PollSettings, now: float) -> tuple[PollState, EarlyPoll | None]:
    """The early poll that may go out now, if any."""
    wanted = state.wish
    if wanted is None or not _may_poll(state, wanted, s, settings, now):
        return state, None
    poll = EarlyPoll(reason=wanted.reason, notice=wanted.notice, plmn=s.plmn, urgent=wanted.urgent)
    return replace(state, wish=None, early_at=Instant(now)), poll


def spent(state: PollState, settings: PollSettings, now: float) -> PollState:
    """An eIM was contacted, for whatever reason: the budget of the day has one poll less."""
    return replace(state, budget=state.budget.spend(settings.budget, now))


def _may_poll(state: PollState, wanted: Wish, s: Situation, settings: PollSettings, now: float) -> bool:
    if s.emergency or (s.radio and not s.connected):
        return False
    if wanted.urgent:
        return True
    if s.hints.power is Power.LOW:
        return False
    return grant_at(state, s, settings, now) is None


def grant_at(state: PollState, s: Situation, settings: PollSettings, now: float) -> float | None:
    """When a wish that is not urgent may be granted as far as time decides; None: now, or there is no wish."""
    wanted = state.wish
    if wanted is None or wanted.urgent:
        return None
    moments = (
        wanted.not_before,
        None if state.early_at is None else state.early_at + settings.early_interval,
        state.budget.next_at(settings.budget, now),
        s.awake_at,
        quiet_until(settings.quiet, s, now),
    )
    last = max((moment for moment in moments if moment is not None), default=now)
    return last if last > now else None


def release(due: float, state: PollState, s: Situation, settings: PollSettings, now: float) -> float:
    """When a scheduled poll that is due at `due` may go out: not in quiet hours, asleep or beyond the budget.

    With a modem that is awake now and will sleep past the moment, the poll comes early; `align` says how much.
    """
    moment = max(due, state.budget.next_at(settings.budget, max(due, now)))
    if s.awake_at is not None and s.awake_at > moment:
        moment = s.awake_at
    quiet = quiet_until(settings.quiet, s, moment)
    return moment if quiet is None else quiet + s.chance * min(settings.boot_spread, 3600.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outage:
    """A time without a bearer that is over: when it ended, and how many seconds it lasted."""

    end: float
    seconds: float


def caught_up(due: float, outage: Outage, chance: float) -> float:
    """When a scheduled poll that is due at `due` may go out after an outage, which a whole fleet may have shared.

    What came due meanwhile is spread over as long a time as the outage took: the eIM, which had no load from these
    devices then, has at most twice the usual one, and not all of it at once. `chance` is that of the device, 0 to 1.
    """
    if due > outage.end:
        return due
    return outage.end + chance * min(outage.seconds, CATCH_UP_LIMIT)


def slack(interval: float, settings: PollSettings) -> float:
    """How much earlier than its time a poll may use the moment in which the modem is awake anyway."""
    return interval * settings.align


def stretched(interval: float, hints: Hints, settings: PollSettings) -> float:
    """The regular interval under the hints of the operator."""
    if hints.metered:
        interval *= settings.metered_factor
    if hints.power is Power.LOW:
        interval *= settings.low_power_factor
    return interval


def quiet_until(quiet: str, s: Situation, moment: float) -> float | None:
    """The end of the quiet hours that contain `moment`; None outside, without any, or while the clock is not set."""
    wall = s.wall(moment)
    if not quiet or wall is None:
        return None
    begin, end = (_seconds(text) for text in quiet.split("-"))
    local = (wall + s.east) % DAY
    length = (end - begin) % DAY
    into = (local - begin) % DAY
    return moment + length - into if into < length else None


def _seconds(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60


def next_probe(
    state: ProbeState,
    s: Situation,
    settings: PollSettings,
    supervision: SupervisionSettings,
    now: float,
    *,
    on_trial: bool,
) -> tuple[ProbeState, Probe | None]:
    """The look through the layers that is due, and the state with the moment of the next one.

    Often while a profile is on trial or nothing comes back, rarely over a path that is known to work.
    """
    if not s.connected:
        return _without_bearer(state, s, now), None
    if s.blind(now) is not None:
        return ProbeState(), None
    session = s.bearer if s.bearers else UNNAMED
    if state.session != session:
        pause = supervision.probe_first if on_trial else _first_look(state, s, settings, now)
        return ProbeState(due=Instant(now + pause), session=session), None
    if s.verdict.works and not on_trial and not state.asked:
        due = _healthy_due(s, settings)
        if due is None or due > now or not state.tries:
            state = replace(state, tries=0, due=due)
    if state.due is None or state.due > now:
        return state, None
    # A path that works while its eIM is silent is asked less often: it is the eIM that must come back.
    first, limit = (
        (supervision.probe_first, supervision.probe_limit)
        if on_trial and not s.verdict.works
        else (settings.probe_retry, settings.probe_retry_limit)
    )
    pause = min(first * 2.0 ** min(state.tries, 16), limit)
    reason = "the profile is on trial" if on_trial else "is the path alive?"
    after = replace(state, tries=state.tries + 1, due=Instant(now + pause), asked=False)
    return after, Probe(reason=reason)


def _without_bearer(state: ProbeState, s: Situation, now: float) -> ProbeState:
    """What is remembered until there is a bearer again. A path that was in doubt is looked at as soon as it is back,
    and so is that of a modem that slept, because nobody shares its pauses."""
    if s.awake_at is not None and now < s.awake_at:
        return ProbeState()
    if state.session is None:
        return state
    return ProbeState(lost_at=None if state.tries else Instant(now))


def _first_look(state: ProbeState, s: Situation, settings: PollSettings, now: float) -> float:
    """Seconds from the start of a bearer to the first look through it.

    A whole fleet may have shared the outage, or the power cut, and would open its connections together. The look comes
    after the poll that `caught_up` puts at the same part of the same time, or after the first poll of the boot, and is
    not needed when that poll was answered. It is put off by the longest pause between two looks at most, for it is what
    tells that the new bearer is dead.
    """
    wait = 0.0
    if state.not_before is not None:
        wait = min(max(0.0, state.not_before - now), settings.probe_retry_limit)
    elif state.lost_at is not None:
        wait = s.chance * min(now - state.lost_at, settings.probe_retry_limit)
    return NEW_BEARER_PAUSE + wait


def _healthy_due(s: Situation, settings: PollSettings) -> Instant | None:
    if not settings.probe_interval or s.probed_at is None:
        return None
    return Instant(s.probed_at + stretched(settings.probe_interval, s.hints, settings))


def asked(state: ProbeState, now: float) -> ProbeState:
    """A poll failed: look at once where it did."""
    return replace(state, due=Instant(now), asked=True) if state.session is not None else state


def next_look(polls: PollState, probes: ProbeState, s: Situation, settings: PollSettings, now: float) -> float | None:
    """When polls and probes need a look if nothing happens."""
    weak = polls.weak.reaches(settings.weak_time, now) if polls.weak.running and not polls.weak_told else None
    return earliest(probes.due, grant_at(polls, s, settings, now), weak)
