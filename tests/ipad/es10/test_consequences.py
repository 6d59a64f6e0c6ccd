"""What is still known after the eUICC was changed: no more than its answers say."""

from __future__ import annotations

import pytest

from ipad.codec import tlv
from ipad.es10.consequences import EIMS, EVERYTHING, NOTIFICATIONS, PROFILES, mended, outdated
from ipad.es10.remembering import RememberingSession
from tests.fakes.clock import FakeClock
from tests.ipad.es10.scripted import Answer, ScriptedSession, refused

ONE, TWO = bytes.fromhex("98010000000000000010"), bytes.fromhex("98010000000000000020")
EIM_LIST, EIMS_ASKED = bytes.fromhex("BF5502A000"), bytes.fromhex("BF5500")
WAITING = bytes.fromhex("BF2B00")
RESULTS = bytes.fromhex("BF2B04A0028200")
SHORT, LONG = bytes.fromhex("BF2D055C035A9F70"), bytes.fromhex("BF2D075C055A4F9F7092")
LIST, RAT = "BF2D00", "A600"
NOTHING_MORE = bytes.fromhex("BF5100")


def package(*commands: bytes, eco: bool = False) -> bytes:
    """EuiccPackageRequest with these commands."""
    inner = tlv.tlv(0xA1 if eco else 0xA0, *commands)
    signed = tlv.tlv(
        0x30,
        tlv.tlv(0x80, b"eim"),
        tlv.tlv(0x5A, bytes(16)),
        tlv.tlv(0x81, b"\x01"),
        inner,
    )
    return tlv.tlv(0xBF51, signed, tlv.tlv(0x5F37, bytes(64)))


def result(*entries: bytes) -> bytes:
    """EuiccPackageResult with these results."""
    data = tlv.tlv(
        0x30,
        tlv.tlv(0x80, b"eim"),
        tlv.tlv(0x81, b"\x01"),
        tlv.tlv(0x83, b"\x09"),
        tlv.tlv(0x30, *entries),
    )
    return tlv.tlv(0xBF51, tlv.tlv(0xA0, data, tlv.tlv(0x5F37, bytes(64))))


def psmo(tag: int, iccid: bytes) -> bytes:
    return tlv.tlv(tag, tlv.tlv(0x5A, iccid))


def profiles(*iccids: bytes) -> bytes:
    """The answer to GetProfilesInfo."""
    return tlv.tlv(PROFILES, tlv.tlv(0xA0, *(tlv.tlv(0xE3, tlv.tlv(0x5A, iccid)) for iccid in iccids)))


def waiting(*numbers: int) -> bytes:
    """The answer to RetrieveNotificationsList: an installation result, then others."""
    entries: list[bytes] = []
    for number in numbers:
        metadata = tlv.tlv(0xBF2F, tlv.tlv(0x80, bytes((number,))), tlv.tlv(0x81, b"\x04\x10"))
        entries.append(tlv.tlv(0x30, metadata) if entries else tlv.tlv(0xBF37, tlv.tlv(0xBF27, metadata)))
    return tlv.tlv(NOTIFICATIONS, tlv.tlv(0xA0, *entries))


def sent(number: int) -> bytes:
    return tlv.tlv(0xBF30, tlv.tlv(0x80, bytes((number,))))


class Card:
    """A memory before a scripted card."""

    def __init__(self, *answers: Answer) -> None:
        self.inner = ScriptedSession(list(answers))
        self.generation = 0
        self.session = RememberingSession(self.inner, FakeClock(), lambda: self.generation)

    async def ask(self, *requests: bytes) -> list[bytes]:
        return [await self.session.transceive(request) for request in requests]

    @property
    def asked(self) -> int:
        return len(self.inner.requests)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (package(bytes.fromhex(LIST), bytes.fromhex(RAT)), frozenset()),
        (package(tlv.tlv(0xAB), eco=True), frozenset()),
        (package(psmo(0xA8, ONE)), frozenset({PROFILES})),
        (package(tlv.tlv(0xA9, tlv.tlv(0x80, b"eim")), eco=True), EVERYTHING),
        (package(bytes.fromhex(LIST), tlv.tlv(0xA7)), EVERYTHING),
        (package(tlv.tlv(0xBF99)), EVERYTHING),
        (bytes.fromhex("BF5100"), EVERYTHING),
        (bytes.fromhex("BF51"), EVERYTHING),
        (bytes.fromhex("BF3400"), EVERYTHING),
        (b"", EVERYTHING),
    ],
    ids=[
        "reads",
        "lists eIMs",
        "fallback",
        "deletes an eIM",
        "settings",
        "unknown",
        "empty",
        "cut",
        "reset",
        "nothing",
    ],
)
def test_only_what_a_request_can_change_is_outdated(request_: bytes, expected: frozenset[int]) -> None:
    assert outdated(request_) == expected


