"""ES10 functions that the agent called during a case, put together again from the APDUs of the timeline.

A request is a chain of STORE DATA that begins with block 0 and ends with the block that says so in P1; its answer is
fetched by GET RESPONSE (SGP.22 5.7.2, TS 102 221 7.3.1.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from hil import tlv
from hil.suite.record import EventRecord

APDU: Final = "APDU"

_STORE_DATA: Final = 0xE2
_GET_RESPONSE: Final = 0xC0
_LAST_BLOCK: Final = 0x80
_MORE: Final = 0x61


@dataclass(frozen=True)
class Call:
    """One function. `request` is all that was sent, `answer` all that came back, `status` the last status word;
    `blocks` are P1 and P2 of each STORE DATA; `seconds` since the case began, `position` among all events."""

    request: bytes
    answer: bytes
    status: int
    blocks: tuple[tuple[int, int], ...]
    seconds: float
    position: int

    @property
    def tag(self) -> int:
        """Tag of the request, such as 0xBF51; 0 for what is no TLV, as the later segments of a BoundProfilePackage."""
        size = 2 if self.request and self.request[0] & 0x1F == 0x1F else 1
        return int.from_bytes(self.request[:size])

    @property
    def complete(self) -> bool:
        """Whether the request is one whole TLV."""
        try:
            tlv.single(self.request)
        except tlv.TlvError:
            return False
        return True


@dataclass
class _Chain:
    """What has been sent on one logical channel since block 0."""

    data: bytearray = field(default_factory=bytearray)
    blocks: list[tuple[int, int]] = field(default_factory=list)
    answer: bytearray = field(default_factory=bytearray)
    begun: tuple[float, int] = (0.0, 0)
    sent: bool = False


def calls(events: Sequence[EventRecord], tag: int | None = None) -> list[Call]:
    """The functions in the order in which they were answered, all or those with one tag."""
    return [call for call in _calls(events) if tag in (None, call.tag)]


def removed(events: Sequence[EventRecord]) -> list[int]:
    """Sequence numbers that the eUICC was told to remove (RemoveNotificationFromList, SGP.32 5.9.12)."""
    return [int.from_bytes(tlv.find(call.request, 0xBF30, 0x80).value, signed=True) for call in calls(events, 0xBF30)]


def _calls(events: Sequence[EventRecord]) -> Iterator[Call]:
    chains: dict[int, _Chain] = {}
    waiting: _Chain | None = None
    for position, event in enumerate(events):
        if event.interface != APDU:
            continue
        apdu = bytes.fromhex(event.data)
        if event.direction == ">":
            waiting = _command(chains, apdu, (event.seconds, position))
        elif event.direction == "<" and waiting is not None and len(apdu) >= 2:
            waiting.answer += apdu[:-2]
            if waiting.sent and apdu[-2] != _MORE:
                yield Call(
                    bytes(waiting.data),
                    bytes(waiting.answer),
                    int.from_bytes(apdu[-2:]),
                    tuple(waiting.blocks),
                    *waiting.begun,
                )
                waiting.sent = False


def _command(chains: dict[int, _Chain], apdu: bytes, now: tuple[float, int]) -> _Chain | None:
    """Note a command; the chain to which its answer belongs."""
    if len(apdu) < 4:
        return None
    channel = apdu[0] & 0x03 if not apdu[0] & 0x40 else 4 + (apdu[0] & 0x0F)
    if apdu[1] == _GET_RESPONSE:
        return chains.get(channel)
    if apdu[1] != _STORE_DATA or len(apdu) < 5:
        return None
    if apdu[3] == 0:
        chains[channel] = _Chain(begun=now)
    chain = chains.setdefault(channel, _Chain(begun=now))
    chain.data += apdu[5 : 5 + apdu[4]]
    chain.blocks.append((apdu[2], apdu[3]))
    chain.sent = bool(apdu[2] & _LAST_BLOCK)
    return chain
