"""What is seen of a virtual device during one case: its interfaces, the radio, the agent's own log."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from hil.rig.timeline import Event
from hil.suite.loop import LoopThread
from hil.suite.record import LONGEST_DATA, EventRecord, SignalSample
from hil.suite.target import Observations
from hil.suite.virtual.device import VirtualDevice

_PAUSE: Final = 0.2
_MOST_EVENTS: Final = 4000
_LONGEST_TEXT: Final = 120
_UNTOLD: Final = frozenset(("tick", "wait-until", "signal-sample"))


class Observer:
    """Looks from its making until `end`."""

    def __init__(self, loop: LoopThread, device: VirtualDevice) -> None:
        self._loop = loop
        self._device = device
        self._rig = device.rig
        self._events: list[Event] = []
        self._samples: list[SignalSample] = []
        self._began = time.monotonic()
        self._task = loop.call(self._begin)

    def _begin(self) -> asyncio.Task[None]:
        self._forget = self._rig.timeline.subscribe(self._events.append)
        return asyncio.get_running_loop().create_task(self._look(), name="radio samples")

    async def _look(self) -> None:
        while True:
            self._sample()
            await asyncio.sleep(_PAUSE)

    def _sample(self) -> None:
        """Take a sample; of equal ones in a row the first and the last are kept."""
        sample = self._now()
        same = [self._values(earlier) == self._values(sample) for earlier in self._samples[-2:]]
        if len(same) > 1 and all(same):
            self._samples[-1] = sample
        else:
            self._samples.append(sample)

    def _now(self) -> SignalSample:
        view = self._rig.modem.device.radio.view
        signal = view.operator.signal if view.operator is not None else None
        return SignalSample(
            round(time.monotonic() - self._began, 3),
            signal.rsrp if signal is not None else None,
            signal.rsrq if signal is not None else None,
            signal.sinr if signal is not None else None,
            view.registered,
            self._rig.bearer,
            self._layer(view.registered),
        )

    def _layer(self, registered: bool) -> str | None:
        device = self._rig.modem.device
        if not device.powered or not self._rig.modem.port_present:
            return "modem"
        if not registered:
            return "registration"
        if not self._rig.bearer:
            return "data" if device.stalled else "bearer"
        return None

    @staticmethod
    def _values(sample: SignalSample) -> tuple[object, ...]:
        return (sample.rsrp, sample.rsrq, sample.sinr, sample.registered, sample.bearer, sample.layer)

    def seen(self) -> list[EventRecord]:
        """Everything on the interfaces so far, with all data."""
        offset = self._began - self._rig.timeline.began
        return [_record(event, offset, None) for event in self._loop.call(lambda: list(self._events))]

    def end(self) -> Observations:
        """What was seen, in order."""
        self._loop.call(self._stop)
        offset = self._began - self._rig.timeline.began
        seen = [_record(event, offset, LONGEST_DATA) for event in self._events[:_MOST_EVENTS]]
        events = sorted((*seen, *self._agent_events()), key=lambda event: event.seconds)
        return Observations(tuple(events), tuple(self._samples))

    def _stop(self) -> None:
        self._forget()
        self._task.cancel()
        self._sample()

    def _agent_events(self) -> list[EventRecord]:
        return [
            EventRecord(
                round(entry.seconds - self._began, 4),
                "AGENT",
                "",
                f"{'decides ' if entry.decision else ''}{entry.name}{_words(entry.fields)}",
            )
            for entry in self._device.gateway.events.entries(self._began)
            if entry.name not in _UNTOLD
        ]


def _shortened(text: str) -> str:
    """A line without the end of what an APDU event has as well."""
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."


def _words(fields: object) -> str:
    if not isinstance(fields, dict):
        return ""
    told = [f"{name}={value}" for name, value in fields.items() if value not in (None, "", [], {})]
    return f": {', '.join(told)}" if told else ""


def _record(event: Event, offset: float, longest: int | None) -> EventRecord:
    data = event.data if longest is None else event.data[: 2 * longest]
    return EventRecord(
        round(event.seconds - offset, 4),
        event.interface.value,
        event.direction,
        event.text if longest is None else _shortened(event.text),
        event.size,
        data,
        cut=len(data) < len(event.data),
    )
