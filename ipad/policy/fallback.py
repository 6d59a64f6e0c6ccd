"""The fallback mechanism: when connectivity is lost for good, and when the way back is worth a try (SGP.32 3.4.6).

Falling back is the last resort against an outage that time does not heal, so everything that does heal, or that no
other profile could heal, must be excluded first: a modem that is off or hangs (the recovery ladder has its turn
before), an antenna that is missing, an eIM that is down (packets come back then, which is no loss), a short outage of
the operator that all devices of a fleet see at once (the threshold is long and spread by chance).

The way back is tried after growing intervals, because each failure costs the device some minutes of service. A bucket
bounds the number of switches in a day, whatever the networks do.
"""

from __future__ import annotations

from ipad.policy.allowance import UNSPENT, Allowance
from ipad.policy.causes import describe_cause
from ipad.policy.events import EuiccKind, Layer, Origin, ProfileChanged
from ipad.policy.evidence import Verdict
from ipad.policy.radio import RegistrationState
from ipad.policy.settings import FallbackSettings, SupervisionSettings
from ipad.policy.situation import Situation
from ipad.policy.stopwatch import STANDING, Instant, Stopwatch, age
from ipad.records import dataclass, replace


@dataclass(frozen=True, kw_only=True, slots=True)
class FallbackState:
    """What the mechanism did and what it waits for.

    `loss` counts the time offline on this profile, outside of any window, `offline_boots` the boots since it was online
    last: a device that boots again and again must come to a decision. `turns` are switches in a row away from profiles
    without service; `failed_returns` those returns that did not last. `unavailable`: the eUICC said that there is no
    fallback profile. `known`: what `active` says comes from a change of profile or from the eUICC; before that a
    fallback may be forgotten, and `entered_at` is when the memory of it was lost. `former_country` is where the former
    profile was served last, and `former_plmn` by whom, if that network went out of sight; `permanent`: it refused the
    subscription for good.
    """

    active: bool = False
    known: bool = False
    former: str | None = None
    former_plmn: str | None = None
    former_country: str | None = None
    permanent: bool = False
    entered_at: Instant | None = None
    returned_at: Instant | None = None
    return_wanted: bool = False
    retry_at: Instant | None = None
    retries: int = 0
    loss: Stopwatch = STANDING
    offline_boots: int = 0
    turns: int = 0
    failed_returns: int = 0
    online_at: Instant | None = None
    unavailable: bool = False
    switches: Allowance = UNSPENT


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """Whether connectivity counts as lost for good now, why, and else when to look again."""

    lost: bool
    reason: str = ""
    layer: Layer | None = None
    look_at: float | None = None


def available(state: FallbackState, s: Situation, settings: FallbackSettings) -> bool:
    """Whether ExecuteFallbackMechanism can help, as far as the eUICC has told."""
    if not settings.enabled or s.kind is not EuiccKind.IOT or state.unavailable or state.active:
        return False
    return s.card_read and s.fallback is not None and s.fallback != s.enabled


def may_return(state: FallbackState, s: Situation) -> bool:
    """Whether ReturnFromFallback can help: also in a fallback profile that nobody remembers to have enabled. Only the
    eUICC knows then whether there is a way back, and refuses it where there is none (SGP.32 5.9.21).
    """
    if state.active or state.known or s.kind is not EuiccKind.IOT:
        return state.active
    return s.card_read and s.enabled is not None and s.enabled == s.fallback


def watch_loss(state: FallbackState, s: Situation, settings: FallbackSettings, now: float) -> FallbackState:
    """Count while the device is offline and nothing explains it; forget when packets come back.

    Between the return of a bearer and the first probe over it nothing is known: the count stands. Online begins with
    the answer of an eIM, and lasts while packets come back.
    """
    failing = s.failing(settings.dead_probes)
    proven = s.verdict is Verdict.PROVEN or (state.online_at is not None and s.verdict.works)
    online = proven and failing is None
    began = (state.online_at or Instant(now)) if online else None
    state = state if began == state.online_at else replace(state, online_at=began)
    if s.verdict.works:
        clean = state.loss == STANDING and not state.offline_boots
        return state if clean else replace(state, loss=STANDING, offline_boots=0)
    loss = state.loss.turned(now, on=failing is not None and s.blind(now) is None)
    return state if loss == state.loss else replace(state, loss=loss)


def forget_failures(state: FallbackState, settings: FallbackSettings, now: float) -> FallbackState:
    """After a long time online earlier failures say nothing any more."""
    online = age(state.online_at, now)
    if online is None or online < settings.stable_time:
        return state
    returns = state.failed_returns if state.active else 0
    return replace(state, failed_returns=returns)


