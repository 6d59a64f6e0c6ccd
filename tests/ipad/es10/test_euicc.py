"""Lists of the eUICC in which something cannot be decoded."""

from __future__ import annotations

import pytest

from ipad.es10.euicc import Euicc
from ipad.es10.remembering import RememberingSession
from tests.fakes.clock import FakeClock
from tests.ipad.es10.scripted import ScriptedSession

pytestmark = pytest.mark.asyncio

ODD = bytes.fromhex("BF2B07 A005 3003 800101".replace(" ", ""))
FALLEN_OVER = bytes.fromhex("BF2B07 A005 3003 800102".replace(" ", ""))
EMPTY = bytes.fromhex("BF2B02A000")


def euicc(*answers: bytes) -> tuple[Euicc, ScriptedSession]:
    card = ScriptedSession(list(answers))
    session = RememberingSession(card, FakeClock(), lambda: 0)
    return Euicc(session, forget=session.forget), card


async def test_entry_that_fell_over_on_the_line_is_read_again() -> None:
    card, asked = euicc(FALLEN_OVER, EMPTY)
    for _ in range(2):
        assert (await card.retrieve_notifications_list()).notification_list == ()
    assert len(asked.requests) == 2


async def test_entry_that_the_card_has_so_is_read_twice_and_never_again() -> None:
    card, asked = euicc(ODD, ODD)
    for _ in range(3):
        found = (await card.retrieve_notifications_list()).notification_list or ()
        assert [entry.unknown for entry in found] == [ODD[5:]]
    assert len(asked.requests) == 2


async def test_another_odd_entry_is_a_doubt_of_its_own() -> None:
    card, asked = euicc(ODD, ODD, FALLEN_OVER, ODD)
    await card.retrieve_notifications_list()
    card.forget()
    found = (await card.retrieve_notifications_list()).notification_list or ()
    assert [entry.unknown for entry in found] == [ODD[5:]]
    assert len(asked.requests) == 4
