"""Unsolicited result codes: which lines they are, and how to tell them from answers (3GPP TS 27.007)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ipad.modem.fields import split_prefix
from ipad.modem.registration import is_read_form

REGISTRATION_PREFIXES = frozenset({"+CREG", "+CGREG", "+CEREG", "+C5GREG"})
_PACKET_PREFIXES = frozenset({"+CGEV", "+CSCON", "+CEDRXP"})
_CLOCK_PREFIXES = frozenset({"+CTZV", "+CTZE", "+CTZEU"})
_MESSAGE_PREFIXES = frozenset({"+CMTI", "+CMT", "+CDS", "+CBM", "+CUSD", "+CRING"})
_STATE_PREFIXES = frozenset({"+CIEV", "+CPIN", "+CUSATP"})
GENERIC_PREFIXES = REGISTRATION_PREFIXES | _PACKET_PREFIXES | _CLOCK_PREFIXES | _MESSAGE_PREFIXES | _STATE_PREFIXES
BARE_LINES = frozenset(
    {
        "RING",
        "NO CARRIER",
        "RDY",
        "POWERED DOWN",
        "NORMAL POWER DOWN",
        "PSM POWER DOWN",
        "SMS DONE",
        "PB DONE",
        "APP RDY",
        "+PBREADY",
        "^SYSSTART",
        "Ready",
    }
)

_BOOT_LINES = frozenset({"RDY", "APP RDY", "^SYSSTART", "Ready"})
_BOOT_PREFIXES = frozenset({"+KSUP", "+READY"})


def is_boot(line: str) -> bool:
    """Whether an event says that the modem has just started, so that it forgot what it was told."""
    return line in _BOOT_LINES or split_prefix(line)[0] in _BOOT_PREFIXES or line in _BOOT_PREFIXES


class UrcTable:
    """The codes of 3GPP and those of one board: entries with a prefix, and lines compared as a whole."""

    def __init__(self, entries: Iterable[str] = ()) -> None:
        entries = tuple(entries)
        self._prefixes = GENERIC_PREFIXES | {entry.upper() for entry in entries if entry[:1] in "+^#!%$*"}
        self._bare = BARE_LINES | set(entries)
        names = "|".join(re.escape(prefix) for prefix in sorted(self._prefixes, key=len, reverse=True))
        self._glued = re.compile(rf"(?:{names})\s?:", re.IGNORECASE)

    def matches(self, line: str) -> bool:
        """Whether the line can be an unsolicited result code."""
        return line in self._bare or split_prefix(line)[0] in self._prefixes

    def is_unsolicited(self, line: str, command: str, prefix: str) -> bool:
        """Whether a line that came while `command` runs, whose answers begin with `prefix`, is unsolicited."""
        if not self.matches(line):
            return False
        own, value = split_prefix(line)
        if own != prefix or not own:
            return True
        if not command.endswith("?"):
            # A command that only sets something answers nothing, so this is the event of the same name.
            return True
        return own in REGISTRATION_PREFIXES and not command.endswith("=?") and not is_read_form(value)

    def find_glued(self, line: str, *, also: str = "") -> int | None:
        """Offset, outside quotes and not at the start, where an event or an answer with prefix `also` begins.

        The answer is looked for only behind an event: `+CSIM: 4,"9000"+CEREG: 1` and `+CEREG: 1+CSIM: 4,"9000"`.
        """
        starts = [match.start() for match in self._glued.finditer(line)]
        if also and self.matches(line):
            starts += [match.start() for match in re.finditer(rf"{re.escape(also)}\s?:", line, re.IGNORECASE)]
        return min((start for start in starts if start > 0 and line.count('"', 0, start) % 2 == 0), default=None)
