"""What the messages to an eIM cost, by procedure."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from ipad.codec import tlv
from ipad.esipa.binding import EsipaBinding
from ipad.net.counters import Usage, UsageLedger

logger = logging.getLogger(__name__)


class Procedure(StrEnum):
    """What messages are for."""

    POLL = "poll"
    RESULT = "result"
    NOTIFICATION = "notification"
    DOWNLOAD = "download"


_PROCEDURES: Final[Mapping[int, Procedure]] = {
    0xBF4F: Procedure.POLL,
    0xBF50: Procedure.RESULT,
    0xBF3D: Procedure.NOTIFICATION,
    0xBF39: Procedure.DOWNLOAD,
    0xBF3B: Procedure.DOWNLOAD,
    0xBF3A: Procedure.DOWNLOAD,
    0xBF41: Procedure.DOWNLOAD,
}


class MeteredBinding:
    """Enters in a ledger what each message cost, failed ones too; the first one pays for the connection.

    `meter` tells what the client below has cost so far.
    """

    def __init__(self, eim_id: str, binding: EsipaBinding, meter: Callable[[], Usage], ledger: UsageLedger) -> None:
        self._eim_id = eim_id
        self._binding = binding
        self._meter = meter
        self._ledger = ledger

    async def exchange(self, message: bytes) -> bytes:
        """See `EsipaBinding`."""
        procedure = _PROCEDURES[tlv.read_element(message).tag]
        before = self._meter()
        try:
            return await self._binding.exchange(message)
        finally:
            usage = self._meter() - before + Usage(exchanges=1)
            self._ledger.add(self._eim_id, procedure, usage)
            logger.debug(
                "eIM %s, %s: %d bytes sent, %d received",
                self._eim_id,
                procedure,
                usage.bytes_sent,
                usage.bytes_received,
            )

    async def close(self) -> None:
        """Close the connection; the next message opens it again."""
        await self._binding.close()
