"""One rung at a time: what each does to a modem, and that none leaves it switched off."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest
from pytest_mock import MockerFixture

from hil.modem import Knobs
from hil.modem.knobs import CommandFault
from ipad.board import Board, Reset
from ipad.board.hardware import PowerSwitch
from ipad.errors import ModemError, PortError
from ipad.ids import Iccid
from ipad.modem.facts import ModemCondition, ModemFact, SimFact
from ipad.modem.hook import BoardHook
from ipad.modem.modem import Modem
from ipad.modem.recovery import SimRecovery
from tests.hil.modem.fake_card import AWAY
from tests.ipad.modem.test_modem import NEW, Switching, modem_with
from tests.ipad.modem.watched import LIBRARY, watched
from tests.waiting import settled

HOOKED = replace(
    LIBRARY.load("generic-3gpp"), reset=Reset(hook="/hook", power=PowerSwitch(line="p", off=10.0), min_interval=300.0)
)


class Hook:
    """The hook of a board, noted; `code` is its exit code."""

    def __init__(self, modem: Modem, code: int = 0) -> None:
        self.actions: list[str] = []
        self.code = code
        modem.hook = BoardHook(modem.board, modem.clock, self.run)

    async def run(self, arguments: tuple[str, ...], _environment: Mapping[str, str]) -> int:
        self.actions.append(arguments[1])
        return self.code


def answering(board: str | Board = "generic-3gpp") -> tuple[SimRecovery, Modem, list[str]]:
    modem, fake = modem_with({"AT+CFUN?": ["+CFUN: 1"], "AT+CPIN?": ["+CPIN: READY"]}, board)
    fake.default = ()
    return SimRecovery(modem), modem, fake.commands


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("board", "rung", "commands"),
    [
        ("generic-3gpp", "cfun4", ["AT+CFUN=4", "AT+CFUN=1"]),
        ("generic-3gpp", "cfun0", ["AT+CFUN=0", "AT+CFUN=1"]),
        ("generic-3gpp", "reset", ["AT+CFUN=1,1"]),
        ("generic-telit", "simdet", ["AT#SIMDET=0", "AT#SIMDET=1"]),
        ("generic-ublox", "cfun16", ["AT+CFUN=16"]),
        ("generic-simcom", "reset", ["AT+CRESET"]),
        ("generic-3gpp", "wait", []),
    ],
)
async def test_a_rung_sends_what_the_board_says(board: str, rung: str, commands: list[str]) -> None:
    recovery, _, sent = answering(board)
    await recovery.climb(rung)
    acts = [command for command in sent if command.startswith(("AT+CFUN=", "AT#", "AT+CRESET"))]
    assert acts == commands


@pytest.mark.asyncio
@pytest.mark.parametrize(("rung", "actions"), [("power", ["power-off", "power-on"]), ("hook", ["reset"])])
async def test_the_hook_is_called_as_the_rung_says(rung: str, actions: list[str]) -> None:
    recovery, modem, _ = answering(HOOKED)
    hook = Hook(modem)
    await recovery.climb(rung)
    assert hook.actions == actions
    with pytest.raises(PortError, match="not again before 300 s"):
        await recovery.climb(rung)
    assert hook.actions == actions


@pytest.mark.asyncio
async def test_a_hook_that_fails_is_an_error_though_the_modem_answers() -> None:
    recovery, modem, _ = answering(HOOKED)
    Hook(modem, code=3)
    with pytest.raises(PortError, match="exit code 3"):
        await recovery.climb("power")
    assert modem.port.is_open
    assert not modem.recovering


@pytest.mark.asyncio
async def test_rung_that_is_cut_off_on_a_modem_that_is_gone_ends_all_the_same(mocker: MockerFixture) -> None:
    recovery, modem, _ = answering(HOOKED)
    reached, power_on = asyncio.Event(), asyncio.Event()

    async def hook(_arguments: tuple[str, ...], _environment: Mapping[str, str]) -> int:
        reached.set()
        await power_on.wait()
        return 0

    modem.hook = BoardHook(modem.board, modem.clock, hook)
    climbing = asyncio.ensure_future(recovery.climb("power"))
    await reached.wait()
    mocker.patch.object(recovery._rungs, "ensure_on", side_effect=PortError("hung up"))
    climbing.cancel()
    power_on.set()
    with pytest.raises(asyncio.CancelledError):
        await climbing
    assert not modem.recovering


@pytest.mark.asyncio
@pytest.mark.parametrize("rung", ["simdet", "refit", ""])
async def test_a_rung_that_the_board_does_not_have_is_refused(rung: str) -> None:
    recovery, _, sent = answering()
    with pytest.raises(PortError, match=r"no recovery rung .*; its ladder is wait, cfun4, cfun0, reset"):
        await recovery.climb(rung)
    assert "AT+CFUN=1" not in sent


@pytest.mark.asyncio
async def test_a_refused_rung_is_a_modem_error() -> None:
    modem, fake = modem_with({"AT+CFUN?": ["+CFUN: 1"], "AT+CPIN?": ["+CPIN: READY"], "AT+CFUN=1": ()})
    with pytest.raises(ModemError, match="AT\\+CFUN=4"):
        await SimRecovery(modem).climb("cfun4")
    with pytest.raises(ModemError, match="AT\\+CFUN=1,1"):
        await SimRecovery(modem).climb("reset")
    assert fake.commands.count("AT+CFUN=1") == 1


@pytest.mark.asyncio
async def test_a_modem_that_does_not_come_back_is_a_port_error() -> None:
    modem, fake = modem_with({"AT+CFUN?": ["+CFUN: 1"], "AT+CPIN?": ["+CPIN: READY"]})

    def die() -> None:
        fake.missing = 100_000
        fake.link.hang_up()

    fake.table["AT+CFUN=1,1"] = die
    with pytest.raises(PortError, match="no such port"):
        await SimRecovery(modem).climb("reset")


@pytest.mark.asyncio
async def test_full_functionality_is_asked_for_until_the_modem_grants_it() -> None:
    refusals = iter(["+CME ERROR: 14"] * 3)
    modem, fake = modem_with({"AT+CFUN=0": (), "AT+CPIN?": ["+CPIN: READY"], "AT+CFUN?": ["+CFUN: 1"]})
    fake.table["AT+CFUN=1"] = lambda: next(refusals, ())
    await SimRecovery(modem).climb("cfun0")
    assert fake.commands.count("AT+CFUN=1") == 4
    assert not modem.begun


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("board", "rung", "first", "last"),
    [
        ("generic-3gpp", "cfun0", "AT+CFUN=0", "AT+CFUN=1"),
        ("generic-3gpp", "cfun4", "AT+CFUN=4", "AT+CFUN=1"),
        ("generic-telit", "simdet", "AT#SIMDET=0", "AT#SIMDET=1"),
    ],
)
async def test_rung_is_noted_before_its_first_command_and_taken_back_after_its_last(
    board: str, rung: str, first: str, last: str
) -> None:
    recovery, modem, sent = answering(board)

    async def keep(begun: str) -> None:
        sent.append(f"begun: {begun}")

    modem.keep_begun = keep
    await recovery.climb(rung)
    acts = [command for command in sent if command.startswith(("AT+CFUN=", "AT#", "begun"))]
    assert acts == [f"begun: {rung}", first, last, "begun: "]


@pytest.mark.asyncio
async def test_rung_of_a_board_that_was_cut_off_is_ended_by_its_last_command() -> None:
    recovery, modem, sent = answering("generic-telit")
    modem.begun = "simdet"
    await recovery.switch_on()
    assert [command for command in sent if "SIMDET" in command or "CFUN" in command] == ["AT#SIMDET=1", "AT+CFUN?"]
    assert not modem.begun


@pytest.mark.asyncio
async def test_a_cancelled_climb_leaves_the_modem_switched_on() -> None:
    recovery, _, sent = answering()
    task = asyncio.ensure_future(recovery.climb("cfun0"))
    await settled(lambda: "AT+CFUN=0" in sent)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "AT+CFUN=1" in sent


@pytest.mark.asyncio
async def test_what_a_killed_run_left_switched_off_is_switched_on() -> None:
    modem, fake = modem_with({"AT+CFUN?": ["+CFUN: 4"], "AT+CFUN=1": ()})
    await SimRecovery(modem).switch_on()
    assert fake.commands[-1] == "AT+CFUN=1"
    other, fake = modem_with({"AT+CFUN?": ["+CFUN: 1"]})
    await SimRecovery(other).switch_on()
    assert fake.commands[-1] == "AT+CFUN?"


@pytest.mark.asyncio
async def test_a_profile_that_shows_late_gets_what_follows_a_profile_change() -> None:
    """The ladder after the package did not help; a rung climbed later does."""
    bench = Switching(None, "generic-3gpp")
    bench.fake.table["AT+CFUN?"] = ["+CFUN: 1"]
    recovery = SimRecovery(bench.modem)
    with pytest.raises(ModemError):
        await recovery.recover(Iccid.parse(NEW))
    assert "AT+COPS=0" not in bench.fake.commands
    bench.fake.table["AT+CFUN=1,1"] = bench.switch
    await recovery.climb("reset")
    assert bench.fake.commands.count("AT+COPS=0") == 1
    await recovery.climb("reset")
    assert bench.fake.commands.count("AT+COPS=0") == 1


@pytest.mark.asyncio
async def test_echo_is_off_again_after_a_restart_by_cfun16() -> None:
    """The line of a UART stays in such a restart: only a new start of the dialogue sets what the modem forgot."""
    modem, fake = modem_with(
        {"AT+CPIN?": ["+CPIN: READY"], "AT+CFUN=16": (), "AT+CFUN?": ["+CFUN: 1"]}, "generic-ublox"
    )
    await SimRecovery(modem).climb("cfun16")
    assert fake.commands[fake.commands.index("AT+CFUN=16") :].count("ATE0") == 1


@pytest.mark.asyncio
async def test_the_watch_switches_on_what_a_failed_climb_left_off() -> None:
    """Full functionality is refused for a while: that is no flight mode that somebody wants."""
    faults = (CommandFault(command="+CFUN=1", answer="CME 14", execute=False, times=8),)
    async with watched("quectel-eg25", knobs=Knobs(faults=faults)) as bench:
        climb = asyncio.ensure_future(bench.recovery.climb("cfun4"))
        await bench.after(120)
        assert isinstance(climb.exception(), ModemError)
        assert {fact.condition for fact in bench.all(ModemFact)} == {ModemCondition.ON}
        assert bench.virtual.device.functionality == 1


@pytest.mark.asyncio
async def test_every_rung_of_a_switch_is_watched_to_its_end() -> None:
    """Telit ignores REFRESH: the watch sees the new profile once the card was taken out and put in."""
    async with watched("telit-le910c4") as bench:
        bench.set_knobs(stale_iccid=AWAY.iccid)
        climb = asyncio.ensure_future(bench.recovery.climb("simdet"))
        await bench.after(60)
        assert climb.done()
        assert climb.exception() is None
        assert bench.last(SimFact).iccid == Iccid.parse(AWAY.iccid)
