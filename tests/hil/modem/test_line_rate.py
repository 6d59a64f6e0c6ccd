"""AT+IPR of the virtual modem, and a UART whose sides have to agree."""

from __future__ import annotations

import asyncio
import os
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from hil.clock import LoopClock, ManualClock
from hil.modem import Knobs, VirtualModem, load_personality
from hil.modem.pacing import Burst
from hil.modem.pty_port import PtyPort
from hil.modem.serial_line import LineSpeed, SerialLine, garbled
from hil.network import Network
from tests.hil.modem.fake_card import FakeCard


class Bench:
    """A modem that has booted, on a line; `heard` is what its host received."""

    def __init__(self, speed: LineSpeed, *, echo: bool = False) -> None:
        self.clock = ManualClock()
        self.modem = VirtualModem(FakeCard(), Network(), load_personality("quectel-bg95"), self.clock)
        self.heard = bytearray()
        self.host_rate = 115200
        self.line = SerialLine(self.modem, self.clock, self.heard.extend, speed, lambda: self.host_rate)
        self.modem.on_output(self.line.from_modem)
        self.modem.power_on()
        self.clock.advance(30)
        if not echo:
            self.ask("ATE0")

    def ask(self, command: str, seconds: float = 0.2) -> bytes:
        self.heard.clear()
        self.line.from_host(command.encode() + b"\r")
        self.clock.advance(seconds)
        return bytes(self.heard)

    def turn(self, **knobs: object) -> None:
        self.modem.set_knobs(Knobs(**knobs))  # type: ignore[arg-type]


@pytest.fixture
def uart() -> Bench:
    return Bench(LineSpeed(115200, uart=True))


def test_answer_comes_at_the_old_rate_and_the_new_one_holds_after_its_delay(uart: Bench) -> None:
    assert uart.ask("AT+IPR=460800", 0.04) == b"\r\nOK\r\n"
    assert uart.modem.device.rate.current == 115200
    uart.clock.advance(0.1)
    assert uart.modem.device.rate.current == 460800
    assert b"OK" not in uart.ask("AT")
    uart.host_rate = 460800
    uart.ask("AT")
    assert uart.ask("AT+IPR?") == b"\r\n+IPR: 460800\r\n\r\nOK\r\n"


def test_rates_are_listed_and_others_refused(uart: Bench) -> None:
    assert b"+IPR: (),(9600," in uart.ask("AT+IPR=?")
    assert uart.ask("AT+IPR=460801") == b"\r\nERROR\r\n"


def test_restart_forgets_what_was_not_stored(uart: Bench) -> None:
    uart.ask("AT+IPR=921600")
    uart.modem.device.restart()
    uart.clock.advance(30)
    assert uart.modem.device.rate.current == 115200


@pytest.mark.parametrize("knob", [True, False])
def test_stored_rate_outlives_a_restart(uart: Bench, knob: bool) -> None:
    uart.turn(rate_stored=knob)
    uart.ask("AT+IPR=921600")
    uart.host_rate = 921600
    if not knob:
        uart.ask("AT")
        uart.ask("AT&W")
    uart.modem.device.restart()
    uart.clock.advance(30)
    assert uart.modem.device.rate.current == 921600


def test_restart_before_the_delay_is_over_leaves_the_rate(uart: Bench) -> None:
    uart.ask("AT+IPR=921600", 0.02)
    uart.modem.device.restart()
    uart.clock.advance(30)
    assert uart.modem.device.rate.current == 115200


def test_modem_that_refuses(uart: Bench) -> None:
    uart.turn(rate_refused=True)
    assert uart.ask("AT+IPR=460800") == b"\r\nERROR\r\n"


def test_bytes_at_another_rate_are_garbage_in_both_directions(uart: Bench) -> None:
    commands = uart.modem.counters.commands
    uart.host_rate = 921600
    assert uart.ask("AT") == b""
    assert uart.modem.counters.commands == commands
    uart.line.from_modem(b"\r\n+CEREG: 1\r\n")
    uart.clock.advance(0.2)
    assert uart.heard
    assert all(byte >= 0x80 for byte in uart.heard)


def test_fast_receiver_reads_more_and_slow_one_fewer_bytes() -> None:
    assert len(garbled(b"ATATATAT", 115200, 460800)) == 32
    assert len(garbled(b"ATATATAT", 460800, 115200)) == 2
    assert len(garbled(b"A", 921600, 9600)) == 1


def test_unreliable_rate_damages_some_bytes_both_ways(uart: Bench) -> None:
    uart.turn(unreliable_rate=460800)
    uart.ask("AT+IPR=460800")
    uart.host_rate = 460800
    answers = [uart.ask("AT+CGMR") for _ in range(20)]
    assert any(max(answer, default=0) >= 0x80 for answer in answers)
    assert any(answer and max(answer) < 0x80 for answer in answers)


def test_line_that_is_no_uart_has_its_pace_whatever_rates_are_set() -> None:
    bench = Bench(LineSpeed(115200))
    bench.host_rate = 9600
    bench.ask("AT+IPR=921600")
    assert bench.ask("AT") == b"\r\nOK\r\n"


def test_each_side_sends_at_its_own_rate(uart: Bench) -> None:
    sent: list[Burst] = []
    answered: list[Burst] = []
    uart.line.on_bursts(sent.append, answered.append)
    uart.ask("AT+CGMM")
    assert sent[0].end - sent[0].begin == pytest.approx(8 * 10 / 115200)
    uart.ask("AT+IPR=921600")
    uart.host_rate = 921600
    uart.ask("AT")
    uart.ask("AT+CGMM")
    assert sent[-1].end - sent[-1].begin == pytest.approx(8 * 10 / 921600)
    assert answered[-1].size == answered[0].size
    assert answered[0].end - answered[0].begin == pytest.approx(8 * (answered[-1].end - answered[-1].begin))


class LateClock(ManualClock):
    """A host whose timers are late."""

    late = 0.003

    def call_later(self, delay: float, callback: Callable[[], None]):  # type: ignore[no-untyped-def]
        return super().call_later(delay + (self.late if delay else 0.0), callback)


def test_late_timers_of_the_host_do_not_make_the_line_slower() -> None:
    clock = LateClock()
    modem = VirtualModem(FakeCard(), Network(), load_personality("quectel-bg95"), clock)
    bursts: list[Burst] = []
    line = SerialLine(modem, clock, lambda _data: None, LineSpeed(115200))
    line.on_bursts(bursts.append, bursts.append)
    modem.on_output(line.from_modem)
    modem.power_on()
    clock.advance(30)
    bursts.clear()
    line.from_host(b"AT+CGMM\r")
    clock.advance(1)
    command, answer = bursts
    assert answer.begin == pytest.approx(command.end), "the modem answers when it has heard, not when the timer came"


@pytest.mark.asyncio
async def test_port_reads_the_rate_that_its_client_set(tmp_path: Path) -> None:
    modem = VirtualModem(FakeCard(), Network(), load_personality("quectel-bg95"), LoopClock())
    port = PtyPort(modem, tmp_path / "tty", LoopClock(), LineSpeed(230400, uart=True))
    port.open()
    modem.power_on()
    descriptor = os.open(port.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        for constant, rate in ((termios.B921600, 921600), (termios.B230400, 230400)):
            attributes = termios.tcgetattr(descriptor)
            attributes[4] = attributes[5] = constant
            termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
            assert port.line.host_rate == rate
        assert modem.device.rate.stored == 230400
    finally:
        os.close(descriptor)
        port.close()
        modem.power_off()
        await asyncio.sleep(0)
