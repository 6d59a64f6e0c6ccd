"""From the APDUs that a card was sent to ES10 functions by name (SGP.22 5.7, SGP.32 5.9)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hil.bench.floor.dialogue import Call
from hil.rig.timeline import Event, Interface

SEGMENT: Final = "LoadBoundProfilePackage"
_NAMES: Final = {
    "BF20": "GetEUICCInfo1",
    "BF21": "PrepareDownload",
    "BF22": "GetEUICCInfo2",
    "BF28": "ListNotification",
    "BF2B": "RetrieveNotificationsList",
    "BF2D": "GetProfilesInfo",
    "BF2E": "GetEUICCChallenge",
    "BF30": "RemoveNotificationFromList",
    "BF36": SEGMENT,
    "BF38": "AuthenticateServer",
    "BF3C": "GetEuiccConfiguredAddresses",
    "BF3E": "GetEID",
    "BF41": "CancelSession",
    "BF43": "GetRAT",
    "BF51": "LoadEuiccPackage",
    "BF55": "GetEimConfigurationData",
    "BF56": "GetCerts",
    "BF57": "AddInitialEim",
}
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
    if request.startswith(_SEGMENT_TAGS):
        return SEGMENT
    return _NAMES.get(request[:4], request[:4])
