"""The modem as the terminal of the card: initialisation, files, logical channels and proactive commands.

ETSI TS 102 221 (commands on the basic channel, 14 for FETCH and TERMINAL RESPONSE), TS 102 223 6.4.7 (REFRESH),
3GPP TS 31.102 (EF.IMSI, EF.AD). It knows nothing of time and nothing of AT commands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

USIM_AID = bytes.fromhex("A0000000871002")
EF_ICCID, EF_IMSI, EF_AD, EF_DIR = 0x2FE2, 0x6F07, 0x6FAD, 0x2F00
_MASTER_FILE = 0x3F00
# Files of these identifiers lie directly under the master file (TS 102 221 13).
_UNDER_MASTER_FILE = {EF_ICCID, EF_DIR, 0x2F05, 0x2F06, 0x2F08}
# A card that announces more and more data is broken; a client's answers are at most 64 kB.
_MAX_GET_RESPONSE = 300

REFRESH = 0x01
REFRESH_UICC_RESET = 0x04
REFRESH_PROFILE_STATE_CHANGE = 0x09
_RESULT_PERFORMED = 0x00
_RESULT_BEYOND_CAPABILITIES = 0x30
# Commands that a modem can acknowledge without a user: MORE TIME, POLL INTERVAL, POLLING OFF, SET UP EVENT LIST,
# SET UP MENU, PROVIDE LOCAL INFORMATION, TIMER MANAGEMENT (TS 102 223 9.4).
_ACKNOWLEDGED = {0x02, 0x03, 0x04, 0x05, 0x25, 0x26, 0x27}


class Card(Protocol):
    """A card in the modem's holder."""

    def reset(self) -> bytes:
        """Power it up or reset it; the answer to reset."""
        ...

    def power_off(self) -> None:
        """Take the supply away."""
        ...

    def transmit(self, apdu: bytes) -> bytes:
        """Command APDU in, response APDU with status word out."""
        ...


@dataclass(frozen=True)
class SimFacts:
    """What the modem reads when it starts the card: EF.ICCID as it lies there, IMSI digits, length of the MNC."""

    iccid: bytes | None = None
    imsi: str | None = None
    mnc_digits: int = 2

    @property
    def iccid_digits(self) -> str | None:
        """The ICCID, without padding."""
        return swapped(self.iccid).rstrip("F") if self.iccid else None


@dataclass(frozen=True)
class ProactiveCommand:
    """A command of the card: number, type and qualifier of its command details (TS 102 223 8.6)."""

    number: int
    kind: int
    qualifier: int


@dataclass(frozen=True)
class CardAnswer:
    """Response data and status word."""

    data: bytes
    sw: int

    @property
    def ok(self) -> bool:
        return self.sw == 0x9000 or self.sw >> 8 == 0x91


def swapped(data: bytes) -> str:
    """BCD with swapped nibbles as hexadecimal digits."""
    return "".join(f"{byte & 0x0F:X}{byte >> 4:X}" for byte in data)


def class_byte(cla: int, channel: int) -> int:
    """CLA for a logical channel (TS 102 221 10.1.1); interindustry and GlobalPlatform classes keep their kind."""
    proprietary = cla & 0x80
    return proprietary | channel if channel < 4 else proprietary | 0x40 | (channel - 4)


