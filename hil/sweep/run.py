"""One run: the agent is killed at one point, started again, and what came of it is looked at."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hil.sweep.device import Device, open_device
from hil.sweep.points import Point
from hil.sweep.process import KILLED, Agent, Nursery
from hil.sweep.scenarios import Scenario, begin, still_open
from hil.sweep.template import put_back
from hil.sweep.verdict import Reference, failures

WITHIN: Final = 90.0
"""Seconds until an agent must be done: a retry may come a minute after a failure."""
_END_WITHIN: Final = 30.0
_QUIET: Final = 0.12
_TAIL: Final = 6000


@dataclass(frozen=True)
class Run:
    """What came of one run. `killed_at` None: no point had that number, so it was killed when it was done.

    `points`: what the process that was not killed passed; only of a run that counts.
    """

    scenario: str
    kill_at: int
    killed_at: Point | None
    failures: tuple[str, ...]
    points: tuple[Point, ...] = ()
    polls: Mapping[str, int] = field(default_factory=dict)
    log: str = ""


@dataclass(frozen=True)
class Site:
    """Where runs are made: `template` is how the device begins, `folder` gets the run."""

    template: Path
    folder: Path


async def count(one: Scenario, site: Site, nursery: Nursery, *, within: float = WITHIN) -> Run:
    """The scenario without a kill: its points and its polls. `within`: seconds until it must be done."""
    put_back(site.template, site.folder)
    async with open_device(site.folder, one.start) as device:
        begin(one, device)
        async with _world(one, device):
            agent = await _start(device, nursery, 0)
            found = await _finish(one, device, agent, within)
        found += failures(one, device, None)
        return Run(one.name, 0, None, tuple(found), agent.passed(), dict(device.polls), _log(device, found))


async def kill(
    one: Scenario,
    site: Site,
    nursery: Nursery,
    kill_at: int,
    reference: Reference,
    *,
    pause: float = 0.0,
    within: float = WITHIN,
) -> Run:
    """Kill the agent at a point, or when it is done if it has no such point; start it again, and look.

    `pause`: seconds until it is started again; `within`: seconds until each of the two must be done.
    """
    put_back(site.template, site.folder)
    async with open_device(site.folder, one.start) as device:
        begin(one, device)
        async with _world(one, device):
            agent = await _start(device, nursery, kill_at)
            found = await _until_killed(one, device, agent, within)
            passed = agent.passed()
            if not found:
                await device.rig.clock.sleep(pause)
                found = await _finish(one, device, await _start(device, nursery, 0), within)
        found += failures(one, device, reference)
        reached = next((point for point in passed if point.number == kill_at), None)
        return Run(one.name, kill_at, reached, tuple(found), log=_log(device, found))


def _world(one: Scenario, device: Device) -> _World:
    return _World(asyncio.ensure_future(one.direct(device)))


class _World:
    """What happens round the device, while the context lasts."""

    def __init__(self, task: asyncio.Future[None]) -> None:
        self._task = task

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def _start(device: Device, nursery: Nursery, kill_at: int) -> Agent:
    device.begin_log()
    return await nursery.start(device.arguments, device.place, device.place.folder / f"points-{kill_at}", kill_at)


async def _until_killed(one: Scenario, device: Device, agent: Agent, within: float) -> list[str]:
    """Wait for the kill, or kill it when it is done."""
    await _either(agent, device, one, within)
    if agent.code is None:
        agent.signal(signal.SIGKILL)
    code = await agent.wait()
    return [] if code == KILLED else [f"the agent ended by itself with {code}"]


async def _finish(one: Scenario, device: Device, agent: Agent, within: float) -> list[str]:
    """Let it do what there is to do, and stop it."""
    done = await _either(agent, device, one, within)
    if agent.code is not None:
        return [f"the agent ended by itself with {agent.code}"]
    found = [] if done else [f"not done within {within:g} s", *still_open(one, device)]
    agent.signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_END_WITHIN):
            code = await agent.wait()
    except TimeoutError:
        agent.signal(signal.SIGKILL)
        await agent.wait()
        return [*found, f"the agent did not end within {_END_WITHIN:g} s of SIGTERM"]
    return found if code == 0 else [*found, f"the agent ended with {code} on SIGTERM"]


async def _either(agent: Agent, device: Device, one: Scenario, within: float) -> bool:
    """Wait until the agent has ended or everything is done; whether it is."""

    def over() -> bool:
        if agent.code is not None:
            return True
        return device.quiet(_QUIET) and device.idle and not still_open(one, device)

    try:
        async with asyncio.timeout(within):
            await device.see(over)
    except TimeoutError:
        return False
    return agent.code is None


def _log(device: Device, found: list[str]) -> str:
    if not found:
        return ""
    return device.place.log.read_text(encoding="utf-8", errors="replace")[-_TAIL:]
