"""The supervised window after a profile change (SGP.32 3.3.2): commit, or the next remedy, or keep trying.

A window opens with every change of the enabled profile and ends when an eIM answered over the new bearer. If that does
not happen in time the remedies of the window are used up in order: undo the change, then the fallback mechanism, then
(in the fallback profile) the way back. The window counts only time in which the modem could have connected.

How much time there is depends on what is seen, because the wrong answer is costly on both sides:

- a reject cause that does not pass: as soon as it has lasted `reject_hold`;
- not registered: `registration`, or `deadline` when the cause may pass; longer for slow or weak searches;
- registered, nothing comes back: `deadline`;
- packets come back, but no eIM answers: `path_unclear` or `path_alive`, for it may be the eIM that is down. Only the
  undoing of a package is worth that: without an eIM nobody could repair the device. Where the change was not an eIM's
  wish, or cannot be undone, a path that works is enough.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from ipad.policy.causes import RejectKind, describe_cause, reject_kind
from ipad.policy.events import EuiccKind, Layer, Origin, ProfileChanged
from ipad.policy.evidence import Verdict
from ipad.policy.radio import SEARCHING, RegistrationState
from ipad.policy.settings import FallbackSettings, SupervisionSettings
from ipad.policy.situation import Situation
from ipad.policy.stopwatch import STANDING, Instant, Stopwatch
from ipad.records import dataclass, replace


class Remedy(StrEnum):
    """What can be done when a profile does not come online."""

    ROLLBACK = "rollback"
    FALLBACK = "fallback"
    RETURN = "return"
    ENABLE_PREVIOUS = "enablePrevious"


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """A profile on trial. `remedies` are those left, `boots` restarts meanwhile.

    `watch` is the time that counts, `bad` the part of it since packets came back last: an outage of the eIM may last
    for hours, and a short gap in coverage at its end must not be the last straw. `worked`: packets came back before.
    """

    origin: Origin
    iccid: str
    previous: str | None = None
    remedies: tuple[Remedy, ...] = ()
    watch: Stopwatch = STANDING
    bad: Stopwatch = STANDING
    worked: bool = False
    boots: int = 0
    settle_until: Instant | None = None
    retries: int = 0
    retry_at: Instant | None = None

    def without(self, remedy: Remedy) -> Window:
        """The window when a remedy is used up."""
        left = tuple(other for other in self.remedies if other is not remedy)
        return replace(self, remedies=left, retries=0, retry_at=None)


def open_window(change: ProfileChanged, situation: Situation, now: float) -> Window | None:
    """The window that a change of profile opens; None where there is nothing to prove."""
    if change.iccid is None or not situation.radio or change.origin is Origin.EMERGENCY:
        return None
    remedies = _remedies(change, situation.kind)
    window = Window(origin=change.origin, iccid=change.iccid, previous=change.previous, remedies=remedies)
    return turned(window, situation, now)


def _remedies(change: ProfileChanged, kind: EuiccKind) -> tuple[Remedy, ...]:
    if kind is EuiccKind.CONSUMER:
        return (Remedy.ENABLE_PREVIOUS,) if change.previous is not None and change.rollback else ()
    match change.origin:
        case Origin.PACKAGE if change.rollback:
            return (Remedy.ROLLBACK, Remedy.FALLBACK)
        case Origin.FALLBACK:
            return (Remedy.RETURN,)
        case _:
            return (Remedy.FALLBACK,)


class Ending(StrEnum):
    """What a window says."""

    WAIT = "wait"
    PROVEN = "proven"
    SETTLED = "settled"  # the path works, and that is enough here
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """The state of a window: why it failed and at which layer, or the moment to look again."""

    ending: Ending
    reason: str = ""
    layer: Layer | None = None
    look_at: float | None = None


def resumed(window: Window, settings: SupervisionSettings, now: float) -> Window:
    """The window after a boot within it: the time goes on, a boot costs some, the first ones get time to register."""
    boots = window.boots + 1
    settle = Instant(now + settings.boot_settle) if boots <= settings.free_boots else None
    watch = Stopwatch(window.watch.value(now) + settings.boot_cost)
    bad = Stopwatch(window.bad.value(now) + settings.boot_cost)
    return replace(window, boots=boots, settle_until=settle, watch=watch, bad=bad, retry_at=None)


def judge_window(
    window: Window,
    s: Situation,
    settings: SupervisionSettings,
    now: float,
    *,
    dwell: float | None = None,
    rung_until: float | None = None,
) -> Judgement:
    """What to do with the window now.

    `dwell` replaces the deadlines in a profile without any service. Until `rung_until` a rung of the ladder has its
    time: that the modem is not registered then is the agent's own doing.
    """
    if s.verdict is Verdict.PROVEN:
        return Judgement(ending=Ending.PROVEN)
    settling = window.settle_until is not None and now < window.settle_until
    if settling or s.blind(now) is not None:
        return Judgement(ending=Ending.WAIT, look_at=window.settle_until if settling else None)
    if s.verdict.works:
        return _without_eim(window, s, settings, now)
    if s.rejected and s.state is RegistrationState.DENIED and s.rejected_at is not None and dwell is None:
        return _at(s.rejected_at + settings.reject_hold, now, _rejection(s), Layer.REGISTERED)
    return _at_last(window, s, settings, now, dwell=dwell, rung_until=rung_until)


def _at_last(
    window: Window,
    s: Situation,
    settings: SupervisionSettings,
    now: float,
    *,
    dwell: float | None,
    rung_until: float | None,
) -> Judgement:
    """Nothing speaks for the profile and nothing condemns it at once: its time decides."""
    limit, reason, layer = _limit(s, settings)
    # In turn between two dead profiles the stay grows; the first stay is judged as any other.
    limit = max(limit, dwell) if dwell is not None else limit
    helped_until = rung_until if rung_until is not None and rung_until > now and not s.registered else None
    if window.worked or helped_until is not None:
        limit = max(limit, _deadline(s, settings))
    due = window.bad.reaches(limit, now)
    if due is not None and s.settled_at is not None:
        # However late the network came: what has just begun is not condemned for what was before.
        due = max(due, s.settled_at)
    if due is None or (helped_until is not None and due > helped_until):
        return Judgement(ending=Ending.WAIT, look_at=helped_until)
    return _at(due, now, reason, layer)


def _at(due: float, now: float, reason: str, layer: Layer) -> Judgement:
    if due <= now:
        return Judgement(ending=Ending.FAILED, reason=reason, layer=layer)
    return Judgement(ending=Ending.WAIT, look_at=due)


def _without_eim(window: Window, s: Situation, settings: SupervisionSettings, now: float) -> Judgement:
    """Packets come back, no eIM answers."""
    undoable = Remedy.ROLLBACK in window.remedies
    if undoable:
        patience = settings.path_alive if s.verdict is Verdict.ALIVE else settings.path_unclear
        due = window.watch.reaches(patience * (1.0 + s.chance / 2.0), now)
        reason = f"no eIM answers over the new profile{_detail(s.failure)}"
        return Judgement(ending=Ending.WAIT) if due is None else _at(due, now, reason, Layer.EIM)
    due = window.watch.reaches(_deadline(s, settings), now)
    if due is not None and due <= now:
        return Judgement(ending=Ending.SETTLED)
    return Judgement(ending=Ending.WAIT, look_at=due)


def _limit(s: Situation, settings: SupervisionSettings) -> tuple[float, str, Layer]:
    """Seconds that the window has in the present state, with the reason and the layer of its failure."""
    if s.connected:
        return _deadline(s, settings), f"nothing comes back over the bearer{_detail(s.failure)}", Layer.DNS
    if s.registered:
        return _deadline(s, settings), "registered, but there is no bearer", Layer.BEARER
    # The cause of the last refusal also speaks while the modem searches again.
    refused = s.cause is not None or s.state is RegistrationState.DENIED
    kind = reject_kind(s.cause) if refused else None
    reason = _rejection(s) if refused else "not registered"
    limit = _registration(s, settings)
    if kind in _PASSING:
        return max(limit, _deadline(s, settings)), reason, Layer.REGISTERED
    searching = s.state is None or s.state in SEARCHING
    if searching and (s.slow or s.weak) and kind not in (RejectKind.PERMANENT, RejectKind.DEVICE):
        limit = max(limit, min(limit * settings.weak_factor, _deadline(s, settings)))
    return limit, reason, Layer.REGISTERED


_PASSING: Final = (RejectKind.UNPROVISIONED, RejectKind.CONGESTION, RejectKind.TRANSIENT, RejectKind.SESSION)
"""Refusals that may pass within the window."""


def _deadline(s: Situation, settings: SupervisionSettings) -> float:
    return settings.deadline_slow if s.slow else settings.deadline


def _registration(s: Situation, settings: SupervisionSettings) -> float:
    return settings.registration_slow if s.slow else settings.registration


def _rejection(s: Situation) -> str:
    place = f" in {s.plmn}" if s.plmn else ""
    return f"the network refuses the registration{place}: {describe_cause(s.cause) if s.cause else 'no cause given'}"


def _detail(failure: str) -> str:
    return f" ({failure})" if failure else ""


def dwell_time(turns: int, supervision: SupervisionSettings, fallback: FallbackSettings, *, silent: bool) -> float:
    """How long to stay in a profile without service, after so many turns without success.

    The first turn is as long as any window. Where nothing at all is received since boot, each turn takes as long as
    the first loss had to: it is the antenna that is suspected.
    """
    grown: float = supervision.registration * 2.0 ** min(turns, 16)
    stay = min(grown, fallback.dwell_limit)
    return max(stay, fallback.silent_time) if silent and fallback.silent_time else stay


def refused(window: Window, settings: SupervisionSettings, now: float) -> Window:
    """The eUICC was busy or gave no answer: the same remedy again, after a growing pause."""
    pause = min(settings.busy_first * 2.0 ** min(window.retries, 16), settings.busy_limit)
    return replace(window, retries=window.retries + 1, retry_at=Instant(now + pause))


def turned(window: Window, s: Situation, now: float) -> Window:
    """The window with its stopwatches running exactly while the situation counts."""
    counts = s.blind(now) is None
    watch = window.watch.turned(now, on=counts)
    if s.verdict.works:
        return replace(window, watch=watch, bad=STANDING, worked=True)
    return replace(window, watch=watch, bad=window.bad.turned(now, on=counts))
