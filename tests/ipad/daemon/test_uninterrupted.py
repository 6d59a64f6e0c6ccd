"""A cancelled caller does not cut an exchange with the card."""

import asyncio

import pytest

from ipad.daemon.uninterrupted import UninterruptedSession
from ipad.errors import CardError
from tests.waiting import turns


class SlowCard:
    """Answers when it is told to."""

    fci = b"\x6f\x00"

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.asked: list[tuple[bytes, bool]] = []

    async def transceive(self, request: bytes, *, repeatable: bool = False) -> bytes:
        self.asked.append((request, repeatable))
        self.started.set()
        return await self.answer

    async def transceive_segment(self, data: bytes) -> bytes:
        return await self.transceive(data)

    async def close(self) -> None:
        self.asked.append((b"close", False))

    async def reset(self) -> None:
        self.asked.append((b"reset", False))


@pytest.mark.asyncio
async def test_request_and_answer_pass_through() -> None:
    card = SlowCard()
    card.answer.set_result(b"\x02")
    assert await UninterruptedSession(card).transceive(b"\x01", repeatable=True) == b"\x02"
    assert card.asked == [(b"\x01", True)]


@pytest.mark.parametrize("answer", [b"\x02", CardError("lost")])
@pytest.mark.asyncio
async def test_cancelled_caller_waits_for_the_answer(answer: bytes | CardError) -> None:
    card = SlowCard()
    caller = asyncio.ensure_future(UninterruptedSession(card).transceive(b"\x01"))
    await card.started.wait()
    caller.cancel()
    await turns(3)
    assert not caller.done()
    if isinstance(answer, bytes):
        card.answer.set_result(answer)
    else:
        card.answer.set_exception(answer)
    with pytest.raises(asyncio.CancelledError):
        await caller


@pytest.mark.asyncio
async def test_error_of_the_card_passes_through() -> None:
    card = SlowCard()
    card.answer.set_exception(CardError("lost"))
    with pytest.raises(CardError):
        await UninterruptedSession(card).transceive(b"\x01")


@pytest.mark.asyncio
async def test_the_rest_of_the_session_passes_through() -> None:
    card = SlowCard()
    card.answer.set_result(b"")
    session = UninterruptedSession(card)
    await session.transceive_segment(b"\x03")
    await session.close()
    await session.reset()
    assert session.fci == card.fci
    assert [request for request, _ in card.asked] == [b"\x03", b"close", b"reset"]
