"""Which method is used: the first that really opens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipad.board import Board, BoardLibrary
from ipad.card.at import CchoChannel
from ipad.card.isdr import IsdrSession
from ipad.card.probe import ProbingChannel, at_channel
from ipad.errors import CardError, ConfigError, NoEuiccError, PortError
from tests.ipad.card.isdr_card import AID, FakeAt, IsdrCard, error, no_reset
from tests.ipad.modem.peer import FastClock


def board(*methods: str) -> Board:
    generic = BoardLibrary().load("generic-3gpp")
    return replace(generic, apdu=replace(generic.apdu, method=methods))  # type: ignore[arg-type]


def channel(at: FakeAt, *methods: str) -> ProbingChannel:
    made = at_channel(at, board(*methods), FastClock(), no_reset)
    assert isinstance(made, ProbingChannel)
    return made


@pytest.mark.asyncio
async def test_falls_back_to_csim_and_stays_there() -> None:
    at = FakeAt(IsdrCard())
    at.refuse = lambda line: error("ERROR") if "CCHO" in line else None
    probing = channel(at, "ccho", "csim")
    session = IsdrSession(probing)
    await session.transceive(b"\xbf\x20\x00")
    assert probing.method == "csim"
    await session.close()
    at.lines.clear()
    await session.transceive(b"\xbf\x20\x00")
    assert not [line for line in at.lines if "CCHO" in line]
    assert not [line for line in at.lines if "=?" in line]


@pytest.mark.asyncio
async def test_a_failure_is_not_remembered() -> None:
    at = FakeAt(IsdrCard())
    at.refuse = lambda line: error("ERROR")
    probing = channel(at, "ccho", "csim")
    with pytest.raises(NoEuiccError, match=r"ccho: .*; csim: "):
        await probing.open(AID)
    at.refuse = lambda line: None
    await probing.open(AID)
    assert probing.method == "ccho"
    await probing.close()


@pytest.mark.asyncio
async def test_a_lost_port_ends_the_search() -> None:
    at = FakeAt(IsdrCard())
    at.refuse = lambda line: PortError("/dev/fake was hung up") if "CCHO" in line else None
    with pytest.raises(PortError):
        await channel(at, "ccho", "csim").open(AID)
    assert not [line for line in at.lines if "CSIM" in line]


@pytest.mark.asyncio
async def test_no_card_at_all_is_no_statement_about_the_euicc() -> None:
    at = FakeAt(IsdrCard())
    at.refuse = lambda line: error("+CME ERROR: 10", 10)
    with pytest.raises(CardError) as caught:
        await channel(at, "csim", "ccho").open(AID)
    assert not isinstance(caught.value, NoEuiccError)


def test_a_single_method_is_used_as_it_is() -> None:
    assert isinstance(at_channel(FakeAt(IsdrCard()), board("ccho"), FastClock(), no_reset), CchoChannel)
    with pytest.raises(ConfigError, match="no method for an AT port"):
        at_channel(FakeAt(IsdrCard()), board("none"), FastClock(), no_reset)
