"""A scenario on a whole device: the script moves networks and modem, the agent's core runs in the time of the bench.

Nothing is left out but wires: agent, AT dialogue, card, SGP.32 procedures, policy, journal, eIM and SM-DP+ are the real
ones of both packages. A stage ends with `end`, which checks what must hold at the end of any scenario, and prints the
timeline (`pytest -s`, or the report of a failure).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from hil import scenario as scenarios
from hil.eim import content
from hil.eim.association import Outcome, Package, PackageState
from hil.eim.content import Content
from hil.euicc import EuiccKind, default_card
from hil.euicc.config import CardConfig
from hil.link import Passage
from hil.network import Network
from hil.pki import Pki
from hil.play import Play
from hil.scenario import Scenario
from ipad.clock import SystemClock
from ipad.codec.esipa import GetEimPackageRequest
from ipad.daemon.agent import LocalAgent
from ipad.daemon.assembly import AgentFactory, first_schedule
from ipad.daemon.guard.guard import Guard
from ipad.daemon.guarding import make_guard
from ipad.daemon.sdnotify import ServiceManager
from ipad.daemon.service import Service
from ipad.ids import Eid
from ipad.policy.bounds import online_bound
from ipad.policy.decisions import ExecuteFallback, Recover, ReturnFromFallback, Rollback
from ipad.policy.recovery import HARD
from ipad.state.journal import Journal
from ipad.state.store import StateStore
from tests.e2e.scenarios.air import Air
from tests.e2e.scenarios.smdp import Servers
from tests.e2e.scenarios.timeline import Timeline
from tests.e2e.virtual.device import FIRST, ONE, TWO, Device, connect_to, execute

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
IMSI_ONE, IMSI_TWO = "001010000000001", "001020000000002"
_BEFORE = 5.0
_GET_EIM_PACKAGE = b"\xbf\x4f"
Moment = tuple[float, Callable[[], object]]


def shipped(name: str) -> Scenario:
    """A scenario of the bench."""
    return next(scenarios.read(path) for path in scenarios.shipped() if path.stem == name)


def factory(pki: Pki, *, enabled: str = TWO, fallback: str | None = ONE) -> CardConfig:
    """The card of the rig with another profile enabled; `fallback` None: no profile has the attribute."""
    card = default_card(EuiccKind.IOT, eid=pki.eid)
    profiles = tuple(
        replace(profile, enabled=profile.iccid == enabled, fallback_attribute=profile.iccid == fallback)
        for profile in card.profiles
    )
    return replace(card, profiles=profiles)


class Stage:
    """One device in one scenario. Times are seconds since the scenario began."""

    def __init__(self, folder: Path, pki: Pki, patch: pytest.MonkeyPatch, card: CardConfig, modem: str) -> None:
        self.device = Device(folder, pki, EuiccKind.IOT, card)
        connect_to(self.device, patch)
        for profile in self.device.card.engine.state.profiles:
            if profile.aka is not None:
                self.device.network.enrol(profile.imsi, profile.aka)
        self.clock = self.device.clock
        self.device.insert(modem)
        self.air = self._open_air()
        self.servers = Servers(pki, self.air, folder)
        patch.setattr("ipad.daemon.assembly.ConfiguredRspConnector", lambda *_, **_options: self.servers)
        self.device.modem.power_off()
        self.device.modem.power_on()
        self.clock.advance(20.0)
        self._associate()
        self.timeline = Timeline(self.clock)
        self.packages: list[Package] = []
        self.play: Play | None = None
        self.begun = 0.0
        self.guard: Guard
        self.service: Service
        self.agent: LocalAgent
        self.pending: asyncio.Future[None] | None = None

    def _associate(self) -> None:
        """The factory has told the card of its eIM."""
        engine = self.device.card.engine
        execute(engine, self.device.eim.identity.add_initial_eim())
        assert [eim.eim_id for eim in engine.state.eims] == [FIRST]

    def _open_air(self) -> Air:
        air = Air.over(self.clock, self.device.modem)
        air.hosts = self.device.internet.hosts
        self.device.internet = air
        return air

    @property
    def network(self) -> Network:
        """The radio network."""
        return self.device.network

    def queue(self, *contents: Content) -> list[Package]:
        """Queue contents at the eIM, each in a package of its own."""
        packages = self.device.queue(*contents)
        self.packages += packages
        return packages

    def switch(self, iccid: str = TWO, *, rollback: bool = True) -> Package:
        """Queue a package that enables a profile."""
        return self.queue(content.psmo_package(content.enable(iccid, rollback=rollback)))[0]

    def set(self, scenario: Scenario | str) -> None:
        """Choose the script; it begins with `serve`. Networks are there at once."""
        script = shipped(scenario) if isinstance(scenario, str) else scenario
        self.play = Play(script, self.network, self.clock, self.device.modem)
        self.clock.advance(30.0)

    def serve(self, *moments: Moment, until: float) -> None:
        """Let the daemon run until a moment of the scenario; the first call begins it."""
        if not self.begun:
            self.begun = self.clock.monotonic()
            self.timeline.begin()
            if self.play is not None:
                self.play.start()
                # What the script begins with is there before the agent.
                self.clock.advance(_BEFORE)
        config = self.device.settings
        self.guard = make_guard(
            config, SystemClock(), boot=self.device.boot, chance=lambda: 0.0, followers=(self.timeline,)
        )
        factory = AgentFactory(config, SystemClock(), announce=True, guard=self.guard)
        self.service = service = Service(
            partial(self._opened, factory),
            first_schedule(config),
            SystemClock(),
            ServiceManager({}),
            self.guard,
            reconnect=config.timers.reconnect,
            chance=lambda: 0.0,
        )
        try:
            self.device.run(self._life(service, moments, until))
        finally:
            print(self.text())  # noqa: T201 - the timeline is for whoever runs the test with -s

    @asynccontextmanager
    async def _opened(self, factory: AgentFactory) -> AsyncIterator[LocalAgent]:
        async with factory.open() as agent:
            self.agent = agent
            yield agent

    async def _life(self, service: Service, moments: tuple[Moment, ...], until: float) -> None:
        running = asyncio.ensure_future(service.run())
        for moment, event in (*moments, (until, service.stop)):
            await self.clock.sleep(max(0.0, self.begun + moment - self.clock.monotonic()))
            assert not running.done(), "the daemon ended"
            event()
        await running

    def poll_now(self) -> None:
        """A person wants a poll."""
        self.timeline.say("a poll is asked for")
        self.service.poll_now()

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return self.clock.monotonic() - self.begun

    def text(self) -> str:
        """What happened."""
        world = [] if self.play is None else self.play.timeline
        air = [(at - self.begun, f"packets: {passage.name.lower()}") for at, passage in self.air.passages]
        lines = self.timeline.text([*world, *((at, text) for at, text in air if at >= 0)])
        return f"\n{lines}\n      {len(self.air.attempts)} exchanges with eIMs, {self.air.bytes_sent} bytes\n"

    # What is asserted

    @property
    def enabled(self) -> str | None:
        """ICCID of the enabled profile."""
        return next((iccid for iccid, enabled in self.device.states.items() if enabled), None)

    @property
    def online(self) -> bool:
        """Whether packets get through, which the agent must know."""
        situation, settings = self.guard.situation, self.guard.engine.settings
        thinks = situation.verdict.works and situation.failing(settings.fallback.dead_probes) is None
        really = self.air.passage is Passage.OPEN
        assert thinks == really, f"the agent thinks online={thinks}, it is {really}: {situation}"
        return really

    @property
    def restarts(self) -> int:
        """How often the agent restarted the modem."""
        return sum(decision.rung in HARD for decision in self.timeline.made(Recover) if isinstance(decision, Recover))

    @property
    def switches(self) -> int:
        """Fallbacks and returns."""
        return len(self.timeline.made(ExecuteFallback, ReturnFromFallback))

    @property
    def rollbacks(self) -> int:
        """Decisions to roll back."""
        return len(self.timeline.made(Rollback))

    @property
    def polls(self) -> int:
        """Polls that reached an eIM since the beginning."""
        return sum(message.startswith(_GET_EIM_PACKAGE) for message in self.air.sent)

    def told(self) -> list[tuple[int, str | None]]:
        """Cause and network (as on the wire) of every poll that told a state change, except that of the start."""
        found = []
        for message in self.air.sent:
            if message.startswith(_GET_EIM_PACKAGE):
                request = GetEimPackageRequest.decode(message)
                if request.state_change_cause not in (None, 127):
                    plmn = None if request.r_plmn is None else request.r_plmn.hex()
                    found.append((int(request.state_change_cause or 0), plmn))
        return found

    def recovery_time(self, moment: float) -> float:
        """Seconds from a moment of the scenario until packets got through."""
        found = self.air.open_again_after(self.begun + moment)
        assert found is not None, f"offline for ever after {moment:g} s"
        return found

    def within_bound(self, moment: float) -> None:
        """A profile that policy may choose had service from a moment on: the device must have been online in time."""
        bound = online_bound(self.guard.engine.settings, slow=self.guard.situation.slow)
        assert self.recovery_time(moment) <= bound

    def end(self, *, enabled: str, online: bool = True, switches: int | None = None, restarts: int = 0) -> None:
        """What must hold at the end. `switches`, `restarts`: fallbacks and returns, and restarts of the modem by the
        agent, at the most; `switches` None: as many as policy allows."""
        settings = self.guard.engine.settings
        days = math.ceil(self.now / DAY)
        allowed = settings.fallback.switches_per_day * (days + 1) if switches is None else switches
        assert self.enabled == enabled
        assert self.online == online
        assert self.switches <= allowed
        assert self.restarts <= min(restarts, settings.recovery.hard_per_day * (days + 1))
        assert len(self.air.attempts) <= settings.poll.per_day * (days + 1)
        assert not self.device.port.in_use
        self._one_result_each()
        self._state_files_are_valid()

    def _one_result_each(self) -> None:
        records = {record.number: record for record in self.device.eim.history.records}
        for package in self.packages:
            assert package.state is PackageState.CLOSED, f"{package.content.label}: {package.state}"
            news = [records[number] for number in package.records if records[number].news]
            kinds = [record.kind.value for record in news if record.kind.value in ("result", "download", "data")]
            assert len(kinds) == 1, f"{package.content.label}: {kinds}"

    def _state_files_are_valid(self) -> None:
        folder = self.device.folder / "state"
        journal = Journal.open(StateStore(self.device.journal), Eid.parse(self.device.card.eid))
        assert journal.notice is None
        assert StateStore(folder / "policy.cbor").load().content is not None
        assert not list(folder.glob("*.corrupt-*"))


def ended(package: Package, outcome: Outcome) -> bool:
    """Whether the eIM has closed a package with this outcome."""
    return (package.state, package.outcome) == (PackageState.CLOSED, outcome)


MakeStage = Callable[..., Stage]
__all__ = ["DAY", "HOUR", "IMSI_ONE", "IMSI_TWO", "MINUTE", "ONE", "TWO", "MakeStage", "Outcome", "Stage", "ended"]
