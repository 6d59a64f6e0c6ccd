"""Events of a modem, switched on once for each start of the dialogue (3GPP TS 27.007 7.2, 10.1)."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Final

from ipad.board import Board
from ipad.errors import ModemError
from ipad.modem.port import AtPort
from ipad.records import dataclass, field

logger = logging.getLogger(__name__)

_REGISTRATION: Final = re.compile(r"AT\+(C(?:|G|E|5G)REG)=([1-5])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Subscription:
    """`registration` has the <n> that was accepted for each command; `bearer` is whether +CGEV comes."""

    registration: Mapping[str, int] = field(default_factory=dict)
    bearer: bool = False

    @property
    def tells(self) -> bool:
        """Whether the modem tells by itself that registration or bearer changed, so that nobody has to ask."""
        return self.bearer and any(name != "CREG" for name in self.registration)

    def forgotten(self, domain: str, n: int | None) -> bool:
        """Whether an answer with `n` shows that the modem restarted and lost the subscription."""
        return n == 0 and self.registration.get(domain, 0) > 0


async def subscribe(port: AtPort, board: Board) -> Subscription:
    """Send the commands of the board. A refused <n> of a registration command is followed by the next lower one.

    Raises PortError when the modem is gone or silent.
    """
    registration: dict[str, int] = {}
    for command in board.registration.subscribe:
        match = _REGISTRATION.fullmatch(command)
        if match is None:
            await _accepted(port, command)
            continue
        name, highest = match[1].upper(), int(match[2])
        for n in range(highest, 0, -1):
            if await _accepted(port, f"AT+{name}={n}"):
                registration[name] = n
                break
    bearer = await _accepted(port, "AT+CGEREP=2,1") or await _accepted(port, "AT+CGEREP=1")
    for command in board.at.subscribe:
        await _accepted(port, command)
    return Subscription(registration, bearer)


async def _accepted(port: AtPort, command: str) -> bool:
    try:
        await port.command(command)
    except ModemError as error:
        logger.debug("%s", error)
        return False
    return True
