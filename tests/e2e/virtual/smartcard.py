"""The module `smartcard.scard` with one reader, in which a virtual card is: what the agent sees of PC/SC.

Calls and results are those of the PC/SC API: a result code first, then the values.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from hil.euicc import PowerLoss, VirtualEuicc

READER = "Virtual PCD 00 00"


class Scard(ModuleType):
    """`card` None: the reader is empty. `log` are the calls that matter for who uses the card when."""

    SCARD_S_SUCCESS = 0
    SCARD_E_NO_SERVICE = 0x8010001D
    SCARD_E_NO_READERS_AVAILABLE = 0x8010002E
    SCARD_E_NO_SMARTCARD = 0x8010000C
    SCARD_E_SHARING_VIOLATION = 0x8010000B
    SCARD_W_REMOVED_CARD = 0x80100069
    SCARD_W_UNPOWERED_CARD = 0x80100067
    SCARD_E_NOT_TRANSACTED = 0x80100016
    SCARD_SCOPE_SYSTEM = 2
    SCARD_SHARE_EXCLUSIVE = 1
    SCARD_PROTOCOL_T0 = 1
    SCARD_PROTOCOL_T1 = 2
    SCARD_PCI_T0 = object()
    SCARD_PCI_T1 = object()
    SCARD_LEAVE_CARD = 0
    SCARD_UNPOWER_CARD = 2

    def __init__(self, card: VirtualEuicc | None) -> None:
        super().__init__("smartcard.scard")
        self.card = card
        self.service = True
        self.in_use_elsewhere = False
        self.connected = False
        self.log: list[str] = []

    def SCardEstablishContext(self, _scope: int) -> tuple[int, str]:
        return (0 if self.service else self.SCARD_E_NO_SERVICE), "context"

    def SCardListReaders(self, _context: str, _groups: Any) -> tuple[int, list[str]]:
        return 0, [READER]

    def SCardConnect(self, _context: str, reader: str, _mode: int, _protocol: int) -> tuple[int, str, int]:
        assert reader == READER
        if self.card is None:
            return self.SCARD_E_NO_SMARTCARD, "", 0
        if self.in_use_elsewhere:
            return self.SCARD_E_SHARING_VIOLATION, "", 0
        assert not self.connected, "the card is connected twice"
        self.connected = True
        self.log.append("connect")
        if not self.card.powered:
            self.card.reset()
        return 0, "card", self.SCARD_PROTOCOL_T0

    def SCardTransmit(self, _card: str, protocol: object, command: list[int]) -> tuple[int, list[int]]:
        assert self.connected
        assert protocol is self.SCARD_PCI_T0
        if self.card is None:
            return self.SCARD_W_REMOVED_CARD, []
        if not self.card.powered:
            return self.SCARD_W_UNPOWERED_CARD, []
        try:
            return 0, list(self.card.transmit(bytes(command)))
        except PowerLoss:
            return self.SCARD_E_NOT_TRANSACTED, []

    def SCardReconnect(self, *_arguments: Any) -> tuple[int, int]:
        self.log.append("reset")
        if self.card is None:
            return self.SCARD_W_REMOVED_CARD, 0
        self.card.reset()
        return 0, self.SCARD_PROTOCOL_T0

    def SCardDisconnect(self, _card: str, _disposition: int) -> int:
        self.connected = False
        self.log.append("disconnect")
        return 0

    def SCardReleaseContext(self, _context: str) -> int:
        return 0

    def SCardGetErrorMessage(self, code: int) -> str:
        return f"code {code:08X}"


def install(card: VirtualEuicc | None, patch: pytest.MonkeyPatch) -> Scard:
    """Let `import smartcard.scard` find this module."""
    scard = Scard(card)
    package = ModuleType("smartcard")
    package.scard = scard  # type: ignore[attr-defined]
    patch.setitem(sys.modules, "smartcard", package)
    patch.setitem(sys.modules, "smartcard.scard", scard)
    return scard
