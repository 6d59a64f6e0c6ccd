"""What a watched modem shows, as values: told when they change, and all of them after a look that was asked for."""

from __future__ import annotations

from enum import StrEnum

from ipad.board.values import Technology
from ipad.ids import Iccid, Plmn
from ipad.modem.registration import RegistrationStatus
from ipad.modem.signal import Signal
from ipad.modem.sim import SimCondition
from ipad.records import dataclass, field


class ModemCondition(StrEnum):
    """Whether the modem could be on the air at all."""

    ON = "on"
    OFF = "off"  # minimum functionality, AT+CFUN=0, set by somebody else
    FLIGHT = "flight"  # transmitter off, any other value of AT+CFUN, set by somebody else
    ABSENT = "absent"  # its port is gone or silent


class AntennaCondition(StrEnum):
    """What is known of the antenna."""

    UNKNOWN = "unknown"
    PRESENT = "present"
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistrationFact:
    """Registration for packet data (3GPP TS 27.007 10.1.20, 10.1.22, 10.1.47).

    `cause` is a reject cause of TS 24.008, 24.301 or 24.501, never one of the manufacturer. `plmn` is the serving
    network, None until it was read. `domain` is the command that says so, such as "CEREG"; empty: none does.
    """

    status: RegistrationStatus
    technology: Technology | None = None
    cause: int | None = None
    plmn: Plmn | None = None
    domain: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalFact:
    """`dbm` is the reference signal of the technology (RSRP, RSCP, RXLEV); None: nothing can be measured."""

    technology: Technology
    dbm: float | None
    signal: Signal


@dataclass(frozen=True, kw_only=True, slots=True)
class SimFact:
    """The profile that the modem shows; None: none, for longer than a card needs to start."""

    iccid: Iccid | None
    condition: SimCondition


@dataclass(frozen=True, kw_only=True, slots=True)
class ModemFact:
    """State of the modem and of its antenna."""

    condition: ModemCondition
    antenna: AntennaCondition = AntennaCondition.UNKNOWN


@dataclass(frozen=True, kw_only=True, slots=True)
class BearerFact:
    """`session` names the data bearer, anew for each one; None: there is none. `attached` is what AT+CGATT? says."""

    session: str | None
    attached: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SleepFact:
    """Power saving mode (3GPP TS 23.682 4.5.4): `seconds` until the modem can be reached again; 0: it is awake."""

    seconds: float = 0.0


RadioFact = RegistrationFact | SignalFact | SimFact | ModemFact | BearerFact | SleepFact
