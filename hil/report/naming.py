"""Names of what went over the interfaces: APDUs, ES10 functions, status words."""

from __future__ import annotations

import re
from typing import Final

from hil.es10_names import function_of
from hil.suite.record import EventRecord

_STATUS: Final = {
    "9000": "done",
    "6700": "wrong length",
    "6881": "logical channel not supported",
    "6882": "secure messaging not supported",
    "6982": "security status not satisfied",
    "6985": "conditions of use not satisfied",
    "6A80": "wrong data",
    "6A82": "not found",
    "6A86": "wrong P1 P2",
    "6A88": "referenced data not found",
    "6D00": "instruction not supported",
    "6E00": "class not supported",
    "6F00": "no diagnosis",
}
"""Status words (TS 102 221 10.2.1)."""

_WORD: Final = re.compile("[0-9A-F]{4}")
_STORE_DATA: Final = "E2"
_LAST: Final = 0x80


def describe(event: EventRecord) -> str:
    """The text of an event with what its bytes say: of an APDU the ES10 function or the meaning of the status word."""
    if event.interface != "APDU" or not event.data:
        return event.text
    told = _command(event.data) if event.direction == ">" else _answer(event)
    return f"{event.text}: {told}" if told else event.text


def _command(data: str) -> str:
    """A STORE DATA with its place in the chain (SGP.22 5.7.2); nothing of other commands, which have a name already."""
    if data[2:4] != _STORE_DATA:
        return ""
    last, number = int(data[4:6], 16) & _LAST, int(data[6:8], 16)
    place = f"block {number}{', the last' if last else ''}"
    name = function_of(data[10:]) if number == 0 else None
    return place if name is None else f"{name}{'' if last else f', {place}'}"


def _answer(event: EventRecord) -> str:
    word = event.text.removeprefix("SW ").upper()
    if not _WORD.fullmatch(word):
        return ""
    meaning = _STATUS.get(word) or _by_first_byte(word)
    name = function_of(event.data) if event.size > 2 else None
    return ", ".join(part for part in (name, meaning) if part)


def _by_first_byte(word: str) -> str:
    first, second = bytes.fromhex(word)
    number = second or 256
    if first == 0x61:
        return f"{number} bytes wait"
    if first == 0x6C:
        return f"asked for the wrong length, {number} is right"
    if first == 0x91:
        return f"done, a proactive command of {number} bytes waits"
    if first == 0x63 and second & 0xC0 == 0xC0:
        return f"{second & 0x0F} tries left"
    return ""
