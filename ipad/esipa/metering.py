"""What the messages to an eIM cost, by procedure."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from ipad.codec import tlv
from ipad.errors import CodecError
from ipad.esipa.binding import EsipaBinding
from ipad.net.counters import Usage, UsageLedger

logger = logging.getLogger(__name__)


class Procedure(StrEnum):
    """What messages are for."""

    POLL = "poll"
    """GetEimPackage, with whatever package comes (SGP.32 3.1.1.1)."""
    RESULT = "result"
    """Results of eUICC Packages, and refusals of packages (SGP.32 3.3.1)."""
    DATA = "data"
    """Answers to IpaEuiccDataRequest (SGP.32 2.11.2)."""
    DOWNLOAD = "download"
    """Profile download, from InitiateAuthentication to the Profile Download Trigger Result (SGP.32 3.2.3)."""
    NOTIFICATION = "notification"
    """HandleNotification (SGP.32 3.7)."""


_GET_EIM_PACKAGE, _PROVIDE_RESULT, _HANDLE_NOTIFICATION = 0xBF4F, 0xBF50, 0xBF3D
_RESULT_OF_VERSION_1_0: Final = 0xA1
_CONTENT: Final[Mapping[int, Procedure]] = {0xBF52: Procedure.DATA, 0xBF54: Procedure.DOWNLOAD}


def procedure_of(message: bytes) -> Procedure:
    """The procedure that an EsipaMessageFromIpaToEim belongs to. Raises CodecError for what is no TLV."""
    element = tlv.read_element(message)
    if element.tag == _GET_EIM_PACKAGE:
        return Procedure.POLL
    if element.tag == _PROVIDE_RESULT:
        return _procedure_of_result(bytes(element.value))
    if element.tag == _HANDLE_NOTIFICATION:
        inner = next(iter(_children(bytes(element.value))), None)
        if inner is not None and inner.tag in (_PROVIDE_RESULT, _RESULT_OF_VERSION_1_0):
            return _procedure_of_result(bytes(inner.value))
        return Procedure.NOTIFICATION
    return Procedure.DOWNLOAD


def _procedure_of_result(content: bytes) -> Procedure:
    return next((_CONTENT[item.tag] for item in _children(content) if item.tag in _CONTENT), Procedure.RESULT)


def _children(content: bytes) -> list[tlv.Element]:
    try:
        return list(tlv.children(content))
    except CodecError:
        return []  # a primitive, or damaged: then it is sent as it is, and counted as what it is outside


class Account:
    """What a client for one eIM costs, entered in a ledger by procedure.

    `meter` tells what the client has cost so far; several bindings may use the same client and then share the account.
    """

    def __init__(self, eim_id: str, meter: Callable[[], Usage], ledger: UsageLedger) -> None:
        self._eim_id = eim_id
        self._meter = meter
        self._ledger = ledger
        self._entered = meter()
        self._procedure: Procedure | None = None

    def begin(self, procedure: Procedure) -> None:
        """A message of this procedure goes out; what was spent since the last one still belongs to that."""
        self.enter()
        self._procedure = procedure

    def enter(self, *, exchanges: int = 0) -> None:
        """Enter what was spent since the last time."""
        now = self._meter()
        usage = now - self._entered + Usage(exchanges=exchanges)
        self._entered = now
        if self._procedure is None or usage == Usage():
            return
        self._ledger.add(self._eim_id, self._procedure, usage)
        logger.debug(
            "eIM %s, %s: %d bytes sent, %d received",
            self._eim_id,
            self._procedure,
            usage.bytes_sent,
            usage.bytes_received,
        )


class MeteredBinding:
    """Enters what each message costs, failed ones too.

    The first message pays for the connection, the last one for its end and for what comes late.
    """

    def __init__(self, binding: EsipaBinding, account: Account) -> None:
        self._binding = binding
        self._account = account

    async def exchange(self, message: bytes) -> bytes:
        """See `EsipaBinding`."""
        self._account.begin(procedure_of(message))
        try:
            return await self._binding.exchange(message)
        finally:
            self._account.enter(exchanges=1)

    async def close(self) -> None:
        """Close the connection; the next message opens it again."""
        try:
            await self._binding.close()
        finally:
            self._account.enter()
