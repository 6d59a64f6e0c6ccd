"""What of policy must survive a restart, as plain values that the journal can store.

The monotonic clock begins anew with each boot, so moments are kept as ages. After a restart of the process alone
(same boot) the time in between has passed for the device too and counts. After a boot the time without power counts
for nothing, neither for nor against a profile: intervals go on where the last save left them. What was not saved yet is
lost, so `worth_saving` asks for a save when an age has grown by half; a boot within a supervised window costs the
window some time in any case, so that a device that boots again and again does not stay on trial for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ipad.errors import CodecError, StateError
from ipad.policy.allowance import UNSPENT, Allowance
from ipad.policy.conditions import RuleState, Stay
from ipad.policy.events import Action
from ipad.policy.fallback import FallbackState
from ipad.policy.plain import from_plain, to_plain
from ipad.policy.polling import PollState
from ipad.policy.recovery import RecoveryState
from ipad.policy.situation import Situation
from ipad.policy.state import Entry, Pending, State
from ipad.policy.stopwatch import Instant
from ipad.policy.supervision import Window
from ipad.records import dataclass, field

VERSION: Final = 1
_LEAST_GROWTH: Final = 120.0
"""Seconds by which an age may differ from the saved one without a reason to save."""
_POLLS: Final = 8
"""Polls of the budget that a power cut may forget: a write for each of them would be most of all writes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """The kept part of `State`. `boot` identifies the boot and `clock` is its monotonic time at the save."""

    version: int = VERSION
    boot: str = ""
    clock: float = 0.0
    enabled: str | None = None
    others_known: bool = False
    heard: bool = False
    window: Window | None = None
    pending: Pending | None = None
    fallback: FallbackState = field(default_factory=FallbackState)
    hard_at: Instant | None = None
    hard: Allowance = UNSPENT
    polls: PollState = field(default_factory=PollState)
    stay: Stay = field(default_factory=Stay)
    rules: Mapping[str, RuleState] = field(default_factory=dict)
    digest: str | None = None
    policy_changed: bool = False
    told: bool = False
    history: tuple[Entry, ...] = ()


def remember(state: State, boot: str, now: float) -> dict[str, Any]:
    """The plain values to store. `boot` is an identity of this boot, such as the kernel's boot_id."""
    # Whether a rung was climbed does not matter after a restart: what the modem shows then does.
    pending = None if state.pending is not None and state.pending.action is Action.RECOVER else state.pending
    memory = Memory(
        boot=boot,
        clock=now,
        enabled=state.situation.enabled,
        others_known=state.situation.others_known,
        heard=state.situation.heard,
        window=state.window,
        pending=pending,
        fallback=state.fallback,
        hard_at=state.recovery.hard_at,
        hard=state.recovery.hard,
        polls=state.polls,
        stay=state.stay,
        rules=state.rules,
        digest=state.digest,
        policy_changed=state.policy_changed,
        told=state.told,
        history=state.history,
    )
    plain = to_plain(memory, now)
    plain["version"] = VERSION
    assert isinstance(plain, dict)
    return plain


def restore(plain: Mapping[str, object] | None, boot: str, now: float) -> State:
    """The state to go on with; a new one when nothing is stored. The next event must be `Boot`.

    Raises StateError for values of a wrong shape.
    """
    if not plain:
        return State()
    clock = plain.get("clock")
    same = plain.get("boot") == boot and isinstance(clock, (int, float)) and clock <= now
    try:
        memory = from_plain(Memory, plain, float(clock) if same and isinstance(clock, (int, float)) else now, "policy")
    except CodecError as error:
        raise StateError(f"the memory of policy cannot be read: {error}") from error
    return State(
        situation=Situation(
            enabled=memory.enabled,
            enabled_told=memory.enabled is not None,
            others_known=memory.others_known,
            # In each boot of the device the antenna has to prove itself anew, in each process of a boot it has not.
            heard=memory.heard and same,
        ),
        window=memory.window,
        pending=memory.pending,
        fallback=memory.fallback,
        recovery=RecoveryState(hard_at=memory.hard_at, hard=memory.hard),
        polls=memory.polls,
        stay=memory.stay,
        rules=memory.rules,
        digest=memory.digest,
        policy_changed=memory.policy_changed,
        told=memory.told,
        history=memory.history,
    )


def lost(now: float) -> State:
    """The state to go on with when what was stored is damaged: a fallback may be forgotten (`fallback.may_return`)."""
    return State(fallback=FallbackState(entered_at=Instant(now)))


def worth_saving(saved: Mapping[str, object] | None, new: Mapping[str, object]) -> bool:
    """Whether `new` says something that `saved` does not: any change, or an age that has grown by half.

    Ages alone cause a number of saves that grows with the logarithm of time.
    """
    if not saved:
        return True
    return _differs(_essence(saved), _essence(new))


def _essence(plain: Mapping[str, object]) -> dict[str, object]:
    """What decides: not when a save was made, not how old the entries of the history are, not each single poll."""
    kept = {key: value for key, value in plain.items() if key not in ("boot", "clock", "history", "polls")}
    polls = plain.get("polls")
    polls = dict(polls) if isinstance(polls, Mapping) else {}
    budget = polls.pop("budget", None)
    polls.pop("early_at", None)
    spent = budget.get("spent", 0.0) if isinstance(budget, Mapping) else 0.0
    kept["polls"], kept["budget"] = polls, int(spent) // _POLLS if isinstance(spent, float | int) else 0
    history = plain.get("history")
    if isinstance(history, list):
        kept["history"] = [[entry.get("what"), entry.get("why")] for entry in history if isinstance(entry, Mapping)]
    return kept


def _differs(old: object, new: object) -> bool:
    if isinstance(old, float) and isinstance(new, float):
        return abs(new - old) > max(_LEAST_GROWTH, max(abs(old), abs(new)) / 3)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return old.keys() != new.keys() or any(_differs(value, new[key]) for key, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) != len(new) or any(_differs(*pair) for pair in zip(old, new, strict=True))
    return old != new
