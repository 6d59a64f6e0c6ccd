"""A card in a reader: the terminal's part, without a reader."""

from __future__ import annotations

import sys
import threading
from types import SimpleNamespace

import pytest

from ipad.card.isdr import IsdrSession
from ipad.card.pcsc import TERMINAL_CAPABILITY, PcscChannel, PcscReader
from ipad.errors import CardError
from ipad.procedures.start import iot_template
from tests.ipad.card.isdr_card import IsdrCard

READ = bytes.fromhex("BF2000")


class FakeReader:
    """A reader with a card; notes the threads that call it."""

    def __init__(self, card: IsdrCard) -> None:
        self.card = card
        self.connected = False
        self.threads: set[int] = set()
        self.proactive: list[bytes] = []
        self.responses: list[bytes] = []

    def connect(self) -> None:
        self.threads.add(threading.get_ident())
        self.connected = True

    def transmit(self, command: bytes) -> bytes:
        self.threads.add(threading.get_ident())
        assert self.connected
        if command[1] == 0x12:
            return self.proactive.pop(0) + b"\x90\x00"
        if command[1] == 0x14:
            self.responses.append(command)
            return b"\x91\x0b" if self.proactive else b"\x90\x00"
        return self.card.transmit(command)

    def reset(self) -> None:
        self.card.reset()

    def disconnect(self) -> None:
        self.connected = False


def switch(request: bytes) -> bytes:
    return b"\x7f\x01" + request + b"\x91\x0b"


@pytest.mark.asyncio
async def test_the_terminal_announces_itself_and_uses_one_thread() -> None:
    reader = FakeReader(IsdrCard())
    async with IsdrSession(PcscChannel(reader)) as session:
        assert await session.transceive(READ) == b"\x7f\x01" + READ
        assert iot_template(session.fci) is not None
        assert reader.card.commands[0] == TERMINAL_CAPABILITY
        assert session.max_data == 255
    assert not reader.connected
    assert len(reader.threads) == 1
    assert threading.get_ident() not in reader.threads
    assert reader.card.free[0] == 1


@pytest.mark.asyncio
async def test_refresh_with_reset_resets_the_card() -> None:
    reader = FakeReader(IsdrCard())
    session = IsdrSession(PcscChannel(reader))
    reader.card.handle = switch
    reader.proactive = [bytes.fromhex("D009810301010482028182")]
    await session.transceive(READ)
    assert session.generation == 1
    assert reader.card.resets == 1
    assert reader.responses == []
    reader.card.handle = lambda request: request + b"\x90\x00"
    assert await session.transceive(READ) == READ
    assert reader.card.commands.count(TERMINAL_CAPABILITY) == 2
    await session.close()


@pytest.mark.asyncio
async def test_profile_state_change_is_answered_without_reset() -> None:
    reader = FakeReader(IsdrCard())
    session = IsdrSession(PcscChannel(reader))
    reader.card.handle = switch
    reader.proactive = [bytes.fromhex("D0090103052500020281820500"), bytes.fromhex("D009810301010982028182")]
    await session.transceive(READ)
    assert [response[-1] for response in reader.responses] == [0x30, 0x00]
    assert reader.card.resets == 0
    await session.close()


@pytest.mark.asyncio
async def test_reset_is_possible_without_a_channel() -> None:
    reader = FakeReader(IsdrCard())
    session = IsdrSession(PcscChannel(reader))
    await session.reset()
    assert reader.card.resets == 1
    await session.close()


@pytest.mark.asyncio
async def test_a_card_that_never_stops_asking_is_an_error() -> None:
    reader = FakeReader(IsdrCard())
    session = IsdrSession(PcscChannel(reader))
    reader.card.handle = switch
    reader.proactive = [bytes.fromhex("D0090103052500020281820500")] * 20
    with pytest.raises(CardError, match=r"may have executed it: .*without end"):
        await session.transceive(READ)
    await session.close()


