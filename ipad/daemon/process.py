"""The process: all its modems in one loop, each served on its own, one voice towards the service manager.

What goes wrong with one modem is no business of the others. A wrong configuration of one takes that one out of service
until the configuration is read again; only when no modem is left the process ends, because no time heals that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import Any, Final

from ipad.clock import Clock
from ipad.config import Config
from ipad.daemon.assembly import AgentFactory, timers
from ipad.daemon.guard.guard import Guard
from ipad.daemon.guard.waiting import wait_for
from ipad.daemon.guarding import adopt_policy
from ipad.daemon.joint_manager import JointManager, Voice
from ipad.daemon.policy_source import LoadedPolicy, load_policy
from ipad.daemon.reloading import Changes, reload
from ipad.daemon.sdnotify import ServiceManager
from ipad.daemon.service import Injections, Service
from ipad.daemon.vitals import WORK, Watchdog
from ipad.errors import BusyError, ConfigError, UsageError
from ipad.observe.log_context import CONTEXT
from ipad.observe.status import ServiceState
from ipad.policy.backoff import doubled
from ipad.policy.events import Hints
from ipad.records import dataclass, field

logger = logging.getLogger(__name__)

_FIRST_PAUSE: Final = 5.0
_LONGEST_PAUSE: Final = 300.0


@dataclass(kw_only=True)
class Part:
    """One modem of the process. `config` is for this modem alone; `listening` lets in eIMs that come to us."""

    name: str
    config: Config
    guard: Guard
    factory: AgentFactory
    service: Service
    voice: Voice
    listening: Callable[[], AbstractAsyncContextManager[Injections | None]]
    error: ConfigError | UsageError | None = None
    again: asyncio.Event = field(default_factory=asyncio.Event)

    def adopt(self, config: Config, policy: LoadedPolicy) -> None:
        """Go on with another configuration."""
        hints_end = self.config.policy.hints is not None and config.policy.hints is None
        self.config = config
        self.factory.adopt(config)
        adopt_policy(self.guard, config, policy)
        if hints_end:
            self.guard.feed(Hints())
        self.service.vitals.work = longest_work(config)
        self.service.adopt(timers(config), poll_intervals(config), config.timers.reconnect)
        self.again.set()


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where the process has its settings from: `read` reads the configuration anew, `adopt_log` follows its log.

    `read` raises ConfigError and UsageError.
    """

    read: Callable[[], Config]
    adopt_log: Callable[[Config], None]


