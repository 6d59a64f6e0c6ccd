"""Answers of the virtual modem: lines, a final result, and what happens after it (V.250 5.7, TS 27.007 9.2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

_ERROR = re.compile(r"CME (\d{1,4})")


class Cme(IntEnum):
    """Codes of +CME ERROR that the modem uses (3GPP TS 27.007 9.2.1); the texts below belong to them."""

    PHONE_FAILURE = 0
    OPERATION_NOT_ALLOWED = 3
    OPERATION_NOT_SUPPORTED = 4
    SIM_NOT_INSERTED = 10
    SIM_PIN_REQUIRED = 11
    SIM_FAILURE = 13
    SIM_BUSY = 14
    SIM_WRONG = 15
    NOT_FOUND = 22
    NO_NETWORK_SERVICE = 30
    NETWORK_TIMEOUT = 31
    INCORRECT_PARAMETERS = 50
    UNKNOWN = 100
    ILLEGAL_MS = 103
    ILLEGAL_ME = 106
    GPRS_NOT_ALLOWED = 107
    PLMN_NOT_ALLOWED = 111
    LOCATION_AREA_NOT_ALLOWED = 112
    ROAMING_NOT_ALLOWED = 113
    INSUFFICIENT_RESOURCES = 126
    UNKNOWN_APN = 127
    OPTION_NOT_SUBSCRIBED = 133
    UNSPECIFIED_GPRS_ERROR = 148
    IPV4_ONLY_ALLOWED = 192


_TEXTS: dict[int, str] = {
    Cme.PHONE_FAILURE: "phone failure",
    Cme.OPERATION_NOT_ALLOWED: "operation not allowed",
    Cme.OPERATION_NOT_SUPPORTED: "operation not supported",
    Cme.SIM_NOT_INSERTED: "SIM not inserted",
    Cme.SIM_PIN_REQUIRED: "SIM PIN required",
    Cme.SIM_FAILURE: "SIM failure",
    Cme.SIM_BUSY: "SIM busy",
    Cme.SIM_WRONG: "SIM wrong",
    Cme.NOT_FOUND: "not found",
    Cme.NO_NETWORK_SERVICE: "no network service",
    Cme.NETWORK_TIMEOUT: "network timeout",
    Cme.INCORRECT_PARAMETERS: "Incorrect parameters",
    Cme.UNKNOWN: "unknown",
    Cme.ILLEGAL_MS: "Illegal MS",
    Cme.ILLEGAL_ME: "Illegal ME",
    Cme.GPRS_NOT_ALLOWED: "GPRS services not allowed",
    Cme.PLMN_NOT_ALLOWED: "PLMN not allowed",
    Cme.LOCATION_AREA_NOT_ALLOWED: "Location area not allowed",
    Cme.ROAMING_NOT_ALLOWED: "Roaming not allowed in this location area",
    Cme.INSUFFICIENT_RESOURCES: "insufficient resources",
    Cme.UNKNOWN_APN: "missing or unknown APN",
    Cme.OPTION_NOT_SUBSCRIBED: "requested service option not subscribed",
    Cme.UNSPECIFIED_GPRS_ERROR: "unspecified GPRS error",
    Cme.IPV4_ONLY_ALLOWED: "PDP type IPv4 only allowed",
}


@dataclass(frozen=True)
class Final:
    """A final result: a word (`OK`, `ERROR`, a vendor's text) or, with `cme` set, an error of the mobile equipment."""

    word: str = "OK"
    cme: int | None = None

    @property
    def ok(self) -> bool:
        return self.cme is None and self.word == "OK"

    def text(self, cmee: int) -> str:
        """The line to print, by the setting of +CMEE (0 plain, 1 number, 2 words; TS 27.007 9.1)."""
        if self.cme is None:
            return self.word
        if cmee == 0:
            return "ERROR"
        if cmee == 1:
            return f"+CME ERROR: {self.cme}"
        return f"+CME ERROR: {_TEXTS.get(self.cme, _TEXTS[Cme.UNKNOWN])}"

    @classmethod
    def parse(cls, text: str) -> Final:
        """Read the notation of personalities and faults: `OK`, `ERROR`, `CME 13`, or any text as it stands."""
        match = _ERROR.fullmatch(text)
        return cls("ERROR", int(match[1])) if match else cls(text)


OK = Final()
ERROR = Final("ERROR")


@dataclass(frozen=True)
class Reply:
    """What a handler answers: the lines come `delay` seconds from now, then the final result, then `after` is run."""

    lines: tuple[str, ...] = ()
    final: Final = OK
    delay: float = 0.0
    after: Callable[[], None] | None = None


class Refused(Exception):  # noqa: N818 - it is an answer, not a malfunction
    """Raised inside a handler: the command ends with this result."""

    def __init__(self, final: Final) -> None:
        super().__init__(final.text(2))
        self.final = final


def refuse(code: Cme) -> Refused:
    """The refusal with a number of TS 27.007."""
    return Refused(Final("ERROR", int(code)))
