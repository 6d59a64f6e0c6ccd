"""Radio terms of policy: access technologies, states of registration, and what counts as a weak signal."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum


class Access(StrEnum):
    """Access technology."""

    GSM = "gsm"
    UMTS = "umts"
    LTE = "lte"
    LTE_M = "lte-m"
    NB_IOT = "nb-iot"
    NR = "nr5g"


LPWA = frozenset({Access.LTE_M, Access.NB_IOT})

_ACCESS_OF_ACT = {
    **dict.fromkeys((0, 1, 3), Access.GSM),
    **dict.fromkeys((2, 4, 5, 6), Access.UMTS),
    7: Access.LTE,
    8: Access.LTE_M,
    9: Access.NB_IOT,
    10: Access.LTE,
    **dict.fromkeys((11, 12, 13), Access.NR),
}

WEAK_BELOW = {
    Access.GSM: -105.0,
    Access.UMTS: -110.0,
    Access.LTE: -115.0,
    Access.LTE_M: -125.0,
    Access.NB_IOT: -125.0,
    Access.NR: -115.0,
}
"""dBm of the reference signal (RSRP; RSCP on UMTS, RXLEV on GSM) below which a link is about to break."""


class RegistrationState(StrEnum):
    """What the modem says about the packet service of the network (<stat> of TS 27.007 10.1.22, grouped)."""

    IDLE = "idle"  # not registered and not searching
    SEARCHING = "searching"
    HOME = "home"
    ROAMING = "roaming"
    DENIED = "denied"
    LIMITED = "limited"  # SMS or emergency calls only
    UNKNOWN = "unknown"  # out of coverage, or not told


_STATE_OF_STAT = {
    0: RegistrationState.IDLE,
    1: RegistrationState.HOME,
    2: RegistrationState.SEARCHING,
    3: RegistrationState.DENIED,
    5: RegistrationState.ROAMING,
    6: RegistrationState.LIMITED,
    7: RegistrationState.LIMITED,
    8: RegistrationState.LIMITED,
    9: RegistrationState.HOME,
    10: RegistrationState.ROAMING,
    11: RegistrationState.LIMITED,
}

REGISTERED = frozenset({RegistrationState.HOME, RegistrationState.ROAMING})
SEARCHING = frozenset({RegistrationState.SEARCHING, RegistrationState.UNKNOWN})


def access_of(act: int) -> Access | None:
    """The technology of an <AcT> (TS 27.007 7.3); None for one that is not known."""
    return _ACCESS_OF_ACT.get(act)


def state_of(stat: int) -> RegistrationState:
    """The state of a <stat>."""
    return _STATE_OF_STAT.get(stat, RegistrationState.UNKNOWN)


def searches_slowly(technologies: Collection[Access], access: Access | None) -> bool:
    """Whether a search takes as long as those of NB-IoT and LTE-M do: minutes, with luck."""
    return access in LPWA or any(technology in LPWA for technology in technologies)
