"""The queue between those who ask and the service."""

from __future__ import annotations

import asyncio

import pytest

from ipad.daemon.operations import Effect, Operation, Operations, OperationState, Order
from ipad.errors import BusyError, IpadError, ModemError, NotFoundError, PortError
from ipad.procedures.progress import Stage, entered
from tests.ipad.daemon.fakes import HeldClock, SwiftClock


def order(effect: Effect = Effect.READ, *, privileged: bool = True) -> Order:
    return Order(title="a thing", who="user:x", effect=effect, privileged=privileged)


async def work(agent: str) -> str:
    return f"done with {agent}"


async def serve(operations: Operations[str]) -> None:
    """What the service does."""
    while (operation := operations.take()) is not None:
        await operations.carry_out(operation, "agent")


@pytest.mark.asyncio
async def test_result_goes_to_who_asked_and_the_service_is_woken() -> None:
    woken: list[int] = []
    operations: Operations[str] = Operations(HeldClock(), lambda: woken.append(1))
    told: list[OperationState] = []
    operations.told = lambda operation: told.append(operation.state)
    asked = asyncio.ensure_future(operations.submit(work, title="a thing", who="user:x"))
    await asyncio.sleep(0)
    assert (woken, operations.waiting) == ([1], True)
    await serve(operations)
    assert await asked == "done with agent"
    assert told == [OperationState.RUNNING, OperationState.DONE]


@pytest.mark.asyncio
async def test_failure_is_that_of_who_asked_and_an_error_of_the_agent_ends_nothing() -> None:
    operations: Operations[str] = Operations(HeldClock(), lambda: None)

    async def refused(_agent: str) -> None:
        raise ModemError("no")

    async def broken(_agent: str) -> None:
        raise ZeroDivisionError

    one, two = operations.enter(refused, order()), operations.enter(broken, order())
    await serve(operations)
    with pytest.raises(ModemError):
        await operations.result(one)
    with pytest.raises(IpadError, match="an error of the agent itself"):
        await operations.result(two)
    assert one.device_lost is None


@pytest.mark.asyncio
async def test_lost_device_is_told_to_the_service_also_when_only_the_look_afterwards_finds_it() -> None:
    operations: Operations[str] = Operations(HeldClock(), lambda: None)

    async def lost() -> None:
        raise PortError("gone")

    operation = operations.enter(work, order(Effect.CHANGE))
    taken = operations.take()
    assert taken is operation
    await operations.carry_out(operation, "agent", lost)
    assert await operations.result(operation) == "done with agent"
    assert isinstance(operation.device_lost, PortError)


@pytest.mark.asyncio
async def test_what_would_switch_is_refused_while_a_profile_is_on_trial() -> None:
    trial = False
    operations: Operations[str] = Operations(HeldClock(), lambda: None, on_trial=lambda: trial)
    waiting = operations.enter(work, order(Effect.SWITCH))
    trial = True
    with pytest.raises(BusyError, match="on trial"):
        operations.enter(work, order(Effect.SWITCH))
    reading = operations.enter(work, order())
    await serve(operations)
    assert (waiting.state, reading.state) == (OperationState.CANCELLED, OperationState.DONE)


@pytest.mark.asyncio
async def test_places_are_few_and_fewer_for_those_who_may_only_look() -> None:
    operations: Operations[str] = Operations(HeldClock(), lambda: None, places=3, public_places=1)
    operations.enter(work, order(privileged=False))
    with pytest.raises(BusyError):
        operations.enter(work, order(privileged=False))
    operations.enter(work, order())
    operations.enter(work, order())
    with pytest.raises(BusyError):
        operations.enter(work, order())


@pytest.mark.asyncio
async def test_turn_that_does_not_come_is_waited_for_only_so_long() -> None:
    operations: Operations[str] = Operations(SwiftClock(), lambda: None)
    with pytest.raises(BusyError, match="did not come in 600 s"):
        await operations.submit(work, title="a thing", who="user:x")
    assert operations.take() is None


@pytest.mark.asyncio
async def test_who_goes_away_takes_what_only_waits_along_but_not_what_runs() -> None:
    operations: Operations[str] = Operations(HeldClock(), lambda: None)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def long(_agent: str) -> str:
        begun.set()
        await go_on.wait()
        return "done"

    running, waiting = operations.enter(long, order()), operations.enter(work, order())
    serving = asyncio.ensure_future(serve(operations))
    clients = [asyncio.ensure_future(operations.result(item)) for item in (running, waiting)]
    await begun.wait()
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    go_on.set()
    await serving
    assert (running.state, waiting.state) == (OperationState.DONE, OperationState.CANCELLED)


@pytest.mark.asyncio
async def test_running_operation_is_unwound_when_it_is_cancelled_and_the_service_goes_on() -> None:
    operations: Operations[str] = Operations(HeldClock(), lambda: None)
    begun, unwound = asyncio.Event(), asyncio.Event()

    async def endless(_agent: str) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            unwound.set()

    first, second = operations.enter(endless, order()), operations.enter(work, order())
    serving = asyncio.ensure_future(serve(operations))
    await begun.wait()
    operations.cancel(first.id)
    await serving
    assert unwound.is_set()
    assert (first.state, second.state) == (OperationState.CANCELLED, OperationState.DONE)
    with pytest.raises(NotFoundError):
        operations.find("77")


@pytest.mark.asyncio
async def test_service_that_stops_unwinds_what_runs_and_refuses_what_waits() -> None:
    operations: Operations[str] = Operations(HeldClock(), lambda: None)
    begun = asyncio.Event()

    async def endless(_agent: str) -> None:
        begun.set()
        await asyncio.Event().wait()

    items: list[Operation[str]] = [operations.enter(endless, order()), operations.enter(work, order())]
    serving = asyncio.ensure_future(serve(operations))
    await begun.wait()
    operations.close()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert [item.state for item in items] == [OperationState.CANCELLED] * 2


@pytest.mark.asyncio
async def test_progress_belongs_to_what_runs() -> None:
    operations: Operations[str] = Operations(HeldClock(), lambda: None)
    assert operations.note_progress(entered(Stage.FETCHING)) is None

    async def downloads(_agent: str) -> str | None:
        return operations.note_progress(entered(Stage.FETCHING))

    operation = operations.enter(downloads, order())
    await serve(operations)
    assert operation.result == operation.id
    assert [event.stage for event in operation.progress] == [Stage.FETCHING]


@pytest.mark.asyncio
async def test_only_the_last_operations_are_remembered() -> None:
    operations: Operations[str] = Operations(HeldClock(), lambda: None, places=100)
    for _ in range(20):
        operations.enter(work, order())
    await serve(operations)
    assert [item.id for item in operations.known] == [str(number) for number in range(5, 21)]
