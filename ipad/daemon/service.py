"""The process that stays: polls by schedule, does what policy decides, survives what fails, stops cleanly.

One thing at a time touches modem and eUICC: what policy decided comes first, then the polls that are due. A failure of
the modem, of the eUICC or of the state file ends the work at hand, never the process: everything is closed and opened
again after a pause that grows. What an interrupted run left behind is in the journal and on the eUICC. Only a wrong
configuration ends the service, because no time heals it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

from ipad.bearer.backend import BearerReason
from ipad.chance import deviation
from ipad.clock import Clock
from ipad.daemon.guard.guard import Guard
from ipad.daemon.guard.poll_plan import PollPlan
from ipad.daemon.guard.waiting import wait_for
from ipad.daemon.guard.ward import Ward
from ipad.daemon.sdnotify import ServiceManager
from ipad.daemon.vitals import Vitals
from ipad.endings import called_off
from ipad.errors import ConfigError, EuiccResultError, IpadError, RefusedError, StateError, UsageError
from ipad.observe.alerts import Alert, alert
from ipad.observe.status import ServiceState
from ipad.policy.backoff import doubled
from ipad.policy.limits import Timers
from ipad.policy.schedule import Schedule
from ipad.procedures.report import RunReport

if TYPE_CHECKING:
    from ipad.daemon.injection import Injection  # loaded only where injection is on
    from ipad.daemon.operations import Operation, Operations  # loaded only where somebody may ask

logger = logging.getLogger(__name__)

_LONGEST_PAUSE: Final = 300.0
_UNUSABLE_RECHECK: Final = 3600.0
"""Seconds after which an eUICC without any eIM to poll is looked at again."""


class Agent(Ward, Protocol):
    """One eUICC with everything that is needed to serve its eIMs; open while the context lasts."""

    async def start(self) -> Sequence[str]:
        """Read the eUICC, finish what an earlier process left, return the eIMs that can be polled."""
        ...

    async def poll(self, eim_ids: Sequence[str]) -> RunReport:
        """One run over these eIMs; the list on the eUICC is read again."""
        ...

    def pollable(self) -> Sequence[str]:
        """The eIMs that can be polled, as of the last reading."""
        ...

    async def inject(self, injection: Injection) -> RunReport:
        """Serve one message of an eIM that came to us (SGP.32 3.1.1.2)."""
        ...

    async def rest(self) -> None:
        """Give back what others may use between two runs: connections, the channel to the eUICC."""
        ...


class Injections(Protocol):
    """Messages of eIMs that come to us; taken only while there is nothing else to do."""

    def idle(self) -> AbstractContextManager[None]:
        """While this lasts messages are let in."""
        ...

    def take(self) -> Injection | None:
        """The message that waits."""
        ...

    def clear(self) -> None:
        """Turn away the message that waits: the eUICC cannot be used."""
        ...


AgentOpener = Callable[[], AbstractAsyncContextManager[Agent]]


class Service:
    """The loop. `guard` looks after the device all the time, also while it cannot be opened.

    `reconnect` is the first pause, in seconds, after a failure of modem, eUICC or state file; `intervals` are poll
    intervals, in seconds, of eIMs that do not follow the one of the schedule.
    """

    def __init__(
        self,
        open_agent: AgentOpener,
        schedule: Schedule,
        clock: Clock,
        manager: ServiceManager,
        guard: Guard,
        *,
        reconnect: float,
        intervals: Mapping[str, float] = MappingProxyType({}),
        chance: Callable[[], float] = deviation,
    ) -> None:
        self._open_agent = open_agent
        self._plan = PollPlan(schedule, guard, intervals, chance)
        self._guard = guard
        self._recorder = guard.recorder
        if self._recorder is not None:
            self._recorder.follow_polls(self._plan.moments)
        self._clock = clock
        self._manager = manager
        self._reconnect = reconnect
        self.vitals = Vitals(clock)
        """What the watchdog of the process looks at."""
        self.take_back: Callable[[ConfigError], bool] = lambda _error: False
        """Asked when the device cannot be opened as configured: whether there is a configuration of before to go on
        with."""
        self.opened: Callable[[], None] = lambda: None
        """Told when the device was opened as configured, and its eUICC read."""
        self.injections: Injections | None = None
        """Where messages of eIMs that come to us wait, if they may come; to be set before `run`."""
        self.operations: Operations[Any] | None = None
        """What people ask for, if anybody may; to be set before `run`."""
        self.open_for_operations = open_agent
        """Opens the device for them while it is not served: where one looks for a fault, more is allowed."""
        self.at_rest: Callable[[float], object] = lambda _seconds: None
        """Told after something was done, when there will be nothing to do for so many seconds, if nothing happens."""
        self._stop = asyncio.Event()
        self._ending = False
        self._worked = True
        self._poll_wanted = False
        self._reopen_wanted = False
        self._served = False
        self._failures = 0
        self._last_failure = ""
        self._ready = False

    def stop(self) -> None:
        """End the service: the work at hand is unwound, the channel to the eUICC closed."""
        self._stop.set()

    def poll_now(self) -> None:
        """Poll every eIM at once, except those that asked to be left alone."""
        self._poll_wanted = True
        self._guard.news.set()

    def adopt(self, timers: Timers, intervals: Mapping[str, float], reconnect: float) -> None:
        """Other times hold from now on; the device is closed and opened anew as soon as nothing is on trial."""
        self._reconnect = reconnect
        self._plan.adopt(timers, intervals, self._clock.monotonic())
        self._reopen_wanted = True
        self._guard.news.set()

    async def run(self) -> None:
        """Serve until `stop`.

        Raises ConfigError and UsageError only: what the operator asked for makes no sense, and never did.
        """
        self._ending = False
        tasks = [asyncio.ensure_future(self._supervise()), asyncio.ensure_future(self._stop.wait())]
        async with self._guard.running():
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._ending = True
                self._manager.stopping()
                if self._recorder is not None:
                    self._recorder.entered(ServiceState.STOPPING, "stopping")
                if self.operations is not None:
                    self.operations.close()
                await called_off(*tasks)
        if not tasks[0].cancelled():
            tasks[0].result()
        logger.info("stopped")

    async def _supervise(self) -> None:
        # A cancellation may meet an error of the device and be lost in it.
        while not self._ending:
            self._reopen_wanted = False
            self.vitals.busy("opening the device")
            try:
                async with self._open_agent() as agent:
                    await self._serve(agent)
            except ConfigError as error:
                if self.take_back(error):
                    continue
                if not self._served:
                    raise
                # It was right once: a second modem appeared, a file went away. To give up now would strand the device.
                await self._after_failure(error)
            except UsageError:
                raise
            except IpadError as error:
                await self._after_failure(error)

    async def _serve(self, agent: Agent) -> None:
        self._plan.follow(await agent.start(), self._clock.monotonic())
        await self._guard.take_up(agent)
        await agent.bring_up(BearerReason.BOOT)
        self._say_ready()
        self._served = True
        self.opened()
        while not self._ending and not self._reopen_due():
            self.vitals.busy("the next turn")
            self._guard.news.clear()
            decision = self._guard.take()
            if decision is not None:
                self._enter(ServiceState.ACTING, f"carrying out: {type(decision).__name__}")
                await self._guard.executor.carry_out(agent, decision)
            elif self.operations is not None and (operation := self.operations.take()) is not None:
                await self._operate(agent, operation)
            elif self.injections is not None and (injection := self.injections.take()) is not None:
                await self._inject(agent, injection)
            elif due := self._due(agent):
                await self._poll(agent, due)
            else:
                await agent.rest()
                await self._wait_for_work()

    def _reopen_due(self) -> bool:
        """Whether to open the device anew now: not while a change of profile is decided, carried out or on trial."""
        if not self._reopen_wanted or self._guard.busy or self._guard.on_trial:
            return False
        logger.info("the device is closed and opened anew")
        return True

    def _due(self, agent: Agent) -> Sequence[str]:
        """The eIMs to poll now: for a person, for policy, or by the schedule."""
        now = self._clock.monotonic()
        if self._guard.silent:
            return ()
        early = self._guard.take_early()
        if early is not None and early.notice is not None:
            agent.announce(early.notice)
        wanted, self._poll_wanted = self._poll_wanted, False
        if early is not None:
            logger.info("polling early: %s", early.reason)
        if early is not None or wanted or self._guard.take_retry():
            return self._plan.at_once(now)
        return self._plan.due(now)

    async def _poll(self, agent: Agent, due: Sequence[str]) -> None:
        self._enter(ServiceState.POLLING, f"polling {', '.join(due)}")
        try:
            with self._guard.contacting():
                report = await agent.poll(due)
        except StateError as error:
            # What cannot be written down cannot be done: the eIM would only give the same again, and again.
            self._plan.note_failure(due, error, self._clock.monotonic())
            raise
        self._plan.follow(agent.pollable(), self._clock.monotonic())
        self._plan.note(due, report, self._clock.monotonic())
        await self._guard.after_run(agent, report)
        self._failures, self._last_failure = 0, ""

    async def _inject(self, agent: Agent, injection: Injection) -> None:
        self._enter(ServiceState.SERVING, f"serving {injection.eim_id}")
        report = await agent.inject(injection)
        self._plan.follow(agent.pollable(), self._clock.monotonic())
        await self._guard.after_run(agent, report)
        self._failures, self._last_failure = 0, ""

    async def _operate(self, agent: Agent, operation: Operation[Any]) -> None:
        """Do what a person asks for. A device that is lost with it is opened again."""
        assert self.operations is not None
        self._enter(ServiceState.ACTING, f"{operation.order.title}, for {operation.order.who}")
        await self.operations.carry_out(operation, agent, partial(self._look_again, agent))
        if operation.device_lost is not None:
            raise operation.device_lost
        self._plan.follow(agent.pollable(), self._clock.monotonic())

    async def _look_again(self, agent: Agent) -> None:
        """A person may have changed the eUICC, the eIMs on it as well."""
        await self._guard.after_operation(agent)
        if not self._guard.on_trial:
            await agent.start()

    def note_run(self, report: RunReport) -> None:
        """A run that an operation made: the eIMs need not be polled again so soon."""
        now = self._clock.monotonic()
        self._plan.note([eim.eim_id for eim in report.eims], report, now)
        self._failures, self._last_failure = 0, ""

    async def _wait_for_work(self) -> None:
        due = self._plan.next_at()
        now = self._clock.monotonic()
        pause = _UNUSABLE_RECHECK if due is None else max(0.0, due - now)
        if due is None:
            self._enter(ServiceState.IDLE, "idle, no eIM can be polled", pause)
        elif due == float("inf"):
            self._enter(ServiceState.WAITING, "waiting for a data session", pause)
        else:
            at = time.strftime("%F %T", time.localtime(self._clock.time() + pause))
            self._enter(ServiceState.IDLE, f"idle, next poll {at}", pause)
            logger.info("next poll at %s", at)
        if self._worked:
            self._worked = False
            self.at_rest(pause)
        with self.injections.idle() if self.injections is not None else nullcontext():
            await wait_for(self._guard.news, self._clock, pause)

    async def _after_failure(self, error: IpadError) -> None:
        if self.injections is not None:
            self.injections.clear()
        self._failures += 1
        pause = doubled(self._reconnect, _LONGEST_PAUSE, self._failures)
        text = str(error)
        # The same failure repeats for as long as it lasts; the journal needs it once.
        level = logging.DEBUG if text == self._last_failure else logging.WARNING if _passes(error) else logging.ERROR
        self._last_failure = text
        hint = f" ({error.hint})" if error.hint else ""
        logger.log(level, "%s%s; trying again in %g s", text, hint, pause, extra=alert(Alert.DEVICE_FAILED))
        if self._recorder is not None:
            self._recorder.failed(error)
        self._say_ready()
        self._enter(ServiceState.FAILED, f"failed: {text}; trying again in {pause:g} s", pause)
        if self.operations is not None and not isinstance(error, RefusedError):
            self.operations.fail_waiting(error)  # an eUICC that is not served can be asked all the same
        await self._outlast(pause)

    def _enter(self, state: ServiceState, text: str, pause: float | None = None) -> None:
        """Say what is done now. `pause`: nothing, for so many seconds at the most."""
        if pause is None:
            self._worked = True
            self.vitals.busy(text)
        else:
            self.vitals.resting(text, pause)
        self._manager.status(text)
        if self._recorder is not None:
            self._recorder.entered(state, text)

    def _say_ready(self) -> None:
        """The start is over when the eUICC was read, or the reason why it cannot be is known."""
        if not self._ready:
            self._ready = True
            self._manager.ready()

    async def _outlast(self, seconds: float) -> None:
        """Wait, but no longer than until someone asks for a poll; meanwhile a rung of the ladder may be climbed."""
        end = self._clock.monotonic() + seconds
        self._poll_wanted = False
        while not self._awaited() and self._clock.monotonic() < end:
            self._guard.news.clear()
            rung = self._guard.take_rescue()
            if rung is not None:
                self.vitals.busy(f"recovery, rung {rung.rung}")
                await self._guard.executor.rescue(rung)
                return
            if self.operations is not None and self.operations.waiting:
                await self._operate_meanwhile(self.operations)
                return
            await wait_for(self._guard.news, self._clock, end - self._clock.monotonic())

    def _awaited(self) -> bool:
        """Whether a pause is of no use any more."""
        return self._poll_wanted or self._reopen_wanted or self._ending

    async def _operate_meanwhile(self, operations: Operations[Any]) -> None:
        """Do what people ask for on a device that is not served now; then it is time to try again."""
        self.vitals.busy("what people ask for")
        try:
            async with self.open_for_operations() as agent:
                while (operation := operations.take()) is not None:
                    await operations.carry_out(operation, agent)
        except IpadError as error:
            operations.fail_waiting(error)


def _passes(error: IpadError) -> bool:
    """Whether the eUICC is merely in the middle of a change of profile, as after a kill within one."""
    return isinstance(error, EuiccResultError) and error.code.name == "PROFILE_CHANGE_ONGOING"
