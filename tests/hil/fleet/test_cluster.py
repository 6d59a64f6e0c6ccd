"""A fleet over two workers of a scheduler on loopback."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hil.fleet.cluster import run_on
from hil.fleet.errors import FleetError
from hil.fleet.plan import FleetPlan

distributed = pytest.importorskip("distributed", reason="the extra fleet is not installed")
pytestmark = pytest.mark.filterwarnings("default")
"""What the engine warns of is no business of ours."""


def _start(stack: ExitStack, *words: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "DASK_DISTRIBUTED__DASHBOARD__LINK": "", "PYTHONWARNINGS": "default"}
    process = subprocess.Popen(
        [sys.executable, "-m", *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process


@pytest.fixture(name="scheduler")
def _scheduler(tmp_path: Path) -> Iterator[Path]:
    """The file in which the scheduler says where it is; two workers come to it, each a process."""
    file = tmp_path / "scheduler.json"
    with ExitStack() as stack:
        where = ("--scheduler-file", str(file), "--no-dashboard")
        _start(stack, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", *where)
        for number in (1, 2):
            place = ("--local-directory", str(tmp_path / f"worker-{number}"), "--nthreads", "1", "--no-nanny")
            _start(stack, "distributed.cli.dask_worker", "--host", "127.0.0.1", *place, *where)
        yield file


async def _address(file: Path) -> str:
    async with distributed.Client(scheduler_file=str(file), asynchronous=True, timeout=60, set_as_default=False) as one:
        await one.wait_for_workers(2, timeout=60)
        return str(one.scheduler.address)


@pytest.mark.timeout(180)
def test_two_workers_run_a_share_each(scheduler: Path) -> None:
    told: list[str] = []
    plan = FleetPlan(4, batches=(1.0,), radio="wire", outage=0.0, wake=True)

    async def run() -> None:
        result = await run_on(await _address(scheduler), plan, told.append)
        assert [record.number for record in result.devices] == [0, 1, 2, 3]
        assert all(record.succeeded for record in result.devices)
        assert result.cost.agents == 2
        assert sorted(result.requests) == result.requests

    asyncio.run(run())
    assert told == ["2 shares on 2 workers"]


def test_scheduler_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.fleet.cluster.CONNECT_WITHIN", 0.3)
    with pytest.raises(FleetError, match=r"127\.0\.0\.1:9"):
        asyncio.run(run_on("tcp://127.0.0.1:9", FleetPlan(1), lambda _text: None))


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(FleetError, match="extra fleet"):
        asyncio.run(run_on("tcp://127.0.0.1:9", FleetPlan(1), lambda _text: None))
