"""A look along the data path towards the eIMs: name, connection, handshake, each measured, the first failure named.

Everything goes over the cellular interface when there is one, and nothing but an answer that came from beyond this
device is taken for evidence. The last layer is missing here on purpose: whether the eIM serves this device is shown by
a poll. A look sends no request. Its TLS handshake is complete and is ended by close_notify, because servers exist that
take a handshake that breaks off for an attack.

What a look costs, headers included: about 170 bytes for each name and family, 280 for a connection, with a handshake
2.5 to 6 kB (1.7 kB where the server resumes a session), 220 bytes for a DTLS server, 280 for another server. `depth`
keeps looks on a metered link short.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Sequence

from ipad.clock import Clock
from ipad.errors import NetworkError
from ipad.net import tcp
from ipad.net.authority import Authority
from ipad.net.counters import Usage
from ipad.net.interface_addresses import interface_addresses
from ipad.net.interface_counters import Counters, rates, read_counters
from ipad.net.probe_path import (
    ClockExplains,
    LiveResolver,
    Look,
    Path,
    ProbeSettings,
    ProbeTarget,
    ReachedLayer,
    within,
)
from ipad.records import replace

__all__ = ("LiveResolver", "Look", "PathProbe", "ProbeSettings", "ProbeTarget", "ReachedLayer")

logger = logging.getLogger(__name__)


class PathProbe:
    """Looks along the path, one at a time.

    `clock_explains`: whether a wrong local clock explains that certificates with these dates are refused, see
    `ipad.net.clock_trust.explains`. `counters` reads those of an interface.
    """

    def __init__(
        self,
        settings: ProbeSettings,
        clock: Clock,
        resolver: LiveResolver,
        clock_explains: ClockExplains,
        *,
        counters: Callable[[str], Counters | None] = read_counters,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._resolver = resolver
        self._clock_explains = clock_explains
        self._counters = counters
        self._others_heard: str | None = None
        """The bearer over which another server answered."""

    async def look(
        self, targets: Sequence[ProbeTarget], *, session: str | None = None, depth: ReachedLayer | None = None
    ) -> Look:
        """Try the eIMs in turn until one is reached; never raises NetworkError.

        The other servers are asked when none is, and once for each bearer `session`, so that their silence means
        something later. `depth` is for this look alone.
        """
        settings, start = self._settings, self._clock.monotonic()
        if settings.interface and not interface_addresses(settings.interface):
            return Look(reached=ReachedLayer.NOTHING, failure=f"{settings.interface} has no address")
        if not targets and not settings.others:
            return Look(reached=ReachedLayer.NOTHING, failure="there is no eIM to look for")
        before = self._count()
        best = Look(reached=ReachedLayer.BEARER)
        usage, reached = Usage(), False
        for target in targets:
            path = Path(settings, self._clock, self._resolver, target, depth or settings.depth)
            found = await path.follow(self._clock_explains)
            usage += found.usage
            if not best.target or found.reached.rank > best.reached.rank or path.complete:
                best = replace(found, packets=found.packets or best.packets)
            else:
                best = replace(best, packets=found.packets or best.packets)
            if path.complete:
                reached = True
                break
        best = replace(best, others=await self._ask_others(session, wanted=not reached))
        measured = rates(before, self._count(), self._clock.monotonic() - start)
        return replace(best, packets=best.packets or bool(best.others), usage=usage, rates=measured)

    def _count(self) -> Counters | None:
        return self._counters(self._settings.interface) if self._settings.interface else None

    async def _ask_others(self, session: str | None, *, wanted: bool) -> bool | None:
        if not self._settings.others or (not wanted and (session is None or session == self._others_heard)):
            return None
        refused = False
        for other in self._settings.others:
            try:
                (await self._connect(other)).close()
            except NetworkError as error:
                logger.debug("%s", error)
                refused = refused or error.answered
            else:
                self._others_heard = session
                return True
        return None if refused else False

    async def _connect(self, other: Authority) -> socket.socket:
        settings = self._settings
        connecting = tcp.connect(
            other.host,
            other.port_for("https"),
            interface=settings.interface,
            patience=settings.timeout,
            resolver=self._resolver,
        )
        return await within(self._clock, settings.timeout, connecting, str(other), "tcp")
