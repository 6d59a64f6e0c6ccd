"""The ISD-R session: when it opens, what it repeats, what it must not repeat."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from ipad.board import BoardLibrary
from ipad.card.at import CchoChannel, CsimChannel
from ipad.card.channel import CardChannel, TracedChannel
from ipad.card.isdr import IsdrSession, SessionRules
from ipad.codec.euicc_info import EuiccConfiguration
from ipad.errors import CardError, NoEuiccError, PortError, PortTimeoutError, ResetNeededError, StatusWordError
from ipad.procedures.start import iot_template
from tests.ipad.card.isdr_card import AID, FakeAt, IsdrCard, error, no_reset
from tests.ipad.modem.peer import FastClock
from tests.waiting import turns

READ = bytes.fromhex("BF2000")
LOAD = bytes.fromhex("BF5100")


def answered(request: bytes) -> bytes:
    return b"\x7f\x01" + request


def make(kind: type[CchoChannel | CsimChannel], at: FakeAt, max_data: int = 120) -> CardChannel:
    board = BoardLibrary().load("generic-3gpp")
    return kind(at, replace(board, apdu=replace(board.apdu, max_data=max_data)), FastClock(), no_reset)


@pytest.fixture(params=[CchoChannel, CsimChannel], ids=["ccho", "csim"])
def kind(request: pytest.FixtureRequest) -> type[CchoChannel | CsimChannel]:
    return request.param  # type: ignore[no-any-return]


def once(fault: PortError, when: Callable[[str], bool]) -> Callable[[str], PortError | None]:
    """A fault at the first line that fits."""
    faults = [fault]
    return lambda line: faults.pop() if faults and when(line) else None


def store_data(line: str) -> bool:
    return "E29" in line or "E21" in line


@pytest.mark.asyncio
async def test_opens_on_demand_and_closes_on_exit(kind: type[CchoChannel]) -> None:
    at = FakeAt(IsdrCard())
    async with IsdrSession(make(kind, at)) as session:
        assert at.lines == []
        assert await session.transceive(READ) == answered(READ)
        assert at.card.free[0] == 2
        at.card.handle = lambda _: b"\x6a\x88"
        with pytest.raises(StatusWordError):
            await session.transceive(READ)
    assert at.card.free[0] == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [1, 119, 120, 121, 240, 241, 1000])
async def test_requests_and_answers_of_any_size(kind: type[CchoChannel], size: int) -> None:
    session = IsdrSession(make(kind, FakeAt(IsdrCard())))
    request = bytes(index % 250 for index in range(size))
    assert await session.transceive(request) == answered(request)


@pytest.mark.asyncio
async def test_the_fci_tells_an_iot_euicc() -> None:
    session = IsdrSession(make(CsimChannel, FakeAt(IsdrCard())))
    await session.open()
    assert iot_template(session.fci) == EuiccConfiguration.ENABLED_PROFILE
    hidden = IsdrSession(make(CchoChannel, FakeAt(IsdrCard())))
    await hidden.open()
    assert hidden.fci == b""


@pytest.mark.asyncio
async def test_calls_of_several_tasks_do_not_mix(kind: type[CchoChannel]) -> None:
    session = IsdrSession(make(kind, FakeAt(IsdrCard())))
    requests = [bytes((0xBF, 0x20, index)) * 100 for index in range(5)]
    assert await asyncio.gather(*map(session.transceive, requests)) == [answered(request) for request in requests]


@pytest.mark.asyncio
async def test_a_channel_that_the_card_closed_is_opened_again_for_any_request() -> None:
    at = FakeAt(IsdrCard())
    session = IsdrSession(make(CsimChannel, at))
    await session.transceive(READ)
    at.card.reset()
    assert await session.transceive(LOAD) == answered(LOAD)
    assert at.card.executed.count(LOAD) == 1


@pytest.mark.asyncio
async def test_a_lost_answer_is_fetched_again_only_when_that_is_harmless(kind: type[CchoChannel]) -> None:
    at = FakeAt(IsdrCard())
    session = IsdrSession(make(kind, at))
    at.refuse = once(PortTimeoutError("/dev/fake: no result"), lambda line: "C0000008" in line or "C0000005" in line)
    assert await session.transceive(READ, repeatable=True) == answered(READ)
    assert at.card.executed.count(READ) == 2
    at.refuse = once(PortTimeoutError("/dev/fake: no result"), store_data)
    with pytest.raises(CardError, match="the eUICC may have executed it") as caught:
        await session.transceive(LOAD)
    assert caught.value.transient
    assert LOAD not in at.card.executed
    assert await session.transceive(READ) == answered(READ)


@pytest.mark.asyncio
async def test_a_request_that_never_became_complete_is_sent_again(kind: type[CchoChannel]) -> None:
    at = FakeAt(IsdrCard())
    session = IsdrSession(make(kind, at))
    request = LOAD * 100
    at.refuse = once(error("ERROR"), lambda line: "E21101" in line)
    assert await session.transceive(request) == answered(request)
    assert at.card.executed == [request]


@pytest.mark.asyncio
async def test_gives_up_after_one_new_channel() -> None:
    at = FakeAt(IsdrCard())
    session = IsdrSession(make(CsimChannel, at))
    at.refuse = lambda line: PortTimeoutError("/dev/fake: no result") if store_data(line) else None
    with pytest.raises(PortTimeoutError):
        await session.transceive(READ, repeatable=True)
    assert sum(store_data(line) for line in at.lines) == 2


@pytest.mark.asyncio
@pytest.mark.parametrize(("limit", "expected"), [(250, 200), (150, 120), (90, 60)])
async def test_the_block_size_goes_down_until_the_modem_takes_it(
    kind: type[CchoChannel], limit: int, expected: int
) -> None:
    at = FakeAt(IsdrCard())
    session = IsdrSession(make(kind, at, max_data=255))
    at.refuse = lambda line: error("ERROR") if len(line) > 2 * limit + 30 else None
    request = LOAD * 120
    assert await session.transceive(request) == answered(request)
    assert session.max_data == expected
    assert at.card.executed == [request]


@pytest.mark.asyncio
async def test_a_length_that_was_never_tried_is_not_risked_on_the_last_block() -> None:
    at = FakeAt(IsdrCard())
    session = IsdrSession(make(CchoChannel, at, max_data=255))
    at.refuse = lambda line: error("ERROR") if len(line) > 300 else None
    request = LOAD * 60
    assert await session.transceive(request) == answered(request)
    assert at.card.executed == [request]


@pytest.mark.asyncio
@pytest.mark.parametrize(("size", "blocks"), [(2, 1), (60, 1), (61, 2), (119, 2), (120, 2), (121, 2), (300, 3)])
async def test_only_a_single_block_of_an_untried_length_is_cut_in_two(
    kind: type[CchoChannel], size: int, blocks: int
) -> None:
    """Of several blocks the last one is not longer than those that were taken before it."""
    at = FakeAt(IsdrCard())
    session = IsdrSession(make(kind, at))
    request = bytes(size)
    assert await session.transceive(request) == answered(request)
    assert sum(store_data(line) for line in at.lines) == blocks
    at.lines.clear()
    assert await session.transceive(bytes(61)) == answered(bytes(61))
    assert sum(store_data(line) for line in at.lines) == (1 if size > 61 else 2)


@pytest.mark.asyncio
async def test_the_block_size_comes_back_when_length_was_not_the_reason() -> None:
    at = FakeAt(IsdrCard())
    session = IsdrSession(make(CchoChannel, at, max_data=255))
    at.refuse = lambda line: error("ERROR") if store_data(line) else None
    with pytest.raises(PortError):
        await session.transceive(READ * 200, repeatable=True)
    assert session.max_data == 255


@pytest.mark.asyncio
async def test_refresh_is_reported_and_the_channel_closed_at_once(kind: type[CchoChannel]) -> None:
    at = FakeAt(IsdrCard())
    session = IsdrSession(make(kind, at))
    at.card.handle = lambda request: answered(request) + b"\x91\x0b"
    assert await session.transceive(LOAD) == answered(LOAD)
    assert session.generation == 1
    assert at.card.free[0] == 1
    at.card.handle = lambda request: answered(request) + b"\x90\x00"
    assert await session.transceive(READ) == answered(READ)
    assert session.generation == 1


@pytest.mark.asyncio
async def test_6985_to_everything_means_that_a_reset_is_needed(kind: type[CchoChannel]) -> None:
    at = FakeAt(IsdrCard())
    session = IsdrSession(make(kind, at))
    await session.transceive(READ)
    at.card.handle = lambda _: b"\x69\x85"
    with pytest.raises(ResetNeededError, match="served before"):
        await session.transceive(READ, repeatable=True)
    with pytest.raises(StatusWordError):
        await session.transceive(LOAD)
    never = IsdrSession(make(kind, at))
    with pytest.raises(ResetNeededError, match="to every request"):
        await never.transceive(READ, repeatable=True)


@pytest.mark.asyncio
async def test_one_6985_is_served_by_a_new_channel() -> None:
    at = FakeAt(IsdrCard())
    session = IsdrSession(make(CchoChannel, at))
    answers = [b"\x69\x85"]
    at.card.handle = lambda request: answers.pop() if answers else answered(request) + b"\x90\x00"
    assert await session.transceive(READ, repeatable=True) == answered(READ)


@pytest.mark.asyncio
async def test_6f00_is_tried_once_more_when_harmless() -> None:
    at = FakeAt(IsdrCard())
    session = IsdrSession(make(CchoChannel, at))
    at.card.handle = lambda _: b"\x6f\x00"
    with pytest.raises(StatusWordError, match="6F00"):
        await session.transceive(READ, repeatable=True)
    assert len(at.card.executed) == 2
    with pytest.raises(StatusWordError, match="6F00"):
        await session.transceive(LOAD)
    assert len(at.card.executed) == 3


@pytest.mark.asyncio
async def test_segments_are_separate_chains_and_never_sent_twice() -> None:
    at = FakeAt(IsdrCard())
    session = IsdrSession(make(CsimChannel, at))
    at.card.handle = lambda request: b"\x90\x00" if request[0] != 0xA3 else b"\xbf\x37\x00\x90\x00"
    assert await session.transceive_segment(bytes((0xA0,)) * 300) == b""
    assert await session.transceive_segment(b"\xa3\x82") == bytes.fromhex("BF3700")
    at.refuse = once(PortTimeoutError("/dev/fake: no result"), store_data)
    with pytest.raises(CardError, match="may have executed"):
        await session.transceive_segment(b"\xa1\x82")
    at.card.handle = lambda _: b"\x69\x85"
    with pytest.raises(StatusWordError):
        await session.transceive_segment(b"\xa1\x82")
    assert sum("0070000001" in line for line in at.lines) == 1


@pytest.mark.asyncio
async def test_segments_lower_the_block_size_on_the_same_channel() -> None:
    at = FakeAt(IsdrCard())
    session = IsdrSession(make(CsimChannel, at, max_data=255))
    at.card.handle = lambda _: b"\x90\x00"
    at.refuse = lambda line: error("ERROR") if len(line) > 300 else None
    segment = bytes((0x86,)) * 1000
    assert await session.transceive_segment(segment) == b""
    assert at.card.executed == [segment]
    assert session.max_data == 120
    assert sum("0070000001" in line for line in at.lines) == 1


@pytest.mark.asyncio
async def test_several_aids_are_tried_in_order() -> None:
    at = FakeAt(IsdrCard())
    other = bytes.fromhex("A0000005591010FFFFFFFF8900050500")
    session = IsdrSession(make(CsimChannel, at), SessionRules(aids=(other, AID)))
    assert await session.transceive(READ) == answered(READ)
    with pytest.raises(NoEuiccError):
        await IsdrSession(make(CsimChannel, at), SessionRules(aids=(other,))).transceive(READ)


@pytest.mark.asyncio
async def test_a_card_that_was_exchanged_is_opened_anew() -> None:
    at = FakeAt(IsdrCard())
    session = IsdrSession(make(CchoChannel, at))
    await session.transceive(READ)
    session.invalidate()
    await session.transceive(READ)
    assert sum("CCHO" in line for line in at.lines) == 2


@pytest.mark.asyncio
async def test_a_cancelled_request_leaves_no_half_chain_behind() -> None:
    at = FakeAt(IsdrCard())
    session = IsdrSession(make(CchoChannel, at))
    await session.transceive(READ)
    inner = at.command

    async def stuck(command: str, *, limit: float | None = None) -> object:
        if "E21101" in command:
            await asyncio.Event().wait()
        return await inner(command, limit=limit)

    at.command = stuck  # type: ignore[method-assign, assignment]
    task = asyncio.ensure_future(session.transceive(LOAD * 200))
    await turns(10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    at.command = inner  # type: ignore[method-assign]
    assert await session.transceive(READ) == answered(READ)
    assert sum("CCHO" in line for line in at.lines) == 2


@pytest.mark.asyncio
async def test_reset_closes_the_channel_first() -> None:
    at = FakeAt(IsdrCard())
    order: list[str] = []

    async def reset() -> None:
        order.append(at.lines[-1])

    board = BoardLibrary().load("generic-3gpp")
    session = IsdrSession(CchoChannel(at, board, FastClock(), reset))
    await session.transceive(READ)
    await session.reset()
    assert order == ["AT+CCHC=1"]


@pytest.mark.asyncio
async def test_a_traced_channel_shows_headers_but_no_long_data(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(5)
    secret = bytes(range(100, 140))
    async with IsdrSession(TracedChannel(make(CsimChannel, FakeAt(IsdrCard())), "modem")) as session:
        await session.transceive(LOAD + secret)
    assert "80E2910" in caplog.text
    assert secret.hex().upper() not in caplog.text
    assert session.max_data == 120
