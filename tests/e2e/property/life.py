"""Lets a scenario happen to a whole device, and keeps what it came to."""

from __future__ import annotations

import asyncio
import shutil
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

from hil.eim import content
from hil.euicc.engine import Engine
from hil.modem.knobs import Knobs
from ipad.clock import SystemClock
from ipad.daemon.assembly import first_schedule
from ipad.daemon.guard.guard import Guard
from ipad.daemon.sdnotify import ServiceManager
from ipad.daemon.service import Service
from ipad.errors import NetworkError
from ipad.net.probe import Look, ReachedLayer
from ipad.policy.bounds import online_bound, trial_bound
from ipad.policy.events import Origin
from ipad.policy.supervision import Remedy
from tests.e2e.property.scenario import IMSI, MINUTE, POLICY, PROFILES, WEATHER_ENDS, Air, Happening, Scenario, What
from tests.e2e.virtual.device import Device, execute

_LAST_HAND_OUT = WEATHER_ENDS - 5 * MINUTE
_STEADY = 10 * MINUTE
"""Online for so long at the end, with nothing on trial: nothing more is to be seen."""
_ESIPA = "[esipa]\npoll_interval = 300\n"


@dataclass
class Process:
    """`ipad run` from its start to its end."""

    service: Service
    guard: Guard
    running: asyncio.Task[None]


