"""The harness finds what an agent does wrong: here one that removes notifications which nobody has got."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hil.sweep.process import nursery
from hil.sweep.run import Site, count, kill
from hil.sweep.scenarios import scenario
from hil.sweep.start import Start
from hil.sweep.template import furnish
from hil.sweep.verdict import Reference

SCRIPT = Path(__file__).with_name("losing_agent.py")
pytestmark = pytest.mark.timeout(60)


@pytest.mark.asyncio
async def test_agent_that_loses_notifications_is_found(tmp_path: Path) -> None:
    one = scenario("notifications")
    await furnish(tmp_path / "template", Start.HOME)
    (tmp_path / "modules").write_text("[]")
    site = Site(tmp_path / "template", tmp_path / "run")
    async with nursery((sys.executable, str(SCRIPT)), tmp_path / "modules", tmp_path / "log") as made:
        counted = await count(one, site, made, within=4.0)
        killed = await kill(one, site, made, 1, Reference({"eim1": 0, "eim2": 0}), within=0.5)
    lost = {f"object {number} was removed from the card and nobody has it" for number in (1, 2, 3, 4)}
    assert lost <= set(counted.failures)
    assert "object 1 of the card has not arrived" in counted.failures
    written = [point.what for point in counted.points if point.kind == "AT" and point.what != "answer"]
    commands = [what.partition("=")[0] for what in written]
    assert list(dict.fromkeys(commands)) == ["AT+CCHO", "AT+CGLA", "AT+CCHC"]
    assert commands.count("AT+CGLA") == 4
    assert killed.killed_at == counted.points[0]
    assert killed.failures


@pytest.mark.asyncio
async def test_agent_that_is_done_is_killed_as_well(tmp_path: Path) -> None:
    """The point after the last one: it has nothing left to do, and yet another one must find its state in order."""
    one = replace(scenario("notifications"), prepare=lambda _device: None)
    await furnish(tmp_path / "template", Start.HOME)
    (tmp_path / "modules").write_text("[]")
    site = Site(tmp_path / "template", tmp_path / "run")
    async with nursery((sys.executable, str(SCRIPT)), tmp_path / "modules", tmp_path / "log") as made:
        async with asyncio.timeout(30):
            killed = await kill(one, site, made, 1000, Reference({"eim1": 0, "eim2": 0}))
    assert (killed.killed_at, killed.failures) == (None, ())
