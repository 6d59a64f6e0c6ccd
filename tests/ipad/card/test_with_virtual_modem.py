"""The whole way to the card against every personality of the virtual modem, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from hil.clock import ManualClock
from hil.modem import VirtualModem, load_personality, personality_names
from hil.modem.personality import Personality
from hil.network import Network
from ipad.board import Board, BoardLibrary
from ipad.card.isdr import IsdrSession
from ipad.card.probe import at_channel
from ipad.errors import CardError, PortError
from ipad.ids import Iccid
from ipad.modem.connectivity import ModemConnectivity
from ipad.modem.link import LinkReceiver, SerialLink
from ipad.modem.modem import Modem
from ipad.modem.port import AtPort, PortSettings
from ipad.modem.recovery import SimRecovery
from ipad.modem.sim import is_sim_change
from tests.hil.modem.fake_card import AWAY, EID_ANSWER, EID_REQUEST, HOME, SWITCH_ANSWER, SWITCH_REQUEST, FakeCard
from tests.ipad.modem.peer import bytewise, whole
from tests.waiting import pass_time

Chunker = Callable[[bytes], Iterable[bytes]]


class VirtualLink:
    """An in-memory line to the virtual modem."""

    def __init__(self, modem: VirtualModem, chunker: Chunker) -> None:
        self._modem = modem
        self._chunker = chunker
        self._receiver: LinkReceiver | None = None
        self._open = True
        modem.on_output(self._from_modem)
        modem.on_port(self._presence)

    def set_receiver(self, receiver: LinkReceiver) -> None:
        self._receiver = receiver

    def write(self, data: bytes) -> None:
        if not self._open:
            raise PortError("virtual line was hung up")
        for piece in self._chunker(data):
            self._modem.receive(piece)

    def close(self) -> None:
        self._open = False

    def _from_modem(self, data: bytes) -> None:
        for piece in self._chunker(data):
            asyncio.get_running_loop().call_soon(self._deliver, piece)

    def _deliver(self, data: bytes) -> None:
        if self._open and self._receiver is not None:
            self._receiver.data_received(data)

    def _presence(self, present: bool) -> None:
        if not present and self._open and self._receiver is not None:
            self._open = False
            self._receiver.link_lost(PortError("virtual line was hung up"))


@dataclass
class Device:
    """The agent's stack down to the card."""

    virtual: VirtualModem
    card: FakeCard
    port: AtPort
    modem: Modem
    session: IsdrSession
    connectivity: ModemConnectivity


@asynccontextmanager
async def device(
    personality: str | Personality,
    *,
    method: str | None = None,
    chunker: Chunker = whole,
    card: FakeCard | None = None,
    board: Board | None = None,
) -> AsyncIterator[Device]:
    """The stack on a personality, with the definition that the agent selects, or with `board`."""
    clock = ManualClock()
    card = card or FakeCard()
    if isinstance(personality, str):
        personality = load_personality(personality)
    virtual = VirtualModem(card, Network(), personality, clock)
    virtual.power_on()
    clock.advance(20)

    async def open_link() -> SerialLink:
        if not virtual.port_present:
            raise PortError("virtual line: there is no such port")
        return VirtualLink(virtual, chunker)

    async with asyncio.TaskGroup() as tasks:
        time = tasks.create_task(pass_time(clock))
        probe = AtPort(open_link, PortSettings("virtual"), clock)
        identity = await Modem(probe, BoardLibrary().load("generic-3gpp"), clock).identify()
        await probe.close()
        selected = BoardLibrary().select(manufacturer=identity.manufacturer, model=identity.model)
        board = with_method(board or selected, method)
        port = AtPort(open_link, PortSettings.of_board(board, "virtual"), clock)
        modem = Modem(port, board, clock)
        recovery = SimRecovery(modem)
        session = IsdrSession(at_channel(port, board, clock, recovery.reinitialise, recovery.reset))
        port.subscribe(lambda line: session.invalidate() if is_sim_change(line) else None)
        try:
            yield Device(virtual, card, port, modem, session, ModemConnectivity(modem))
        finally:
            await session.close()
            await port.close()
            time.cancel()


def with_method(board: Board, method: str | None) -> Board:
    return board if method is None else replace(board, apdu=replace(board.apdu, method=(method,)))  # type: ignore[arg-type]


PERSONALITIES = personality_names()


@pytest.mark.asyncio
@pytest.mark.parametrize("chunker", [whole, bytewise])
@pytest.mark.parametrize("personality", PERSONALITIES)
async def test_the_card_answers_through_every_personality(personality: str, chunker: Chunker) -> None:
    async with device(personality, chunker=chunker) as bench:
        for _ in range(3):
            assert await bench.session.transceive(EID_REQUEST) == EID_ANSWER
        await bench.session.close()
        assert len(bench.card.open_channels()) == ("no-cchc" in bench.modem.board.quirks)
        assert await bench.modem.iccid() == Iccid.parse(HOME.iccid)
        assert await bench.modem.imsi() == HOME.imsi
        assert await bench.modem.imei() is not None


@pytest.mark.asyncio
@pytest.mark.parametrize("qualifier", [4, 9])
@pytest.mark.parametrize("personality", PERSONALITIES)
async def test_a_profile_switch_is_followed_on_every_personality(personality: str, qualifier: int) -> None:
    async with device(personality, card=FakeCard(qualifier=qualifier)) as bench:
        before = await bench.connectivity.data_session()
        generation = bench.session.generation
        assert await bench.session.transceive(SWITCH_REQUEST) == SWITCH_ANSWER
        assert bench.session.generation > generation
        await bench.connectivity.recover_sim(Iccid.parse(AWAY.iccid))
        assert await bench.modem.iccid() == Iccid.parse(AWAY.iccid)
        assert await bench.connectivity.wait_new_session(before, 300.0)
        assert await bench.session.transceive(EID_REQUEST, repeatable=True) == EID_ANSWER
        assert len(bench.card.open_channels()) <= 1 + 3


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["ccho", "csim"])
async def test_both_methods_give_the_same(method: str) -> None:
    async with device("quectel-eg25", method=method, chunker=bytewise) as bench:
        assert await bench.session.transceive(EID_REQUEST) == EID_ANSWER


@pytest.mark.asyncio
@pytest.mark.parametrize("personality", PERSONALITIES)
async def test_a_card_without_isdr_is_no_euicc(personality: str) -> None:
    async with device(personality, card=FakeCard(isdr=False)) as bench:
        with pytest.raises(CardError):
            await bench.session.transceive(EID_REQUEST)
        assert await bench.modem.iccid() == Iccid.parse(HOME.iccid)
