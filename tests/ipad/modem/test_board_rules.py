"""What a board definition asks of the modem: SIM slot, repairs, hook, DTR, each against the answers of real modems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ipad.board import Board, BoardLibrary, Repair, Reset, Slots
from ipad.board.hardware import GpioPulse, PowerSwitch
from ipad.errors import PortError, PortTimeoutError
from ipad.modem.hook import BoardHook, environment, run_program
from ipad.modem.modem import Modem
from ipad.modem.port import AtPort, PortSettings
from ipad.modem.repair import repair
from ipad.modem.slots import select_slot
from tests.ipad.modem.peer import FakeLink, FakeModem, FastClock

LIBRARY = BoardLibrary()


def modem(fake: FakeModem, board: Board) -> Modem:
    clock = FastClock()
    return Modem(fake.port(clock), board, clock)


def slotted(name: str, **changes: object) -> Board:
    board = LIBRARY.load(name)
    return replace(board, slots=replace(board.slots, **changes))  # type: ignore[arg-type]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("board", "answer", "command"),
    [
        (slotted("quectel-rm520n", euicc=2), "+QUIMSLOT: 1", "AT+QUIMSLOT=2"),
        (slotted("quectel-rm520n", euicc=1), "+QUIMSLOT: 2", "AT+QUIMSLOT=1"),
        (slotted("fibocom-fm350", reenumerates=False), '+GTDUALSIM : 0, "SUB1"', "AT+GTDUALSIM=1"),
    ],
)
async def test_the_slot_of_the_euicc_is_chosen(board: Board, answer: str, command: str) -> None:
    fake = FakeModem({board.slots.query: [answer]})
    assert await select_slot(modem(fake, board))
    assert fake.commands[-1] == command


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("board", "answer"),
    [
        (slotted("quectel-rm520n", euicc=2), "+QUIMSLOT: 2"),
        (slotted("fibocom-fm350"), '+GTDUALSIM : 1, "SUB2"'),
        (slotted("quectel-rm520n"), "+QUIMSLOT: 1"),
    ],
)
async def test_a_slot_that_is_right_or_unknown_is_left_alone(board: Board, answer: str) -> None:
    fake = FakeModem({board.slots.query: [answer]})
    assert not await select_slot(modem(fake, board))
    assert board.slots.select.split("=", maxsplit=1)[0] + "=" not in "".join(fake.commands)


@pytest.mark.asyncio
async def test_a_modem_that_refuses_the_slot_goes_on() -> None:
    board = slotted("quectel-rm520n", euicc=2)
    fake = FakeModem({"AT+QUIMSLOT?": "+CME ERROR: 4", "AT+QUIMSLOT=2": "ERROR"})
    assert not await select_slot(modem(fake, board))
    assert fake.commands[-2:] == ["AT+QUIMSLOT?", "AT+QUIMSLOT=2"]


@pytest.mark.asyncio
async def test_a_modem_that_enumerates_anew_after_the_choice_is_opened_again() -> None:
    fake = FakeModem({"AT+GTDUALSIM?": ['+GTDUALSIM : 0, "SUB1"']})
    assert await select_slot(modem(fake, slotted("fibocom-fm350")))
    assert len(fake.links) == 2


@pytest.mark.asyncio
async def test_a_switch_outside_the_modem_is_thrown_while_the_card_is_off() -> None:
    board = replace(
        LIBRARY.load("quectel-eg25"),
        slots=Slots(count=2, euicc=2, gpio="sim-mux"),
        reset=Reset(hook="/usr/lib/board/hook"),
    )
    fake = FakeModem()
    calls: list[tuple[tuple[str, ...], Mapping[str, str], str]] = []
    device = modem(fake, board)

    async def run(arguments: tuple[str, ...], variables: Mapping[str, str]) -> int:
        calls.append((arguments, variables, fake.commands[-1]))
        return 0

    device.hook = BoardHook(board, FastClock(), run)
    assert await select_slot(device)
    ((arguments, variables, before),) = calls
    assert arguments == ("/usr/lib/board/hook", "sim-slot", "quectel-eg25")
    assert (variables["IPAD_SIM_SLOT"], variables["IPAD_SIM_LINE"], before) == ("2", "sim-mux", "AT+CFUN=0")
    assert fake.commands[-1] == "AT+CFUN=1"


MBN = LIBRARY.load("quectel-eg25").repair[0]
UMNOPROF = LIBRARY.load("ublox-lara-r6").repair[0]
IMPREF = LIBRARY.load("sierra-em7565").repair[0]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("rule", "answer", "commands"),
    [
        (MBN, '+QMBNCFG: "AutoSel",1', ()),
        (MBN, '+QMBNCFG: "AutoSel",0', ('AT+QMBNCFG="AutoSel",1',)),
        (UMNOPROF, "+UMNOPROF: 1", ()),
        (UMNOPROF, "+UMNOPROF: 100", ("AT+UMNOPROF=1",)),
        (IMPREF, "preferred carrier name: AUTO-SIM", ()),
        (IMPREF, "preferred carrier name: VERIZON", ('AT!IMPREF="AUTO-SIM"',)),
    ],
)
async def test_a_setting_that_is_not_as_the_profile_needs_it_is_repaired(
    rule: Repair, answer: str, commands: tuple[str, ...]
) -> None:
    fake = FakeModem({rule.check: [answer]})
    assert await repair(fake.port(), rule) == bool(commands)
    assert tuple(fake.commands[fake.commands.index(rule.check) + 1 :]) == commands


@pytest.mark.asyncio
async def test_a_check_or_a_command_that_is_refused_repairs_nothing() -> None:
    fake = FakeModem({UMNOPROF.check: "+CME ERROR: 3"})
    assert not await repair(fake.port(), UMNOPROF)
    assert fake.commands[-1] == UMNOPROF.check
    fake = FakeModem({UMNOPROF.check: ["+UMNOPROF: 2"], "AT+UMNOPROF=1": "+CME ERROR: 3"})
    assert not await repair(fake.port(), UMNOPROF)


class Calls:
    """A hook that only notes what it was asked."""

    def __init__(self, code: int = 0) -> None:
        self.actions: list[str] = []
        self.code = code

    async def __call__(self, arguments: tuple[str, ...], variables: Mapping[str, str]) -> int:
        self.actions.append(arguments[1])
        return self.code


def hooked(reset: Reset) -> Board:
    return replace(LIBRARY.load("quectel-eg25"), reset=reset)


@pytest.mark.asyncio
async def test_the_hook_switches_power_or_pulses_the_reset_line() -> None:
    calls, clock = Calls(), FastClock()
    await BoardHook(hooked(Reset(hook="/h", power=PowerSwitch(line="p", off=7))), clock, calls).power_cycle()
    assert calls.actions == ["power-off", "power-on"]
    assert clock.now == 1007.0
    calls = Calls()
    await BoardHook(hooked(Reset(hook="/h", gpio=GpioPulse(line="r"))), clock, calls).power_cycle()
    assert calls.actions == ["reset"]


@pytest.mark.asyncio
async def test_hardware_is_not_reset_more_often_than_allowed() -> None:
    calls, clock = Calls(), FastClock()
    hook = BoardHook(hooked(Reset(hook="/h", min_interval=300)), clock, calls)
    await hook.power_cycle()
    clock.now += 299
    with pytest.raises(PortError, match="was reset 299 s ago, not again before 300 s"):
        await hook.power_cycle()
    clock.now += 1
    await hook.power_cycle()
    assert calls.actions == ["reset", "reset"]


@pytest.mark.asyncio
async def test_a_hook_that_fails_or_is_missing_is_an_error_that_says_so() -> None:
    with pytest.raises(PortError, match="/h reset: exit code 3"):
        await BoardHook(hooked(Reset(hook="/h")), FastClock(), Calls(3)).call("reset")
    with pytest.raises(PortError, match=r"has no reset\.hook"):
        await BoardHook(hooked(Reset()), FastClock()).call("reset")
    with pytest.raises(PortError, match="/does/not/exist cannot be run: No such file"):
        await BoardHook(hooked(Reset(hook="/does/not/exist")), FastClock()).call("reset")


@pytest.mark.asyncio
async def test_a_program_gets_arguments_and_environment(tmp_path: Path) -> None:
    script, result = tmp_path / "hook", tmp_path / "result"
    script.write_text(f'#!/bin/sh\necho "$1 $2 $IPAD_POWER_LINE $IPAD_POWER_ACTIVE_LOW" > {result}\nexit 4\n')
    script.chmod(0o755)
    told = environment(LIBRARY.load("huasifei-wh3000-pro"))
    assert await run_program((str(script), "power-off", "x"), told) == 4
    assert result.read_text() == "power-off x modem_power 1\n"


class DataModeLink(FakeLink):
    """A modem in a PPP call that a killed program left behind: it answers nothing until DTR was dropped."""

    def __init__(self, modem: FakeModem) -> None:
        super().__init__(modem)
        self.levels: list[bool] = []

    def set_dtr(self, active: bool) -> None:
        self.levels.append(active)

    def write(self, data: bytes) -> None:
        if self.levels == [False, True]:
            super().write(data)


@pytest.mark.asyncio
@pytest.mark.parametrize("flash", [True, False])
async def test_dtr_is_dropped_once_when_nobody_answers(flash: bool) -> None:
    fake = FakeModem()
    link = DataModeLink(fake)

    async def open_link() -> FakeLink:
        fake.links.append(link)
        return link

    port = AtPort(open_link, PortSettings("/dev/fake", dtr_flash=flash), FastClock())
    if flash:
        await port.open()
        assert fake.commands[0] == "AT"
    else:
        with pytest.raises(PortTimeoutError, match="no answer"):
            await port.open()
    assert link.levels == ([False, True] if flash else [])


@pytest.mark.asyncio
async def test_a_modem_that_answers_keeps_its_call_and_its_dtr() -> None:
    fake = FakeModem()
    link = DataModeLink(fake)
    link.levels = [False, True]

    async def open_link() -> FakeLink:
        fake.links.append(link)
        return link

    await AtPort(open_link, PortSettings("/dev/fake", dtr_flash=True), FastClock()).open()
    assert link.levels == [False, True]
