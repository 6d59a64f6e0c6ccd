"""The file for the textfile collector while the agent runs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from ipad.config import Config, LogConfig, MetricsConfig
from ipad.daemon.metrics_file import metrics_kept
from tests.ipad.daemon.fakes import HeldClock, SwiftClock
from tests.ipad.observe.facts import EID, FULL


@pytest.mark.asyncio
async def test_the_file_is_there_while_the_agent_runs_and_tells_of_all_modems(tmp_path: Path) -> None:
    file = tmp_path / "ipad.prom"
    config = Config(metrics=MetricsConfig(textfile=str(file)))
    async with metrics_kept(config, HeldClock(), lambda: (FULL, replace(FULL, modem="second"))):
        await asyncio.sleep(0)
        text = file.read_text()
    assert 'ipad_build_info{modem="second"' in text
    assert EID not in text
    assert not file.exists(), "a process that is gone has no metrics"


@pytest.mark.asyncio
async def test_identifiers_are_whole_where_the_operator_wants_them(tmp_path: Path) -> None:
    file = tmp_path / "ipad.prom"
    config = Config(metrics=MetricsConfig(textfile=str(file)), log=LogConfig(mask="none"))
    async with metrics_kept(config, HeldClock(), lambda: (FULL,)):
        await asyncio.sleep(0)
        assert EID in file.read_text()


@pytest.mark.asyncio
async def test_it_is_written_again_every_minute(tmp_path: Path) -> None:
    asked: list[float] = []
    clock = SwiftClock()
    config = Config(metrics=MetricsConfig(textfile=str(tmp_path / "ipad.prom")))

    thrice = asyncio.Event()

    def statuses() -> tuple[()]:
        asked.append(clock.now)
        if len(asked) == 3:
            thrice.set()
        return ()

    async with metrics_kept(config, clock, statuses):
        await thrice.wait()
    assert asked[:3] == [1000.0, 1060.0, 1120.0]


@pytest.mark.asyncio
async def test_without_a_path_nobody_is_asked() -> None:
    async with metrics_kept(Config(), HeldClock(), lambda: pytest.fail("asked")):
        await asyncio.sleep(0)
