"""A modem at the other end of an in-memory line, and a clock without waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from ipad.errors import PortError
from ipad.modem.link import LinkReceiver, SerialLink
from ipad.modem.port import AtPort, PortSettings

Reply = bytes | str | Iterable[str] | None
Chunker = Callable[[bytes], Iterable[bytes]]


class FastClock:
    """Virtual seconds: a sleep lets the loop turn in proportion to its length, so that shorter ones end first."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_800_000_000.0 + self.now

    async def sleep(self, seconds: float) -> None:
        deadline = self.now + seconds
        for _ in range(20 + min(2000, int(seconds * 40))):
            await asyncio.sleep(0)
        self.now = max(self.now, deadline)


def framed(*lines: str) -> bytes:
    """Lines as a modem in ATV1 prints them."""
    return "".join(f"\r\n{line}\r\n" for line in lines).encode()


def whole(data: bytes) -> Iterable[bytes]:
    return (data,)


def bytewise(data: bytes) -> Iterable[bytes]:
    return (data[index : index + 1] for index in range(len(data)))


class FakeModem:
    """Answers commands from a table: lines before OK, one final line, bytes as they are, None = silence, a function."""

    def __init__(
        self, table: Mapping[str, object] | None = None, *, chunker: Chunker = whole, echo: bool = False
    ) -> None:
        self.table: dict[str, object] = {"AT+CMEE?": ["+CMEE: 1"], **(table or {})}
        self.commands: list[str] = []
        self.raw = bytearray()
        self.chunker = chunker
        self.echo = echo
        self.missing = 0
        self.links: list[FakeLink] = []
        self.before_answer = b""
        self.default: object = ()

    async def open(self) -> SerialLink:
        if self.missing:
            self.missing -= 1
            raise PortError("/dev/fake: there is no such port")
        link = FakeLink(self)
        self.links.append(link)
        return link

    @property
    def link(self) -> FakeLink:
        return self.links[-1]

    def port(self, clock: FastClock | None = None, **settings: object) -> AtPort:
        return AtPort(self.open, PortSettings(name="/dev/fake", **settings), clock or FastClock())  # type: ignore[arg-type]

    def take(self, data: bytes) -> None:
        self.raw += data
        while b"\r" in self.raw:
            line, _, rest = self.raw.partition(b"\r")
            self.raw = bytearray(rest)
            self.execute(line.decode().strip("\n"))

    def execute(self, command: str) -> None:
        self.commands.append(command)
        answer = self.table.get(command, self.default)
        if callable(answer):
            answer = answer()
        echo = f"{command}\r".encode() if self.echo else b""
        if answer is None:
            self.say(echo)
        elif isinstance(answer, bytes):
            self.say(echo + self.before_answer + answer)
        elif isinstance(answer, str):
            self.say(echo + self.before_answer + framed(answer))
        else:
            assert isinstance(answer, Iterable)
            self.say(echo + self.before_answer + framed(*answer, "OK"))

    def say(self, data: bytes) -> None:
        """Send bytes to the host, in pieces."""
        for piece in self.chunker(data):
            self.link.deliver(piece)


class FakeLink:
    """One opening of the line."""

    def __init__(self, modem: FakeModem) -> None:
        self.modem = modem
        self.receiver: LinkReceiver | None = None
        self.closed = False

    def set_receiver(self, receiver: LinkReceiver) -> None:
        self.receiver = receiver

    def write(self, data: bytes) -> None:
        if self.closed:
            raise PortError("/dev/fake was hung up")
        self.modem.take(data)

    def close(self) -> None:
        self.closed = True

    def deliver(self, data: bytes) -> None:
        asyncio.get_running_loop().call_soon(self._deliver, data)

    def _deliver(self, data: bytes) -> None:
        if not self.closed and self.receiver is not None and data:
            self.receiver.data_received(data)

    def hang_up(self) -> None:
        """The cable is pulled."""
        if not self.closed and self.receiver is not None:
            self.closed = True
            self.receiver.link_lost(PortError("/dev/fake was hung up"))
