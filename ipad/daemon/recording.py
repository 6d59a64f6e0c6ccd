"""From the configuration to the recorder of one modem."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ipad.clock import Clock
from ipad.config import DEFAULT_NAME, Config
from ipad.daemon.recorder import Recorder
from ipad.observe.tap import TrafficTap
from ipad.observe.writes import WriteCounter

if TYPE_CHECKING:
    from ipad.observe.audit import AuditTrail


def make_recorder(config: Config, clock: Clock, *, observed: bool = False) -> Recorder:
    """The recorder of the only modem. `observed`: its status is kept, for whoever may ask for it."""
    writes = WriteCounter()
    trail = partial(make_trail, config, clock, writes)
    recorder = Recorder(modem_name(config), trail, writes, TrafficTap(clock.time))
    if observed:
        from ipad.observe.observer import Observer, Sources  # noqa: PLC0415 - a visit has no status to show

        recorder.observer = Observer(modem_name(config), clock, sources=Sources(writes=writes.status))
    return recorder


def make_trail(config: Config, clock: Clock, writes: WriteCounter | None = None) -> AuditTrail:
    """The trail of changes of the only modem."""
    from ipad.observe.audit import AuditTrail  # noqa: PLC0415 - an idle poll changes nothing

    counter = writes or WriteCounter()
    return AuditTrail(trail_file(config), clock.time, size=config.log.audit_size, written=counter.wrote)


def trail_file(config: Config) -> Path:
    """Where the trail of changes of the only modem is. Raises UsageError when there are several."""
    from ipad.observe.audit import audit_file  # noqa: PLC0415

    config.modem()
    return audit_file(config.state.directory, modem_name(config), DEFAULT_NAME)


def modem_name(config: Config) -> str:
    """What the only modem is called."""
    return next(iter(config.modems))
