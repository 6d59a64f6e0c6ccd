"""Looks after one device: keeps the engine in time, takes in what happens, hands out what is to be done.

Whoever serves the device (the service loop, or one visit) takes the work from here, because only one thing at a time
may touch modem and eUICC. Everything else goes on meanwhile: radio events come in, time passes, looks through the
layers and programs of rules run beside.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from typing import Any, Final

from ipad.bearer.backend import BearerReason
from ipad.clock import EARLIEST_WALL, Clock
from ipad.daemon.guard.engine import EventSink, PolicyEngine
from ipad.daemon.guard.executor import Executor, is_stale
from ipad.daemon.guard.memory_file import PolicyMemory
from ipad.daemon.guard.options import GuardOptions
from ipad.daemon.guard.waiting import wait_for
from ipad.daemon.guard.ward import CardView, Ward
from ipad.daemon.recorder import Recorder
from ipad.endings import called_off
from ipad.ids import Eid
from ipad.policy import polling
from ipad.policy.decisions import Decision, EarlyPoll, Probe, Recover, RunHook, Silence
from ipad.policy.events import (
    Boot,
    Emergency,
    Event,
    Layer,
    ModemChanged,
    ModemState,
    Origin,
    PollWanted,
    ProfileChanged,
    RulesLoaded,
    Sleep,
    Tick,
    TimeSet,
)
from ipad.policy.settings import Settings
from ipad.policy.situation import Situation
from ipad.policy.supervision import Remedy
from ipad.procedures.report import RunReport
from ipad.records import replace

logger = logging.getLogger(__name__)

_CLOCK_CHECK: Final = 3600.0


class Guard:
    """One device. `news` is set whenever there may be something to do; `rescue` climbs a rung while nothing is open."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        memory: PolicyMemory,
        *,
        sink: EventSink | None = None,
        options: GuardOptions | None = None,
        rescue: Callable[[str], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self._clock = clock
        self._memory = memory
        self._options = options or GuardOptions()
        self.engine = PolicyEngine(settings, clock, memory, self._decided, sink)
        self._reboot = memory.rebooted
        self.executor = Executor(self)
        self.rescue = rescue
        self.recorder: Recorder | None = None
        """Told what happens to the device, for status, trail and journal; its task runs with those of the guard."""
        self.news = asyncio.Event()
        self._stepped = asyncio.Event()
        self._work: deque[Decision] = deque()
        self._early: EarlyPoll | None = None
        self._probe: Probe | None = None
        self._beside: set[asyncio.Task[None]] = set()
        self._keeping: tuple[asyncio.Task[None], ...] = ()
        self._looking: asyncio.Task[None] | None = None
        self._unoccupied = asyncio.Event()
        self._unoccupied.set()
        self._boot: Boot | None = None
        self._told_time: tuple[float, bool] = (float("-inf"), False)
        self._ward: Ward | None = None
        self.hurry: Callable[[bool], None] = lambda _on: None
        self.silent = False
        self._deliver_again = False
        self._woke = False
        self._offline_at: float | None = None
        self._outage: polling.Outage | None = None

    # What is known

    @property
    def situation(self) -> Situation:
        """What policy knows of the device now."""
        return self.engine.state.situation

    @property
    def clock(self) -> Clock:
        """The time of the device."""
        return self._clock

    @property
    def connected(self) -> bool:
        """Whether eIMs can be expected to be reached: there is a bearer, or no radio at all."""
        return not self.situation.radio or self.situation.connected

    @property
    def on_trial(self) -> bool:
        """Whether the enabled profile has still to prove itself, or is about to be changed."""
        return self.engine.state.window is not None

    @property
    def undecided(self) -> bool:
        """Whether a rollback is still possible: until that is decided no further package is taken."""
        window = self.engine.state.window
        return window is not None and Remedy.ROLLBACK in window.remedies

    @property
    def hidden(self) -> bool:
        """Whether the modem hides its data bearer; kept across restarts."""
        return self._memory.hidden

    @hidden.setter
    def hidden(self, hidden: bool) -> None:
        self._memory.hidden = hidden

    @property
    def busy(self) -> bool:
        """Whether something was decided whose end is not known yet."""
        return bool(self._work) or self.engine.state.pending is not None

    @property
    def broken(self) -> str | None:
        """Why time does not pass for policy any more, an error of the agent itself; None while it does."""
        for task in self._keeping:
            if task.done() and not task.cancelled() and task.exception() is not None:
                return f"policy has stopped: {task.exception()!r}"
        return None

    # What happens

    def feed(self, event: Event) -> None:
        """Something happened, now."""
        if isinstance(event, Sleep) and event.seconds <= 0:
            self._woke = True
        if isinstance(event, ProfileChanged):
            # What was granted was meant for the bearer of before.
            self._early, self._deliver_again = None, False
            # However long the profile before was waited for, this one is looked after as often as at first.
            self.hurry(False)
        connected = self.connected
        self.engine.feed(event)
        self._stepped.set()
        if connected != self.connected:
            self._note_connection()
        if connected != self.connected or isinstance(event, Sleep | PollWanted):
            self.news.set()
        state = self.engine.state
        failing = state.situation.failing(self.engine.settings.fallback.dead_probes)
        # Over a path that works it is the eIM that is waited for, and the modem cannot tell anything about that.
        unproven = state.window is not None and not state.situation.verdict.works
        self.hurry(unproven or failing is not None or state.pending is not None)

    def _note_connection(self) -> None:
        """The bearer is lost, or back."""
        now = self._clock.monotonic()
        if not self.connected:
            self._offline_at = now
        elif self._offline_at is not None:
            self._outage = polling.Outage(end=now, seconds=now - self._offline_at)

    def adopt(self, settings: Settings, options: GuardOptions) -> None:
        """Other settings and rules hold from now on; policy is told that they have changed."""
        self.engine.settings = settings
        self._options = options
        if self._boot is not None and options.digest is not None:
            self.feed(RulesLoaded(digest=options.digest))
            self.news.set()

    def begin(self, boot: Boot) -> None:
        """The device is described; the first time this process begins, later only if it turned out to be another."""
        if self._boot is None:
            described = replace(boot, chance=self._options.chance(), reboot=self._reboot, uptime=self._options.uptime)
            self._boot = described
            self.feed(described)
            if self._options.digest is not None:
                self.feed(RulesLoaded(digest=self._options.digest))
        else:
            described = replace(boot, chance=self._boot.chance, reboot=False, uptime=self._boot.uptime)
            if described != replace(self._boot, reboot=False):
                self._boot = described
                self.feed(described)
        self._tell_time()

    def meet(self, eid: Eid) -> None:
        """The eUICC is this one. What was known of another one is forgotten."""
        if self._memory.belongs_to(eid) or self._boot is None:
            return
        logger.warning("the memory of policy belongs to another eUICC than %s: dropped", eid.masked())
        self.engine.forget()
        self._work.clear()
        self.feed(self._boot)
        self._tell_time()

    async def take_up(self, ward: Ward) -> None:
        """The eUICC can be read: tell what it shows, and what an interrupted package left. Raises as the ward does."""
        trial = ward.trial()
        if trial is not None and self.situation.enabled != trial.iccid:
            self.feed(trial)
        await self.read_card(ward, begin=True)
        if trial is not None and self.engine.state.window is None:
            await ward.settle()
        await ward.look_around(anew=False)
        await self._look_where_untold(ward)

    async def _look_where_untold(self, ward: Ward) -> None:
        """What the modem told may have been about the profile of before, or about another eUICC."""
        s = self.situation
        if not (s.shown_told and s.bearer_told and s.state is not None):
            await ward.look_around()

    async def read_card(self, ward: Ward, *, begin: bool = False, again: bool = False) -> None:
        """Tell what the eUICC shows. A switch that it accepted, and that the modem still ignores, is no news.

        `again`: whatever is remembered of it.
        """
        view = await ward.look_at_card(again=again)
        if self._surprising(view):
            # One bit that falls over on a serial line is enough for it, and would be believed for days.
            view = await ward.look_at_card(again=True)
        window = self.engine.state.window
        if view.emergency:
            # Before the profile, whose change is then nobody's business.
            self.feed(Emergency(active=True))
        if not begin and window is not None and view.card.enabled == window.previous != self.situation.enabled:
            logger.info("the eUICC still shows the profile of before: the switch is waited for")
        else:
            self.feed(view.card)
        self.feed(Emergency(active=view.emergency))

    def _surprising(self, view: CardView) -> bool:
        """Whether the eUICC shows what nobody told of."""
        s, card = self.situation, view.card
        return s.enabled_told and (card.enabled, card.fallback, view.emergency) != (s.enabled, s.fallback, s.emergency)

    def lost_port(self) -> None:
        """The modem is gone."""
        if self._boot is not None and self.situation.modem is not ModemState.ABSENT:
            self.feed(ModemChanged(state=ModemState.ABSENT))

    # What is to be done

    def take(self) -> Decision | None:
        """The next thing that touches modem or eUICC."""
        while self._work:
            decision = self._work.popleft()
            if not is_stale(decision, self.engine.state):
                return decision
            logger.debug("no longer wanted: %s", decision)
        return None

    def take_rescue(self) -> Recover | None:
        """A rung to climb while nothing is open; everything else waits."""
        found = next((item for item in self._work if isinstance(item, Recover)), None)
        if found is not None:
            self._work.remove(found)
        return found

    def take_early(self) -> EarlyPoll | None:
        """The early poll that was granted, once."""
        early, self._early = self._early, None
        return early

    def take_retry(self) -> bool:
        """Whether the result on trial is to be delivered again, because a look has reached its eIM; once."""
        again, self._deliver_again = self._deliver_again and self.undecided, False
        return again

    def take_waking(self) -> bool:
        """Whether the modem has woken from its sleep, once."""
        woke, self._woke = self._woke, False
        return woke

    async def after_run(self, ward: Ward, report: RunReport) -> None:
        """A run has ended: another profile needs its bearer, and any package may have changed the eUICC.

        Where no eIM answered, it may be the eUICC that was misread: who takes its profile for another one, or for none,
        sees no reason to do anything.
        """
        if self.recorder is not None:
            self.recorder.run_ended(report)
        if report.on_trial:
            await ward.bring_up(BearerReason.PROFILE_CHANGED)
        if report.packages or report.unreached:
            await self.executor.read_card(ward)
        if report.on_trial:
            await ward.look_around()
        elif report.unreached:
            await self._look_where_untold(ward)

    async def after_operation(self, ward: Ward) -> None:
        """A person has done something to the eUICC: what it shows now is told, and another profile needs its bearer."""
        known = self.situation.enabled
        view = await ward.look_at_card()
        changed = known is not None and known != view.card.enabled
        if changed and not self.situation.emergency and not view.emergency:
            self.feed(ProfileChanged(origin=Origin.LOCAL, iccid=view.card.enabled, previous=known))
        await self.executor.read_card(ward)
        if changed:
            await ward.bring_up(BearerReason.PROFILE_CHANGED)
            await ward.look_around()

    def release(self, due: float, now: float | None = None) -> float:
        """When a scheduled poll that is due at a moment may go out; infinity while that is not known.

        `now` for who compares the answer with it: one that was read later would put a poll off again and again.
        """
        state, now = self.engine.state, self._clock.monotonic() if now is None else now
        if self.silent:
            return float("inf")
        moment = polling.release(due, state.polls, state.situation, self.engine.settings.poll, now)
        if self.connected:
            # While a profile is on trial the eIM is the judge, and is asked without delay.
            if self._outage is None or self.on_trial:
                return moment
            return max(moment, polling.caught_up(due, self._outage, state.situation.chance))
        # A gateway may reach its eIM by another way than the modem, but that says nothing about a profile on trial.
        return float("inf") if self.undecided else max(moment, due + self._options.first_session)

    def first_poll(self, now: float, interval: float) -> float:
        """When eIMs are polled for the first time in this process, if policy does not want it sooner."""
        poll = self.engine.settings.poll
        if not poll.on_boot:
            return now + interval
        if not self.situation.radio and not self._reboot:
            return now
        spread = max(0.0, poll.boot_spread - self._options.uptime) if self._reboot else 0.0
        return now + self._options.first_session + spread

    async def await_bearer(self) -> None:
        """Right after boot or wake-up the modem is still attaching: a contact now would fail for no reason.

        The wait is bounded, because a gateway may reach its eIM by another way than the modem.
        """
        end = self._clock.monotonic() + self._options.first_session
        while not self.connected and not self.on_trial and self._clock.monotonic() < end:
            self.news.clear()
            await wait_for(self.news, self._clock, end - self._clock.monotonic())

    # Beside the work

    @contextmanager
    def contacting(self) -> Iterator[None]:
        """While eIMs are polled: whether they can be reached is about to be known without a look."""
        self._unoccupied.clear()
        try:
            yield
        finally:
            self._unoccupied.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Time passes, looks and programs run, as long as the context lasts."""
        async with self.recorder.running() if self.recorder is not None else nullcontext(), self._running():
            yield

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        tasks = [asyncio.ensure_future(self._keep_time()), asyncio.ensure_future(self._keep_memory())]
        self._keeping = tuple(tasks)
        try:
            yield
        finally:
            await called_off(*tasks, *self._beside)
            await self._save()

    @asynccontextmanager
    async def looking_after(self, ward: Ward) -> AsyncIterator[None]:
        """The device is open as long as the context lasts: looks go through it."""
        self._ward = ward
        try:
            yield
        finally:
            self._ward = None
            if self._looking is not None:
                self._looking.cancel()
                with suppress(asyncio.CancelledError):
                    await self._looking

    async def reaches_eim(self) -> bool:
        """Whether an eIM accepts a connection just now, over whatever path there is."""
        if self._ward is None:
            return False
        sight = await self._ward.look_through(self.situation.bearer)
        return sight.result.reached.rank >= Layer.TCP.rank

    async def _keep_time(self) -> None:
        while True:
            self._stepped.clear()
            now = self._clock.monotonic()
            if self.engine.wake_at <= now:
                self._tell_time()
                hints = self._options.hints()
                self.feed(hints if hints is not None else Tick())
                continue
            await wait_for(self._stepped, self._clock, self.engine.wake_at - now)

    async def _keep_memory(self) -> None:
        while True:
            await self._save()
            stepped = self.engine.state
            while self.engine.state is stepped:
                await self._stepped.wait()
                await asyncio.sleep(0)

    async def _save(self) -> None:
        """Keep the memory, but not that of before this boot under the name of this boot: the boot must count first."""
        if self._boot is not None:
            await self.engine.save()

    def _tell_time(self) -> None:
        """The wall clock, now and then, and when it was set."""
        now, wall = self._clock.monotonic(), self._clock.time()
        trusted = wall >= EARLIEST_WALL
        if now - self._told_time[0] >= _CLOCK_CHECK or trusted != self._told_time[1]:
            self._told_time = (now, trusted)
            self.feed(TimeSet(wall=wall, east=self._options.local_time(wall), trusted=trusted))

    def _decided(self, decision: Decision) -> None:
        match decision:
            case EarlyPoll():
                self._early = decision
            case Probe():
                self._look(decision)
                return
            case RunHook():
                self._start(self._run_hook(decision))
                return
            case Silence(on=on):
                self.silent = on
                logger.warning("the emergency profile is %s", "enabled: nothing is polled" if on else "disabled")
            case _:
                logger.info("decided: %s", decision)
                self._work.append(decision)
        self.news.set()

    def _look(self, probe: Probe) -> None:
        if self._ward is not None and (self._looking is None or self._looking.done()):
            logger.debug("a look through the layers: %s", probe.reason)
            self._looking = asyncio.ensure_future(self._look_through(self._ward))

    async def _look_through(self, ward: Ward) -> None:
        if not self.on_trial and not self._unoccupied.is_set():
            # Over a dead path a poll hangs for a long time, and it is the look that says so.
            await wait_for(self._unoccupied, self._clock, self.engine.settings.poll.probe_retry)
            if self._unoccupied.is_set() and self.situation.verdict.works:
                return
        sight = await ward.look_through(self.situation.bearer)
        if sight.traffic is not None:
            self.feed(sight.traffic)
        self.feed(sight.result)
        if self.undecided and sight.result.reached in (Layer.TLS, Layer.EIM):
            # The eIM is there: its answer to the result that it is owed is the proof.
            self._deliver_again = True
            self.news.set()

    async def _run_hook(self, hook: RunHook) -> None:
        from ipad.daemon.guard.hooks import run_hook  # noqa: PLC0415 - few devices have rules with programs

        s = self.situation
        facts = {"ICCID": s.enabled, "PLMN": s.plmn, "COUNTRY": s.country, "SESSION": s.bearer}
        await run_hook(hook, self._clock, {name: value for name, value in facts.items() if value})

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)
