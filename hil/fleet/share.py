"""One share of a fleet: servers, devices and agents on this machine, from the first boot to the figures."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from hil.clock import Clock, LoopClock
from hil.eim.history import Record
from hil.fleet import conditions, disturbances
from hil.fleet.agents import FleetAgent, Usage, usage
from hil.fleet.device import FleetDevice
from hil.fleet.errors import FleetError
from hil.fleet.numbering import Numbers
from hil.fleet.plan import FleetPlan
from hil.fleet.result import Cost, FleetResult, Span
from hil.fleet.rollout import RollOut, Tell
from hil.fleet.site import Site
from hil.modem import load_personality
from hil.waiting import until

log = logging.getLogger(__name__)

_PERSONALITY: Final = "quectel-eg25"
_FIRST_POLL_WITHIN: Final = 300.0
_LOOK: Final = 0.25
_START: Final = 0.05
"""Seconds of processor time, roughly, until an agent has read a card and all that is round it."""
_FILES_PER_DEVICE: Final = 14
_FILES_BESIDE: Final = 256


class Share:
    """Use `run_share`."""

    def __init__(self, plan: FleetPlan, folder: Path, stack: AsyncExitStack, tell: Tell) -> None:
        self._plan = plan
        self._folder = folder
        self._stack = stack
        self._tell = tell
        self._clock: Clock = LoopClock()
        self._site: Site
        self._devices: list[FleetDevice] = []
        self._by_eid: dict[bytes, FleetDevice] = {}
        self._agents: list[FleetAgent] = []
        self._spans: list[Span] = []
        self._handshakes: list[float] = []
        self._height: dict[FleetAgent, Usage] = {}

    async def run(self) -> FleetResult:
        """Everything. Raises FleetError and what servers and cards raise."""
        started, begin = time.time(), self._clock.monotonic()
        cpu = time.process_time()
        self._site = await Site.open(self._folder, self._clock, self._stack)
        bench_base = usage(os.getpid()).memory
        await self._open_devices()
        self._stack.push_async_callback(self._stop_agents)
        async with _beside(self._count_handshakes()):
            await self._boot()
            roll_out = await self._roll_out()
            if self._plan.outage:
                await self._outage()
            self._measure()
        result = self._result(begin, roll_out)
        result.cost = self._cost(bench_base, time.process_time() - cpu)
        result.seconds, result.started = self._clock.monotonic() - begin, started
        return result

    async def _open_devices(self) -> None:
        plan = self._plan
        chosen = conditions.spread(plan.radio, plan.devices, plan.seed)
        personality = load_personality(_PERSONALITY)
        for index, condition in enumerate(chosen):
            chance = random.Random(plan.seed * 1_000_003 + index)
            numbers = Numbers(plan.first + index)
            device = FleetDevice(
                numbers, condition, self._site, self._folder / "cards", personality, self._clock, chance
            )
            self._stack.push_async_callback(device.close)
            await device.open()
            self._devices.append(device)
            self._by_eid[device.eid] = device
            await asyncio.sleep(0)
        self._site.requests.on_answer = self._answered
        self._site.eim.subscribe(self._arrived)
        self._tell(f"{len(self._devices)} devices are on")

    def _answered(self, eid: bytes) -> None:
        if (device := self._by_eid.get(eid)) is not None:
            device.was_answered()

    def _arrived(self, record: Record) -> None:
        # The package of the record is judged when the delivery was taken in, which is in this very step of the loop.
        if (device := self._by_eid.get(bytes.fromhex(record.eid or ""))) is not None:
            asyncio.get_running_loop().call_soon(device.result_arrived)

    async def _boot(self) -> None:
        """Modems first, then one agent after the other: no machine starts a fleet at once."""
        await until(lambda: all(device.modem.device.booted for device in self._devices), self._clock, _LOOK)
        size = self._plan.per_agent
        for start in range(0, len(self._devices), size):
            devices = self._devices[start : start + size]
            folder = self._folder / "agents" / f"{start // size:03}"
            agent = FleetAgent(folder, devices, self._site.ci_file, self._plan.interval)
            await agent.start(self._plan.agent)
            self._agents.append(agent)
            await self._clock.sleep(len(devices) * _START)
        await self._first_polls()
        self._tell(f"{len(self._agents)} agents have polled for all of them")

    async def _first_polls(self) -> None:
        def answered() -> bool:
            return all(device.answered is not None for device in self._devices)

        within = _FIRST_POLL_WITHIN
        if not await until(answered, self._clock, _LOOK, within=within, check=self._check_agents):
            silent = sum(device.answered is None for device in self._devices)
            raise FleetError(f"{silent} devices have not polled within {within:g} s")

    async def _roll_out(self) -> RollOut:
        roll_out = RollOut(self._plan, self._devices, self._clock, self._check_agents, self._wake, self._tell)
        server = self._site.server
        storms = [disturbances.storm(order, server, self._clock, self._spans) for order in self._plan.storms]
        async with _beside(*storms):
            await roll_out.run()
        self._spans += roll_out.spans
        return roll_out

    async def _outage(self) -> None:
        self._tell(f"outage of {self._plan.outage:g} s")
        server = self._site.server
        span = await disturbances.outage(self._plan, self._devices, server, self._clock, self._check_agents)
        self._spans.append(span)

    def _wake(self, devices: Sequence[FleetDevice]) -> None:
        chosen = set(map(id, devices))
        for agent in self._agents if self._plan.wake else ():
            if any(id(device) in chosen for device in agent.devices):
                agent.wake()

    def _check_agents(self) -> None:
        for agent in self._agents:
            agent.check()

    async def _stop_agents(self) -> None:
        await asyncio.gather(*(agent.stop() for agent in self._agents))

    async def _count_handshakes(self) -> None:
        """Once a second: the server itself keeps no times."""
        before = 0
        while True:
            count = self._site.server.connections
            self._handshakes += [self._clock.monotonic()] * (count - before)
            before = count
            await self._clock.sleep(1.0)

    # Figures

    def _measure(self) -> None:
        for agent in self._agents:
            self._height[agent] = agent.usage()

    def _cost(self, bench_base: int, bench_cpu: float) -> Cost:
        found = tuple(self._height.values())
        return Cost(
            agents=len(found),
            agent_memory=sum(one.memory for one in found),
            bench_memory=usage(os.getpid()).memory,
            bench_base=bench_base,
            agent_cpu=sum(one.cpu for one in found),
            bench_cpu=bench_cpu,
            threads=max((one.threads for one in found), default=0),
            files=max((one.files for one in found), default=0),
        )

    def _result(self, begin: float, roll_out: RollOut) -> FleetResult:
        for device in self._devices:
            record = device.record
            record.ordered = None if record.ordered is None else record.ordered - begin
            record.done = None if record.done is None else record.done - begin
        requests = self._site.requests
        result = FleetResult(
            devices=[device.record for device in self._devices],
            requests=[moment - begin for moment in requests.moments],
            refused=[moment - begin for moment in requests.refused],
            handshakes=[moment - begin for moment in self._handshakes],
            spans=[Span(span.name, span.begin - begin, span.end - begin) for span in self._spans],
            aborted=roll_out.aborted,
        )
        result.count_from_outage()
        return result


@asynccontextmanager
async def _beside(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Work that goes on as long as the context lasts; an error of its own comes out at the end."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


def allow_files(devices: int) -> None:
    """Sockets for so many devices. Raises FleetError when the system does not grant them."""
    wanted = devices * _FILES_PER_DEVICE + _FILES_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise FleetError(f"{devices} devices need {wanted} open files, the system allows {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def run_share(plan: FleetPlan, folder: Path, tell: Tell) -> FleetResult:
    """Run a share with everything that it writes below `folder`. Raises FleetError, EuiccError, PkiError, OSError."""
    allow_files(plan.devices)
    async with AsyncExitStack() as stack:
        return await Share(plan, folder, stack, tell).run()


def share_here(plan: FleetPlan, tell: Callable[[str], None] = log.info) -> FleetResult:
    """A share in a temporary folder and a loop of its own."""
    with tempfile.TemporaryDirectory(prefix="ipad-fleet-") as folder:
        return asyncio.run(run_share(plan, Path(folder), tell))
