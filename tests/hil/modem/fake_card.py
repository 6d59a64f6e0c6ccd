"""A card of a few lines for the tests of the modem: profiles, logical channels, an ISD-R of two requests."""

from __future__ import annotations

from dataclasses import dataclass, field

from hil.euicc.errors import PowerLoss

ISDR = bytes.fromhex("A0000005591010FFFFFFFF8900000100")
USIM = bytes.fromhex("A0000000871002")
EID_REQUEST = bytes.fromhex("BF3E035C015A")
EID_ANSWER = bytes.fromhex("BF3E125A1089049032123451234512345678901235")
# The request of this card to change to the other profile; a real one carries an ICCID.
SWITCH_REQUEST = bytes.fromhex("BF3100")
SWITCH_ANSWER = bytes.fromhex("BF3103800100")


@dataclass(frozen=True)
class FakeProfile:
    iccid: str
    imsi: str

    def file(self, identifier: int) -> bytes | None:
        if identifier == 0x2FE2:
            return _swap(self.iccid.ljust(20, "F"))
        if identifier == 0x6F07:
            return bytes([8]) + _swap(("9" + self.imsi).ljust(16, "F"))
        if identifier == 0x6FAD:
            return bytes.fromhex("00000002")
        return None


HOME = FakeProfile("8949000000000000001", "262010000000001")
AWAY = FakeProfile("8944000000000000002", "234100000000002")


def _swap(digits: str) -> bytes:
    return bytes.fromhex("".join(digits[n + 1] + digits[n] for n in range(0, len(digits), 2)))


@dataclass
class FakeCard:
    """Not an eUICC when `isdr` is false; without a usable profile when `profiles` is empty."""

    profiles: list[FakeProfile] = field(default_factory=lambda: [HOME, AWAY])
    isdr: bool = True
    qualifier: int = 4
    power_loss_at: bytes | None = None
    log: list[bytes] = field(default_factory=list)
    resets: int = 0
    powered: bool = False

    def __post_init__(self) -> None:
        self._channels: dict[int, bytes] = {}
        self._answers: dict[int, bytes] = {}
        self._file: bytes | None = None
        self._proactive: bytes | None = None
        self._switched = False

    def reset(self) -> bytes:
        self.resets += 1
        self.powered = True
        self._channels.clear()
        self._answers.clear()
        self._proactive = None
        self._apply()
        return bytes.fromhex("3B9F95801FC78031E073FE2113574A330E0A333530A0")

    def power_off(self) -> None:
        self.powered = False

    def transmit(self, apdu: bytes) -> bytes:
        assert self.powered, "an APDU to a card without power"
        self.log.append(apdu)
        if self.power_loss_at is not None and self.power_loss_at in apdu:
            self.power_loss_at, self.powered = None, False
            raise PowerLoss
        cla, ins = apdu[0], apdu[1]
        channel = cla & 0x03 if not cla & 0x40 else 4 + (cla & 0x0F)
        answer = self._command(channel, ins, apdu)
        if answer[-2:] == b"\x90\x00" and self._proactive is not None and ins not in (0x12, 0x14):
            return answer[:-2] + bytes([0x91, len(self._proactive)])
        return answer

    def open_channels(self) -> set[int]:
        return set(self._channels)

    def _apply(self) -> None:
        if self._switched and self.profiles:
            self.profiles.append(self.profiles.pop(0))
            self._switched = False

    def _command(self, channel: int, ins: int, apdu: bytes) -> bytes:
        data = apdu[5 : 5 + apdu[4]] if len(apdu) > 5 else b""
        if channel and channel not in self._channels:
            return bytes.fromhex("6881")
        if ins == 0xA4:
            return self._select(channel, apdu[2], data)
        if ins == 0xB0:
            return b"\x6a\x82" if self._file is None else self._file[: apdu[4] or 256] + b"\x90\x00"
        if ins == 0x70:
            return self._manage_channel(apdu[2], apdu[3])
        if ins == 0xE2:
            return self._store_data(channel, data)
        if ins == 0xC0:
            return self._get_response(channel, apdu[4])
        if ins == 0x12:
            command, self._proactive = self._proactive or b"", None
            return command + b"\x90\x00"
        if ins == 0x14:
            self._channels.clear()
            self._apply()
            return b"\x90\x00"
        return b"\x90\x00" if ins in (0x10, 0xAA, 0xF2, 0xD6) else b"\x6d\x00"

    def _select(self, channel: int, p1: int, data: bytes) -> bytes:
        if p1 == 4:
            known = (data == ISDR and self.isdr) or (data == USIM and self.profiles)
            if known and channel:
                self._channels[channel] = data
                self._answers[channel] = bytes.fromhex("6F00")
                return b"\x61\x02"
            return b"\x90\x00" if known else b"\x6a\x82"
        identifier = int.from_bytes(data, "big")
        self._file = self.profiles[0].file(identifier) if self.profiles else None
        return b"\x90\x00" if identifier == 0x3F00 or self._file is not None else b"\x6a\x82"

    def _manage_channel(self, p1: int, p2: int) -> bytes:
        if p1 == 0x80:
            return b"\x90\x00" if self._channels.pop(p2, None) is not None else b"\x68\x81"
        free = next((n for n in range(1, 20) if n not in self._channels), None)
        if free is None:
            return b"\x6a\x81"
        self._channels[free] = b""
        return bytes([free, 0x90, 0x00])

    def _store_data(self, channel: int, data: bytes) -> bytes:
        if self._channels.get(channel) != ISDR:
            return b"\x6d\x00"
        if data == SWITCH_REQUEST:
            self._switched = True
            self._proactive = bytes.fromhex(f"D00981030101{self.qualifier:02X}82028182")
            self._answers[channel] = SWITCH_ANSWER
        elif data == EID_REQUEST:
            self._answers[channel] = EID_ANSWER
        else:
            return b"\x6a\x88"
        return bytes([0x61, len(self._answers[channel])])

    def _get_response(self, channel: int, length: int) -> bytes:
        answer = self._answers.pop(channel, b"")
        if not answer:
            return b"\x69\x85"
        size = length or 256
        rest = answer[size:]
        if rest:
            self._answers[channel] = rest
            return answer[:size] + bytes([0x61, len(rest) & 0xFF])
        return answer[:size] + b"\x90\x00"
