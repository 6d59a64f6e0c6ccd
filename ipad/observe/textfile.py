"""The metrics as a file for the textfile collector of node_exporter.

The collector reads whole files at any moment, so a file is written beside and renamed. It is written at most once a
minute and only when asked; it belongs on a tmpfs, because the agent cannot tell what another path wears out.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

LEAST_INTERVAL: Final = 60.0
_MODE: Final = 0o644


class Textfile:
    """One file. `text` makes its content. A failure is logged once, and it is tried again the next time."""

    def __init__(self, path: Path, text: Callable[[], str]) -> None:
        self._path = path
        self._text = text
        self._written_at = float("-inf")
        self._failed = False

    def due(self, now: float) -> bool:
        """Whether the file may be written at this monotonic moment."""
        return now - self._written_at >= LEAST_INTERVAL

    def write(self, now: float) -> bool:
        """Write it if that is due; whether it was written."""
        if not self.due(now):
            return False
        self._written_at = now
        try:
            self._replace(self._text().encode())
        except OSError as error:
            if not self._failed:
                logger.warning("the metrics are not written to %s: %s", self._path, error.strerror)
            self._failed = True
            return False
        self._failed = False
        return True

    def remove(self) -> None:
        """Take the file away: metrics of a process that is gone would look like those of one that runs."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            logger.debug("%s: %s", self._path, error)

    def _replace(self, data: bytes) -> None:
        # The collector takes *.prom only, so it never reads this one.
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(beside, flags, _MODE)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), _MODE)
                file.write(data)
            beside.replace(self._path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