@pytest.mark.parametrize("tag", [0xA3, 0xA4, 0xA5])
def test_profile_command_leaves_eims_and_certificates_as_they_are(tag: int) -> None:
    found = outdated(package(psmo(tag, ONE)))
    assert {PROFILES, NOTIFICATIONS} <= found
    assert EIMS not in found


@pytest.mark.asyncio
async def test_package_that_only_reads_leaves_all_known_but_the_stored_results() -> None:
    request = package(bytes.fromhex(LIST))
    card = Card(EIM_LIST, profiles(ONE), waiting(), "BF2B02A200", result(tlv.tlv(0xBF2D, tlv.tlv(0xA0))), "BF2B02A200")
    questions = (EIMS_ASKED, SHORT, WAITING, RESULTS)
    known = await card.ask(*questions)
    await card.ask(request)
    assert await card.ask(*questions) == known
    assert card.inner.requests[5:] == [RESULTS.hex().upper()]


@pytest.mark.asyncio
async def test_notification_that_was_removed_is_the_only_one_that_is_missing() -> None:
    card = Card(waiting(3, 4, 5), "BF3003800100", "BF3003800100", "BF3003800100")
    await card.ask(WAITING, sent(3))
    (left,) = await card.ask(WAITING)
    assert left == tlv.tlv(NOTIFICATIONS, tlv.tlv(0xA0, *(entry.raw for entry in _entries(waiting(3, 4, 5))[1:])))
    await card.ask(sent(4), sent(5))
    assert await card.ask(WAITING) == [waiting()]
    assert card.asked == 4


def _entries(answer: bytes) -> list[tlv.Element]:
    found = tlv.find(answer, NOTIFICATIONS, 0xA0)
    assert found is not None
    return list(tlv.children(found.value))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("before", "number", "status"),
    [
        (waiting(3, 4), 3, "BF3003800101"),
        (waiting(3, 4), 3, "BF300380017F"),
        (waiting(3, 3), 3, "BF3003800100"),
        (waiting(3), 3, "BF3000"),
        (waiting(3), 3, ""),
        (bytes.fromhex("BF2B05A003300180"), 3, "BF3003800100"),
        (bytes.fromhex("BF2B04A0023000"), 3, "BF3003800100"),
    ],
    ids=["not known to the card", "not removed", "twice", "no status", "nothing", "damaged", "without number"],
)
async def test_list_that_is_not_what_it_was_is_read_again(before: bytes, number: int, status: str) -> None:
    card = Card(before, status, waiting())
    await card.ask(WAITING, sent(number))
    assert await card.ask(WAITING) == [waiting()]
    assert card.asked == 3


@pytest.mark.asyncio
async def test_number_that_neither_the_card_nor_the_list_knows_changes_nothing() -> None:
    card = Card(waiting(3), "BF3003800101")
    await card.ask(WAITING, sent(9))
    assert await card.ask(WAITING) == [waiting(3)]


@pytest.mark.asyncio
async def test_deleted_profile_is_gone_from_what_is_known() -> None:
    card = Card(profiles(ONE, TWO), EIM_LIST, result(tlv.tlv(0x85, b"\x00")))
    await card.ask(SHORT, EIMS_ASKED, package(psmo(0xA5, TWO)))
    assert await card.ask(SHORT, EIMS_ASKED) == [profiles(ONE), EIM_LIST]
    assert card.asked == 3


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("commands", "results"),
    [
        ((psmo(0xA5, TWO),), (tlv.tlv(0x85, b"\x01"),)),
        ((psmo(0xA5, TWO), psmo(0xA3, ONE)), (tlv.tlv(0x85, b"\x00"), tlv.tlv(0x83, b"\x00"))),
        ((psmo(0xA5, bytes(10)),), (tlv.tlv(0x85, b"\x00"),)),
        ((psmo(0xA5, TWO),), (tlv.tlv(0x83, b"\x00"),)),
        ((psmo(0xA5, TWO),), ()),
    ],
    ids=["refused", "and enabled", "unknown profile", "other result", "no result"],
)
async def test_profiles_are_read_again_where_a_deletion_is_not_all_or_not_certain(
    commands: tuple[bytes, ...], results: tuple[bytes, ...]
) -> None:
    card = Card(profiles(ONE, TWO), result(*results), profiles(ONE))
    await card.ask(SHORT, package(*commands))
    assert await card.ask(SHORT) == [profiles(ONE)]
    assert card.asked == 3


