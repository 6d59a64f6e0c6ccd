"""A small card with an ISD-R and logical channels, and an AT port in front of it."""

from __future__ import annotations

from collections.abc import Callable

from ipad.errors import ModemError, PortError
from ipad.modem.answer import AtAnswer

AID = bytes.fromhex("A0000005591010FFFFFFFF8900000100")
FCI = bytes.fromhex("6F258410A0000005591010FFFFFFFF8900000100A5049F6501FFE0058203020202E10480020640")


def number_of_channel(cla: int) -> int:
    if cla & 0x40:
        return (cla & 0x0F) + 4
    return cla & 0x03


class IsdrCard:
    """Echoes requests back inside tag 7F01, or answers what `handle` says; counts what it executed."""

    def __init__(self, *, hide_fci: bool = False) -> None:
        self.channels: dict[int, bytes] = {}
        self.selected: set[int] = set()
        self.free = list(range(1, 20))
        self.pending: dict[int, bytes] = {}
        self.chain = b""
        self.executed: list[bytes] = []
        self.commands: list[bytes] = []
        self.handle: Callable[[bytes], bytes] = lambda request: b"\x7f\x01" + request + b"\x90\x00"
        self.announced = b""
        self.manage: Callable[[bytes], bytes | None] = lambda command: None
        self.sw_of_select: bytes | None = None
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1
        self.channels.clear()
        self.selected.clear()
        self.pending.clear()
        self.free = list(range(1, 20))

    def transmit(self, command: bytes) -> bytes:
        self.commands.append(command)
        cla, ins = command[0], command[1]
        if ins == 0x70:
            return self.manage(command) or self.manage_channel(command)
        if ins == 0xAA:
            self.announced = command
            return b"\x90\x00"
        channel = number_of_channel(cla)
        if channel and channel in self.free:
            return b"\x68\x81"
        if ins == 0xA4:
            return self.select(channel, command)
        if ins == 0xC0:
            return self.hand_out(channel, command[4] or 256)
        if ins != 0xE2 or channel not in self.selected:
            return b"\x6d\x00"
        return self.store_data(channel, command)

    def manage_channel(self, command: bytes) -> bytes:
        if command[2] == 0x80:
            if command[3] in self.free:
                return b"\x62\x00"
            self.free.insert(0, command[3])
            self.selected.discard(command[3])
            return b"\x90\x00"
        if not self.free:
            return b"\x6a\x81"
        return bytes((self.free.pop(0),)) + b"\x90\x00"

    def select(self, channel: int, command: bytes) -> bytes:
        if self.sw_of_select is not None:
            return self.sw_of_select
        if command[5 : 5 + command[4]] != AID:
            return b"\x6a\x82"
        self.selected.add(channel)
        self.pending[channel] = FCI
        return bytes((0x61, len(FCI)))

    def store_data(self, channel: int, command: bytes) -> bytes:
        data = command[5 : 5 + command[4]]
        self.chain = data if command[3] == 0 else self.chain + data
        if command[2] == 0x11:
            return b"\x90\x00"
        self.executed.append(self.chain)
        response = self.handle(self.chain)
        if len(response) == 2:
            return response
        self.pending[channel] = response[:-2]
        self.final = response[-2:]
        return bytes((0x61, min(len(response) - 2, 256) & 0xFF))

    final = b"\x90\x00"

    def hand_out(self, channel: int, size: int) -> bytes:
        data = self.pending.pop(channel, b"")
        if not data:
            return b"\x69\x85"
        if len(data) > size:
            self.pending[channel] = data[size:]
            return data[:size] + bytes((0x61, min(len(data) - size, 256) & 0xFF))
        final, self.final = self.final, b"\x90\x00"
        return data + final


class FakeAt:
    """An AT port whose modem passes APDUs to a card."""

    def __init__(self, card: IsdrCard) -> None:
        self.card = card
        self.lines: list[str] = []
        self.sessions: dict[str, int] = {}
        self.session_text: Callable[[int], str] = lambda channel: f"+CCHO: {channel}"
        self.faults: list[PortError | None] = []
        self.refuse: Callable[[str], PortError | None] = lambda line: None
        self.longest = 2048
        self.open_line = True

    @property
    def is_open(self) -> bool:
        return self.open_line

    @property
    def max_line(self) -> int:
        return self.longest

    async def command(self, command: str, *, limit: float | None = None) -> AtAnswer:
        self.lines.append(command)
        fault = self.refuse(command)
        if fault is not None:
            raise fault
        name, _, arguments = command.partition("=")
        if name == "AT+CCHO":
            return self.open_session(command, bytes.fromhex(arguments.strip('"')))
        if name == "AT+CCHC":
            return self.close_session(command, arguments)
        if name == "AT+CGLA":
            session, _, apdu = arguments.partition(",")
            if session not in self.sessions:
                raise error("ERROR")
            return AtAnswer(command, (self.exchange("+CGLA", apdu, self.sessions[session]),))
        assert name == "AT+CSIM"
        return AtAnswer(command, (self.exchange("+CSIM", arguments, None),))

    def open_session(self, command: str, aid: bytes) -> AtAnswer:
        channel = self.card.free.pop(0)
        response = self.card.transmit(bytes((channel, 0xA4, 4, 0, len(aid))) + aid)
        if response[0] != 0x61:
            self.card.free.insert(0, channel)
            raise error("ERROR")
        line = self.session_text(channel)
        self.sessions[line.rpartition(" ")[2]] = channel
        return AtAnswer(command, (line,))

    def close_session(self, command: str, session: str) -> AtAnswer:
        if session not in self.sessions:
            raise error("ERROR")
        self.card.transmit(bytes((0, 0x70, 0x80, self.sessions.pop(session))))
        return AtAnswer(command, ())

    def exchange(self, prefix: str, arguments: str, channel: int | None) -> str:
        length, _, text = arguments.partition(",")
        text = text.strip('"')
        assert int(length) == len(text)
        apdu = bytes.fromhex(text)
        if channel is not None:
            coded = apdu[0] & 0x80 | channel if channel < 4 else (0xC0 if apdu[0] & 0x80 else 0x40) | channel - 4
            apdu = bytes((coded,)) + apdu[1:]
        response = self.card.transmit(apdu).hex().upper()
        return f'{prefix}: {len(response)},"{response}"'


def error(text: str, code: int | None = None) -> ModemError:
    return ModemError(f"/dev/fake: answered {text}", code=code, transient=code in (14, 100))


async def no_reset() -> None:
    raise AssertionError("the card must not be reset here")
