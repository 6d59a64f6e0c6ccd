"""The proactive REFRESH after a profile change (TS 102 223 6.4.7, SGP.22 5.7.16)."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from hil import tlv
from hil.euicc import status
from hil.euicc.errors import StatusError

QUALIFIER_RESET: Final = 0x04
QUALIFIER_PROFILE_STATE_CHANGE: Final = 0x09
_PROFILE_BYTE: Final = 33
_PROFILE_BIT: Final = 0x20
"""TERMINAL PROFILE, 34th byte, bit 6: REFRESH with "eUICC Profile State Change" mode (TS 102 223 5.2)."""
_TEMPORARY_PROBLEM: Final = 0x20
_TAG_COMMAND_DETAILS: Final = 0x01
_TAG_RESULT: Final = 0x03


class Stage(Enum):
    """Where a REFRESH stands."""

    NONE = auto()
    WAITING = auto()
    """Announced by 91xx until the terminal fetches it."""
    FETCHED = auto()
    """The terminal resets the card (04) or answers (09)."""


class ProactiveSession:
    """At most one command, the REFRESH, is under way. Volatile."""

    def __init__(self) -> None:
        self._stage = Stage.NONE
        self._qualifier = QUALIFIER_RESET
        self._terminal_profile = b""

    def reset(self) -> None:
        """The card was powered up: the terminal announces itself anew."""
        self._stage = Stage.NONE
        self._terminal_profile = b""

    @property
    def refresh_under_way(self) -> bool:
        """Whether a profile change is not yet visible to the terminal."""
        return self._stage is not Stage.NONE

    @property
    def waiting_bytes(self) -> int:
        """Length of the command that waits to be fetched, 0 if none."""
        return len(self._command()) if self._stage is Stage.WAITING else 0

    def terminal_profile(self, profile: bytes) -> None:
        """What the terminal supports."""
        self._terminal_profile = profile

    def queue_refresh(self) -> None:
        """Have the terminal read the card anew."""
        known = len(self._terminal_profile) > _PROFILE_BYTE and self._terminal_profile[_PROFILE_BYTE] & _PROFILE_BIT
        self._qualifier = QUALIFIER_PROFILE_STATE_CHANGE if known else QUALIFIER_RESET
        self._stage = Stage.WAITING

    def fetch(self, le: int | None) -> bytes:
        """FETCH: the command. StatusError 6985 if none waits, 6Cxx if `le` is not its length."""
        if self._stage is not Stage.WAITING:
            raise StatusError(status.CONDITIONS)
        command = self._command()
        if le != len(command):
            raise StatusError(status.EXACT_LENGTH | len(command))
        self._stage = Stage.FETCHED
        return command

    def terminal_response(self, data: bytes) -> bool:
        """TERMINAL RESPONSE: whether the REFRESH is now carried out by the terminal.

        StatusError 6985 when nothing was fetched, 6A80 for data without a result.
        """
        if self._stage is not Stage.FETCHED:
            raise StatusError(status.CONDITIONS)
        result = _general_result(data)
        if result & 0xF0 == _TEMPORARY_PROBLEM:
            self._stage = Stage.WAITING
            return False
        if self._qualifier == QUALIFIER_RESET:
            return False  # only the reset itself ends it
        self._stage = Stage.NONE
        return True

    def _command(self) -> bytes:
        return bytes.fromhex(f"D00981030101{self._qualifier:02X}82028182")


def _general_result(data: bytes) -> int:
    """First octet of the result object. The tags are COMPREHENSION-TLVs: bit 8 does not count."""
    try:
        objects = {child.tag & 0x7F: child.value for child in tlv.children(data)}
    except tlv.TlvError as error:
        raise StatusError(status.WRONG_DATA) from error
    if not objects.get(_TAG_RESULT) or _TAG_COMMAND_DETAILS not in objects:
        raise StatusError(status.WRONG_DATA)
    return objects[_TAG_RESULT][0]
