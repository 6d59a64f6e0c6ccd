"""AT+IPR for a while: there and back, and every way in which it can go wrong."""

from __future__ import annotations

import os
import termios
from pathlib import Path

import pytest

from hil.modem.knobs import CommandFault
from ipad.errors import ModemError, PortError, PortTimeoutError
from ipad.modem.line_rate import LineRates
from ipad.modem.link import RateControl
from ipad.modem.port import AtPort
from ipad.modem.serial import SerialSettings, open_port
from tests.ipad.modem.peer import FakeModem
from tests.ipad.modem.uart import BASE, FASTER, uart

BEST, SECOND = FASTER


async def often(port: AtPort, command: str) -> None:
    for _ in range(10):
        await port.command(command, limit=30)


@pytest.mark.asyncio
async def test_line_is_fast_for_a_while_and_nothing_is_stored() -> None:
    async with uart() as bench:
        port, line = await bench.hastened()
        assert bench.rates == (BEST, BEST)
        assert (await port.command("AT+CGMM")).lines
        await line.slacken()
        assert bench.rates == (BASE, BASE)
        assert (await port.command("AT+CGMM")).lines
        assert bench.modem.device.rate.stored == BASE
        assert not [command for command in bench.commands if "&W" in command.upper()]
        assert port.openings == 1


@pytest.mark.asyncio
async def test_switching_takes_less_than_a_second() -> None:
    async with uart() as bench:
        port = await bench.opened()
        begin = bench.clock.monotonic()
        line = bench.fast(port)
        await line.hasten()
        await line.slacken()
        assert bench.clock.monotonic() - begin < 1.0


@pytest.mark.asyncio
async def test_line_that_is_slow_already_is_not_touched() -> None:
    async with uart() as bench:
        port = await bench.opened()
        await bench.fast(port).slacken()
        assert not [command for command in bench.commands if "IPR" in command]


@pytest.mark.asyncio
async def test_modem_that_refuses_is_asked_once_for_each_rate() -> None:
    async with uart() as bench:
        bench.turn(rate_refused=True)
        _, line = await bench.hastened()
        await line.slacken()
        await line.hasten()
        assert [command for command in bench.commands if "IPR" in command] == [f"AT+IPR={rate}" for rate in FASTER]
        assert bench.host_rate == BASE
        assert bench.unreliable == set(FASTER)


@pytest.mark.asyncio
async def test_rate_that_the_host_cannot_have_is_left_and_the_next_one_taken() -> None:
    async with uart() as bench:
        bench.possible = (BASE, SECOND)
        port, line = await bench.hastened()
        assert bench.rates == (SECOND, SECOND)
        await line.slacken()
        assert (await port.command("AT+CGMM")).lines


@pytest.mark.asyncio
async def test_rate_with_garbage_is_left_at_once_and_remembered_by_the_process() -> None:
    async with uart() as bench:
        bench.turn(unreliable_rate=BEST)
        port = await bench.opened()
        await bench.fast(port).hasten()
        assert bench.rates == (SECOND, SECOND)
        await bench.fast(port).slacken()
        assert bench.unreliable == {BEST}
        await port.close()
        again = await bench.opened()
        bench.commands.clear()
        await bench.fast(again).hasten()
        assert f"AT+IPR={BEST}" not in bench.commands
        assert bench.host_rate == SECOND


@pytest.mark.asyncio
async def test_rate_that_becomes_unreliable_in_the_middle_is_left_and_remembered() -> None:
    async with uart() as bench:
        port, line = await bench.hastened()
        bench.turn(unreliable_rate=BEST)
        begin = bench.clock.monotonic()
        with pytest.raises(PortTimeoutError, match="garbage at 921600"):
            await often(port, "AT+CGMI")
        assert bench.clock.monotonic() - begin < 31, "noticed by the bytes, not by a limit each time"
        await line.slacken()
        assert bench.rates == (BASE, BASE)
        assert bench.unreliable == {BEST}
        assert (await port.command("AT+CGMM")).lines


@pytest.mark.asyncio
async def test_doubtful_rate_is_not_used_again() -> None:
    async with uart() as bench:
        _, line = await bench.hastened()
        await line.slacken(doubtful=True)
        assert bench.host_rate == BASE
        await line.hasten()
        assert bench.host_rate == SECOND


@pytest.mark.asyncio
@pytest.mark.parametrize("rate", FASTER)
async def test_agent_that_was_killed_finds_the_modem_at_the_other_rate_and_brings_it_back(rate: int) -> None:
    async with uart() as bench:
        first = bench.port((rate,))
        await first.open()
        await bench.fast(first).hasten()
        assert bench.modem.device.rate.current == rate
        # No word to the modem: the next process finds a line that says nothing at its own rate.
        begin = bench.clock.monotonic()
        after = await bench.opened()
        assert bench.rates == (BASE, BASE)
        assert bench.clock.monotonic() - begin < 10
        assert after.rates.found == rate
        assert (await after.command("AT+CGMM")).lines
        assert bench.unreliable == set()


