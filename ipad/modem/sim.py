"""The state of the SIM as the modem sees it: +CPIN and the errors that stand for it (3GPP TS 27.007 8.3, 9.2)."""

from __future__ import annotations

from enum import Enum

from ipad.errors import ModemError
from ipad.modem.fields import split_prefix, unquote
from ipad.records import dataclass

SIM_CHANGE_PREFIXES = ("+QUSIM", "+QSIMSTAT", "#QSS", "+UUSIMSTAT", "%XSIM", "^SCKS", "^SIMST", "+SIMCARD", "+SIM")
"""Events that say that the card was initialised, inserted or removed."""


class SimCondition(Enum):
    """What can be done with the card."""

    READY = "ready"
    LOCKED = "locked"
    NOT_READY = "not ready"
    BUSY = "busy"
    ABSENT = "absent"
    EMPTY_EUICC = "eUICC without an enabled profile"
    FAILURE = "failure"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SimState:
    """`text` is what the modem said. APDUs may work in any condition: an empty eUICC often shows as failure."""

    condition: SimCondition
    text: str


_CONDITIONS = {
    "READY": SimCondition.READY,
    "NOT READY": SimCondition.NOT_READY,
    "NOT INSERTED": SimCondition.ABSENT,
    "SIM REMOVED": SimCondition.ABSENT,
    "EMPTY_EUICC": SimCondition.EMPTY_EUICC,
}
_ERRORS = {
    10: SimCondition.ABSENT,
    11: SimCondition.LOCKED,
    12: SimCondition.LOCKED,
    13: SimCondition.FAILURE,
    14: SimCondition.BUSY,
    15: SimCondition.FAILURE,
}


def parse_cpin(line: str) -> SimState | None:
    """Read `+CPIN: …`; None when the line is none."""
    prefix, value = split_prefix(line)
    if prefix != "+CPIN":
        return None
    text = unquote(value).upper()
    locked = text.startswith(("SIM PI", "SIM PU", "PH-"))
    return SimState(_CONDITIONS.get(text, SimCondition.LOCKED if locked else SimCondition.UNKNOWN), text)


def state_of_error(error: ModemError) -> SimState:
    """The state that an error of AT+CPIN? stands for."""
    return SimState(_ERRORS.get(error.code or -1, SimCondition.UNKNOWN), str(error))


def is_sim_change(line: str) -> bool:
    """Whether an event says that the card changed or was initialised anew."""
    prefix, _ = split_prefix(line)
    if prefix == "+CPIN":
        state = parse_cpin(line)
        return state is not None and state.condition is not SimCondition.READY
    return prefix in SIM_CHANGE_PREFIXES or line.startswith("+SIM ")
