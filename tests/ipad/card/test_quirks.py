"""Each deviation that has a name, or a key of the definitions, on the virtual modem that shows it: with and without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from hil.modem import load_personality
from ipad.board import Board, BoardLibrary
from ipad.board.hardware import PowerSwitch
from ipad.card.at import CchoChannel
from ipad.card.awake import AwakeChannel, restoring
from ipad.errors import CardError, ModemError, PortError
from ipad.ids import Iccid
from ipad.modem.answer import AtAnswer
from ipad.modem.fields import split_fields
from ipad.modem.hook import BoardHook
from ipad.modem.recovery import SimRecovery
from ipad.modem.slots import select_slot
from tests.hil.modem.fake_card import AWAY, EID_ANSWER, EID_REQUEST, HOME, SWITCH_ANSWER, SWITCH_REQUEST, FakeCard
from tests.ipad.card.isdr_card import AID, FakeAt, IsdrCard, error, no_reset
from tests.ipad.card.test_with_virtual_modem import device
from tests.ipad.modem.peer import FastClock

LIBRARY = BoardLibrary()


class SettingAt(FakeAt):
    """A modem with some settings; other commands that are no APDU are refused."""

    def __init__(self, answers: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__(IsdrCard())
        self.answers = answers

    async def command(self, command: str, *, limit: float | None = None) -> AtAnswer:
        if command.startswith(("AT+CCHO", "AT+CCHC", "AT+CGLA", "AT+CSIM")):
            return await super().command(command, limit=limit)
        self.lines.append(command)
        if command not in self.answers:
            raise error("+CME ERROR: 4", 4)
        return AtAnswer(command, self.answers[command])


def without_quirks(name: str) -> Board:
    return replace(LIBRARY.load(name), quirks=())


@pytest.mark.asyncio
async def test_no_cchc_the_session_is_used_again() -> None:
    """Sierra EM9191: no AT+CCHC. The virtual modem has room for one session."""
    async with device("sierra-em9191", method="ccho") as bench:
        for _ in range(3):
            assert await bench.session.transceive(EID_REQUEST) == EID_ANSWER
            await bench.session.close()
        assert len(bench.card.open_channels()) == 1
    async with device("sierra-em9191", method="ccho", board=without_quirks("sierra-em9191")) as bench:
        assert await bench.session.transceive(EID_REQUEST) == EID_ANSWER
        await bench.session.close()
        with pytest.raises(CardError):
            await bench.session.transceive(EID_REQUEST)


@pytest.mark.asyncio
async def test_no_cchc_a_session_that_died_is_opened_anew() -> None:
    async with device("sierra-em9191", method="ccho") as bench:
        assert await bench.session.transceive(SWITCH_REQUEST) == SWITCH_ANSWER
        await bench.connectivity.recover_sim(Iccid.parse(AWAY.iccid))
        assert await bench.session.transceive(EID_REQUEST) == EID_ANSWER


@pytest.mark.asyncio
async def test_cfun_in_one_line_brings_the_port_back() -> None:
    """Quectel EG916Q: the tty goes at AT+CFUN=0 and stays away until AT+CFUN=1."""
    async with device("quectel-eg916q") as bench:
        assert await bench.session.transceive(SWITCH_REQUEST) == SWITCH_ANSWER
        assert await SimRecovery(bench.modem).recover(Iccid.parse(AWAY.iccid)) == "cfun0"
        assert await bench.modem.iccid() == Iccid.parse(AWAY.iccid)
    async with device("quectel-eg916q", board=without_quirks("quectel-eg916q")) as bench:
        assert await bench.session.transceive(SWITCH_REQUEST) == SWITCH_ANSWER
        with pytest.raises(PortError, match="there is no such port"):
            await SimRecovery(bench.modem).recover(Iccid.parse(AWAY.iccid))


@pytest.mark.asyncio
async def test_an_lpa_inside_the_modem_lets_go_of_the_isdr() -> None:
    """Quectel RG650E: AT+CCHO fails until AT+QESIM="lpa_enable",0 and a restart."""
    async with device("quectel-rg650e") as bench:
        assert await bench.session.transceive(EID_REQUEST) == EID_ANSWER
    board = LIBRARY.load("quectel-rg650e")
    async with device("quectel-rg650e", board=replace(board, apdu=replace(board.apdu, release=()))) as bench:
        with pytest.raises(CardError, match="was not opened"):
            await bench.session.transceive(EID_REQUEST)


@pytest.mark.asyncio
async def test_the_lpa_is_asked_once_only() -> None:
    at = SettingAt({'AT+QESIM="lpa_enable",0': ()})
    restarts: list[bool] = []

    async def restart() -> None:
        restarts.append(True)

    at.refuse = lambda line: error("ERROR") if "CCHO" in line else None
    channel = CchoChannel(at, LIBRARY.load("quectel-rg650e"), FastClock(), no_reset, restart)
    for _ in range(2):
        with pytest.raises(CardError):
            await channel.open(AID)
    assert restarts == [True]
    assert sum("QESIM" in line for line in at.lines) == 1


@pytest.mark.asyncio
async def test_an_lpa_that_refuses_to_let_go_is_named() -> None:
    at = SettingAt({})
    at.refuse = lambda line: error("ERROR") if "CCHO" in line else None
    channel = CchoChannel(at, LIBRARY.load("quectel-rg650e"), FastClock(), no_reset, no_reset)
    with pytest.raises(CardError, match="does not let go"):
        await channel.open(AID)


@pytest.mark.asyncio
async def test_the_wrong_slot_shows_no_card_and_the_right_one_does() -> None:
    """Quectel RM520N: two slots, the modem starts with the empty one."""
    personality = load_personality("quectel-rm520n")
    personality = replace(personality, slots=replace(personality.slots, start=1))
    board = LIBRARY.load("quectel-rm520n")
    board = replace(board, slots=replace(board.slots, euicc=2))
    async with device(personality, board=board) as bench:
        with pytest.raises(CardError):
            await bench.session.transceive(EID_REQUEST)
        assert await select_slot(bench.modem)
        assert await bench.session.transceive(EID_REQUEST) == EID_ANSWER
        assert not await select_slot(bench.modem)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("personality", "check", "after"),
    [
        ("quectel-rm520n", 'AT+QMBNCFG="AutoSel"', '+QMBNCFG: "AutoSel",1'),
        ("ublox-lara-r6", "AT+UMNOPROF?", "+UMNOPROF: 1"),
    ],
)
async def test_the_operator_configuration_follows_the_profile(personality: str, check: str, after: str) -> None:
    async with device(personality) as bench:
        assert (await bench.port.command(check)).lines != (after,)
        assert await bench.session.transceive(SWITCH_REQUEST) == SWITCH_ANSWER
        recovery = SimRecovery(bench.modem)
        assert await recovery.recover(Iccid.parse(AWAY.iccid)) is not None
        assert (await bench.port.command(check)).lines == (after,)
        openings = bench.port.openings
        assert await recovery.recover(Iccid.parse(AWAY.iccid)) is None
        assert bench.port.openings == openings, "one restart is enough"


@pytest.mark.asyncio
async def test_the_automatic_choice_of_network_is_set_once_for_each_profile() -> None:
    async with device("quectel-eg25") as bench:
        recovery = SimRecovery(bench.modem)
        assert await recovery.recover(Iccid.parse(HOME.iccid)) is None
        assert bench.modem.followed == Iccid.parse(HOME.iccid)


@pytest.mark.asyncio
async def test_simdet_is_a_rung_of_its_own() -> None:
    """Telit LE910C4 that ignores REFRESH: the card is taken out and put in by command."""
    async with device("telit-le910c4", card=FakeCard(qualifier=4)) as bench:
        assert await bench.session.transceive(SWITCH_REQUEST) == SWITCH_ANSWER
        assert await SimRecovery(bench.modem).recover(Iccid.parse(AWAY.iccid)) == "simdet"


@pytest.mark.asyncio
async def test_power_is_the_last_rung_where_the_board_has_a_hook() -> None:
    """A modem that ignores everything but the loss of its power."""
    personality = load_personality("quectel-rg650e")
    board = LIBRARY.load("quectel-rg650e")
    board = replace(
        board,
        apdu=replace(board.apdu, method=("csim",)),
        refresh=replace(board.refresh, ladder=("wait", "power")),
        reset=replace(board.reset, hook="/hook", power=PowerSwitch(line="power", off=3)),
    )
    async with device(personality, board=board, card=FakeCard(qualifier=4)) as bench:
        actions: list[str] = []

        async def run(arguments: tuple[str, ...], variables: Mapping[str, str]) -> int:
            actions.append(arguments[1])
            if arguments[1] == "power-off":
                bench.virtual.power_off()
            else:
                bench.virtual.power_on()
            return 0

        bench.modem.hook = BoardHook(board, bench.modem.clock, run)
        assert await bench.session.transceive(SWITCH_REQUEST) == SWITCH_ANSWER
        assert await SimRecovery(bench.modem).recover(Iccid.parse(AWAY.iccid)) == "power"
        assert actions == ["power-off", "power-on"]


@pytest.mark.asyncio
async def test_a_hook_that_fails_is_a_rung_that_does_not_help() -> None:
    board = LIBRARY.load("quectel-rg650e")
    board = replace(
        board,
        apdu=replace(board.apdu, method=("csim",)),
        refresh=replace(board.refresh, ladder=("power",)),
        reset=replace(board.reset, hook="/does/not/exist"),
    )
    async with device("quectel-rg650e", board=board, card=FakeCard(qualifier=4)) as bench:
        assert await bench.session.transceive(SWITCH_REQUEST) == SWITCH_ANSWER
        with pytest.raises(ModemError, match=r"does not show ICCID .* after power"):
            await SimRecovery(bench.modem).recover(Iccid.parse(AWAY.iccid))


@pytest.mark.asyncio
async def test_power_saving_is_off_while_the_channel_is_open() -> None:
    async with device("quectel-bg95") as bench:

        async def psm() -> str | None:
            return (await bench.port.command("AT+CPSMS?")).value("+CPSMS")

        before = await psm()
        assert before is not None
        assert before.startswith("1,")
        assert await bench.session.transceive(EID_REQUEST) == EID_ANSWER
        assert await psm() == "0"
        await bench.session.close()
        assert await psm() == before


@pytest.mark.asyncio
@pytest.mark.parametrize("lines", [("+CPSMS: 0",), ("+CPSMS: ",), (), None])
async def test_power_saving_that_is_off_or_unknown_is_not_touched(lines: tuple[str, ...] | None) -> None:
    at = SettingAt({"AT+CPSMS?": lines} if lines is not None else {})
    channel = AwakeChannel(CchoChannel(at, LIBRARY.load("generic-lpwa"), FastClock(), no_reset), at)
    await channel.open(AID)
    await channel.close()
    assert [line for line in at.lines if "CPSMS" in line] == ["AT+CPSMS?"]


@pytest.mark.parametrize(
    ("shown", "command"),
    [
        ('1,,,"00000100","00001111"', 'AT+CPSMS=1,,,"00000100","00001111"'),
        ('1,"",,"01100000"', 'AT+CPSMS=1,,,"01100000"'),
        ("1", "AT+CPSMS=1"),
    ],
)
def test_power_saving_is_restored_with_its_timers(shown: str, command: str) -> None:
    assert restoring(split_fields(shown)) == command
