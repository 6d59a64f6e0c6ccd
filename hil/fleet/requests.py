"""What arrived at the eIM of a fleet, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from hil import tlv
from hil.clock import Clock
from hil.eim.exchange import Exchange

_EID: Final = 0x5A


@dataclass
class RequestLog:
    """An observer of the eIM's server: the moment and the status of every request. Moments are monotonic seconds.

    `on_answer` is told the EID of each request that the eIM itself answered.
    """

    clock: Clock
    on_answer: Callable[[bytes], None] = lambda _eid: None
    moments: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    """Those of them that were answered by a storm."""

    def __call__(self, exchange: Exchange) -> None:
        now = self.clock.monotonic()
        self.moments.append(now)
        if exchange.fault is not None:
            self.refused.append(now)
            return
        eid = eid_of(exchange.request)
        if eid is not None:
            self.on_answer(eid)


def eid_of(message: bytes) -> bytes | None:
    """The EID in an ESipa request (SGP.32 6.3: [APPLICATION 26]); None where it has none."""
    try:
        return next((part.value for part in tlv.children(tlv.first(message).value) if part.tag == _EID), None)
    except tlv.TlvError:
        return None