class Life:
    """One device in one scenario. `story` tells what happened, with seconds."""

    def __init__(self, device: Device, scenario: Scenario) -> None:
        self.device = device
        self.scenario = scenario
        self.story: list[tuple[float, str]] = []
        self.switches: list[tuple[float, str | None]] = []
        self.unhandled: list[str] = []
        self.choosable: frozenset[str] = frozenset()
        self.good = ""
        self.enabled_then: str | None = None
        self._process: Process | None = None
        self._traps: deque[Happening] = deque()
        self._sprung: asyncio.Queue[Happening] = asyncio.Queue()
        self._online: list[tuple[float, bool]] = []
        self._zero = 0.0
        self._prepare()

    def _prepare(self) -> None:
        device, scenario = self.device, self.scenario
        device.set_policy(POLICY, _ESIPA)
        device.insert(scenario.personality)
        device.provision()
        device.modem.set_knobs(Knobs(ignore_refresh=scenario.ignores_refresh))
        device.card.engine.knobs.power_loss = scenario.power_loss
        device.card_fault = self._on_card
        device.modem.on_bearer(self._on_bearer)
        device.internet.reachable = lambda: self.online
        self._zero = device.clock.monotonic()
        self._online.append((0.0, True))
        for iccid, air in scenario.begin.items():
            self._change(iccid, air)

    # Time

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return self.device.clock.monotonic() - self._zero

    async def live(self) -> None:
        """From the beginning to the end of the bound."""
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.unhandled.append(str(context)))
        plan: list[tuple[float, int, Happening | tuple[str, Air] | None]] = []
        for happening in self.scenario.happenings:
            plan.append((happening.moment, len(plan), happening))
        for iccid, changes in self.scenario.weather.items():
            plan += [(moment, len(plan) + n, (iccid, air)) for n, (moment, air) in enumerate(changes)]
        self._start()
        for moment, _, thing in sorted(plan, key=lambda item: item[:2]):
            await self._until(moment)
            match thing:
                case Happening() if thing.after_switch is not None:
                    self._traps.append(thing)
                case Happening():
                    await self._happen(thing)
                case (iccid, air):
                    self._change(iccid, air)
        await self._until(_LAST_HAND_OUT)
        self._no_more_packages()
        await self._until(WEATHER_ENDS)
        self._settle_weather()
        while self.now < WEATHER_ENDS + self.bound and not self._steady:
            await self._until(self.now + MINUTE)
        await self._stop()

    async def _until(self, moment: float) -> None:
        clock, until = self.device.clock, self._zero + moment
        while (left := until - clock.monotonic()) > 0:
            sprung, pause = asyncio.ensure_future(self._sprung.get()), asyncio.ensure_future(clock.sleep(left))
            await asyncio.wait((sprung, pause), return_when=asyncio.FIRST_COMPLETED)
            if sprung.done():
                await self._happen(sprung.result())
            for task in (sprung, pause):
                task.cancel()
            assert self._process is None or not self._process.running.done(), f"the agent ended\n{self.tell()}"

    # The agent

    @property
    def guard(self) -> Guard:
        """Who looks after the device now."""
        assert self._process is not None
        return self._process.guard

    def _start(self) -> None:
        config = self.device.settings
        guard = self.device.guard(self.scenario.chance)
        service = Service(
            self.device.opener(guard),
            first_schedule(config),
            SystemClock(),
            ServiceManager({}),
            guard,
            reconnect=config.timers.reconnect,
            chance=lambda: 0.0,
        )
        self._process = Process(service, guard, asyncio.ensure_future(service.run()))

    async def _stop(self) -> None:
        assert self._process is not None
        self._process.service.stop()
        await self._process.running

    async def _kill(self) -> None:
        """As kill -9 does: what the unwinding of the process would still write, to modem or disk, does not happen."""
        assert self._process is not None
        process, self._process = self._process, None
        state, copy = self.device.folder / "state", self.device.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        if state.exists():
            shutil.copytree(state, copy)
        self.device.port.cut()
        process.running.cancel()
        await asyncio.gather(process.running, return_exceptions=True)
        if copy.exists():
            shutil.rmtree(state)
            copy.rename(state)

    # What happens

    def _note(self, text: str) -> None:
        self.story.append((self.now, text))

    def _change(self, iccid: str, air: Air) -> None:
        self._note(f"{iccid[-4:]}: {air}")
        self.device.network.set_service(air.service, imsi=IMSI[iccid])

    async def _happen(self, happening: Happening) -> None:
        device, lasts = self.device, happening.lasts
        self._note(str(happening.what))
        match happening.what:
            case What.PACKAGE | What.PACKAGE_WITH_ROLLBACK:
                rollback = happening.what is What.PACKAGE_WITH_ROLLBACK
                if self.now < _LAST_HAND_OUT:
                    device.queue(content.psmo_package(content.enable(happening.iccid, rollback=rollback)))
            case What.RESTART:
                await self._stop()
                self._start()
            case What.KILL:
                await self._kill()
                self._start()
            case What.POWER_CUT | What.MEMORY_DAMAGED | What.MEMORY_GONE:
                await self._kill()
                self._spoil(happening.what)
                device.modem.power_off()
                await device.clock.sleep(lasts)
                device.boot = f"boot at {self.now}"
                device.modem.power_on()
                self._start()
            case What.MODEM_RESETS:
                device.modem.hang_up(min(lasts, 60.0))
            case What.MODEM_HANGS:
                self._hang(silent=True)
                device.clock.call_later(lasts, lambda: self._hang(silent=False))
            case What.CARD_BUSY:
                device.card.engine.knobs.cat_busy = True
                device.clock.call_later(lasts, lambda: setattr(device.card.engine.knobs, "cat_busy", False))
            case What.EIM_OUTAGE:
                device.internet.spoil, device.internet.look = _refuse, self._look_without_eim
                device.clock.call_later(lasts, self._eim_is_back)

    def _spoil(self, what: What) -> None:
        """What a flash may do to the file with the memory of policy when the power goes."""
        memory = self.device.folder / "state" / "policy.cbor"
        if not memory.exists():
            return
        if what is What.MEMORY_DAMAGED:
            memory.write_bytes(memory.read_bytes()[:-1])
        elif what is What.MEMORY_GONE:
            memory.unlink()

    def _hang(self, *, silent: bool) -> None:
        self.device.modem.set_knobs(replace(self.device.modem.knobs, silent=silent))

    def _eim_is_back(self) -> None:
        self.device.internet.spoil = self.device.internet.look = None

    def _look_without_eim(self) -> Look:
        if not self.online:
            return Look(reached=ReachedLayer.BEARER, failure="nothing came back")
        return Look(reached=ReachedLayer.DNS, packets=True, failure="connection refused")

    def _no_more_packages(self) -> None:
        for package in self.device.eim.association(self.device.eid).packages:
            if not package.handed_out:
                self.device.eim.cancel(self.device.eid, package.number)

    def _settle_weather(self) -> None:
        """From now on one profile has service, and nothing else happens. What policy could choose is written down."""
        self._traps.clear()
        state = self.device.card.engine.state
        plan = state.pending_switch
        self.enabled_then = next((item.digits for item in state.profiles if item.enabled), None)
        coming = state.profile(plan.enable) if plan is not None else None
        found = {coming.digits if coming is not None else self.enabled_then}
        former = state.profile(state.fallback_return)
        if former is not None:
            found.add(former.digits)
        elif state.fallback_profile is not None:
            found.add(state.fallback_profile.digits)
        window = self.guard.engine.state.window
        undone = state.profile(state.rollback.previous_iccid) if state.rollback is not None else None
        if undone is not None and window is not None and Remedy.ROLLBACK in window.remedies:
            found.add(undone.digits)
        self.choosable = frozenset(iccid for iccid in found if iccid is not None)
        self.good = sorted(self.choosable)[self.scenario.good % len(self.choosable)]
        for iccid in PROFILES:
            self._change(iccid, Air.FULL if iccid == self.good else self.scenario.dead)

    # What is seen

    def _on_card(self, engine: Engine, request: bytes) -> bytes:
        before = _switched(engine)
        try:
            return execute(engine, request)
        finally:
            if _switched(engine) != before:
                enabled = next((item.digits for item in engine.state.profiles if item.enabled), None)
                self.switches.append((self.now, enabled))
                self._note(f"card, {request[:2].hex().upper()}: {enabled}, {engine.state.pending_switch or ''}")
                if self._traps:
                    trap = self._traps.popleft()
                    self.device.clock.call_later(trap.after_switch or 0.0, lambda: self._sprung.put_nowait(trap))

    def _on_bearer(self, up: bool) -> None:
        self._online.append((self.now, up))
        self._note("bearer up" if up else "bearer lost")

    @property
    def bound(self) -> float:
        """Seconds within which the device is online again."""
        return online_bound(self.guard.engine.settings)

    @property
    def online(self) -> bool:
        """Whether packets get through now."""
        return self._online[-1][1]

    @property
    def _steady(self) -> bool:
        last, up = self._online[-1]
        quiet = self.guard.engine.state.window is None and not self.guard.busy
        return up and quiet and self.now - max(last, WEATHER_ENDS) > _STEADY

    def was_online(self, since: float) -> bool:
        """Whether packets got through at any time from a moment on."""
        before = [up for moment, up in self._online if moment <= since]
        return bool(before and before[-1]) or any(up for moment, up in self._online if moment > since)

    @property
    def looking(self) -> bool:
        """Whether the device is away from a good profile for a planned look at the former one, or just was."""
        window, settings = self.guard.engine.state.window, self.guard.engine.settings
        away = window is not None and window.origin in (Origin.RETURN, Origin.FALLBACK)
        return away or self.was_online(self.now - 2 * trial_bound(settings, slow=False))

    @property
    def undone_since(self) -> bool:
        """Whether a rollback that was due already took the profile away that got its service at the end."""
        return self.enabled_then == self.good and any(
            entry.what == "rollback" and entry.at >= self._zero + WEATHER_ENDS
            for entry in self.guard.engine.state.history
        )

    def tell(self) -> str:
        """Everything, for a person."""
        lines = [f"{moment:9.1f}  {text}" for moment, text in self.story]
        history = [str(entry) for entry in self.guard.engine.state.history] if self._process else []
        return "\n".join(
            [str(self.scenario), f"choosable {sorted(self.choosable)}, good {self.good}", *lines, *history]
        )


def _switched(engine: Engine) -> tuple[Any, ...]:
    state = engine.state
    return ([item.iccid for item in state.profiles if item.enabled], state.pending_switch)


def _refuse(_message: bytes, _answer: bytes) -> bytes:
    raise NetworkError("connection refused", layer="tcp")