@pytest.mark.asyncio
async def test_nothing_is_mended_for_a_card_that_was_initialised_meanwhile() -> None:
    card = Card(profiles(ONE, TWO), result(tlv.tlv(0x85, b"\x00")), profiles(ONE, TWO))
    await card.ask(SHORT)
    inner = card.inner.transceive

    async def refresh(request: bytes, *, repeatable: bool = False) -> bytes:
        card.generation += 1
        return await inner(request, repeatable=repeatable)

    card.inner.transceive = refresh  # type: ignore[method-assign]
    await card.ask(package(psmo(0xA5, TWO)))
    card.inner.transceive = inner  # type: ignore[method-assign]
    assert await card.ask(SHORT) == [profiles(ONE, TWO)]


@pytest.mark.asyncio
async def test_segment_outdates_profiles_and_notifications_only() -> None:
    card = Card(EIM_LIST, profiles(ONE), waiting(), b"", profiles(ONE, TWO), waiting(3))
    await card.ask(EIMS_ASKED, SHORT, WAITING)
    await card.session.transceive_segment(b"\x01")
    assert await card.ask(EIMS_ASKED, SHORT, WAITING) == [EIM_LIST, profiles(ONE, TWO), waiting(3)]
    assert card.asked == 5


@pytest.mark.asyncio
async def test_segment_that_fails_ends_everything() -> None:
    card = Card(EIM_LIST, refused(), EIM_LIST)
    await card.ask(EIMS_ASKED)
    with pytest.raises(Exception, match="6A80"):
        await card.session.transceive_segment(b"\x01")
    await card.ask(EIMS_ASKED)
    assert card.asked == 2


@pytest.mark.asyncio
async def test_list_with_more_of_each_profile_answers_for_less_but_not_the_other_way_round() -> None:
    card = Card(profiles(ONE), profiles(ONE, TWO))
    assert await card.ask(SHORT, LONG, SHORT) == [profiles(ONE), profiles(ONE, TWO), profiles(ONE)]
    card = Card(profiles(ONE))
    assert await card.ask(LONG, SHORT) == [profiles(ONE)] * 2
    assert card.asked == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("question", ["BF2D0BA005950101000000" + "5C015A", "BF2D00", "BF2D035C019F"])
async def test_another_selection_of_profiles_is_asked_for(question: str) -> None:
    card = Card(profiles(ONE), profiles(TWO))
    await card.ask(LONG)
    assert await card.ask(bytes.fromhex(question)) == [profiles(TWO)]


@pytest.mark.asyncio
async def test_single_functions_can_be_forgotten() -> None:
    card = Card(EIM_LIST, profiles(ONE), profiles(TWO))
    await card.ask(EIMS_ASKED, SHORT)
    card.session.forget((PROFILES,))
    assert await card.ask(EIMS_ASKED, SHORT) == [EIM_LIST, profiles(TWO)]


@pytest.mark.asyncio
async def test_card_is_proven_by_an_answer_until_the_channel_is_closed_or_something_fails() -> None:
    card = Card(EIM_LIST, profiles(ONE), refused(), profiles(ONE), profiles(ONE))
    proven = []
    for question in (EIMS_ASKED, SHORT):
        await card.ask(question)
        proven.append(card.session.proven)
        await card.session.close()
        proven.append(card.session.proven)
    await card.ask(EIMS_ASKED)
    assert [*proven, card.session.proven] == [True, False, True, False, False], "memory is no proof"
    with pytest.raises(Exception, match="6A80"):
        await card.ask(WAITING)
    await card.ask(SHORT)
    assert card.session.proven
    card.generation += 1
    assert not card.session.proven
    await card.session.reset()
    assert not card.session.proven


def test_nothing_is_mended_by_what_cannot_be_read() -> None:
    assert mended(b"\xbf", b"", {WAITING: waiting(3)}) == {}
    assert mended(package(psmo(0xA5, ONE)), NOTHING_MORE, {SHORT: profiles(ONE)}) == {}
