"""`ipad run` without --once: everything that serves the modems of the configuration, put together."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING

from ipad.cli.invocation import log_level, prepare
from ipad.clock import Clock, SystemClock
from ipad.config import Config
from ipad.control.modem import Controlled, controlled
from ipad.control.services import Process
from ipad.control.serving import serving
from ipad.daemon import log
from ipad.daemon.assembly import first_schedule
from ipad.daemon.joint_manager import JointManager
from ipad.daemon.metrics_file import metrics_kept
from ipad.daemon.process import AgentProcess, Part, Sources, longest_work, poll_intervals
from ipad.daemon.program_pages import ProgramPages
from ipad.daemon.sdnotify import ServiceManager
from ipad.daemon.service import Injections, Service
from ipad.daemon.signals import obeying, service_signals
from ipad.errands.envelope import Record
from ipad.errors import ConfigError

if TYPE_CHECKING:
    from ipad.cli.quick import Arguments
    from ipad.daemon.guard.guard import Guard


async def serve(config: Config, args: Arguments, environment: Mapping[str, str] = os.environ) -> None:
    """Serve until a signal comes. Raises ConfigError, UsageError, and BusyError for a second instance."""
    clock, manager = SystemClock(), ServiceManager(environment)
    async with process_of(config, clock, manager, partial(sources, args), environment) as process:
        pages = ProgramPages()
        for part in process.parts:
            part.service.at_rest = pages.rest
        with obeying(service_signals(process)):
            await process.run()


@asynccontextmanager
async def process_of(
    config: Config,
    clock: Clock,
    manager: ServiceManager,
    make_sources: Callable[[], Sources],
    environment: Mapping[str, str],
) -> AsyncIterator[AgentProcess]:
    """The process with its control API, which is there as long as the context lasts."""
    check_injection(config)
    joint = JointManager(manager, config.modems)
    modems = {name: controlled(config.for_modem(name), clock) for name in config.modems}
    parts = [_part(name, modem, clock, joint) for name, modem in modems.items()]
    process = AgentProcess(config, parts, clock, manager, joint, make_sources())

    async def reload() -> Record:
        found = await process.reload()
        return {"applied": list(found.applied), "postponed": list(found.postponed)}

    served = tuple(modems[part.name].attach(part.service, environment) for part in parts)
    kept = metrics_kept(config, clock, lambda: [modem.observer.snapshot() for modem in modems.values()])
    async with serving(config, Process(modems=served, reload=reload), environment), kept:
        yield process


def _part(name: str, modem: Controlled, clock: Clock, joint: JointManager) -> Part:
    config, voice = modem.config, joint.voice(name)
    service = Service(
        modem.factory.open,
        first_schedule(config),
        clock,
        voice,
        modem.guard,
        reconnect=config.timers.reconnect,
        intervals=poll_intervals(config),
    )
    service.vitals.work = longest_work(config)
    service.vitals.late = lambda now: modem.factory.late(now) or modem.guard.broken
    modem.factory.pulse = service.vitals.sign
    return Part(
        name=name,
        config=config,
        guard=modem.guard,
        factory=modem.factory,
        service=service,
        voice=voice,
        listening=partial(_injections, config, modem.guard, clock),
    )


def _injections(config: Config, guard: Guard, clock: Clock) -> AbstractAsyncContextManager[Injections | None]:
    """The server for eIMs that come to us, where one is configured; its libraries are loaded only then."""
    if not config.injection.enabled:
        return nullcontext()
    from ipad.daemon.injection_setup import listening  # noqa: PLC0415

    tap = None if guard.recorder is None else guard.recorder.tap
    return listening(config, guard.news.set, clock, tap)


def sources(args: Arguments) -> Sources:
    """The files and options that the command was called with."""

    def adopt_log(config: Config) -> None:
        rules = log.LogRules(config.log.mask, config.log.lines_per_hour, named=len(config.modems) > 1)
        log.set_up(log_level(args, log.LEVELS[config.log.level]), rules=rules)

    return Sources(read=lambda: prepare(args).config, adopt_log=adopt_log)


def check_injection(config: Config) -> None:
    """An eIM that comes to us must find the modem that it means. Raises ConfigError."""
    if not config.injection.enabled or len(config.modems) == 1:
        return
    interfaces = [modem.interface for modem in config.modems.values()]
    if config.injection.interface or not all(interfaces) or len(set(interfaces)) < len(interfaces):
        raise ConfigError(
            "injection with several modems needs modem.NAME.interface, another one for each, and no "
            "injection.interface",
            hint="or serve each modem with a process of its own: ipad run --modem NAME",
        )