class AgentProcess:
    """Serves its parts until `stop`."""

    def __init__(
        self,
        config: Config,
        parts: Sequence[Part],
        clock: Clock,
        manager: ServiceManager,
        joint: JointManager,
        sources: Sources,
    ) -> None:
        self.config = config
        self.parts = tuple(parts)
        self._clock = clock
        self._manager = manager
        self._joint = joint
        self._sources = sources
        self._former: Config | None = None
        self._unproven: set[str] = set()
        self._stop = asyncio.Event()
        self._hopeless = asyncio.Event()
        self._reloading: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        for part in self.parts:
            part.service.take_back = partial(self._take_back, part)
            part.service.opened = partial(self._unproven.discard, part.name)

    def stop(self) -> None:
        """End in an orderly way: what runs on an eUICC is finished, its channel and its port are closed."""
        self._stop.set()

    def poll_now(self) -> None:
        """Poll every eIM of every modem at once, except those that asked to be left alone."""
        for part in self.parts:
            part.service.poll_now()

    async def run(self) -> None:
        """Serve. Raises ConfigError or UsageError when the configuration leaves no modem that could be served."""
        tasks = [asyncio.ensure_future(self._serve(part)) for part in self.parts]
        ends: list[asyncio.Task[Any]] = [asyncio.ensure_future(event.wait()) for event in (self._stop, self._hopeless)]
        watchdog = Watchdog(self._clock, self._manager.alive, self._joint.notice, self._overdue)
        if self._manager.watchdog_interval is not None:
            ends.append(asyncio.ensure_future(watchdog.run(self._manager.watchdog_interval)))
        try:
            # A task ends by itself only with an error that nobody here can handle.
            await asyncio.wait((*tasks, *ends), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._manager.stopping()
            self._stop.set()
            for task in (*ends, *self._reloading):
                task.cancel()
            for part in self.parts:
                part.service.stop()
                part.again.set()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*ends, *self._reloading, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        if self._hopeless.is_set():
            raise next(part.error for part in self.parts if part.error is not None)

    # One modem

    async def _serve(self, part: Part) -> None:
        if part.guard.recorder is not None:
            CONTEXT.set(part.guard.recorder.context)
        failures = 0
        while not self._stop.is_set():
            part.again.clear()
            part.error = None
            try:
                async with part.listening() as part.service.injections:
                    await part.service.run()
            except (ConfigError, UsageError) as error:
                self._out_of_service(part, error)
                await part.again.wait()
            except Exception as error:
                if len(self.parts) == 1:
                    raise
                failures += 1
                await self._after_bug(part, error, doubled(_FIRST_PAUSE, _LONGEST_PAUSE, failures))

    def _out_of_service(self, part: Part, error: ConfigError | UsageError) -> None:
        part.error = error
        self._tell_failure(part, f"out of service: {error}", float("inf"))
        if all(other.error is not None for other in self.parts):
            self._hopeless.set()
        else:
            logger.error("out of service until the configuration is read again: %s", error)
            part.voice.ready()

    async def _after_bug(self, part: Part, error: Exception, pause: float) -> None:
        """An error of the agent itself with one modem: the others go on, and this one is begun anew."""
        logger.error("an error of the agent itself; this modem is served again in %g s", pause, exc_info=error)
        self._tell_failure(part, f"failed: an error of the agent itself: {error!r}", pause)
        part.voice.ready()
        await wait_for(self._stop, self._clock, pause)

    def _tell_failure(self, part: Part, text: str, pause: float) -> None:
        part.service.vitals.resting(text, pause)
        part.voice.status(text)
        if part.guard.recorder is not None:
            part.guard.recorder.entered(ServiceState.FAILED, text)

    def _overdue(self) -> list[str]:
        found = ((part.name, part.service.vitals.overdue()) for part in self.parts)
        return [f"{name}: {text}" if len(self.parts) > 1 else text for name, text in found if text is not None]

    # Another configuration

    def reload_soon(self) -> None:
        """Read the configuration again; what comes of it is logged, and in the status."""
        task = asyncio.ensure_future(self._reload_quietly())
        self._reloading.add(task)
        task.add_done_callback(self._reloading.discard)

    async def _reload_quietly(self) -> None:
        with suppress(ConfigError, UsageError, BusyError):  # they are logged
            await self.reload()

    async def reload(self) -> Changes:
        """Read configuration and policy file again. What takes effect and what waits for a restart is told.

        Raises ConfigError and UsageError for files that cannot be used: then everything stays as it was.
        """
        async with self._turn:
            self._joint.reloading()
            try:
                found = reload(self.config, self._sources.read())
                self._adopt(found.config)
            except (ConfigError, UsageError) as error:
                logger.error("the configuration of before goes on to hold: %s", error)
                self._joint.notice(f"not reloaded: {error}")
                raise
            else:
                logger.warning("the configuration was read again; %s", found.changes)
                postponed = ", ".join(found.changes.postponed)
                self._joint.notice(f"restart to change {postponed}" if postponed else "")
                return found.changes
            finally:
                self._joint.reloaded()

    def _adopt(self, config: Config) -> None:
        """Raises ConfigError for a policy file that cannot be used, before anything has changed."""
        policy = load_policy(config.policy.file)
        own = [(part, config.for_modem(part.name)) for part in self.parts]
        self._former, self.config = self.config, config
        self._unproven.update(part.name for part in self.parts)
        self._sources.adopt_log(config)
        for part, single in own:
            part.adopt(single, policy)

    def _take_back(self, part: Part, error: ConfigError) -> bool:
        """What looked right does not serve when the device is opened with it for the first time."""
        former = self._former
        if former is None or part.name not in self._unproven:
            return False
        self._former = None
        logger.error("the configuration of before holds again: %s", error)
        self._joint.notice(f"not reloaded: {error}")
        try:
            self._adopt(former)
        except ConfigError as worse:
            logger.error("it does not: %s", worse)
            return False
        self._former = None
        return True


def poll_intervals(config: Config) -> dict[str, float]:
    """The poll intervals of single eIMs, in seconds."""
    return {eim_id: eim.poll_interval for eim_id, eim in config.eim.items() if eim.poll_interval is not None}


def longest_work(config: Config) -> float:
    """The longest time in seconds in which no part of a piece of work may end: all tries at one server, one after the
    other, and the wait for the network after a change of profile, twice over."""
    esipa, rsp = config.esipa, config.rsp
    tries = (
        sum(delays) + (len(delays) + 1) * timeout
        for delays, timeout in ((esipa.retry_delays, esipa.exchange_timeout), (rsp.retry_delays, rsp.exchange_timeout))
    )
    return max(WORK, 2 * (max(tries) + config.timers.session + sum(rsp.download_retry_delays)))
