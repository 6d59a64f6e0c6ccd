"""The floor of a dialogue with modem and eUICC: which commands a procedure cannot do without, each with its reason.

An ES10 function is one chain of STORE DATA blocks and, where its answer has data, the GET RESPONSE commands that fetch
them: over T=0 and AT+CGLA a card announces data with 61xx (SGP.22 5.7.2, ETSI TS 102 221 7.3.1.1.5). Each APDU is one
AT+CGLA (3GPP TS 27.007 8.43). What functions carry is taken as it was seen; how often they are needed is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BLOCK: Final = 255
"""Bytes of data in a command APDU (ISO/IEC 7816-4 5.1, short length)."""
EMPTY: Final = 5
"""Bytes of an answer that holds an empty list: the tag of the function, A0, two lengths."""
FETCH: Final = 256
"""Bytes of data in a response APDU."""


@dataclass(frozen=True)
class Call:
    """One ES10 function with whole request and answer in bytes. `apdus` is what was sent for it."""

    function: str
    request: int
    answer: int
    apdus: int

    @property
    def least(self) -> int:
        """APDUs that it takes."""
        return -(-self.request // BLOCK) + -(-self.answer // FETCH)


@dataclass(frozen=True)
class Need:
    """A function that a procedure needs so many times. `source`: document and section.

    `filled`: an answer with an empty list is not what is needed.
    """

    function: str
    source: str
    times: int = 1
    filled: bool = False


@dataclass(frozen=True)
class Needs:
    """Of one procedure. `channels`: how often the ISD-R is opened; `closed`: how often closed, since a channel that the
    card's reset takes needs no AT+CCHC. `others`: further AT commands with their reasons."""

    calls: tuple[Need, ...] = ()
    channels: int = 0
    closed: int = 0
    others: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class DialogueFloor:
    """`apdus` of ES10, and `commands` to the modem with those that carry them."""

    apdus: int
    commands: int
    missing: tuple[str, ...] = ()
    """Functions that are needed and were not seen: their cost is not in the floor."""


def floor_of(needs: Needs, calls: tuple[Call, ...]) -> DialogueFloor:
    """Takes the sizes of the functions from what was seen: the smallest calls of that name, as often as needed.

    A segment of a Bound Profile Package is needed as often as it was sent: how it is cut is written in SGP.22 2.5.5.
    """
    apdus, missing = 0, []
    for need in needs.calls:
        seen = sorted(
            call.least for call in calls if call.function == need.function and (call.answer > EMPTY or not need.filled)
        )
        wanted = need.times or len(seen)
        if len(seen) < max(1, wanted):
            missing.append(need.function)
        apdus += sum(seen[:wanted])
    return DialogueFloor(apdus, apdus + needs.channels + needs.closed + len(needs.others), tuple(missing))