def judge_loss(
    state: FallbackState,
    s: Situation,
    settings: FallbackSettings,
    now: float,
    *,
    ladder_done: bool,
    supervision: SupervisionSettings,
) -> Loss:
    """Whether the present offline time is a permanent loss (SGP.32 leaves the criterion to the IPA).

    Boots without having been online cost `boot_cost` each, but every boot gets `boot_settle` first.
    """
    layer = s.failing(settings.dead_probes)
    if layer is None or s.blind(now) is not None:
        return Loss(lost=False)
    rejected = s.rejected and s.state is RegistrationState.DENIED
    if not s.heard and not settings.silent_time:
        return Loss(lost=False)
    limit = settings.loss_time_slow if s.slow else settings.loss_time
    limit += settings.spread * s.chance
    reason = _reason(s, layer)
    if rejected:
        limit = settings.reject_time
    if not s.heard:
        limit, reason = max(limit, settings.silent_time), "nothing at all is received since boot"
    if not ladder_done:
        limit += settings.ladder_time
    due = state.loss.reaches(max(0.0, limit - state.offline_boots * supervision.boot_cost), now)
    if due is not None and state.offline_boots and s.booted_at is not None:
        due = max(due, s.booted_at + supervision.boot_settle)
    if due is not None and rejected and s.rejected_at is not None:
        due = max(due, s.rejected_at + settings.reject_time)
    if due is not None and s.settled_at is not None:
        due = max(due, s.settled_at)
    if due is None or due > now:
        return Loss(lost=False, layer=layer, look_at=due)
    minutes = state.loss.value(now) / 60
    return Loss(lost=True, reason=f"{reason} for {minutes:.0f} min", layer=layer)


def _reason(s: Situation, layer: Layer) -> str:
    if layer is Layer.BEARER:
        return "registered without a bearer"
    if layer is Layer.DNS:
        return f"nothing came back over the bearer{f' ({s.failure})' if s.failure else ''}"
    if s.state is RegistrationState.DENIED:
        return f"refused with {describe_cause(s.cause) if s.cause else 'no cause'}"
    return "not registered"


def return_time(state: FallbackState, s: Situation, settings: FallbackSettings, now: float) -> float | None:
    """When the former profile is worth a try; None when there is none to return to, as far as is known.

    Earlier when something changed that may have ended the loss: the former network is seen again, or the country is
    another one. The number of returns that did not last makes every interval longer.
    """
    if not may_return(state, s):
        return None
    if state.return_wanted:
        return now
    if state.entered_at is None:
        return None
    factor = 2.0 ** min(state.failed_returns, 16)
    interval = settings.return_limit if state.permanent else min(settings.return_first * factor, settings.return_limit)
    if not state.permanent and _changed(state, s):
        interval = min(interval, settings.return_minimum * factor)
    due = state.entered_at + interval if state.retry_at is None else max(state.entered_at + interval, state.retry_at)
    # The way there and, if it leads nowhere, the way back.
    return earliest_allowed(state, due, settings, now, units=2)


def _changed(state: FallbackState, s: Situation) -> bool:
    if not s.registered:
        return False
    home_again = state.former_plmn is not None and s.plmn == state.former_plmn
    moved = state.former_country is not None and s.country is not None and s.country != state.former_country
    return home_again or moved


def earliest_allowed(
    state: FallbackState, due: float, settings: FallbackSettings, now: float, *, units: int = 1
) -> float:
    """`due`, or later when the switches of the day are used up."""
    return max(due, state.switches.next_at(settings.switches, now, units))


def after_switch(
    state: FallbackState, change: ProfileChanged, before: Situation, settings: FallbackSettings, now: float
) -> FallbackState:
    """The state after any change of profile. An eIM or a person who enables a profile ends the fallback."""
    cleared = replace(
        state, known=True, loss=STANDING, offline_boots=0, online_at=None, return_wanted=False, retry_at=None, retries=0
    )
    # To leave a profile that works is no turn between dead ones: the next trial may be short.
    turns = 0 if before.verdict.works else state.turns + 1
    match change.origin:
        case Origin.FALLBACK:
            recent = state.returned_at is not None and now - state.returned_at < settings.stable_time * 4
            former = change.previous or before.enabled
            # Of a profile that did not register since it was left before, its network of then is still the one.
            plmn = before.plmn or (state.former_plmn if former == state.former else None)
            return replace(
                cleared,
                active=True,
                former=former,
                # A network that refused, or carried no data, was in sight all the time: to see it says nothing new.
                former_plmn=plmn if before.out_of_sight else None,
                former_country=before.country,
                permanent=before.rejected,
                entered_at=Instant(now),
                turns=turns,
                failed_returns=min(state.failed_returns + 1, 16) if recent else state.failed_returns,
                switches=state.switches.spend(settings.switches, now),
            )
        case Origin.RETURN:
            return replace(
                cleared,
                active=False,
                returned_at=Instant(now),
                turns=turns,
                switches=state.switches.spend(settings.switches, now),
            )
        case Origin.EMERGENCY:
            return replace(cleared, known=state.known)
        case Origin.ROLLBACK:
            return replace(cleared, active=False, former=None, entered_at=None)
        case _:
            return replace(cleared, active=False, former=None, entered_at=None, turns=0, unavailable=False)


def proven(state: FallbackState) -> FallbackState:
    """A window ended well: the next loss begins from zero."""
    return replace(state, loss=STANDING, turns=0, retries=0, retry_at=None)


def not_now(state: FallbackState, pause: float, now: float) -> FallbackState:
    """The eUICC was busy or gave no answer: again after a growing pause."""
    wait = pause * 2.0 ** min(state.retries, 5)
    return replace(state, retries=state.retries + 1, retry_at=Instant(now + wait))
