"""What holds for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """labgrid's own logger of consoles stumbles over one that was written to and from which nothing was read yet."""
    stumbles = pytest.mark.filterwarnings("ignore:unhandled exception during event notification:UserWarning")
    for item in items:
        if item.path.parent == _HERE:
            item.add_marker(stumbles)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What a test starts, ended with it, the last one first."""
    with ExitStack() as opened:
        yield opened
