"""What can happen, and where: the interfaces of a device and the catalogue of faults. A fault happens once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Interface(StrEnum):
    """Where steps are counted.

    LINE: AT commands. APDU: commands of the agent at the card. SUPPLY: every command at the card, those of the modem
    too. ESIPA: messages to eIMs. ES9: calls of SM-DP+. FILE: operations on files in the state directory.
    """

    LINE = "AT"
    APDU = "APDU"
    SUPPLY = "power"
    ESIPA = "ESipa"
    ES9 = "ES9+"
    FILE = "file"


class Fault(StrEnum):
    """What happens at a step. Where the moment matters there are two: before the step has its effect, and after."""

    KILL_BEFORE = "kill -9 before"
    KILL_AFTER = "kill -9 after"
    KILL_WITHIN = "kill -9 within a write"
    CARD_POWER_BEFORE = "card without power, before"
    CARD_POWER_AFTER = "card without power, after"
    MODEM_POWER_BEFORE = "modem without power, before"
    MODEM_POWER_AFTER = "modem without power, after"
    POWER_BEFORE = "modem and gateway without power, before"
    POWER_AFTER = "modem and gateway without power, after"

    SILENCE_BEFORE = "silence, request lost"
    SILENCE_AFTER = "silence, answer lost"
    DELAY = "delay"
    LATE = "answer after the time-out"
    DRIP = "slow drip"
    GARBAGE = "garbage"
    NOISE = "garbage before the answer"
    FLIPPED = "flipped bits"
    TRUNCATION = "truncation"
    EMPTY = "empty answer"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    WRONG_TAG = "wrong tag"
    WRONG_LENGTH = "wrong length"
    ERROR_BEFORE = "error code, not executed"
    ERROR_AFTER = "error code, executed"
    BUSY = "error code, busy"
    NOT_FOUND = "error code, not found"
    DISCONNECT_BEFORE = "disconnect before"
    DISCONNECT_AFTER = "disconnect after"
    DNS = "DNS failure"
    TLS = "TLS failure"

    DISK_FULL = "full disk"
    READ_ONLY = "read-only disk"
    IO_ERROR = "I/O error"
    INTERRUPTED = "EINTR"
    DAMAGED = "kill -9, file damaged"
    CUT_OFF = "kill -9, file cut off"
    MEMORY = "out of memory"
    CLOCK_FORWARD = "clock jumps a year forward"
    CLOCK_BACK = "clock jumps to 1970"


CRASHES = (Fault.KILL_BEFORE, Fault.KILL_AFTER)
SUPPLY = (
    Fault.CARD_POWER_BEFORE,
    Fault.CARD_POWER_AFTER,
    Fault.MODEM_POWER_BEFORE,
    Fault.MODEM_POWER_AFTER,
    Fault.POWER_BEFORE,
    Fault.POWER_AFTER,
)
_CLOCK = (Fault.CLOCK_FORWARD, Fault.CLOCK_BACK)
_ANSWERS = (
    Fault.GARBAGE,
    Fault.TRUNCATION,
    Fault.EMPTY,
    Fault.DUPLICATE,
    Fault.REORDER,
    Fault.WRONG_TAG,
    Fault.WRONG_LENGTH,
    Fault.ERROR_BEFORE,
    Fault.ERROR_AFTER,
    Fault.MEMORY,
)
_NETWORK = (
    Fault.SILENCE_BEFORE,
    Fault.SILENCE_AFTER,
    Fault.DELAY,
    Fault.DRIP,
    *_ANSWERS,
    Fault.BUSY,
    Fault.NOT_FOUND,
    Fault.DISCONNECT_BEFORE,
    Fault.DISCONNECT_AFTER,
    Fault.DNS,
    Fault.TLS,
)

CATALOGUE: dict[Interface, tuple[Fault, ...]] = {
    Interface.LINE: (
        *CRASHES,
        Fault.SILENCE_BEFORE,
        Fault.SILENCE_AFTER,
        Fault.DELAY,
        Fault.LATE,
        Fault.DRIP,
        Fault.NOISE,
        Fault.FLIPPED,
        Fault.TRUNCATION,
        Fault.DUPLICATE,
        Fault.REORDER,
        Fault.WRONG_TAG,
        Fault.WRONG_LENGTH,
        Fault.ERROR_BEFORE,
        Fault.ERROR_AFTER,
        Fault.DISCONNECT_BEFORE,
        Fault.DISCONNECT_AFTER,
        *_CLOCK,
    ),
    Interface.APDU: (Fault.SILENCE_BEFORE, Fault.SILENCE_AFTER, *_ANSWERS),
    Interface.SUPPLY: SUPPLY,
    Interface.ESIPA: (*CRASHES, *_NETWORK, *_CLOCK),
    Interface.ES9: (*CRASHES, *_NETWORK, *_CLOCK),
    Interface.FILE: (
        *CRASHES,
        Fault.KILL_WITHIN,
        Fault.DAMAGED,
        Fault.CUT_OFF,
        Fault.DISK_FULL,
        Fault.READ_ONLY,
        Fault.IO_ERROR,
        Fault.INTERRUPTED,
        Fault.MEMORY,
        *_CLOCK,
    ),
}


@dataclass(frozen=True, order=True)
class Point:
    """A fault at the step with this number (from 0) of an interface."""

    interface: Interface
    number: int
    fault: Fault

    def __str__(self) -> str:
        return f"{self.interface} {self.number}: {self.fault}"
