"""Proactive commands, for a host that owns the card (ETSI TS 102 223 6.4.7, 6.6, 6.8; TS 102 221 11.2).

Only REFRESH is executed; every other command is answered "beyond terminal's capabilities".
"""

from __future__ import annotations

from typing import Final

from ipad.apdu.command import INS_FETCH, INS_TERMINAL_RESPONSE, MAX_LE, CommandApdu
from ipad.codec.tlv import children, read_element, tlv
from ipad.errors import CardError, CodecError
from ipad.records import dataclass

REFRESH: Final = 0x01
PROFILE_STATE_CHANGE: Final = 0x09
"""Qualifier "eUICC Profile State Change": the card needs no reset, but an answer."""

_PROACTIVE_COMMAND: Final = 0xD0
_COMMAND_DETAILS: Final = (0x01, 0x81)
_PERFORMED: Final = 0x00
_BEYOND_CAPABILITIES: Final = 0x30


@dataclass(frozen=True, slots=True)
class ProactiveCommand:
    """Command details: `number` links the answer to the command, `type` says what, `qualifier` how."""

    number: int
    type: int
    qualifier: int

    @property
    def needs_reset(self) -> bool:
        """Whether it is a REFRESH whose answer is the reset of the card."""
        return self.type == REFRESH and self.qualifier != PROFILE_STATE_CHANGE


def fetch(length: int) -> bytes:
    """FETCH of a proactive command that 91xx announced, on the basic channel."""
    return CommandApdu(0x80, INS_FETCH, 0, 0, le=length or MAX_LE).encode()


def parse_proactive(data: bytes) -> ProactiveCommand:
    """Read the command details. Raises CardError for anything else than a proactive command."""
    try:
        element = read_element(data)
        details = next((child for child in children(element.value) if child.tag in _COMMAND_DETAILS), None)
    except CodecError as error:
        raise CardError(f"FETCH: malformed proactive command: {error}") from error
    if element.tag != _PROACTIVE_COMMAND or details is None or len(details.value) != 3:
        raise CardError(f"FETCH: expected a proactive command, got {data[:16].hex().upper() or 'nothing'}")
    number, kind, qualifier = details.value
    return ProactiveCommand(number, kind, qualifier)


def terminal_response(command: ProactiveCommand) -> bytes:
    """TERMINAL RESPONSE: REFRESH was performed, all others cannot be."""
    result = _PERFORMED if command.type == REFRESH else _BEYOND_CAPABILITIES
    data = (
        tlv(0x81, bytes((command.number, command.type, command.qualifier)))
        + tlv(0x82, b"\x82\x81")
        + tlv(0x83, bytes((result,)))
    )
    return CommandApdu(0x80, INS_TERMINAL_RESPONSE, 0, 0, data).encode()
