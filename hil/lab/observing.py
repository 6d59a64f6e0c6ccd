"""What is seen of a board during one case: exchanges with the bench's servers, and the radio as the agent tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from hil.lab.gateway import BoardGateway
from hil.lab.servers import BoardServers
from hil.rig.timeline import Event
from hil.suite.errors import TargetError
from hil.suite.loop import LoopThread
from hil.suite.record import LONGEST_DATA, EventRecord, SignalSample
from hil.suite.secrecy import Secrets
from hil.suite.target import Observations

_MOST_EVENTS: Final = 4000
_REGISTERED: Final = frozenset(("home", "roaming"))


class BoardObserver:
    """Looks from its making until `end`, which tells nothing of `secrets`."""

    def __init__(self, loop: LoopThread, servers: BoardServers, gateway: BoardGateway, secrets: Secrets) -> None:
        self._loop = loop
        self._servers = servers
        self._gateway = gateway
        self._secrets = secrets
        self._events: list[Event] = []
        self._forget = loop.call(lambda: servers.timeline.subscribe(self._events.append))
        self._began = servers.clock.monotonic()

    def seen(self) -> list[EventRecord]:
        """Everything so far, with all data."""
        offset = self._began - self._servers.timeline.began
        return [_record(event, offset) for event in self._loop.call(lambda: list(self._events))]

    def end(self) -> Observations:
        """What was seen, in order."""
        self._loop.call(self._forget)
        kept = [_shortened(self._hidden(event)) for event in self.seen()[:_MOST_EVENTS]]
        return Observations(tuple(kept), tuple(self._look()))

    def _hidden(self, event: EventRecord) -> EventRecord:
        """Before it is cut, else half of a secret could stay."""
        hide = self._secrets
        return replace(event, text=hide.hide(event.text), data=hide.hide_octets(event.data))

    def _look(self) -> list[SignalSample]:
        """One sample, none when the agent is not there to ask; a picture is no reason for a case to fail."""
        try:
            if not self._gateway.running:
                return []
            status = self._gateway.ipad("status", code=None).value
        except (AssertionError, TargetError):
            return []
        return [sample_of(status, round(self._servers.clock.monotonic() - self._began, 3))]


def sample_of(status: Mapping[str, Any], seconds: float) -> SignalSample:
    """A sample out of `ipad status`."""
    radio, bearer, policy = (_table(status, name) for name in ("radio", "bearer", "policy"))
    registration = radio.get("registration")
    signal = radio.get("signal_dbm")
    return SignalSample(
        seconds,
        rsrp=float(signal) if isinstance(signal, int | float) else None,
        registered=None if registration in (None, "unknown") else registration in _REGISTERED,
        bearer=bearer.get("connected"),
        layer=policy.get("loss_layer"),
    )


def _table(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = status.get(name)
    return found if isinstance(found, Mapping) else {}


def _record(event: Event, offset: float) -> EventRecord:
    return EventRecord(
        round(event.seconds - offset, 4), event.interface.value, event.direction, event.text, event.size, event.data
    )


def _shortened(event: EventRecord) -> EventRecord:
    data = event.data[: 2 * LONGEST_DATA]
    cut = len(data) < len(event.data)
    return EventRecord(event.seconds, event.interface, event.direction, event.text, event.size, data, cut)
