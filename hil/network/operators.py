"""What radio networks look like at the place of the device, and what they grant to a subscriber.

Reject causes are those of 3GPP TS 24.301 Annex A, session causes those of TS 24.301 9.9.4.4.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum


class Access(IntEnum):
    """Access technology with its number in +COPS and +CxREG (3GPP TS 27.007 7.3)."""

    GSM = 0
    UTRAN = 2
    E_UTRAN = 7
    NB_IOT = 9
    NR = 11


class EsmCause(IntEnum):
    """Why a packet session was refused (3GPP TS 24.301 9.9.4.4); other numbers are possible."""

    UNKNOWN_APN = 27
    SERVICE_OPTION_NOT_SUBSCRIBED = 33
    IPV4_ONLY_ALLOWED = 50


@dataclass(frozen=True)
class Signal:
    """What a receiver measures: reference signal power (dBm), quality (dB) and signal to noise (dB)."""

    rsrp: float = -85.0
    rsrq: float = -9.0
    sinr: float = 14.0


@dataclass(frozen=True)
class Operator:
    """One radio network as seen at the place of the device.

    `signal` None means that it has no coverage here. `partners` lists the home PLMNs of roaming subscribers that it
    takes; None takes everybody. A `barred` network is seen, but its cells let nobody in (TS 22.011 4): no attempt, no
    cause, no new traffic.
    """

    plmn: str
    long_name: str = ""
    short_name: str = ""
    access: Access = Access.E_UTRAN
    signal: Signal | None = field(default_factory=Signal)
    partners: frozenset[str] | None = None
    tac: int = 0x142D
    cell: int = 0x04F2C791
    barred: bool = False

    def __post_init__(self) -> None:
        if not (self.plmn.isdecimal() and len(self.plmn) in (5, 6)):
            raise ValueError(f"a PLMN has 5 or 6 digits, not {self.plmn!r}")


@dataclass(frozen=True)
class Service:
    """What the networks grant to one subscriber.

    `search_time`: seconds from switching on to the answer of the network. `reject_cause`: EMM cause of a refused
    registration. `session_time`: seconds until the packet session is up. `session_cause`: ESM cause of a refused
    session. `data` False: everything looks well, yet no IP packet gets through. `apns`: access points that the
    subscription knows (TS 23.003 9.1), the first of them for whoever names none; empty: any.
    """

    coverage: bool = True
    search_time: float = 0.5
    reject_cause: int | None = None
    session_time: float = 0.2
    session_cause: int | None = None
    data: bool = True
    apns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subscriber:
    """A SIM as the network knows it: IMSI (6 to 15 digits) and the PLMN of its home."""

    imsi: str
    home: str