class CardTerminal:
    """Talks to the card; remembers whether a proactive command waits."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self.proactive_length: int | None = None

    def reset(self) -> bytes:
        """Reset the card; every logical channel is gone. Returns the answer to reset."""
        self.proactive_length = None
        return self._card.reset()

    def power_off(self) -> None:
        self.proactive_length = None
        self._card.power_off()

    def exchange(self, apdu: bytes) -> bytes:
        """One APDU as it is; 91xx is noted and passed on."""
        answer = self._card.transmit(apdu)
        if len(answer) >= 2 and answer[-2] == 0x91:
            self.proactive_length = answer[-1]
        elif answer[-2:] == b"\x90\x00":
            self.proactive_length = None
        return answer

    def command(self, apdu: bytes) -> CardAnswer:
        """One command with the whole of its answer fetched (61xx, 6Cxx; TS 102 221 7.3.1.1)."""
        answer = self.exchange(apdu)
        if len(answer) == 2 and answer[0] == 0x6C:
            answer = self.exchange(apdu[:4] + answer[1:] if len(apdu) <= 5 else apdu + answer[1:])
        data = answer[:-2]
        for _ in range(_MAX_GET_RESPONSE):
            if answer[-2] != 0x61:
                break
            answer = self.exchange(bytes([apdu[0], 0xC0, 0x00, 0x00, answer[-1]]))
            data += answer[:-2]
        return CardAnswer(data, int.from_bytes(answer[-2:], "big"))

    def announce(self, capability: bytes, profile: bytes) -> None:
        """TERMINAL CAPABILITY and TERMINAL PROFILE; cards that know neither may refuse them."""
        if capability:
            self.command(bytes([0x80, 0xAA, 0x00, 0x00, len(capability)]) + capability)
        if profile:
            self.command(bytes([0x80, 0x10, 0x00, 0x00, len(profile)]) + profile)

    def read_facts(self) -> SimFacts:
        """ICCID, IMSI and MNC length; what the card does not show is None."""
        iccid = self.read_file(EF_ICCID, 10)
        imsi = self.read_file(EF_IMSI, 9)
        administrative = self.read_file(EF_AD, 4)
        mnc_digits = administrative.data[3] & 0x0F if administrative.ok and len(administrative.data) >= 4 else 2
        return SimFacts(
            iccid.data if iccid.ok and len(iccid.data) == 10 else None,
            _imsi(imsi.data) if imsi.ok else None,
            mnc_digits if mnc_digits in (2, 3) else 2,
        )

    def select_file(self, identifier: int, path: bytes = b"") -> CardAnswer:
        """Select a file on the basic channel: by path, under the master file, or under the USIM (TS 102 221 11.1.1)."""
        below = [path[n : n + 2] for n in range(0, len(path), 2)]
        if not below:
            below = [b"\x3f\x00"] if identifier in _UNDER_MASTER_FILE else [b"\x7f\xff"]
        if below[-1] == b"\x7f\xff":
            parent = self.command(_select(USIM_AID, by_name=True))
            if not parent.ok:
                return parent
        else:
            for step in below:
                parent = self.command(_select(step))
                if not parent.ok:
                    return parent
        return self.command(_select(identifier.to_bytes(2, "big")))

    def read_file(self, identifier: int, length: int) -> CardAnswer:
        """READ BINARY of the first `length` bytes."""
        selected = self.select_file(identifier)
        return self.command(bytes([0x00, 0xB0, 0x00, 0x00, length])) if selected.ok else selected

    def authenticate(self, rand: bytes, autn: bytes) -> bytes | None:
        """AUTHENTICATE in the 3G security context (TS 31.102 7.1); None when the card refuses."""
        if not self.command(_select(USIM_AID, by_name=True)).ok:
            return None
        data = bytes([len(rand)]) + rand + bytes([len(autn)]) + autn
        answer = self.command(bytes([0x00, 0x88, 0x00, 0x81, len(data)]) + data + b"\x00")
        return answer.data if answer.ok else None

    def open_channel(self) -> int | None:
        """MANAGE CHANNEL; the number of the new channel, None when the card has none left."""
        answer = self.command(bytes.fromhex("0070000001"))
        return answer.data[0] if answer.ok and len(answer.data) == 1 else None

    def select_application(self, channel: int, aid: bytes) -> CardAnswer:
        apdu = bytes([class_byte(0x00, channel), 0xA4, 0x04, 0x00, len(aid)]) + aid + b"\x00"
        return self.command(apdu)

    def close_channel(self, channel: int) -> None:
        """MANAGE CHANNEL close; a channel that is closed already is no error."""
        self.command(bytes([0x00, 0x70, 0x80, channel]))

    def fetch(self) -> ProactiveCommand | None:
        """FETCH the waiting proactive command, None when there is none or it makes no sense."""
        if self.proactive_length is None:
            return None
        length, self.proactive_length = self.proactive_length, None
        answer = self.exchange(bytes([0x80, 0x12, 0x00, 0x00, length]))
        return _proactive(answer[:-2])

    def respond(self, command: ProactiveCommand) -> None:
        """TERMINAL RESPONSE: performed, or beyond the terminal's capabilities (TS 102 223 8.12)."""
        known = command.kind == REFRESH or command.kind in _ACKNOWLEDGED
        result = _RESULT_PERFORMED if known else _RESULT_BEYOND_CAPABILITIES
        details = bytes([0x81, 0x03, command.number, command.kind, command.qualifier])
        data = details + bytes([0x82, 0x02, 0x82, 0x81, 0x83, 0x01, result])
        self.exchange(bytes([0x80, 0x14, 0x00, 0x00, len(data)]) + data)


def _select(target: bytes, *, by_name: bool = False) -> bytes:
    return bytes([0x00, 0xA4, 0x04 if by_name else 0x00, 0x04, len(target)]) + target + b"\x00"


def _imsi(data: bytes) -> str | None:
    """EF.IMSI (TS 31.102 4.2.2): length, then digits with the first nibble for parity."""
    if not data or not 1 <= data[0] <= 8 or len(data) < 1 + data[0]:
        return None
    digits = swapped(data[1 : 1 + data[0]])[1:].rstrip("F")
    return digits if digits.isdecimal() and len(digits) >= 6 else None


def _proactive(data: bytes) -> ProactiveCommand | None:
    """Command details of a proactive command; the comprehension bit of the tag does not count."""
    if len(data) < 2 or data[0] != 0xD0:
        return None
    body = data[3:] if data[1] == 0x81 else data[2:]
    position = 0
    while position + 2 <= len(body):
        tag, length = body[position] & 0x7F, body[position + 1]
        value = body[position + 2 : position + 2 + length]
        if tag == 0x01 and len(value) == 3:
            return ProactiveCommand(*value)
        position += 2 + length
    return None
