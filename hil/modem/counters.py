"""What went over the line of a virtual modem: totals, and a record of each line for a timeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Direction(Enum):
    """Seen from the client: what it sent, what it received."""

    COMMAND = ">"
    ANSWER = "<"


# Monotonic seconds, direction, one line without its end.
Trace = Callable[[float, Direction, str], None]


@dataclass
class Counters:
    """Totals since the modem was made.

    bytes_in and bytes_out count the characters of the line from and to the client, commands the lines with `AT`,
    apdus the command APDUs of the client, with their bytes up to the card and down from it.
    """

    bytes_in: int = 0
    bytes_out: int = 0
    commands: int = 0
    urcs: int = 0
    apdus: int = 0
    apdu_bytes_up: int = 0
    apdu_bytes_down: int = 0
    hang_ups: int = 0
