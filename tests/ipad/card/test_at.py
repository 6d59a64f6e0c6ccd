"""Both ways through a modem, with the deviations of real ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipad.board import Board, BoardLibrary, OpenRetries
from ipad.card.at import CchoChannel, CsimChannel
from ipad.errors import CardError, ModemError, NoEuiccError, PortError, PortTimeoutError, StatusWordError
from tests.ipad.card.isdr_card import AID, FCI, FakeAt, IsdrCard, error, no_reset
from tests.ipad.modem.peer import FastClock

GET_EID = bytes.fromhex("80E2910006BF3E035C015A")


def board(**apdu: object) -> Board:
    generic = BoardLibrary().load("generic-3gpp")
    return replace(generic, apdu=replace(generic.apdu, **apdu))  # type: ignore[arg-type]


def ccho(at: FakeAt, **apdu: object) -> CchoChannel:
    return CchoChannel(at, board(**apdu), FastClock(), no_reset)


def csim(at: FakeAt, **apdu: object) -> CsimChannel:
    return CsimChannel(at, board(**apdu), FastClock(), no_reset)


@pytest.mark.asyncio
async def test_ccho_golden_dialogue() -> None:
    at = FakeAt(IsdrCard())
    channel = ccho(at)
    assert await channel.open(AID) == b""
    assert await channel.transmit(GET_EID) == b"\x61\x08"
    assert (await channel.transmit(bytes.fromhex("00C0000008")))[-2:] == b"\x90\x00"
    await channel.close()
    await channel.close()
    assert at.lines == [
        "AT+CCHC=1",
        "AT+CCHC=2",
        "AT+CCHC=3",
        'AT+CCHO="A0000005591010FFFFFFFF8900000100"',
        'AT+CGLA=1,22,"80E2910006BF3E035C015A"',
        'AT+CGLA=1,10,"00C0000008"',
        "AT+CCHC=1",
    ]
    assert at.card.free[0] == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ["+CCHO: {0}", "+CCHO:{0}", "{0}", "+CCHO: 000000000385a7c{0}"])
async def test_ccho_sends_the_session_back_as_it_came(text: str) -> None:
    at = FakeAt(IsdrCard())
    at.session_text = lambda number: text.format(number).replace(":", ": ").replace("  ", " ")
    channel = ccho(at)
    await channel.open(AID)
    await channel.transmit(GET_EID)
    session = text.format(1).rpartition(":")[2].strip()
    assert at.lines[-1].startswith(f"AT+CGLA={session},22,")


@pytest.mark.asyncio
async def test_ccho_class_bits_quotes_and_case_follow_the_board() -> None:
    at = FakeAt(IsdrCard())
    channel = ccho(at, cla_channel_bits="id", quote_apdu=False, hex_case="lower")
    await channel.open(AID)
    await channel.transmit(GET_EID)
    assert at.lines[-1] == "AT+CGLA=1,22,81e2910006bf3e035c015a"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        (None, NoEuiccError, "was not opened"),
        (13, NoEuiccError, "was not opened"),
        (10, CardError, "offers no card"),
        (3, CardError, "does not allow"),
        (148, CardError, "was not opened"),
    ],
)
async def test_ccho_refusals_say_what_they_mean(code: int | None, kind: type[CardError], text: str) -> None:
    at = FakeAt(IsdrCard())
    at.refuse = lambda line: error("refused", code) if "CCHO" in line else None
    with pytest.raises(kind, match=text):
        await ccho(at).open(AID)


@pytest.mark.asyncio
async def test_ccho_waits_for_a_busy_modem_but_not_for_ever() -> None:
    at = FakeAt(IsdrCard())
    busy = [14, 100, 14]
    at.refuse = lambda line: error("busy", busy.pop()) if "CCHO" in line and busy else None
    await ccho(at).open(AID)
    assert sum("CCHO" in line for line in at.lines) == 4
    at.refuse = lambda line: error("busy", 14) if "CCHO" in line else None
    with pytest.raises(CardError) as caught:
        await ccho(at, open_retries=OpenRetries(count=3, delay=0.25)).open(AID)
    assert caught.value.transient


@pytest.mark.asyncio
async def test_ccho_resets_a_modem_that_stays_busy_when_the_board_says_so() -> None:
    at = FakeAt(IsdrCard())
    resets: list[bool] = []

    async def reset() -> None:
        resets.append(True)

    at.refuse = lambda line: error("busy", 14) if "CCHO" in line and not resets else None
    channel = CchoChannel(at, board(open_retries=OpenRetries(10, 0.25, 5)), FastClock(), reset)
    await channel.open(AID)
    assert resets == [True]


@pytest.mark.asyncio
async def test_ccho_closes_what_a_lost_answer_may_have_opened() -> None:
    at = FakeAt(IsdrCard())
    channel = ccho(at)
    await channel.open(AID)
    await channel.close()
    at.refuse = lambda line: PortTimeoutError("/dev/fake: no result") if "CCHO" in line else None
    with pytest.raises(PortTimeoutError):
        await channel.open(AID)
    at.refuse = lambda line: None
    at.lines.clear()
    await channel.open(AID)
    assert at.lines[:3] == ["AT+CCHC=1", "AT+CCHC=2", "AT+CCHC=3"]


@pytest.mark.parametrize("answer", [PortTimeoutError("/dev/fake: no result"), PortError("/dev/fake was hung up")])
@pytest.mark.asyncio
async def test_ccho_closes_a_session_later_that_it_could_not_close_on_a_lost_line(answer: PortError) -> None:
    at = FakeAt(IsdrCard())
    channel = ccho(at)
    await channel.open(AID)
    at.refuse = lambda line: answer if "CCHC" in line else None
    await channel.close()
    at.refuse = lambda line: None
    at.lines.clear()
    await channel.open(AID)
    await channel.close()
    await channel.open(AID)
    assert [line for line in at.lines if "CCHC" in line] == ["AT+CCHC=1", "AT+CCHC=1"]
    assert at.card.free[0] == 2


@pytest.mark.asyncio
async def test_ccho_closes_a_session_whose_name_was_damaged_on_the_line() -> None:
    at = FakeAt(IsdrCard())
    channel = ccho(at)
    await channel.open(AID)
    await channel.close()
    right, at.session_text = at.session_text, lambda channel: f"+CC?O: {channel}"
    with pytest.raises(CardError):
        await channel.open(AID)
    at.session_text = right
    await channel.open(AID)
    assert at.card.free[0] == 2


@pytest.mark.asyncio
async def test_ccho_tolerates_a_modem_without_close() -> None:
    at = FakeAt(IsdrCard())
    at.refuse = lambda line: error("ERROR") if "CCHC" in line else None
    channel = ccho(at)
    await channel.open(AID)
    await channel.close()
    at.lines.clear()
    quirky = CchoChannel(at, replace(board(), quirks=("no-cchc",)), FastClock(), no_reset)
    await quirky.open(AID)
    await quirky.close()
    assert not [line for line in at.lines if "CCHC" in line]


@pytest.mark.asyncio
async def test_csim_opens_selects_and_closes_its_own_channel() -> None:
    at = FakeAt(IsdrCard())
    channel = csim(at)
    assert await channel.open(AID) == FCI
    assert await channel.transmit(GET_EID) == b"\x61\x08"
    await channel.close()
    assert at.lines == [
        'AT+CSIM=10,"0070000001"',
        'AT+CSIM=42,"01A4040010A0000005591010FFFFFFFF8900000100"',
        f'AT+CSIM=10,"01C00000{len(FCI):02X}"',
        'AT+CSIM=22,"81E2910006BF3E035C015A"',
        'AT+CSIM=8,"00708001"',
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("number", "select", "store"), [(3, "03A4", "83E2"), (4, "40A4", "C0E2"), (19, "4FA4", "CFE2")]
)
async def test_csim_codes_every_channel_into_the_class(number: int, select: str, store: str) -> None:
    at = FakeAt(IsdrCard())
    at.card.free = [number]
    channel = csim(at)
    await channel.open(AID)
    await channel.transmit(GET_EID)
    assert f'"{select}' in at.lines[1]
    assert f'"{store}' in at.lines[-1]


@pytest.mark.asyncio
async def test_csim_tries_other_forms_of_manage_channel() -> None:
    at = FakeAt(IsdrCard())
    at.card.manage = lambda command: b"\x67\x00" if command[4:] == b"\x01" else None
    assert await csim(at).open(AID) == FCI
    at = FakeAt(IsdrCard())

    def only_with_number(command: bytes) -> bytes | None:
        if command[2] == 0 and command[3] == 0:
            return b"\x6a\x86"
        if command[2] == 0:
            at.card.free.remove(command[3])
            return b"\x90\x00"
        return None

    at.card.manage = only_with_number
    assert await csim(at).open(AID) == FCI


@pytest.mark.asyncio
async def test_csim_frees_channels_of_a_killed_run_when_none_is_left() -> None:
    at = FakeAt(IsdrCard())
    at.card.free = []
    assert await csim(at).open(AID) == FCI
    assert 'AT+CSIM=8,"00708002"' in at.lines
    at.card.free = []
    with pytest.raises(StatusWordError, match="MANAGE CHANNEL: status word 6A81"):
        await csim(at, close_stale=()).open(AID)


@pytest.mark.asyncio
async def test_csim_without_isdr_closes_the_channel_and_says_so() -> None:
    at = FakeAt(IsdrCard())
    at.card.sw_of_select = b"\x6a\x82"
    with pytest.raises(NoEuiccError, match="6A82"):
        await csim(at).open(AID)
    assert at.lines[-1] == 'AT+CSIM=8,"00708001"'
    assert at.card.free[0] == 1


@pytest.mark.asyncio
async def test_csim_refused_by_the_modem_is_a_card_error() -> None:
    at = FakeAt(IsdrCard())
    at.refuse = lambda line: error("+CME ERROR: 0", 0) if "01A4" in line else None
    with pytest.raises(CardError, match="was not opened"):
        await csim(at).open(AID)
    assert at.card.free[0] == 1


@pytest.mark.asyncio
async def test_select_is_repeated_with_le_where_the_card_wants_it() -> None:
    at = FakeAt(IsdrCard())
    inner = at.card.select
    at.card.select = lambda channel, command: b"\x67\x00" if len(command) == 21 else inner(channel, command)  # type: ignore[method-assign]
    assert await csim(at).open(AID) == FCI


@pytest.mark.asyncio
@pytest.mark.parametrize("make", [ccho, csim])
async def test_terminal_capability_goes_to_channel_0_and_may_fail(make: object) -> None:
    capability = bytes.fromhex("80AA000005A903830107")
    at = FakeAt(IsdrCard())
    await make(at, terminal_capability=capability).open(AID)  # type: ignore[operator]
    assert at.card.announced == capability
    at = FakeAt(IsdrCard())
    at.refuse = lambda line: error("ERROR") if "80AA" in line else None
    await make(at, terminal_capability=capability).open(AID)  # type: ignore[operator]


@pytest.mark.asyncio
@pytest.mark.parametrize("make", [ccho, csim])
async def test_a_closed_channel_carries_nothing(make: object) -> None:
    at = FakeAt(IsdrCard())
    channel = make(at)  # type: ignore[operator]
    with pytest.raises(CardError, match="closed"):
        await channel.transmit(GET_EID)
    await channel.open(AID)
    at.open_line = False
    at.refuse = lambda line: error("gone")
    await channel.close()
    with pytest.raises(CardError, match="closed"):
        await channel.transmit(GET_EID)


@pytest.mark.asyncio
async def test_a_session_that_died_is_an_error_of_the_modem() -> None:
    at = FakeAt(IsdrCard())
    channel = ccho(at)
    await channel.open(AID)
    at.sessions.clear()
    with pytest.raises(ModemError):
        await channel.transmit(GET_EID)


def test_the_block_size_fits_board_line_and_apdu() -> None:
    at = FakeAt(IsdrCard())
    assert ccho(at, max_data=255).max_data == 255
    assert ccho(at, max_data=120).max_data == 120
    at.longest = 160
    assert 20 < ccho(at, max_data=255).max_data < 64
    at.longest = 2048
    assert csim(at, max_data=255, max_apdu_hex=256).max_data == 122
