"""The way from the device to its servers: the radio of the bench, which follows the modem, and what went over it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from hil.clock import ManualClock
from hil.link import Passage, preset
from hil.link.meter import Heading
from hil.link.radio import Radio
from hil.modem import VirtualModem
from ipad.errors import NetworkError
from ipad.net.probe import Look, ReachedLayer
from tests.e2e.virtual.device import Internet

_HEADERS = 120
"""Bytes of IP, TCP, TLS and HTTP round each message, roughly."""
_PATIENCE = 30.0
"""Seconds after which a silent link counts as one without an answer."""


@dataclass
class Air(Internet):
    """Carries messages as the link of the rig does: one transmitter in each direction, open while the modem has IP.

    `ethernet`: the host has another way out, which does not care for the modem. `server_down`: eIMs accept nothing,
    while everything else answers. `bytes_sent`: both directions, with headers. `passages`: when which state began.
    """

    radio: Radio = field(default_factory=lambda: Radio(preset("lte-m"), random.Random(1)))
    passage: Passage = Passage.SHUT
    passages: list[tuple[float, Passage]] = field(default_factory=list)
    ethernet: bool = False
    server_down: bool = False
    bytes_sent: int = 0

    @classmethod
    def over(cls, clock: ManualClock, modem: VirtualModem) -> Air:
        """The air round a modem."""
        air = cls(clock, lambda: air.open)
        modem.on_bearer(lambda up: air.follow(modem, up=up))
        modem.on_stall(lambda _stalled: air.follow(modem, up=air.passage is Passage.OPEN))
        return air

    def follow(self, modem: VirtualModem, *, up: bool) -> None:
        """The modem has another passage for packets; `up`: they get through."""
        stalled = Passage.SILENT if modem.device.stalled else Passage.SHUT
        passage = Passage.OPEN if up else stalled
        if passage is not self.passage:
            self.passage = passage
            self.passages.append((self.clock.monotonic(), passage))
            if passage is not Passage.OPEN:
                self.radio.clear(self.clock.monotonic())

    @property
    def open(self) -> bool:
        """Whether packets get through."""
        return self.ethernet or self.passage is Passage.OPEN

    def offline_at(self, moment: float) -> bool:
        """Whether no packet got through at a moment."""
        before = [passage for at, passage in self.passages if at <= moment]
        return not before or before[-1] is not Passage.OPEN

    def open_again_after(self, moment: float) -> float | None:
        """Seconds from a moment until packets got through; None: never."""
        if not self.offline_at(moment):
            return 0.0
        return next((at - moment for at, passage in self.passages if at >= moment and passage is Passage.OPEN), None)

    async def exchange(self, host: str, message: bytes) -> bytes:
        """One ESipa message to the eIM at a host and its answer."""
        self.attempts.append(self.clock.monotonic())
        await self.cross(Heading.UP, len(message), host)
        self.refuse_while_down(host)
        self.sent.append(message)
        answer = await self.hosts[host].answer(message) or b""
        if self.spoil is not None:
            answer = self.spoil(message, answer)
        await self.cross(Heading.DOWN, len(answer), host)
        return answer

    def refuse_while_down(self, host: str) -> None:
        """Raises NetworkError while the servers of the eIM are down."""
        if self.server_down:
            raise NetworkError(f"{host}: connection refused", layer="tcp", answered=True)

    async def cross(self, heading: Heading, size: int, host: str) -> None:
        """Take so many bytes over the radio. Raises NetworkError when they do not arrive."""
        await self._until_open(host)
        if self.ethernet and self.passage is not Passage.OPEN:
            return
        channel, now = self.radio.channel(heading), self.clock.monotonic()
        self.bytes_sent += size + _HEADERS
        arrival = channel.send(now, size + _HEADERS)
        await self.clock.sleep(arrival - now)
        await self._until_open(host)

    async def _until_open(self, host: str) -> None:
        if self.open:
            return
        if self.passage is Passage.SILENT:
            await self.clock.sleep(_PATIENCE)
            raise NetworkError(f"{host}: no answer", layer="tcp")
        raise NetworkError(f"{host}: network is unreachable", layer="tcp")

    def seen(self) -> Look:
        """What a look along the path finds."""
        if self.look is not None:
            return self.look()
        if not self.open:
            return Look(reached=ReachedLayer.BEARER, failure="nothing came back")
        if self.server_down:
            return Look(reached=ReachedLayer.DNS, packets=True, others=True, failure="connection refused")
        return Look(reached=ReachedLayer.TLS, packets=True)
