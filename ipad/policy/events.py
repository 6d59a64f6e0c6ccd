"""What policy is told. An event has no time of its own: it is handed over together with the monotonic time.

Identifiers are text here (ICCID digits, PLMN digits without separator, eimId): policy compares them and shows them, it
never sends them to a card or a server.
"""

from __future__ import annotations

from enum import StrEnum

from ipad.policy.radio import Access, RegistrationState
from ipad.records import dataclass


class Layer(StrEnum):
    """Layers of connectivity from the radio up, in order."""

    NOTHING = "nothing"
    REGISTERED = "registered"
    BEARER = "bearer"
    DNS = "dns"
    TCP = "tcp"
    TLS = "tls"
    EIM = "eim"

    @property
    def rank(self) -> int:
        """Position, counted from 0."""
        return tuple(Layer).index(self)


class Origin(StrEnum):
    """Why another profile is enabled now."""

    PACKAGE = "package"  # an eUICC Package (SGP.32 3.3.1)
    ROLLBACK = "rollback"  # ProfileRollback (SGP.32 5.9.16)
    FALLBACK = "fallback"  # ExecuteFallbackMechanism (SGP.32 5.9.20)
    RETURN = "return"  # ReturnFromFallback (SGP.32 5.9.21)
    IMMEDIATE = "immediate"  # ImmediateEnable after a download (SGP.32 5.9.15)
    LOCAL = "local"  # a person or a rule on a consumer eUICC (SGP.22 5.7.16)
    EMERGENCY = "emergency"  # the emergency profile, or back from it (SGP.32 5.9.22, 5.9.23)


class EuiccKind(StrEnum):
    """What the card is, which decides what an IPA may do with its profiles."""

    IOT = "iot"  # SGP.32: packages, rollback, fallback
    CONSUMER = "consumer"  # SGP.22: the device enables profiles itself


class ModemState(StrEnum):
    """Whether the modem could register at all."""

    ON = "on"
    OFF = "off"  # switched off on purpose
    FLIGHT = "flight"  # radio off on purpose
    ABSENT = "absent"  # its port is gone or silent, as after a reset


class Antenna(StrEnum):
    """What the board knows of the antenna."""

    UNKNOWN = "unknown"
    PRESENT = "present"
    MISSING = "missing"


class Power(StrEnum):
    """Where the energy comes from."""

    MAINS = "mains"
    BATTERY = "battery"
    LOW = "low"


class Action(StrEnum):
    """Something that policy decides and that may fail."""

    ROLLBACK = "rollback"
    FALLBACK = "fallback"
    RETURN = "return"
    ENABLE = "enable"
    RECOVER = "recover"


class Outcome(StrEnum):
    """How an action ended. That a profile switch succeeded is told by `ProfileChanged`."""

    DONE = "done"
    REFUSED = "refused"  # the eUICC says no, and asking again changes nothing
    BUSY = "busy"  # the eUICC says catBusy or ecallActive: ask again later
    FAILED = "failed"  # no usable answer: modem or card are in trouble


@dataclass(frozen=True, kw_only=True, slots=True)
class Boot:
    """The agent begins. `reboot`: the device started anew, so that the monotonic clock did as well.

    `chance` is a random number from 0 to 1 that the caller draws once per boot (mixed with the EID) and that spreads
    what a whole fleet would otherwise do at the same moment. `rungs` are those of the board's recovery ladder. Without
    `radio` the card sits in a reader: there is no connectivity to look after. Without `bearers` nobody can tell the
    data bearer: then `Bearer` never comes, and what a registered modem carries has no `session`. `uptime`: seconds
    since the device started; a fleet boots together when power returns, an agent started later is one by itself.
    """

    chance: float = 0.5
    radio: bool = True
    bearers: bool = True
    technologies: tuple[Access, ...] = ()
    rungs: tuple[str, ...] = ()
    reboot: bool = True
    uptime: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CardRead:
    """The eUICC was read. `fallback` is the ICCID of the profile with the fallback attribute (SGP.32 3.4.6)."""

    kind: EuiccKind = EuiccKind.IOT
    enabled: str | None = None
    installed: tuple[str, ...] = ()
    fallback: str | None = None
    in_fallback: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Registration:
    """Registration changed or was polled. `cause` is a 3GPP reject cause, `plmn` the serving network."""

    state: RegistrationState
    access: Access | None = None
    cause: int | None = None
    plmn: str | None = None
    country: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalSample:
    """Strength of the reference signal in dBm; None: nothing can be measured."""

    access: Access
    dbm: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Bearer:
    """The data bearer came or went. `session` differs for each new one; None: there is none."""

    session: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeResult:
    """One look through the layers towards an eIM, over the cellular bearer `session`.

    `reached` is the highest layer that worked: EIM means that the authenticated eIM answered, whatever its status.
    `packets`: something came back, even if only a refusal. `others`: whether another server beyond the operator's
    network answered; None when none was asked. `clock`: TLS failed because of certificate dates that a wrong local
    clock explains, and for no other reason. `failure` is a short text for reports.
    """

    reached: Layer
    session: str | None = None
    packets: bool = False
    others: bool | None = None
    clock: bool = False
    failure: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """Measured from interface counters and probes: throughput (kbit/s) and loss (percent)."""

    kbps: float | None = None
    loss: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileChanged:
    """Another profile is enabled. `rollback`: the package gave the right to roll back."""

    origin: Origin
    iccid: str | None
    previous: str | None = None
    rollback: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SimShown:
    """The ICCID that the modem shows; None while it shows none."""

    iccid: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModemChanged:
    """State of modem and antenna."""

    state: ModemState
    antenna: Antenna = Antenna.UNKNOWN


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageRun:
    """The eUICC begins (`running`) or has ended executing a package or a download."""

    running: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Emergency:
    """The emergency profile was enabled or disabled (SGP.32 5.9.22, 5.9.23)."""

    active: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeSet:
    """The wall clock: seconds since 1970 (UTC), seconds of local time east of UTC, and whether it can be believed."""

    wall: float
    east: float = 0.0
    trusted: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Hints:
    """What the operator of the device says about cost and energy."""

    metered: bool = False
    power: Power = Power.MAINS


@dataclass(frozen=True, kw_only=True, slots=True)
class Sleep:
    """Power saving mode or eDRX: `seconds` until the modem can be reached again; 0: it is awake."""

    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class PollDone:
    """The authenticated eIM answered, whatever its status, over the bearer `session`."""

    eim_id: str
    session: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PollFailed:
    """The eIM did not answer; `layer` is the first that did not work."""

    eim_id: str
    layer: Layer
    session: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PollWanted:
    """A person or a signal asks for a poll now."""

    reason: str = "command"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReturnWanted:
    """A person asks to leave the fallback profile now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionResult:
    """How an action that policy decided has ended."""

    action: Action
    outcome: Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class RulesLoaded:
    """The file of rules was read; `digest` identifies its content."""

    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """Nothing happened but time."""


Event = (
    Boot
    | CardRead
    | Registration
    | SignalSample
    | Bearer
    | ProbeResult
    | Traffic
    | ProfileChanged
    | SimShown
    | ModemChanged
    | PackageRun
    | Emergency
    | TimeSet
    | Hints
    | Sleep
    | PollDone
    | PollFailed
    | PollWanted
    | ReturnWanted
    | ActionResult
    | RulesLoaded
    | Tick
)
