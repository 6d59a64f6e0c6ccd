"""From the configuration to the guard of one device: policy file, memory, log of events, hints."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence

from ipad.chance import chance as draw
from ipad.clock import Clock
from ipad.config import Config
from ipad.daemon.event_log import EventLog, events_file
from ipad.daemon.guard.engine import EventSink, EventSinks
from ipad.daemon.guard.guard import Guard
from ipad.daemon.guard.memory_file import PolicyMemory, boot_id
from ipad.daemon.guard.options import GuardOptions
from ipad.daemon.policy_source import HintsFile, LoadedPolicy, load_policy
from ipad.daemon.recording import make_recorder
from ipad.records import replace
from ipad.state.store import StateStore


def make_guard(
    config: Config,
    clock: Clock,
    *,
    environment: Mapping[str, str] = os.environ,
    boot: str | None = None,
    chance: Callable[[], float] = draw,
    observed: bool = False,
    followers: Sequence[EventSink] = (),
) -> Guard:
    """The guard of the only modem. `boot` identifies a boot that is now; without it the kernel tells which one
    it is and how long ago it was. `chance` is drawn once from 0 to 1.

    `observed`: the status is kept, for whoever may ask for it. `followers` are told what the log of events is told.

    Raises ConfigError for a policy file that cannot be used, UsageError for several modems.
    """
    policy = load_policy(config.policy.file)
    log = EventLog(events_file(config, environment), clock, size=config.log.events_size)
    recorder = make_recorder(config, clock, observed=observed)
    uptime = time.clock_gettime(time.CLOCK_BOOTTIME) if boot is None else 0.0
    options = replace(_options(config, policy, chance), uptime=uptime)
    store = StateStore(config.policy_file, written=recorder.writes.wrote)
    memory = PolicyMemory(store, boot if boot is not None else boot_id())
    guard = Guard(policy.settings, clock, memory, sink=EventSinks((log, recorder, *followers)), options=options)
    guard.recorder = recorder
    if recorder.observer is not None:
        recorder.observer.sources.policy = lambda: (guard.engine.state, guard.engine.settings)
    return guard


def adopt_policy(guard: Guard, config: Config, policy: LoadedPolicy) -> None:
    """Let a guard go on with a policy file and a configuration that were read anew."""
    guard.adopt(policy.settings, _options(config, policy, draw))


def _options(config: Config, policy: LoadedPolicy, chance: Callable[[], float]) -> GuardOptions:
    return GuardOptions(
        first_session=config.timers.first_session,
        digest=policy.digest,
        hints=HintsFile(config.policy.hints).look,
        local_time=_east,
        chance=chance,
    )


def _east(wall: float) -> float:
    """Seconds of local time east of UTC."""
    return float(time.localtime(wall).tm_gmtoff)
