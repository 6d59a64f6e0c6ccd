"""A modem, a card, a network and a clock that stands still, driven like a terminal program."""

from __future__ import annotations

from hil.clock import ManualClock
from hil.modem import Direction, Knobs, VirtualModem, load_personality
from hil.modem.personality import Personality
from hil.network import Network
from tests.hil.modem.fake_card import FakeCard


class ModemBench:
    """Everything that the tests of the modem need; the modem is registered and its echo off unless `fresh`."""

    def __init__(
        self,
        personality: str | Personality = "plain",
        card: FakeCard | None = None,
        network: Network | None = None,
        knobs: Knobs | None = None,
        *,
        fresh: bool = False,
    ) -> None:
        self.clock = ManualClock()
        self.network = network or Network()
        self.card = card or FakeCard()
        self.personality = load_personality(personality) if isinstance(personality, str) else personality
        self.modem = VirtualModem(self.card, self.network, self.personality, self.clock)
        self.output = bytearray()
        self.bearer: list[bool] = []
        self.port: list[bool] = []
        self.trace: list[tuple[float, Direction, str]] = []
        self.modem.on_output(self.output.extend)
        self.modem.on_bearer(self.bearer.append)
        self.modem.on_port(self.port.append)
        self.modem.on_trace(lambda *entry: self.trace.append(entry))
        if knobs is not None:
            self.modem.set_knobs(knobs)
        if not fresh:
            self.modem.power_on()
            self.clock.advance(5)
            self.raw("ATE0")
            self.raw("AT+CMEE=1")

    def raw(self, line: str, wait: float = 0.0) -> bytes:
        """What comes back for one command line (CR is added), after `wait` seconds."""
        self.output.clear()
        self.modem.receive(line.encode() + b"\r")
        if wait:
            self.clock.advance(wait)
        return bytes(self.output)

    def send(self, line: str, wait: float = 0.0) -> list[str]:
        """The lines that come back, without empty ones."""
        return self.lines(self.raw(line, wait))

    @staticmethod
    def lines(data: bytes) -> list[str]:
        return [line.strip("\r") for line in data.decode("latin-1").split("\n") if line.strip("\r")]

    def wait(self, seconds: float) -> list[str]:
        """What comes unasked meanwhile."""
        self.output.clear()
        self.clock.advance(seconds)
        return self.lines(bytes(self.output))

    def open_isdr(self) -> str:
        """The session id of a +CCHO to the ISD-R."""
        answer = self.send('AT+CCHO="A0000005591010FFFFFFFF8900000100"')
        assert answer[-1] == "OK", answer
        return answer[0].split(":")[-1].strip()

    def apdu(self, session: str, apdu: str, wait: float = 0.0) -> list[str]:
        return self.send(f'AT+CGLA={session},{len(apdu)},"{apdu}"', wait)
