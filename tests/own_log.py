"""The log of the process, which the agent sets up for itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def own_log() -> Iterator[None]:
    """A command sets the log of its process up; the one of the test run comes back afterwards."""
    root, noisy = logging.getLogger(), logging.getLogger("asyncio")
    handlers, level, noise = root.handlers[:], root.level, noisy.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        noisy.setLevel(noise)
