"""Skips cases that run into what a target cannot do although it has the ability: that shows when it is asked for."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from hil.suite.errors import UnableError


@contextmanager
def _skipped() -> Generator[None]:
    try:
        yield
    except UnableError as error:
        pytest.skip(str(error))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None]:
    """A hook of pytest: fixtures of a case."""
    with _skipped():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    """A hook of pytest: the case itself."""
    with _skipped():
        yield
