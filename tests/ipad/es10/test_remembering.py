"""What is answered from memory, and what ends that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from ipad.es10.remembering import LIFETIME, MAX_ANSWER, MAX_ANSWERS, RememberingSession
from tests.fakes.clock import FakeClock
from tests.ipad.es10.scripted import Answer, ScriptedSession, refused

pytestmark = pytest.mark.asyncio

EIMS, EIM_LIST = bytes.fromhex("BF5500"), bytes.fromhex("BF5502A000")
EID, EID_DATA = bytes.fromhex("BF3E035C015A"), bytes.fromhex("BF3E035A0189")
WAITING, NOTHING_WAITING = bytes.fromhex("BF2B00"), bytes.fromhex("BF2B02A000")


class Card:
    """A memory before a scripted card."""

    def __init__(self, *answers: Answer, shared: bool = False) -> None:
        self.inner = ScriptedSession(list(answers))
        self.clock = FakeClock()
        self.generation = 0
        self.session = RememberingSession(self.inner, self.clock, lambda: self.generation, shared=shared)

    async def ask(self, request: bytes = EIMS) -> bytes:
        return await self.session.transceive(request, repeatable=True)

    @property
    def asked(self) -> int:
        return len(self.inner.requests)


async def test_same_question_is_asked_once() -> None:
    card = Card(EIM_LIST, EID_DATA, NOTHING_WAITING)
    for _ in range(3):
        assert await card.ask(EIMS) == EIM_LIST
        assert await card.ask(EID) == EID_DATA
        assert await card.ask(WAITING) == NOTHING_WAITING
    assert card.asked == 3
    assert card.session.fci == card.inner.fci


async def test_closing_the_channel_changes_nothing() -> None:
    card = Card(EIM_LIST)
    await card.ask()
    await card.session.close()
    assert await card.ask() == EIM_LIST
    assert (card.asked, card.inner.calls) == (1, ["close"])


async def test_card_that_others_may_use_meanwhile_is_asked_again() -> None:
    card = Card(EIM_LIST, EIM_LIST, shared=True)
    await card.ask()
    await card.session.close()
    await card.ask()
    assert card.asked == 2


async def _write(card: Card) -> None:
    await card.session.transceive(bytes.fromhex("BF5100"))


async def _remove(card: Card) -> None:
    await card.session.transceive(bytes.fromhex("BF3003800107"), repeatable=True)


async def _reset(card: Card) -> None:
    await card.session.reset()


async def _initialised(card: Card) -> None:
    card.generation += 1


async def _told(card: Card) -> None:
    card.session.forget()


async def _week(card: Card) -> None:
    await card.clock.sleep(LIFETIME)


@pytest.mark.parametrize("change", [_write, _reset, _initialised, _told, _week])
async def test_whatever_may_change_the_card_ends_it(change: Callable[[Card], Awaitable[None]]) -> None:
    card = Card(EIM_LIST, *([b"\xbf\x51\x00"] if change is _write else []), b"\xbf\x55\x02\xa0\x00", EIM_LIST)
    await card.ask()
    await change(card)
    await card.ask()
    assert card.asked == (3 if change is _write else 2)


async def test_removed_notification_changes_the_notifications_only() -> None:
    listed = bytes.fromhex("BF2800")
    card = Card(EIM_LIST, NOTHING_WAITING, "BF2802A000", bytes.fromhex("BF3003800100"), "BF2802A000")
    for question in (EIMS, WAITING, listed):
        await card.ask(question)
    await _remove(card)
    await card.ask(EIMS)
    await card.ask(WAITING)
    assert card.asked == 4, "its number was that of the result of a package"
    await card.ask(listed)
    assert card.asked == 5


async def test_removal_that_fails_ends_everything() -> None:
    card = Card(EIM_LIST, refused(), EIM_LIST)
    await card.ask()
    with pytest.raises(Exception, match="6A80"):
        await _remove(card)
    await card.ask()
    assert card.asked == 3


async def test_write_that_fails_ends_it_too() -> None:
    card = Card(EIM_LIST, refused(), EIM_LIST)
    await card.ask()
    with pytest.raises(Exception, match="6A80"):
        await _write(card)
    await card.ask()
    assert card.asked == 3


async def test_failed_question_ends_it() -> None:
    card = Card(EIM_LIST, refused(), EIM_LIST)
    await card.ask()
    with pytest.raises(Exception, match="6A80"):
        await card.ask(WAITING)
    await card.ask()
    assert card.asked == 3


async def test_answer_of_a_card_that_was_initialised_meanwhile_is_not_kept() -> None:
    card = Card(EIM_LIST, EIM_LIST)
    transceive = card.inner.transceive

    async def interrupted(request: bytes, *, repeatable: bool = False) -> bytes:
        card.generation += 1
        return await transceive(request, repeatable=repeatable)

    card.inner.transceive = interrupted  # type: ignore[method-assign]
    await card.ask()
    await card.ask()
    assert card.asked == 2


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (WAITING, "BF2B0381017F"),
        (EIMS, "BF550302017F"),
        (EIMS, ""),
        (EIMS, "BF5500"),
        (EIMS, "BF5503A000"),
        (EIMS, "BF2B02A000"),
        (EIMS, "BF55" + "83" + f"{MAX_ANSWER:06X}" + "A0" + "83" + f"{MAX_ANSWER - 5:06X}" + "00" * (MAX_ANSWER - 5)),
    ],
    ids=["error", "other error", "nothing", "empty", "cut off", "other function", "large"],
)
async def test_what_is_no_plain_answer_is_handed_on_and_not_kept(request_: bytes, answer: str) -> None:
    card = Card(answer, answer)
    for _ in range(2):
        assert await card.ask(request_) == bytes.fromhex(answer)
    assert card.asked == 2


async def test_memory_is_bounded() -> None:
    questions = [bytes.fromhex(f"BF55038001{n:02X}") for n in range(MAX_ANSWERS + 1)]
    card = Card(*[EIM_LIST] * (MAX_ANSWERS + 2))
    for question in (*questions, *questions):
        await card.ask(question)
    assert card.asked == MAX_ANSWERS + 2
