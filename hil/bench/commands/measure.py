"""Has an agent that stays go through the procedures, and counts what it says to modem and eUICC for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.bench.commands.calls import calls
from hil.bench.commands.needs import Procedure
from hil.bench.errors import AgentError
from hil.bench.floor.dialogue import Call, DialogueFloor, floor_of
from hil.demo.agent import Agent, Daemon
from hil.eim import content
from hil.eim.content import Content
from hil.rig import FIRST_EIM, Rig, RigOptions
from hil.rig.timeline import Event, Interface
from hil.smdp.catalogue import SMALL, activation_code
from hil.waiting import until

_POLICY: Final = """
[poll]
boot_spread = 0
early_interval = 86400
per_day = 1
"""
_CONFIGURATION: Final = """
[esipa]
poll_interval = 604800
"""
_MODEM: Final = 'board = "quectel-eg25"\napdu = ["ccho"]\nmax_data = 255\n'
_QUIET: Final = 1.5
"""Seconds without a word on any interface after which a procedure is over."""
_WITHIN: Final = 60.0
_LOOK: Final = 0.05


@dataclass(frozen=True)
class Counted:
    """One procedure. `commands`: command lines of the agent, with those that carry APDUs."""

    procedure: Procedure
    calls: tuple[Call, ...]
    commands: int
    lines: tuple[str, ...]
    """The lines that carry no APDU, cut before their values."""

    @property
    def apdus(self) -> int:
        """APDUs of ES10."""
        return sum(call.apdus for call in self.calls)

    @property
    def floor(self) -> DialogueFloor:
        """The least for this procedure."""
        return floor_of(self.procedure.needs, self.calls)

    @property
    def surplus(self) -> dict[str, int]:
        """Functions that nobody needs by the specifications, and how often they were called."""
        rest: dict[str, int] = {}
        for call in self.calls:
            rest[call.function] = rest.get(call.function, 0) + 1
        for need in self.procedure.needs.calls:
            rest[need.function] = rest.get(need.function, 0) - (need.times or rest.get(need.function, 0))
        return {name: count for name, count in rest.items() if count > 0}


async def measure(wanted: Sequence[Procedure], folder: Path, command: str | None = None) -> list[Counted]:
    """The wanted procedures on fresh devices. Raises AgentError when one does not come to its end."""
    first = [one for one in wanted if one is not Procedure.INDIRECT]
    found: list[Counted] = []
    if first:
        found += await _device(first, folder / "direct", frozenset(), command)
    if Procedure.INDIRECT in wanted:
        found += await _device([Procedure.INDIRECT], folder / "indirect", frozenset((FIRST_EIM,)), command)
    return found


async def _device(
    wanted: Sequence[Procedure], folder: Path, indirect: frozenset[str], command: str | None
) -> list[Counted]:
    async with Rig(RigOptions(folder / "rig", indirect=indirect)) as rig:
        assert rig.rsp is not None
        agent = Agent(folder / "agent", rig.tty, rig.rsp.ci_file, command, _CONFIGURATION, _MODEM)
        agent.follow(_POLICY)
        added = await agent.run("eim", "add", str(rig.initial_eim_file))
        if added.exit_code:
            raise AgentError(f"ipad {added.words} ended with exit code {added.exit_code}\n{added.errors}")
        bench = _Bench(rig)
        before = rig.timeline.last_number
        async with agent.daemon() as daemon:
            await bench.polled(before)
            start = bench.count(Procedure.START, before)
            # What the start left to be learnt is learnt: the rows are of an agent that has been there for a while.
            await bench.carry_out(daemon, ())
            return [
                start if one is Procedure.START else await bench.counted(one, daemon)
                for one in Procedure
                if one in wanted
            ]


class _Bench:
    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._eim = rig.eim(FIRST_EIM)

    async def counted(self, procedure: Procedure, daemon: Daemon) -> Counted:
        """One procedure, behind another one of its kind where only that makes the first block size known."""
        before = self._rig.timeline.last_number
        await self.carry_out(daemon, self._content(procedure))
        found = self.count(procedure, before)
        if procedure is not Procedure.IDLE:
            await self.carry_out(daemon, ())
        return found

    async def carry_out(self, daemon: Daemon, contents: tuple[Content, ...]) -> None:
        """Queue, have the eIM polled, and wait until all is done and quiet. Raises AgentError."""
        for one in contents:
            self._eim.core.queue(self._rig.eid, one)
        before = self._rig.timeline.last_number
        daemon.poll_now()
        await self.polled(before)

    async def polled(self, before: int) -> None:
        """A poll came, nothing is open any more, and nobody says anything. Raises AgentError."""

        def done() -> bool:
            polls = [
                event for event in self._rig.timeline.events(before, Interface.ESIPA) if "GetEimPackage" in event.text
            ]
            packages = self._eim.core.association(self._rig.eid).packages
            return bool(polls) and not any(package.open for package in packages)

        await self._until(done)
        last, quiet = self._rig.timeline.last_number, 0.0
        while quiet < _QUIET:
            await self._rig.clock.sleep(_LOOK)
            quiet = quiet + _LOOK if self._rig.timeline.last_number == last else 0.0
            last = self._rig.timeline.last_number

    def count(self, procedure: Procedure, before: int) -> Counted:
        """What was said since an event of the timeline."""
        events = self._rig.timeline.events(before)
        lines = [event.text for event in events if event.interface is Interface.AT and event.direction == ">"]
        others = [line.partition("=")[0] for line in lines if not line.startswith("AT+CGLA=")]
        return Counted(procedure, calls(_of_agent(events)), len(lines), tuple(others))

    def _content(self, procedure: Procedure) -> tuple[Content, ...]:
        found = self._package(procedure)
        return () if found is None else (found,)

    def _package(self, procedure: Procedure) -> Content | None:
        rig = self._rig
        found: Content | None = None
        match procedure:
            case Procedure.LIST:
                found = content.psmo_package(content.list_profile_info())
            case Procedure.DATA:
                found = content.data_request((0xBF22, 0xA5, 0xA0))
            case Procedure.ECO:
                found = content.eco_package(content.list_eim())
            case Procedure.DIRECT | Procedure.INDIRECT:
                assert rig.rsp is not None
                order = next(order for order in rig.rsp.orders if order.matching_id == SMALL)
                found = content.download_trigger(activation_code=activation_code(order, rig.rsp.smdp.fqdn))
            case Procedure.DELETE:
                found = content.psmo_package(content.delete(rig.card.profiles[-1].iccid))
            case Procedure.ENABLE:
                second = next(profile.iccid for profile in rig.card.profiles if not profile.enabled)
                found = content.psmo_package(content.enable(second))
        return found

    async def _until(self, condition: Callable[[], bool]) -> None:
        if not await until(condition, self._rig.clock, _LOOK, within=_WITHIN):
            raise AgentError("the agent did not come to the end of a procedure")


def _of_agent(events: Sequence[Event]) -> list[Event]:
    """APDUs between an AT+CGLA and its answer; the rest is the modem's own work with the card."""
    found: list[Event] = []
    inside = False
    for event in events:
        if event.interface is Interface.AT:
            inside = event.direction == ">" and event.text.startswith("AT+CGLA=")
        elif inside:
            found.append(event)
    return found
