"""The recovery ladder of a board: from a short radio pause up to a power cycle, one rung at a time.

A rung is climbed only when what the modem shows says that the one before did not help: the ICCID of another profile, no
registration, no bearer, or no modem at all. Each of these faults has a ladder of its own, so that a modem that is gone
for a moment after a reset does not begin the climb anew. Rungs that restart the modem keep a least interval and a
budget per day, because a reset that repeats for ever is an outage of its own. After the top a ladder begins again with
growing pauses: a network in trouble is not helped by devices that attach all the time.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from ipad.policy.allowance import UNSPENT, Allowance
from ipad.policy.events import Antenna, Layer, ModemState
from ipad.policy.radio import SEARCHING
from ipad.policy.settings import RecoverySettings
from ipad.policy.situation import PACKAGE_LIMIT, Situation
from ipad.policy.stopwatch import Instant
from ipad.records import dataclass, replace

HARD: Final = frozenset({"reset", "power", "hook", "cfun16"})
"""Rungs that restart the modem as a whole."""

_WITHOUT_PORT: Final = frozenset({"power", "hook"})
_SIM_ONLY: Final = frozenset({"wait", "simdet"})


class Fault(StrEnum):
    """What is wrong, in the terms that choose the rungs."""

    NETWORK = "network"  # not registered, no bearer, or nothing comes back
    CARD = "card"  # the modem shows another profile than the one that is enabled
    MODEM = "modem"  # the modem is gone


@dataclass(frozen=True, kw_only=True, slots=True)
class Ladder:
    """`next` is the index of the next rung, not before `due`; `cycles` is how often the top was reached.

    `spared`: the next rung was put off once, because things had just got better.
    """

    next: int = 0
    cycles: int = 0
    climbed: int = 0
    due: Instant | None = None
    spared: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RecoveryState:
    """`fault` is the present one. `hard_at` and `hard` count restarts of the modem."""

    fault: Fault | None = None
    layer: Layer = Layer.NOTHING
    ladders: tuple[Ladder, Ladder, Ladder] = (Ladder(), Ladder(), Ladder())
    hard_at: Instant | None = None
    hard: Allowance = UNSPENT

    def ladder(self, fault: Fault) -> Ladder:
        return self.ladders[tuple(Fault).index(fault)]

    def with_ladder(self, fault: Fault, ladder: Ladder) -> RecoveryState:
        network, card, modem = (ladder if other is fault else self.ladder(other) for other in Fault)
        return replace(self, ladders=(network, card, modem))


@dataclass(frozen=True, kw_only=True, slots=True)
class Climb:
    """The next rung, if one is due, and when to look again."""

    rung: str | None = None
    step: int = 0
    reason: str = ""
    look_at: float | None = None


def find_fault(s: Situation, dead_probes: int, now: float) -> tuple[Fault, Layer] | None:
    """What the modem shows that a rung could repair; None also while the device is off on purpose or busy."""
    if not s.radio or s.emergency or s.modem in (ModemState.OFF, ModemState.FLIGHT):
        return None
    busy = s.package_at is not None and now - s.package_at < PACKAGE_LIMIT
    # A modem that sleeps deeply looks as if it were gone.
    asleep = s.awake_at is not None and now < s.awake_at
    if busy or asleep:
        return None
    if s.modem is ModemState.ABSENT:
        return Fault.MODEM, Layer.NOTHING
    if s.blind(now) is not None or s.antenna is Antenna.MISSING:
        return None
    if s.enabled is not None and s.shown_told and s.shown != s.enabled:
        return Fault.CARD, Layer.NOTHING
    layer = s.failing(dead_probes)
    return None if layer is None else (Fault.NETWORK, layer)


def rungs_for(fault: Fault, rungs: tuple[str, ...]) -> tuple[str, ...]:
    """The rungs of the board that can help, in their order."""
    match fault:
        case Fault.MODEM:
            return tuple(rung for rung in rungs if rung in _WITHOUT_PORT)
        case Fault.CARD:
            return rungs
        case Fault.NETWORK:
            return tuple(rung for rung in rungs if rung not in _SIM_ONLY)


def watch_fault(
    state: RecoveryState, s: Situation, settings: RecoverySettings, dead_probes: int, now: float
) -> RecoveryState:
    """Begin, go on with, or end a fault.

    Only evidence forgets how far a ladder was climbed: a bearer that was not probed yet lets it stand.
    """
    found = find_fault(s, dead_probes, now)
    if found is None:
        fresh = RecoveryState(hard_at=state.hard_at, hard=state.hard)
        return fresh if s.verdict.works else replace(state, fault=None)
    fault, layer = found
    ladder = state.ladder(fault)
    if state.fault is fault:
        better = layer.rank > state.layer.rank and not ladder.spared and ladder.due is not None
        # A modem that has just registered is about to get its bearer: no rung now.
        spared = Instant(max(ladder.due or now, now + settings.reset_step))
        after = replace(ladder, due=spared, spared=True) if better else ladder
        return replace(state, layer=layer).with_ladder(fault, after)
    begin = now + _first(fault, s, settings)
    # A fault that comes and goes does not win the first pause again and again.
    due = begin if ladder.due is None or fault is Fault.MODEM else max(ladder.due, min(begin, now + _step(s, settings)))
    return replace(state, fault=fault, layer=layer).with_ladder(fault, replace(ladder, due=Instant(due)))


def next_climb(
    state: RecoveryState, s: Situation, settings: RecoverySettings, now: float, *, on_trial: bool = False
) -> Climb:
    """The rung that is due now, if any. `on_trial`: the first search with another profile may take long."""
    if state.fault is None or not settings.enabled:
        return Climb()
    rungs = rungs_for(state.fault, s.rungs)
    if not rungs:
        return Climb()
    ladder = state.ladder(state.fault)
    patience = _search(state.fault, ladder, s, settings) if on_trial else 0.0
    if ladder.due is not None and ladder.due + patience > now:
        return Climb(look_at=ladder.due + patience)
    # A restart that its budget forbids is left out: the gentle rungs must not wait for it.
    in_turn = [rungs[(ladder.next + offset) % len(rungs)] for offset in range(len(rungs))]
    allowed = next((rung for rung in in_turn if rung not in HARD or _hard_at(state, settings, now) <= now), None)
    if allowed is None:
        return Climb(look_at=_hard_at(state, settings, now))
    return Climb(rung=allowed, step=ladder.climbed + 1, reason=_reason(state))


def _hard_at(state: RecoveryState, settings: RecoverySettings, now: float) -> float:
    """When the modem may be restarted again."""
    interval = state.hard_at + settings.hard_interval if state.hard_at is not None else now
    return max(now, interval, state.hard.next_at(settings.hard, now))


def climbed(state: RecoveryState, rung: str, s: Situation, settings: RecoverySettings, now: float) -> RecoveryState:
    """The state once a rung was decided: the next one waits until this one has had its time."""
    fault = state.fault
    if fault is None:
        return state
    ladder = state.ladder(fault)
    rungs = rungs_for(fault, s.rungs)
    place = rungs.index(rung)
    top = place + 1 >= len(rungs) or place < ladder.next
    cycles = ladder.cycles + 1 if top else ladder.cycles
    pause = _pause(fault, rung, s, settings)
    if top:
        pause = min(max(pause, settings.first) * 2.0 ** min(cycles, 16), max(pause, settings.limit))
    after = Ladder(next=(place + 1) % len(rungs), cycles=cycles, climbed=ladder.climbed + 1, due=Instant(now + pause))
    hard = rung in HARD
    return replace(
        state.with_ladder(fault, after),
        hard_at=Instant(now) if hard else state.hard_at,
        hard=state.hard.spend(settings.hard, now) if hard else state.hard,
    )


def ordered(state: RecoveryState, rung: str, settings: RecoverySettings, now: float) -> RecoveryState | None:
    """The state once a rule ordered a rung beside the ladder; None while its budget does not allow it."""
    if rung not in HARD:
        return state
    if _hard_at(state, settings, now) > now:
        return None
    return replace(state, hard_at=Instant(now), hard=state.hard.spend(settings.hard, now))


def restarted(state: RecoveryState) -> RecoveryState:
    """The state for another profile or another boot: every ladder from its foot, the counts of restarts kept."""
    return RecoveryState(hard_at=state.hard_at, hard=state.hard)


def has_had_turn(state: RecoveryState, s: Situation, settings: RecoverySettings) -> bool:
    """Whether the ladder did what it can, so that the network is to blame and not the modem."""
    if not settings.enabled or not rungs_for(Fault.NETWORK, s.rungs):
        return True
    return state.ladder(Fault.NETWORK).cycles > 0


def _first(fault: Fault, s: Situation, settings: RecoverySettings) -> float:
    match fault:
        case Fault.CARD:
            return settings.sim_step
        case Fault.MODEM:
            return settings.absent
        case Fault.NETWORK:
            return settings.first_slow if s.slow else settings.first


def _step(s: Situation, settings: RecoverySettings) -> float:
    return settings.step_slow if s.slow else settings.step


def _search(fault: Fault, ladder: Ladder, s: Situation, settings: RecoverySettings) -> float:
    """How much longer a rung waits for a modem that searches: it would have to begin anew."""
    if fault is not Fault.NETWORK or s.state not in SEARCHING:
        return 0.0
    return max(0.0, settings.search - (_step(s, settings) if ladder.climbed else _first(fault, s, settings)))


def _pause(fault: Fault, rung: str, s: Situation, settings: RecoverySettings) -> float:
    step = settings.sim_step
    if fault is Fault.NETWORK:
        step = _step(s, settings)
    elif fault is Fault.MODEM:
        step = settings.absent
    return max(step, settings.reset_step) if rung in HARD else step


def _reason(state: RecoveryState) -> str:
    if state.fault is Fault.MODEM:
        return "the modem does not answer"
    if state.fault is Fault.CARD:
        return "the modem shows another profile than the one that is enabled"
    texts = {Layer.REGISTERED: "not registered", Layer.BEARER: "no bearer", Layer.DNS: "nothing comes back"}
    return texts.get(state.layer, "not online")
