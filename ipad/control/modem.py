"""The agent of one modem with all that the control API needs of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from ipad.clock import Clock
from ipad.config import DEFAULT_NAME, Config
from ipad.control.services import ModemService
from ipad.daemon.agent import LocalAgent
from ipad.daemon.assembly import AgentFactory, log_progress
from ipad.daemon.broadcast import Broadcast
from ipad.daemon.guard.guard import Guard
from ipad.daemon.guarding import make_guard
from ipad.daemon.operations import Operation, Operations
from ipad.daemon.places import runtime_directory
from ipad.daemon.recorder import Recorder
from ipad.daemon.recording import modem_name, trail_file
from ipad.daemon.service import Service
from ipad.errands.running import Household
from ipad.observe.observer import Observer
from ipad.procedures.progress import ProgressEvent
from ipad.records import dataclass


@dataclass(frozen=True, kw_only=True)
class Controlled:
    """One modem of the process: its guard, its factory, and those who may ask something of it."""

    config: Config
    guard: Guard
    recorder: Recorder
    observer: Observer
    factory: AgentFactory
    operations: Operations[LocalAgent]
    broadcast: Broadcast

    def attach(self, service: Service, environment: Mapping[str, str] = os.environ) -> ModemService:
        """Let the service do what people ask for; what the control API serves of it."""
        service.operations = self.operations
        service.open_for_operations = partial(self.factory.open, only_iot=False)
        name, modem = modem_name(self.config), self.config.modem()
        return ModemService(
            name=name,
            port=modem.port,
            card=modem.card,
            status=self.observer.snapshot,
            operations=self.operations,
            household=Household(guard=self.guard, usage=self.factory.usage, each_run=service.note_run),
            broadcast=self.broadcast,
            tap=self.recorder.tap,
            trail=trail_file(self.config),
            traffic=_traffic_file(name, environment),
        )


def controlled(config: Config, clock: Clock) -> Controlled:
    """What serves the only modem, with those who follow it. Raises ConfigError and UsageError as `make_guard`."""
    broadcast = Broadcast(modem_name(config), clock)
    guard = make_guard(config, clock, observed=True, followers=(broadcast,))
    operations: Operations[LocalAgent] = Operations(clock, guard.news.set, on_trial=lambda: guard.on_trial)

    def progress(event: ProgressEvent) -> None:
        from ipad.control.following import progress_line  # noqa: PLC0415 - there must be something to follow first

        log_progress(event)
        broadcast.publish(progress_line(event, operations.note_progress(event)))

    def told(operation: Operation[LocalAgent]) -> None:
        from ipad.control.following import operation_line  # noqa: PLC0415

        broadcast.publish(operation_line(operation))

    operations.told = told
    recorder = guard.recorder
    assert recorder is not None
    assert recorder.observer is not None
    return Controlled(
        config=config,
        guard=guard,
        recorder=recorder,
        observer=recorder.observer,
        factory=AgentFactory(config, clock, announce=True, guard=guard, progress=progress),
        operations=operations,
        broadcast=broadcast,
    )


def _traffic_file(name: str, environment: Mapping[str, str]) -> Path:
    file = "traffic.jsonl" if name == DEFAULT_NAME else f"traffic-{name}.jsonl"
    return runtime_directory(environment) / file
