"""What the runs of a process share."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from hil.pki import Pki
from tests.e2e.sweep.plan import Counts


@pytest.fixture(scope="session", name="counts")
def _counts(tmp_path_factory: pytest.TempPathFactory) -> Counts:
    """Keys and certificates, and what each story comes to without a fault."""
    return Counts(Pki.generate(tmp_path_factory.mktemp("pki")))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Nobody reads the log of thousands of runs."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
