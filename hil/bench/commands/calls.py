"""From the APDUs that a card was sent to ES10 functions by name (SGP.22 5.7, SGP.32 5.9)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hil.bench.floor.dialogue import Call
from hil.es10_names import LOAD_BOUND_PROFILE_PACKAGE, function_of
from hil.rig.timeline import Event, Interface

_SEGMENT_TAGS: Final = ("86", "87", "88", "A0", "A1", "A2", "A3")
_STORE_DATA, _GET_RESPONSE, _LAST = "E2", "C0", "91"
_HEADER: Final = 10


def calls(events: Iterable[Event]) -> tuple[Call, ...]:
    """The functions in their order. APDUs of the modem's own (files, toolkit) are on another channel and no part of
    it: GET RESPONSE counts only behind a STORE DATA."""
    found: list[Call] = []
    request, answer, apdus = "", 0, 0
    last = False
    for event in events:
        if event.interface is not Interface.APDU or not event.data:
            continue
        if event.direction == ">":
            instruction = event.data[2:4]
            if instruction == _STORE_DATA:
                if last:
                    found.append(_call(request, answer, apdus))
                    request, answer, apdus, last = "", 0, 0, False
                request += event.data[_HEADER:]
                last = event.data[4:6] == _LAST
                apdus += 1
            elif instruction == _GET_RESPONSE and apdus:
                apdus += 1
            elif apdus and last:
                found.append(_call(request, answer, apdus))
                request, answer, apdus, last = "", 0, 0, False
        elif apdus:
            answer += len(event.data) // 2 - 2
    if apdus:
        found.append(_call(request, answer, apdus))
    return tuple(found)


def _call(request: str, answer: int, apdus: int) -> Call:
    return Call(_name(request), len(request) // 2, answer, apdus)


def _name(request: str) -> str:
    """What has no name is called by its first two bytes."""
    if request.startswith(_SEGMENT_TAGS):
        return LOAD_BOUND_PROFILE_PACKAGE
    return function_of(request) or request[:4]
