"""A port on an in-memory UART to the virtual modem, in virtual time: bytes at a wrong rate are garbage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hil.clock import ManualClock
from hil.modem import Direction, Knobs, VirtualModem, load_personality
from hil.modem.serial_line import LineSpeed, SerialLine
from hil.network import Network
from ipad.errors import PortError
from ipad.modem.fast_line import FastLine
from ipad.modem.line_rate import LineRates
from ipad.modem.link import LinkReceiver, SerialLink
from ipad.modem.port import AtPort, PortSettings
from tests.hil.modem.fake_card import FakeCard
from tests.waiting import pass_time

BASE = 115200
FASTER = (921600, 460800)


class UartLink:
    """One opening of the line. Its rate is that of the host's UART."""

    def __init__(self, uart: Uart) -> None:
        self._uart = uart
        self._receiver: LinkReceiver | None = None
        self._open = True

    def set_receiver(self, receiver: LinkReceiver) -> None:
        self._receiver = receiver

    def set_rate(self, rate: int) -> None:
        if rate not in self._uart.possible:
            raise PortError(f"the UART cannot have {rate} bit/s", transient=False)
        self._uart.host_rate = rate
        self._uart.host_rates.append(rate)

    def write(self, data: bytes) -> None:
        self._uart.line.from_host(data)

    def close(self) -> None:
        self._open = False

    def deliver(self, data: bytes) -> None:
        asyncio.get_running_loop().call_soon(self._deliver, data)

    def _deliver(self, data: bytes) -> None:
        if self._open and self._receiver is not None:
            self._receiver.data_received(data)


@dataclass
class Uart:
    """Modem and host. `unreliable` is the memory of the process, which outlives ports."""

    modem: VirtualModem
    clock: ManualClock
    possible: tuple[int, ...] = (BASE, 230400, *FASTER)
    host_rate: int = BASE
    host_rates: list[int] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    unreliable: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._link: UartLink | None = None
        self.line = SerialLine(self.modem, self.clock, self._reach_host, LineSpeed(BASE, uart=True), self._rate)
        self.modem.on_output(self.line.from_modem)
        self.modem.on_trace(self._note)

    def port(self, faster: tuple[int, ...] = FASTER, suspected: tuple[int, ...] = ()) -> AtPort:
        """A port of a process that begins: nobody knows what was before."""
        rates = LineRates(BASE, faster, suspected=suspected, unreliable=self.unreliable)
        return AtPort(self._open, PortSettings("uart"), self.clock, rates)

    async def opened(self) -> AtPort:
        """The same, open."""
        port = self.port()
        await port.open()
        return port

    def fast(self, port: AtPort) -> FastLine:
        return FastLine(port, self.clock)

    async def hastened(self) -> tuple[AtPort, FastLine]:
        """An open port, and its line after an attempt to make it fast."""
        port = await self.opened()
        line = self.fast(port)
        await line.hasten()
        return port, line

    @property
    def rates(self) -> tuple[int, int]:
        """The rates that modem and host have now."""
        return self.modem.device.rate.current, self.host_rate

    def turn(self, **knobs: object) -> None:
        self.modem.set_knobs(Knobs(**knobs))  # type: ignore[arg-type]

    async def _open(self) -> SerialLink:
        self.host_rate = BASE
        self._link = UartLink(self)
        return self._link

    def _rate(self) -> int:
        return self.host_rate

    def _reach_host(self, data: bytes) -> None:
        if self._link is not None:
            self._link.deliver(data)

    def _note(self, _seconds: float, direction: Direction, text: str) -> None:
        if direction is Direction.COMMAND:
            self.commands.append(text)


@asynccontextmanager
async def uart() -> AsyncIterator[Uart]:
    """A modem that has booted. Its port never vanishes: a UART does not tell that the modem is restarted."""
    clock = ManualClock()
    personality = load_personality("quectel-bg95")
    modem = VirtualModem(FakeCard(), Network(), personality, clock)
    bench = Uart(modem, clock)
    modem.power_on()
    clock.advance(20)
    async with asyncio.TaskGroup() as tasks:
        time = tasks.create_task(pass_time(clock, count=30))
        try:
            yield bench
        finally:
            time.cancel()
