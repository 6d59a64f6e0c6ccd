"""The same of a real process, over a socket and TLS: what it holds after many polls, as the system counts it."""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import pytest

from hil.clock import LoopClock
from hil.eim.association import Outcome, Package
from hil.eim.content import enable, psmo_package
from hil.eim.history import Record
from hil.fleet.agents import FleetAgent, Usage
from hil.fleet.conditions import CONDITIONS
from hil.fleet.device import FleetDevice
from hil.fleet.numbering import Numbers
from hil.fleet.site import Site
from hil.modem import load_personality
from tests.waiting import seen

POLLS: Final = int(os.environ.get("IPAD_SOAK_POLLS", "200")) // 10
EVERY: Final = 50 if POLLS >= 500 else 5
WARM_UP: Final = POLLS // 2
MEGABYTE: Final = 1024 * 1024
_WITHIN: Final = 120.0


class Visit:
    """One device with its agent. Polls are asked for by SIGUSR1, each when the one before was answered."""

    def __init__(self, site: Site, device: FleetDevice, agent: FleetAgent) -> None:
        self.site = site
        self.device = device
        self.agent = agent
        self.usages: list[Usage] = []

    async def poll(self) -> None:
        before = self.device.answered
        self.agent.wake()
        await seen(lambda: self.device.answered != before, "an answer", _WITHIN)

    async def roll_out(self) -> None:
        """The second profile, enabled."""
        self.device.roll_out()
        self.agent.wake()
        await seen(lambda: self.device.settled, "the end of the download", _WITHIN)
        assert self.device.record.succeeded, self.device.record.failure

    async def switch(self, iccid: str) -> Package:
        """Enable a profile; done when the eIM has the result over it."""
        package = self.site.eim.queue(self.device.eid, psmo_package(enable(iccid, rollback=True)))
        self.agent.wake()
        await seen(lambda: not package.open, "the result of the package", _WITHIN)
        return package


async def _visit(folder: Path, stack: AsyncExitStack) -> Visit:
    clock = LoopClock()
    site = await Site.open(folder, clock, stack)
    device = FleetDevice(
        Numbers(0),
        CONDITIONS["wire"],
        site,
        folder / "cards",
        load_personality("quectel-eg25"),
        clock,
        random.Random(1),
    )
    stack.push_async_callback(device.close)
    await device.open()
    site.requests.on_answer = lambda _eid: device.was_answered()

    def arrived(_record: Record) -> None:
        asyncio.get_running_loop().call_soon(device.result_arrived)

    site.eim.subscribe(arrived)
    await seen(lambda: device.modem.device.booted, "a modem that has booted", _WITHIN)
    agent = FleetAgent(folder / "agent", [device], site.ci_file, 3600.0)
    await agent.start(None)
    stack.push_async_callback(agent.stop)
    await seen(lambda: device.answered is not None, "the first answer", _WITHIN)
    return Visit(site, device, agent)


@pytest.mark.timeout(0)
@pytest.mark.asyncio
async def test_process_that_polls_and_switches_holds_no_more_memory_descriptors_and_threads(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        visit = await _visit(tmp_path, stack)
        numbers = visit.device.numbers
        await visit.roll_out()
        targets, switches = (numbers.first_iccid, numbers.second_iccid), 0
        for number in range(1, POLLS + 1):
            await visit.poll()
            if number % EVERY == 0:
                package = await visit.switch(targets[switches % 2])
                assert package.outcome is Outcome.OK
                switches += 1
            if number >= WARM_UP:
                visit.usages.append(visit.agent.usage())
        first, last = visit.usages[0], visit.usages[-1]
        early, late = visit.usages[: len(visit.usages) // 2], visit.usages[len(visit.usages) // 2 :]
        print(f"\n{POLLS} polls, {switches} switches\n{first}\n{last}")  # noqa: T201 - the figures
        assert max(one.memory for one in visit.usages) - first.memory < 2 * MEGABYTE
        # A connection or a file that is in use just now is no leak: what leaks is there at every look.
        assert min(one.files for one in late) <= max(one.files for one in early)
        assert min(one.threads for one in late) <= max(one.threads for one in early)
