"""Plays one recovery: a fresh rig, and the agent as the process that stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from hil.agent_log import Entry
from hil.bench.recovery.cases import SURROUNDINGS, Begin, Case
from hil.bench.recovery.split import IncompleteError, Split, split
from hil.demo.agent import Agent, Daemon
from hil.eim import content
from hil.eim.association import PackageState
from hil.network import Service
from hil.rig import FIRST_EIM, Rig, RigOptions
from hil.waiting import until

_PATIENCE: Final = 60.0
_LOOK: Final = 0.02


async def measure(case: Case, folder: Path, personality: str, command: str | None = None) -> Split:
    """The parts of one recovery. Raises IncompleteError when the device did not come online as expected."""
    async with Rig(RigOptions(folder / "rig", personality=personality)) as rig:
        ci_file = rig.rsp.ci_file if rig.rsp is not None else rig.ca_file
        eim = rig.eim(FIRST_EIM)
        surroundings = SURROUNDINGS.format(fqdn=eim.fqdn, port=eim.relay.address[1])
        agent = Agent(folder / "agent", rig.tty, ci_file, command, surroundings)
        agent.follow(case.plan.policy)
        added = await agent.run("eim", "add", str(rig.initial_eim_file))
        if added.exit_code:
            raise IncompleteError(f"ipad {added.words} ended with exit code {added.exit_code}: {added.errors}")
        async with agent.daemon() as daemon:
            return await _Recovery(case, rig, agent, daemon).play()


class _Recovery:
    def __init__(self, case: Case, rig: Rig, agent: Agent, daemon: Daemon) -> None:
        self._plan = case.plan
        self._rig = rig
        self._agent = agent
        self._daemon = daemon
        self._first, self._second = (profile.iccid for profile in rig.card.profiles[:2])
        self._imsi = rig.card.profiles[1].imsi

    async def play(self) -> Split:
        """Bring the device to where it begins, let it lose its service, and wait until it is online."""
        await self._see("the first poll", lambda: self._rig.eim(FIRST_EIM).core.association(self._rig.eid).polls > 0)
        loss = await self._lose()
        back = self._second if self._plan.second else self._first
        await self._see("a profile that is proven", lambda: self._proven(back, loss))
        enabled = back if self._plan.expected.decision else ""
        expected = replace(self._plan.expected, enabled=enabled)
        return split(expected, loss, self._rig.timeline.events(), self._entries())

    async def _lose(self) -> float:
        """Take the service away; when that was."""
        match self._plan.begin:
            case Begin.SWITCH:
                knobs = self._rig.modem.knobs
                self._rig.modem.set_knobs(replace(knobs, ignore_refresh=self._plan.ignores_refresh))
                self._meets(self._plan.service)
                before = self._now
                self._order()
                await self._see("the switch", lambda: self._switched(self._second, before) is not None)
                return self._switched(self._second, before) or before
            case Begin.AWAY:
                await self._go_away()
            case Begin.FALLEN:
                await self._go_away()
                before = self._now
                self._meets(Service(coverage=False))
                await self._see("the fallback profile", lambda: self._proven(self._first, before))
        loss = self._now
        self._meets(self._plan.service)
        return loss

    async def _go_away(self) -> None:
        before = self._now
        package = self._order()
        await self._see("the second profile", lambda: self._proven(self._second, before))
        await self._see("its result", lambda: package() is PackageState.CLOSED)
        await self._rig.clock.sleep(self._plan.calm)

    def _order(self) -> Callable[[], PackageState]:
        order = content.psmo_package(content.enable(self._second, rollback=True))
        package = self._rig.eim(FIRST_EIM).core.queue(self._rig.eid, order)
        self._daemon.poll_now()
        return lambda: package.state

    def _meets(self, service: Service | None) -> None:
        if service is None:
            self._rig.network.drop_service(imsi=self._imsi)
        else:
            self._rig.network.set_service(service, imsi=self._imsi)

    async def _see(self, what: str, happened: Callable[[], bool]) -> None:
        await until(lambda: happened() or self._daemon.ended, self._rig.clock, _LOOK, within=_PATIENCE)
        if not happened():
            raise IncompleteError(f"{what} was waited for{', and the agent ended' if self._daemon.ended else ''}")

    # What is seen

    @property
    def _now(self) -> float:
        return self._rig.clock.monotonic() - self._rig.timeline.began

    def _entries(self) -> list[Entry]:
        began = self._rig.timeline.began
        return [replace(entry, seconds=entry.seconds - began) for entry in self._agent.log.entries(began)]

    def _switched(self, iccid: str, since: float) -> float | None:
        text = f"profile {iccid}: enabled"
        moments = [event.seconds for event in self._rig.timeline.events() if event.text == text]
        return next((moment for moment in moments if moment >= since), None)

    def _proven(self, iccid: str, since: float) -> bool:
        return any(
            entry.name == "commit" and entry.fields.get("iccid") == iccid and entry.seconds >= since
            for entry in self._entries()
        )
