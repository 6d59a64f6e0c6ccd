"""A rig and an agent for each test that asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import Agent, Rig, agent_for, running_rig


@pytest.fixture(name="rig")
def _rig(tmp_path: Path) -> Iterator[Rig]:
    with running_rig(tmp_path / "bench") as rig:
        yield rig


@pytest.fixture(name="agent")
def _agent(rig: Rig, tmp_path: Path) -> Agent:
    return agent_for(rig, tmp_path / "device")
