"""Settings and state of policy, and the step between them: an event in, decisions out, the memory kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from ipad.clock import Clock
from ipad.daemon.guard.memory_file import PolicyMemory
from ipad.observe.alerts import Alert, alert
from ipad.policy.decisions import Decision, Report, ReportKind, WaitUntil
from ipad.policy.events import Event
from ipad.policy.settings import Settings
from ipad.policy.state import State
from ipad.policy.supervisor import step

logger = logging.getLogger(__name__)


class EventSink(Protocol):
    """Where events and decisions are written down."""

    def note(self, now: float, event: Event) -> None:
        """An event that policy was told."""
        ...

    def decided(self, now: float, decision: Decision) -> None:
        """What policy decided on it."""
        ...


class NoSink:
    """They are not written down."""

    def note(self, now: float, event: Event) -> None:
        """Not written down."""

    def decided(self, now: float, decision: Decision) -> None:
        """Not written down."""


class EventSinks:
    """Several that are told the same."""

    def __init__(self, sinks: Iterable[EventSink]) -> None:
        self._sinks = tuple(sinks)

    def note(self, now: float, event: Event) -> None:
        """Tell all of them."""
        for sink in self._sinks:
            sink.note(now, event)

    def decided(self, now: float, decision: Decision) -> None:
        """Tell all of them."""
        for sink in self._sinks:
            sink.decided(now, decision)


class PolicyEngine:
    """Steps the core. `tell` gets every decision but the one when to come back; it must not feed events itself."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        memory: PolicyMemory,
        tell: Callable[[Decision], None],
        sink: EventSink | None = None,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._memory = memory
        self._tell = tell
        self._sink = sink or NoSink()
        self.state: State = memory.load(clock.monotonic())
        self.wake_at = float("inf")

    def feed(self, event: Event) -> None:
        """One event, now."""
        now = self._clock.monotonic()
        self._sink.note(now, event)
        done = step(self.settings, self.state, event, now)
        self.state, self.wake_at = done.state, done.wake_at
        for decision in done.decisions:
            if isinstance(decision, WaitUntil):
                continue
            self._sink.decided(now, decision)
            if isinstance(decision, Report):
                _log(decision)
            else:
                self._tell(decision)

    def forget(self) -> None:
        """Another eUICC: what is known is about the one of before."""
        self.state = State()
        self._memory.forget()

    async def save(self) -> None:
        """Keep what must survive a restart, if it is worth a write. What cannot be written is no reason to stop."""
        await self._memory.save(self.state, self._clock.monotonic())


def _log(report: Report) -> None:
    back = report.kind is ReportKind.BACK
    layer = f" (layer {report.layer})" if report.layer is not None else ""
    extra = alert(Alert.CONNECTIVITY_BACK if back else Alert.CONNECTIVITY_LOST)
    logger.log(logging.INFO if back else logging.WARNING, "connectivity: %s%s", report.text, layer, extra=extra)
