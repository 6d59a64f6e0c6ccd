"""One run: a story with a fault at a point."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from hil.pki import Pki
from tests.e2e.sweep.catalogue import Point
from tests.e2e.sweep.story import Story
from tests.e2e.sweep.verdict import violations
from tests.e2e.sweep.world import World

_SHARED_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Ended:
    """How a run ended. `tried`: the point was reached and the fault made a difference."""

    tried: bool
    violations: tuple[str, ...]
    label: str = ""
    hours: float = 0.0
    polls: tuple[int, ...] = ()

    @property
    def survived(self) -> bool:
        """Whether everything that must hold does."""
        return not self.violations


def tell(
    pki: Pki, story: Story, point: Point | None = None, polls: tuple[int, ...] | None = None
) -> tuple[Ended, World]:
    """Run a story. `polls`: those of the run without a fault, to compare with."""
    folder = Path(tempfile.mkdtemp(dir=_SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None))
    try:
        with pytest.MonkeyPatch.context() as patch:
            world = World(folder, pki, patch, story, point)
            world.tell()
            patch.undo()
            found = violations(world, polls)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    tried = world.gates.struck is not None and not world.gates.unfit
    ended = Ended(tried or point is None, tuple(found), world.gates.struck or "", world.now / 3600, world.polls_of_each)
    return ended, world