class FakeScard(SimpleNamespace):
    """The calls of the PC/SC service that a reader makes."""

    def __init__(self, readers: list[str], **results: int) -> None:
        names = (
            "SUCCESS E_NO_SERVICE E_NO_READERS_AVAILABLE E_NO_SMARTCARD E_SHARING_VIOLATION "
            "W_REMOVED_CARD W_UNPOWERED_CARD"
        )
        codes = {
            f"SCARD_{part}" if part[1] == "_" else f"SCARD_S_{part}": code for code, part in enumerate(names.split())
        }
        others = "SCOPE_SYSTEM SHARE_EXCLUSIVE PROTOCOL_T0 PROTOCOL_T1 PCI_T0 PCI_T1 UNPOWER_CARD LEAVE_CARD"
        constants = {f"SCARD_{part}": 1 << bit for bit, part in enumerate(others.split())}
        super().__init__(**codes, **constants)
        self.readers = readers
        self.results = results
        self.log: list[str] = []

    def SCardEstablishContext(self, scope: int) -> tuple[int, str]:
        return self.results.get("establish", 0), "context"

    def SCardListReaders(self, context: str, groups: list[str]) -> tuple[int, list[str]]:
        return self.results.get("list", 0), self.readers

    def SCardConnect(self, context: str, reader: str, mode: int, protocol: int) -> tuple[int, str, int]:
        self.log.append(f"connect {reader}")
        return self.results.get("connect", 0), "card", self.SCARD_PROTOCOL_T0

    def SCardTransmit(self, card: str, protocol: int, command: list[int]) -> tuple[int, list[int]]:
        assert protocol == self.SCARD_PCI_T0
        return self.results.get("transmit", 0), [0x90, 0x00]

    def SCardReconnect(self, *arguments: object) -> tuple[int, int]:
        self.log.append("reconnect")
        return self.results.get("reconnect", 0), 0

    def SCardDisconnect(self, card: str, disposition: int) -> int:
        self.log.append("disconnect")
        return 0

    def SCardReleaseContext(self, context: str) -> int:
        self.log.append("release")
        return 0

    def SCardGetErrorMessage(self, code: int) -> str:
        return f"message {code}"


def reader_with(monkeypatch: pytest.MonkeyPatch, scard: FakeScard, name: str = "") -> PcscReader:
    monkeypatch.setitem(sys.modules, "smartcard", SimpleNamespace(scard=scard))
    monkeypatch.setitem(sys.modules, "smartcard.scard", scard)
    return PcscReader(name)


@pytest.mark.parametrize(
    ("readers", "name", "chosen"),
    [
        (["ACS 00"], "", "ACS 00"),
        (["ACS 00", "Virtual PCD 00 00"], "virtual", "Virtual PCD 00 00"),
        (["ACS 0", "ACS 01"], "ACS 0", "ACS 0"),
    ],
)
def test_a_reader_is_chosen_by_its_name(
    monkeypatch: pytest.MonkeyPatch, readers: list[str], name: str, chosen: str
) -> None:
    scard = FakeScard(readers)
    reader = reader_with(monkeypatch, scard, name)
    reader.connect()
    reader.connect()
    assert reader.transmit(b"\x00\xa4") == b"\x90\x00"
    reader.reset()
    reader.disconnect()
    reader.disconnect()
    assert scard.log == [f"connect {chosen}", "reconnect", "disconnect", "release"]


@pytest.mark.parametrize(
    ("scard", "name", "message"),
    [
        (FakeScard(["A", "B"]), "", "expected a single reader, found A, B"),
        (FakeScard(["A"]), "C", "expected reader 'C', found A"),
        (FakeScard([], establish=1), "", "the PC/SC service: message 1"),
        (FakeScard(["A"], connect=4), "", "reader 'A': message 4"),
    ],
)
def test_a_reader_that_cannot_be_used_is_a_card_error(
    monkeypatch: pytest.MonkeyPatch, scard: FakeScard, name: str, message: str
) -> None:
    reader = reader_with(monkeypatch, scard, name)
    with pytest.raises(CardError, match=message):
        reader.connect()
    with pytest.raises(CardError, match="not connected"):
        reader.transmit(b"\x00")
    with pytest.raises(CardError, match="not connected"):
        reader.reset()


def test_without_pyscard_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "smartcard", None)
    monkeypatch.setitem(sys.modules, "smartcard.scard", None)
    with pytest.raises(CardError, match="pyscard") as caught:
        PcscReader().connect()
    assert caught.value.hint == "pip install 'ipad[pcsc]'"
