"""What people ask for, as the service does it: between polls, and also while the device is not served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ipad.daemon.operations import Effect, Operations
from ipad.daemon.sdnotify import ServiceManager
from ipad.daemon.service import Agent, Service
from ipad.errors import BusyError, NoEuiccError, PortError, RefusedError
from ipad.policy.limits import Timers
from ipad.policy.schedule import Schedule
from ipad.procedures.report import RunReport
from tests.ipad.daemon.fakes import FakeAgent, HeldClock, make_guard


def make(agent: FakeAgent) -> tuple[Service, Operations[FakeAgent]]:
    """A service that polls nothing by itself, and its operations."""
    clock, guard = HeldClock(), make_guard()
    schedule = Schedule(timers=Timers(poll_interval=3600.0))
    service = Service(agent.opener(), schedule, clock, ServiceManager({}), guard, reconnect=5.0, chance=lambda: 0.0)
    operations: Operations[FakeAgent] = Operations(clock, guard.news.set, on_trial=lambda: guard.on_trial)
    service.operations = operations
    return service, operations


async def ask(operations: Operations[FakeAgent], text: str, effect: Effect = Effect.READ) -> str:
    async def work(agent: FakeAgent) -> str:
        agent.log.append(text)
        return text

    return await asyncio.wait_for(operations.submit(work, title=text, who="user:x", effect=effect), 5)


@pytest.mark.asyncio
async def test_operation_is_done_between_polls_and_a_change_is_looked_at_before_its_end_is_told() -> None:
    agent = FakeAgent(eims=(), answers=[RunReport()])
    service, operations = make(agent)
    running = asyncio.ensure_future(service.run())
    assert await ask(operations, "read") == "read"
    assert agent.log[:2] == ["open", "start"]
    before = agent.log.count("start")
    await ask(operations, "change", Effect.CHANGE)
    assert agent.log.count("start") == before + 1
    service.stop()
    await running
    assert agent.log[-1] == "close"


@pytest.mark.asyncio
async def test_who_waits_for_a_device_that_cannot_be_opened_is_told_why() -> None:
    agent = FakeAgent(eims=(), start_error=PortError("unplugged"))
    service, operations = make(agent)
    asked = asyncio.ensure_future(ask(operations, "read"))
    await asyncio.sleep(0)
    running = asyncio.ensure_future(service.run())
    with pytest.raises(PortError, match="unplugged"):
        await asked
    # The next one opens the device by itself.
    assert await ask(operations, "again") == "again"
    service.stop()
    await running


@pytest.mark.asyncio
async def test_euicc_that_is_not_served_can_be_asked_all_the_same() -> None:
    served, asked_only = FakeAgent(eims=()), FakeAgent(eims=())
    service, operations = make(served)

    @asynccontextmanager
    async def refusing() -> AsyncIterator[Agent]:
        raise RefusedError("a consumer eUICC")
        yield served

    service._open_agent = refusing
    service.open_for_operations = asked_only.opener()
    running = asyncio.ensure_future(service.run())
    assert await ask(operations, "read") == "read"
    assert asked_only.log == ["open", "read", "close"]
    service.stop()
    await running


@pytest.mark.asyncio
async def test_device_that_is_lost_with_an_operation_is_opened_again_for_the_next() -> None:
    agent = FakeAgent(eims=())
    service, operations = make(agent)
    running = asyncio.ensure_future(service.run())

    async def lost(_agent: FakeAgent) -> None:
        raise NoEuiccError("gone")

    with pytest.raises(NoEuiccError):
        await asyncio.wait_for(operations.submit(lost, title="t", who="user:x"), 5)
    assert await ask(operations, "next") == "next"
    assert agent.log[:5] == ["open", "start", "close", "open", "next"]
    service.stop()
    await running


@pytest.mark.asyncio
async def test_service_that_stops_leaves_nobody_waiting() -> None:
    agent = FakeAgent(eims=())
    service, operations = make(agent)
    running = asyncio.ensure_future(service.run())

    begun = asyncio.Event()

    async def endless(_agent: FakeAgent) -> None:
        begun.set()
        await asyncio.Event().wait()

    asked = [asyncio.ensure_future(operations.submit(endless, title="t", who="user:x")) for _ in range(2)]
    await begun.wait()
    service.stop()
    await running
    assert all(isinstance(error, BusyError) for error in await asyncio.gather(*asked, return_exceptions=True))
