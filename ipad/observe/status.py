"""What one agent knows of one modem and its eUICC at one moment, under names that stay.

`as_plain` is what `ipad status --json`, the control API and metrics use. Fields that end in `_at` are seconds since
1970 and become text of ISO 8601 in UTC; those that end in `_seconds` are durations. Whatever is not known is None.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Any, Final

from ipad.clock import EARLIEST_WALL
from ipad.ids import Eid, Iccid, Imei, Plmn, mask_identifiers
from ipad.observe.failure import Failure
from ipad.records import dataclass, field, fields, is_dataclass

SCHEMA: Final = 1
"""Number of this model; grows when a name changes its meaning or goes away."""

_FAILURE: Final = {"kind": "class", "code": "code", "name": "name", "message": "message", "hint": "hint"}
_RENAMED: Final = {"profile_class": "class"}


class ServiceState(StrEnum):
    """What the agent does now."""

    STARTING = "starting"
    IDLE = "idle"
    POLLING = "polling"
    SERVING = "serving"  # an eIM came to us
    ACTING = "acting"  # carries out what policy decided, or a person asked for
    WAITING = "waiting"  # for a data session
    FAILED = "failed"  # modem, eUICC or state cannot be used; it is tried again
    STOPPING = "stopping"
    DIRECT = "direct"  # no agent runs: a command has looked itself


class Provisioning(StrEnum):
    """How far the device has come towards being managed and online."""

    UNKNOWN = "unknown"
    NO_EIM = "noEim"
    NO_PROFILE = "noProfile"  # none is enabled
    ON_TRIAL = "onTrial"  # the enabled profile has still to prove itself
    FALLBACK = "fallback"
    EMERGENCY = "emergency"
    OPERATIONAL = "operational"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatus:
    """The modem. `port` may also be the name of a reader."""

    port: str = ""
    board: str = ""
    manufacturer: str = ""
    model: str = ""
    revision: str = ""
    imei: Imei | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileStatus:
    """One profile. `state` and `profile_class` are names of the specification."""

    iccid: Iccid | None
    state: str | None = None
    profile_class: str | None = None
    name: str | None = None
    provider: str | None = None
    nickname: str | None = None
    fallback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EimStatus:
    """One eIM. `last_contact_at`: it answered. `last_result`: ok, or the code of what went wrong; None before the first
    poll. `failures`: polls that failed since it last answered. `unusable`: why it cannot be contacted."""

    eim_id: str
    host: str | None = None
    binding: str | None = None
    unusable: str | None = None
    last_contact_at: float | None = None
    last_result: str | None = None
    failures: int = 0
    next_poll_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioStatus:
    """What the modem shows. `access` is gsm, umts, lte, lte-m, nb-iot or nr5g; `reject_cause` a 3GPP number."""

    modem: str | None = None
    registration: str | None = None
    plmn: str | None = None
    country: str | None = None
    access: str | None = None
    signal_dbm: float | None = None
    reject_cause: int | None = None
    reject_meaning: str | None = None
    registered_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerStatus:
    """The data path. `verdict`: what the last look proved (proven, alive, unclear, dead, none)."""

    connected: bool | None = None
    session: str | None = None
    verdict: str | None = None
    failure: str | None = None
    proven_seconds: float | None = None
    kbps: float | None = None
    loss_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowStatus:
    """The enabled profile on trial. `remedies`: what is left to be done when it does not come online."""

    origin: str
    iccid: Iccid | None
    previous: Iccid | None = None
    elapsed_seconds: float = 0.0
    offline_seconds: float = 0.0
    remedies: tuple[str, ...] = ()
    boots: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionStatus:
    """One decision of the past. `taken_at`: None where the clock was not to be believed."""

    what: str
    why: str
    taken_at: float | None
    age_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyStatus:
    """`loss_layer` and `loss_seconds`: at which layer the device is offline, and how long that has counted.

    `fault` and `rung`: what the ladder of recovery works on. `pending`: an action whose end is not known yet.
    """

    window: WindowStatus | None = None
    loss_layer: str | None = None
    loss_seconds: float | None = None
    in_fallback: bool = False
    former: Iccid | None = None
    next_return_seconds: float | None = None
    emergency: bool = False
    pending: str | None = None
    fault: str | None = None
    decisions: tuple[DecisionStatus, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationStatus:
    """How long something took: all of it together, the last and the longest."""

    name: str
    count: int
    total_seconds: float
    last_seconds: float
    longest_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterStatus:
    """How often something ended in one way; `code` is ok or says what went wrong."""

    name: str
    code: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """What one procedure cost with one server since the process began.

    `server` is an eimId, or the address of an SM-DP+ or SM-DS. `procedure` is poll, result, data, download or
    notification. The rest as in `ipad.net.counters.Usage`. Field names are stable: users see them.
    """

    server: str
    procedure: str
    exchanges: int
    bytes_sent: int
    bytes_received: int
    packets_sent: int
    packets_received: int
    headers_sent: int
    headers_received: int
    handshakes: int
    resumed_handshakes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteStatus:
    """Files that were written to flash since the process began, and their bytes."""

    count: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """All of it. `text` says what the agent does now, as in `systemctl status`.

    `notifications_waiting` are those on the eUICC that were not delivered when it was last polled, `undelivered`
    results of packages that are owed to an eIM.
    """

    modem: str
    state: ServiceState
    version: str
    provisioning: Provisioning = Provisioning.UNKNOWN
    text: str = ""
    read_at: float | None = None
    running_seconds: float | None = None
    device: DeviceStatus = field(default_factory=DeviceStatus)
    eid: Eid | None = None
    kind: str | None = None
    profiles: tuple[ProfileStatus, ...] = ()
    eims: tuple[EimStatus, ...] = ()
    radio: RadioStatus = field(default_factory=RadioStatus)
    bearer: BearerStatus = field(default_factory=BearerStatus)
    policy: PolicyStatus = field(default_factory=PolicyStatus)
    last_error: Failure | None = None
    last_error_at: float | None = None
    next_poll_seconds: float | None = None
    notifications_waiting: int | None = None
    undelivered: int | None = None
    durations: tuple[DurationStatus, ...] = ()
    counters: tuple[CounterStatus, ...] = ()
    usage: tuple[UsageRow, ...] = ()
    writes: WriteStatus = field(default_factory=WriteStatus)

    @property
    def enabled(self) -> ProfileStatus | None:
        """The enabled profile."""
        return next((profile for profile in self.profiles if profile.state == "enabled"), None)


def as_plain(status: Status, *, masked: bool) -> dict[str, Any]:
    """The status as text, numbers, lists and maps. `masked`: of identifiers of cards and devices only the ends."""
    return {"schema": SCHEMA, **_fields(status, masked)}


def iso(moment: float | None) -> str | None:
    """A wall clock second as text; None for one before the agent was made, which no clock that is set shows."""
    if moment is None or moment < EARLIEST_WALL:
        return None
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _fields(value: Any, masked: bool) -> dict[str, Any]:
    if isinstance(value, Failure):
        names = _FAILURE
    else:
        names = {item.name: _RENAMED.get(item.name, item.name) for item in fields(value)}
    return {shown: _plain(name, getattr(value, name), masked) for name, shown in names.items()}


def _plain(name: str, value: Any, masked: bool) -> Any:  # noqa: PLR0911 - one return for each case
    if isinstance(value, Eid | Iccid | Imei):
        return value.masked() if masked else str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Plmn):
        return str(value)
    if isinstance(value, str):
        return mask_identifiers(value) if masked else value
    if isinstance(value, float):
        return iso(value) if name.endswith("_at") else round(value, 3)
    if isinstance(value, tuple):
        return [_plain(name, item, masked) for item in value]
    if is_dataclass(value):
        return _fields(value, masked)
    return value
