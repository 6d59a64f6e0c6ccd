"""What policy decides. A decision is a value; whoever carries it out tells the end by an event."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from ipad.policy.events import Layer, Origin
from ipad.records import dataclass


class Notice(IntEnum):
    """StateChangeCause of the next GetEimPackage (SGP.32 5.14.5)."""

    FALLBACK = 1
    EMERGENCY_PROFILE = 2
    LOCAL = 3
    IMMEDIATE_ENABLE_PROFILE = 5
    UNDEFINED = 127


class ReportKind(StrEnum):
    """What a report is about."""

    LOSS = "loss"  # the device is offline, `layer` names what fails
    BACK = "back"  # it is online again
    REJECTED = "rejected"  # the network refuses this subscription or this device
    REFUSED = "refused"  # the eUICC does not do what was decided
    STRANDED = "stranded"  # offline, and no profile is left that policy may choose
    CARD = "card"  # the eUICC is not in the state that policy left it in


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """The profile is good; the window is closed. `proven`: an eIM answered; else the path is alive and that must do."""

    iccid: str
    origin: Origin
    proven: bool
    after: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollback:
    """Call ProfileRollback (SGP.32 5.9.16)."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecuteFallback:
    """Call ExecuteFallbackMechanism (SGP.32 5.9.20)."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReturnFromFallback:
    """Call ReturnFromFallback (SGP.32 5.9.21)."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class EnableProfile:
    """Enable an installed profile of a consumer eUICC (SGP.22 5.7.16)."""

    iccid: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Recover:
    """Climb one rung of the board's ladder; `step` counts the rungs of this trouble from 1."""

    rung: str
    step: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """Look through the layers now."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlyPoll:
    """Poll before the schedule says so.

    `notice` is the state change to report, None for none; `plmn` the network that the device is registered in.
    `urgent`: quiet hours and hints do not hold it back.
    """

    reason: str
    notice: Notice | None = None
    plmn: str | None = None
    urgent: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Silence:
    """Poll nothing and touch nothing (`on`), or go on (SGP.32 5.9.22: emergency calls)."""

    on: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class RunHook:
    """Start the program of a rule."""

    program: str
    rule: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Something that a person or an eIM may want to know; nothing has to be done."""

    kind: ReportKind
    text: str
    layer: Layer | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitUntil:
    """Come back at this monotonic moment at the latest, also if nothing happens."""

    at: float


Decision = (
    Commit
    | Rollback
    | ExecuteFallback
    | ReturnFromFallback
    | EnableProfile
    | Recover
    | Probe
    | EarlyPoll
    | Silence
    | RunHook
    | Report
    | WaitUntil
)

SWITCHES = (Rollback, ExecuteFallback, ReturnFromFallback, EnableProfile)
"""Decisions that change the enabled profile."""
