"""One TCP connection through a link, from its acceptance to its end.

The system makes the connection with the device at once; the time of the handshake passes before the first byte of
either side goes on, which comes to the same for whoever speaks first.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hil.clock import Clock
from hil.link.doorway import Address
from hil.link.meter import Heading, Meters
from hil.link.nat import Mapping
from hil.link.profile import Forgotten
from hil.link.radio import Radio
from hil.link.segments import SYN_SIZE, SegmentEstimate
from hil.link.splice import FlowForgottenError, Gate, Route, Splice

log = logging.getLogger(__name__)

_SYN_TIME_OUT: Final = 1.0
"""Seconds until the first repetition of a SYN (RFC 6298 2.1), doubled each time."""
_SYN_ATTEMPTS: Final = 7
# SO_LINGER on with no time: closing sends RST.
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Surroundings:
    """What all connections of a door share. `forth`: the direction of whoever connects; `gate` waits while the link
    swallows packets; `orphan` keeps a connection whose device is gone and whose server must not hear of it."""

    target: Address
    forth: Heading
    radio: Radio
    clock: Clock
    meters: Meters
    gate: Gate
    orphan: Callable[[socket.socket], None]


class Connection:
    """Use `run`, once; cancel it to end it."""

    def __init__(self, accepted: socket.socket, around: Surroundings) -> None:
        self._accepted = accepted
        self._around = around
        self._mapping = Mapping(around.clock.monotonic())
        self.estimate = SegmentEstimate(around.meters, around.clock)

    def forget(self) -> None:
        """The NAT lost its table."""
        self._mapping.forget()

    def reset_on_close(self) -> None:
        """The device will see RST."""
        self._accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)

    def close(self) -> None:
        """Give the device's socket back, also when it never came to `run`."""
        self._accepted.close()

    async def run(self) -> None:
        """Connect and pass bytes both ways until the end."""
        around = self._around
        upstream: socket.socket | None = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        assert upstream is not None
        upstream.setblocking(False)
        try:
            await self._shake_hands()
            await asyncio.get_running_loop().sock_connect(upstream, around.target)
            async with asyncio.TaskGroup() as both:
                for heading, source, target in (
                    (around.forth, self._accepted, upstream),
                    (around.forth.back, upstream, self._accepted),
                ):
                    route = Route(heading, source, target, self._known, around.gate)
                    both.create_task(Splice(route, around.radio, around.clock, self.estimate).run())
        except* FlowForgottenError:
            if around.radio.profile.forgotten is Forgotten.RESET:
                self.reset_on_close()
                self.estimate.reset(around.forth.back)
            around.orphan(upstream)
            upstream = None
        except* OSError as errors:
            # One side broke the connection: the other one must see the same, not an orderly end.
            log.debug("link to %s:%d: %s", *around.target, _first(errors))
            self.reset_on_close()
            self.estimate.reset(around.forth.back)
        finally:
            self.estimate.settle()
            self.close()
            if upstream is not None:
                upstream.close()

    def _known(self) -> bool:
        if self._around.forth is Heading.DOWN:
            return True
        return self._mapping.passes(self._around.clock.monotonic(), self._around.radio.profile.nat_tcp)

    async def _shake_hands(self) -> None:
        around = self._around
        forth, back = around.radio.channel(around.forth), around.radio.channel(around.forth.back)
        lost = 0
        while lost < _SYN_ATTEMPTS - 1 and forth.happens(forth.way.loss):
            lost += 1
        self.estimate.syn(around.forth, lost)
        now = around.clock.monotonic()
        seconds = forth.send(now, SYN_SIZE) + back.send(now, SYN_SIZE) - 2 * now + _SYN_TIME_OUT * (2**lost - 1)
        if seconds > 0:
            await around.clock.sleep(seconds)
        await around.gate()


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    found: BaseException = errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
