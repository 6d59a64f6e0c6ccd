"""Who is cancelled ends, what must not be cut short is finished, and no error is left over for the log."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from hil.clock import ManualClock
from ipad.endings import called_off, lastly, to_the_end
from ipad.errors import PortError
from ipad.net.probe_path import within

pytestmark = pytest.mark.asyncio

Caller = Callable[[asyncio.Event], Awaitable[None]]


class Act:
    """Done at the end; `error` is what comes of it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.times = 0
        self._error = error

    async def __call__(self) -> None:
        self.times += 1
        if self._error is not None:
            raise self._error


async def ended_by(act: Act, error: BaseException | None) -> None:
    async with lastly(act):
        if error is not None:
            raise error


@pytest.mark.parametrize("error", [None, ValueError("work"), PortError("work"), asyncio.CancelledError()], ids=repr)
async def test_it_is_done_once_whatever_happened(error: BaseException | None) -> None:
    act = Act()
    if error is None:
        await ended_by(act, None)
    else:
        with pytest.raises(type(error)):
            await ended_by(act, error)
    assert act.times == 1


@pytest.mark.parametrize("error", [None, PortError("work")], ids=repr)
async def test_its_own_error_is_told(error: Exception | None) -> None:
    with pytest.raises(PortError, match="hung up"):
        await ended_by(Act(PortError("hung up")), error)


async def test_cancellation_outlives_its_error() -> None:
    act = Act(PortError("hung up"))
    with pytest.raises(asyncio.CancelledError):
        await ended_by(act, asyncio.CancelledError())
    assert act.times == 1


@pytest_asyncio.fixture(name="left_over")
async def _left_over() -> AsyncIterator[list[str]]:
    """Errors that nobody took; there must be none at the end."""
    found: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: found.append(str(context)))
    yield found
    gc.collect()
    assert found == []


async def failing(at: asyncio.Event) -> None:
    await at.wait()
    raise ValueError("failed")


async def caller_of_work_that_is_called_off(at: asyncio.Event) -> None:
    task = asyncio.ensure_future(failing(at))
    try:
        await asyncio.wait({task})
    finally:
        await called_off(task)


async def caller_of_work_that_goes_to_the_end(at: asyncio.Event) -> None:
    await to_the_end(failing(at))


async def caller_of_a_limited_step_of_the_probe(at: asyncio.Event) -> None:
    await within(ManualClock(), 20.0, failing(at), "eim.example.com", "tcp")


@pytest.mark.usefixtures("left_over")
@pytest.mark.parametrize(
    "caller",
    [caller_of_work_that_is_called_off, caller_of_work_that_goes_to_the_end, caller_of_a_limited_step_of_the_probe],
)
async def test_work_that_fails_as_its_caller_is_cancelled_leaves_no_error(caller: Caller) -> None:
    at = asyncio.Event()
    task = asyncio.ensure_future(caller(at))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    at.set()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_goes_to_the_end_is_finished_before_its_caller_gives_up() -> None:
    steps: list[str] = []

    async def work() -> None:
        steps.append("begun")
        await asyncio.sleep(0)
        steps.append("finished")

    task = asyncio.ensure_future(to_the_end(work()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert steps == ["begun"]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == ["begun", "finished"]


async def test_what_is_called_off_has_ended() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0)
    await called_off(task)
    assert ended.is_set()
    assert task.cancelled()
