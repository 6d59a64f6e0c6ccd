"""A download over a UART that is fast for its length, by the agent as a process, with a crash of either side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hil.demo.agent import Agent
from hil.rig import Rig, RigOptions
from hil.rig.timeline import Event, Interface
from hil.smdp.catalogue import SMALL, activation_code

pytestmark = pytest.mark.asyncio

BASE, FAST = 115200, 921600
MODEM = f'board = "quectel-bg95"\napdu = ["ccho"]\nmax_data = 255\nrates = [{FAST}]\n[modem.timeouts]\napdu = 2\n'
WITHIN = 50.0


class Bench:
    """A UART with an agent on it."""

    def __init__(self, rig: Rig, agent: Agent) -> None:
        assert rig.rsp is not None
        self.rig = rig
        self.agent = agent
        order = next(order for order in rig.rsp.orders if order.matching_id == SMALL)
        self.download = ("profile", "download", activation_code(order, rig.rsp.smdp.fqdn))

    @property
    def rate(self) -> int:
        return self.rig.modem.device.rate.current

    async def segment(self, number: int) -> None:
        """Until the card has got so many APDUs of a package at the fast rate."""
        seen = 0
        came = asyncio.Event()

        def note(event: Event) -> None:
            nonlocal seen
            seen += event.interface is Interface.APDU and event.direction == ">" and self.rate == FAST
            if seen >= number:
                came.set()

        forget = self.rig.timeline.subscribe(note)
        async with asyncio.timeout(WITHIN):
            await came.wait()
        forget()

    async def check(self) -> None:
        """The modem is where it was, nothing was stored, and the next command finds everything in order."""
        info = await self.agent.run("euicc", "info")
        assert info.exit_code == 0, info.errors
        assert self.rate == BASE
        assert self.rig.modem.device.rate.stored == BASE
        assert not [command for command in self.commands() if "&W" in command.upper()]

    def commands(self) -> list[str]:
        events = self.rig.timeline.events(interface=Interface.AT)
        return [event.text for event in events if event.direction == ">"]


@asynccontextmanager
async def uart(folder: Path) -> AsyncIterator[Bench]:
    options = RigOptions(folder / "rig", personality="quectel-bg95", pace=BASE, uart=True)
    async with Rig(options) as rig:
        assert rig.rsp is not None
        yield Bench(rig, Agent(folder / "agent", rig.tty, rig.rsp.ci_file, modem=MODEM))


async def test_package_goes_at_the_fast_rate_and_the_line_is_slow_again(tmp_path: Path) -> None:
    async with uart(tmp_path) as bench:
        profiles = len(bench.rig.card.profiles)
        run = await bench.agent.run(*bench.download)
        assert run.exit_code == 0, run.errors
        assert bench.rate == BASE
        assert len(bench.rig.card.profiles) == profiles + 1
        lines = [command for command in bench.commands() if command.startswith("AT+IPR=")]
        assert lines == [f"AT+IPR={FAST}", f"AT+IPR={BASE}"]


async def test_agent_killed_while_the_line_is_fast_finds_the_modem_again(tmp_path: Path) -> None:
    async with uart(tmp_path) as bench:
        running = asyncio.create_task(bench.agent.run(*bench.download))
        await bench.segment(3)
        bench.agent.kill()
        await running
        assert bench.rate == FAST
        await bench.check()


async def test_modem_that_restarts_while_the_line_is_fast_is_found_again(tmp_path: Path) -> None:
    async with uart(tmp_path) as bench:
        running = asyncio.create_task(bench.agent.run(*bench.download))
        await bench.segment(3)
        bench.rig.modem.device.restart()
        run = await running
        assert run.exit_code > 0, "the package was lost with the card, and the command says so"
        await bench.check()