@pytest.mark.asyncio
async def test_modem_is_looked_for_past_rates_that_the_host_cannot_have() -> None:
    async with uart() as bench:
        bench.possible = (BASE, SECOND)
        bench.modem.device.rate.use(SECOND)
        port = await bench.opened()
        assert bench.rates == (BASE, BASE)
        assert port.rates.usable == (SECOND,)


@pytest.mark.asyncio
async def test_modem_of_an_unknown_board_is_found_at_a_suspected_rate() -> None:
    async with uart() as bench:
        bench.modem.device.rate.use(SECOND)
        port = bench.port((), suspected=FASTER)
        await port.open()
        assert bench.rates == (BASE, BASE)
        assert port.rates.usable == ()


@pytest.mark.asyncio
async def test_modem_that_restarts_in_the_middle_is_met_at_its_own_rate() -> None:
    async with uart() as bench:
        port, line = await bench.hastened()
        bench.modem.device.restart()
        with pytest.raises(PortTimeoutError):
            await port.command("AT+CGMM")
        await bench.clock.sleep(20)
        await line.slacken()
        assert bench.rates == (BASE, BASE)
        assert (await port.command("AT+CGMM")).lines
        assert port.openings == 2, "what the modem forgot is set anew"
        assert bench.unreliable == set(), "the rate was not to blame"


@pytest.mark.asyncio
async def test_line_that_was_closed_while_fast_is_not_opened_for_the_way_back() -> None:
    async with uart() as bench:
        port, line = await bench.hastened()
        await port.close()
        await line.slacken()
        assert not port.is_open
        await port.open()
        assert bench.rates == (BASE, BASE)


@pytest.mark.asyncio
async def test_modem_that_is_silent_for_good_is_given_up_in_bounded_time() -> None:
    async with uart() as bench:
        port, line = await bench.hastened()
        bench.turn(silent=True)
        begin = bench.clock.monotonic()
        with pytest.raises(PortError):
            await line.slacken()
        assert bench.clock.monotonic() - begin < 30
        bench.turn()
        await port.open()
        assert bench.rates == (BASE, BASE)


@pytest.mark.asyncio
async def test_modem_that_stores_each_rate_is_brought_back_all_the_same() -> None:
    async with uart() as bench:
        bench.turn(rate_stored=True)
        port, line = await bench.hastened()
        bench.modem.device.restart()
        await bench.clock.sleep(30)
        await line.slacken()
        assert bench.modem.device.rate.stored == BASE
        assert (await port.command("AT+CGMM")).lines


@pytest.mark.asyncio
async def test_answer_to_the_way_back_may_be_lost() -> None:
    async with uart() as bench:
        port, line = await bench.hastened()
        bench.turn(faults=(CommandFault(f"+IPR={BASE}", silent=True),))
        await line.slacken()
        assert bench.rates == (BASE, BASE)
        assert (await port.command("AT+CGMM")).lines


@pytest.mark.asyncio
async def test_line_without_rates_is_looked_for_at_one_rate_only() -> None:
    modem = FakeModem({"AT": None, "ATQ0": None})
    port = modem.port(probe_tries=4)
    with pytest.raises(PortError, match="no answer to 4"):
        await port.open()
    assert len(modem.commands) == 4


def test_rates_below_the_own_one_are_never_switched_to() -> None:
    rates = LineRates(460800, (921600, 460800, 115200))
    assert rates.usable == (921600,)


@pytest.mark.asyncio
async def test_refused_rate_leaves_both_sides_as_they_were() -> None:
    async with uart() as bench:
        port = bench.port((230401,))
        await port.open()
        with pytest.raises(ModemError):
            await port.command("AT+IPR=230401")
        await bench.fast(port).hasten()
        assert bench.host_rates == []


@pytest.mark.parametrize(
    ("name", "uart_"),
    [("ttyS0", True), ("ttyAMA0", True), ("ttymxc2", True), ("ttyUSB2", False), ("ttyACM0", False), ("gsmtty1", False)],
)
@pytest.mark.asyncio
async def test_rate_of_a_usb_port_is_never_switched(
    name: str, uart_: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    master, slave = os.openpty()
    path = tmp_path / "link"
    path.symlink_to(os.ttyname(slave))
    monkeypatch.setattr(Path, "resolve", lambda _self, *_: Path("/dev") / name)
    link = open_port(SerialSettings(str(path)))
    try:
        assert isinstance(link, RateControl) == uart_
        if isinstance(link, RateControl):
            link.set_rate(460800)
            assert termios.tcgetattr(master)[4:6] == [termios.B460800] * 2
            with pytest.raises(PortError, match="cannot have -1 bit/s"):
                link.set_rate(-1)
    finally:
        link.close()
        os.close(master)
        os.close(slave)
