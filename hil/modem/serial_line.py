"""The serial line between a modem and its host: pace, and on a UART the two rates that have to agree.

ITU-T V.24 and V.250 6.2.10: what one side sends at one rate and the other one reads at another is garbage. On a line
that is no UART (USB) rates are settings without effect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hil.clock import Clock
from hil.modem.core import VirtualModem
from hil.modem.pacing import Burst, PacedPipe, byte_time

_DAMAGE_EVERY: Final = 97
"""On a line that is too fast for its wires one byte of so many is damaged."""
_LONGEST_RATIO: Final = 16


@dataclass(frozen=True)
class LineSpeed:
    """How fast a line is.

    pace: bit/s of a line whose rate nobody can change; 0: everything arrives at once. `uart`: the modem's rate, which
    its AT+IPR changes, and the host's have to agree, and each side sends at its own.
    """

    pace: int = 0
    uart: bool = False


UNPACED: Final = LineSpeed()


class SerialLine:
    """Both directions. `host_rate` tells the rate that the host has set, in bit/s; 0: unknown, as the modem's."""

    def __init__(
        self,
        modem: VirtualModem,
        clock: Clock,
        to_host: Callable[[bytes], None],
        speed: LineSpeed,
        host_rate: Callable[[], int] = lambda: 0,
    ) -> None:
        self._modem = modem
        self._speed = speed
        self._sink = to_host
        self._host_rate = host_rate
        self._carried = 0
        pace = byte_time(speed.pace) if speed.pace else 0.0
        self._to_host = PacedPipe(clock, self._reach_host, pace)
        self._to_modem = PacedPipe(clock, self._reach_modem, pace)
        if speed.uart:
            modem.device.rate.store(speed.pace or modem.device.rate.stored)

    @property
    def host_rate(self) -> int:
        """Rate of the host in bit/s."""
        return self._host_rate() or self._modem.device.rate.current

    def on_bursts(self, to_modem: Callable[[Burst], None], to_host: Callable[[Burst], None]) -> None:
        """Tell about each uninterrupted piece of sending, in both directions; only a line with a pace has any."""
        self._to_modem.on_burst, self._to_host.on_burst = to_modem, to_host

    def from_host(self, data: bytes) -> None:
        """The host sends."""
        if self._speed.uart:
            self._to_modem.seconds_per_byte = byte_time(self.host_rate)
        self._to_modem.write(data, _taken(self._to_host))

    def from_modem(self, data: bytes) -> None:
        """The modem sends."""
        if self._speed.uart:
            self._to_host.seconds_per_byte = byte_time(self._modem.device.rate.current)
        self._to_host.write(data, _taken(self._to_modem))

    def clear(self) -> None:
        """Lose what is on the line."""
        self._to_host.clear()
        self._to_modem.clear()

    def _reach_host(self, data: bytes) -> None:
        self._sink(self._received(data, self._modem.device.rate.current, self.host_rate))

    def _reach_modem(self, data: bytes) -> None:
        self._modem.receive(self._received(data, self.host_rate, self._modem.device.rate.current))

    def _received(self, data: bytes, sent_at: int, read_at: int) -> bytes:
        if not self._speed.uart:
            return data
        if sent_at != read_at:
            return garbled(data, sent_at, read_at)
        limit = self._modem.knobs.unreliable_rate
        return self._damaged(data) if limit and sent_at >= limit else data

    def _damaged(self, data: bytes) -> bytes:
        """The bytes, of which one in so many lost a bit, whichever way they go."""
        spoiled = bytearray(data)
        for index in range(len(spoiled)):
            self._carried += 1
            if self._carried % _DAMAGE_EVERY == 0:
                spoiled[index] |= 0x80
        return bytes(spoiled)


def _taken(other: PacedPipe) -> float:
    """By how much the answering side was told too late; it would have begun so much earlier."""
    late, other.lateness = other.lateness, 0.0
    return late


def garbled(data: bytes, sent_at: int, read_at: int) -> bytes:
    """What a receiver makes of bytes at another rate: more of them where it is faster, fewer where it is slower.

    None of them is printable: framing errors put stop bits and neighbours into the bytes.
    """
    count = max(1, len(data) * min(read_at, sent_at * _LONGEST_RATIO) // sent_at)
    return bytes(0x80 | (data[index * len(data) // count] * 5 + index * 29) & 0x7F for index in range(count))
