"""What the eUICC did not sign as it came was misread: it is read once more, and given up for what it is after that."""

from __future__ import annotations

import pytest

from ipad.codec import tlv
from ipad.codec.bpp import BoundProfilePackage
from ipad.codec.notification import ProfileInstallationResult
from ipad.codec.rsp import AuthenticateServerRequest, CtxParams1, ServerSigned1
from ipad.es10.euicc import Euicc
from ipad.es10.remembering import RememberingSession
from tests.fakes.clock import FakeClock
from tests.ipad.es10.scripted import Answer, ScriptedSession, refused
from tests.vectors.sgp32 import VECTORS

pytestmark = pytest.mark.asyncio


def inner(vector: str, *tags: int) -> bytes:
    """A data object of a vector, found along its tags."""
    found = tlv.read_single(bytes.fromhex(VECTORS[vector]["hex"]))
    for tag in tags:
        step = tlv.find(found.value, tag)
        assert step is not None
        found = step
    return bytes(found.raw)


PACKAGE = BoundProfilePackage.parse(bytes.fromhex(VECTORS["GC1"]["values"]["bound_profile_package"]))
AUTHENTICATED = inner("AC1", 0xBF38)
OTHER = inner("HN1", 0xA0, 0x30)
RESULT = inner("HN2", 0xA0, 0xBF37)


def flipped(data: bytes, at: int = -1) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def listed(*notifications: bytes) -> bytes:
    return tlv.tlv(0xBF2B, tlv.tlv(0xA0, *notifications))


SIGNATURE = bytes.fromhex("DEADBEEF")
GENUINE = {inner("HN1", 0xA0, 0x30, 0xBF2F), inner("HN2", 0xA0, 0xBF37, 0xBF27)}
IN_TRANSACTION_ID, IN_SEQUENCE_NUMBER, IN_OTHER = 10, 21, 7
"""Octets of the result, and one of the other notification, in which a bit falls over."""
REQUEST = AuthenticateServerRequest(
    server_signed1=ServerSigned1(
        transaction_id=bytes(8),
        euicc_challenge=bytes(16),
        server_address="smdp.example.com",
        server_challenge=bytes(16),
    ),
    server_signature1=SIGNATURE,
    euicc_ci_pk_id_to_be_used=bytes(20),
    server_certificate=bytes.fromhex("300A30030201053000030100"),
    ctx_params1=CtxParams1(unknown=bytes.fromhex("A10100")),
)


def signed(data: bytes, signature: bytes, _certificate: bytes) -> bool:
    """Knows what the card has signed."""
    return data in GENUINE and signature == SIGNATURE


def euicc(*answers: Answer, knows: bool = True) -> tuple[Euicc, ScriptedSession]:
    card = ScriptedSession(list(answers))
    session = RememberingSession(card, FakeClock(), lambda: 0)
    return Euicc(session, forget=session.forget, signed=signed if knows else lambda *_: None), card


async def test_notification_that_was_misread_is_read_again() -> None:
    card, asked = euicc(listed(flipped(OTHER, IN_OTHER), RESULT), listed(OTHER, RESULT))
    for _ in range(2):
        found = (await card.retrieve_notifications_list()).notification_list or ()
        assert [entry.encode() for entry in found] == [OTHER, RESULT]
    assert len(asked.requests) == 2


async def test_result_in_a_list_is_verified_by_the_certificate_of_its_neighbour() -> None:
    card, asked = euicc(listed(flipped(RESULT), OTHER), listed(RESULT, OTHER))
    found = (await card.retrieve_notifications_list()).notification_list or ()
    assert [entry.encode() for entry in found] == [RESULT, OTHER]
    assert len(asked.requests) == 2


async def test_result_alone_is_taken_as_it_is_while_no_certificate_is_known() -> None:
    card, asked = euicc(listed(flipped(RESULT)))
    await card.retrieve_notifications_list()
    assert len(asked.requests) == 1


async def test_notification_that_the_card_has_signed_wrong_is_read_twice_and_never_again() -> None:
    wrong = flipped(OTHER, IN_OTHER)
    card, asked = euicc(*[listed(wrong)] * 4)
    for _ in range(3):
        found = (await card.retrieve_notifications_list()).notification_list or ()
        assert [entry.encode() for entry in found] == [wrong]
        card.forget()
    assert len(asked.requests) == 4


async def test_where_nobody_can_tell_nothing_is_read_twice() -> None:
    card, asked = euicc(listed(flipped(OTHER, IN_OTHER)), knows=False)
    await card.retrieve_notifications_list()
    assert len(asked.requests) == 1


async def loaded(*answers: Answer, knows: bool = True) -> tuple[bytes, list[str]]:
    """What loading a package comes to, and the requests for it, of a card that has shown its certificate."""
    card, asked = euicc(AUTHENTICATED, *[b""] * (len(list(PACKAGE.segments())) - 1), *answers, knows=knows)
    await card.authenticate_server(REQUEST)
    asked.requests.clear()
    result: ProfileInstallationResult = await card.load_bound_profile_package(PACKAGE)
    return result.encode(), asked.requests


async def test_result_that_the_card_has_signed_is_not_asked_for() -> None:
    assert await loaded(RESULT) == (RESULT, [])


@pytest.mark.parametrize(
    "at", [-1, IN_TRANSACTION_ID, IN_SEQUENCE_NUMBER], ids=["signature", "transactionId", "seqNumber"]
)
async def test_result_that_was_misread_is_taken_from_what_is_stored(at: int) -> None:
    misread = flipped(RESULT, at)
    assert misread != RESULT
    assert await loaded(misread, listed(OTHER, RESULT)) == (RESULT, ["BF2B00"])


async def test_result_of_another_session_is_not_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    other = flipped(flipped(RESULT, IN_TRANSACTION_ID), IN_SEQUENCE_NUMBER)
    data = tlv.find(tlv.read_single(other).value, 0xBF27)
    assert data is not None
    monkeypatch.setattr(f"{__name__}.GENUINE", {*GENUINE, bytes(data.raw)})
    misread = flipped(RESULT, -1)
    assert (await loaded(misread, *[listed(other)] * 2))[0] == misread


@pytest.mark.parametrize("answer", [refused(), bytes.fromhex("BF2B03810101"), bytes.fromhex("BF2B03A00101")])
async def test_result_stands_where_the_card_does_not_list_what_it_has_stored(answer: Answer) -> None:
    misread = flipped(RESULT, -1)
    assert (await loaded(misread, answer))[0] == misread


async def test_result_stands_where_nobody_can_tell() -> None:
    assert await loaded(flipped(RESULT, -1), knows=False) == (flipped(RESULT, -1), [])
