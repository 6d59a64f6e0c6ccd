"""The rate of the modem's UART: the one in use, and the one that outlives a restart (ITU-T V.250 6.2.10)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class DteRate:
    """In bit/s. `changes` counts how often the rate in use became another one."""

    current: int = 115200
    stored: int = 115200
    changes: int = 0

    def use(self, rate: int) -> None:
        """From now on."""
        self.changes += rate != self.current
        self.current = rate

    def store(self, rate: int) -> None:
        """From now on and after each restart."""
        self.use(rate)
        self.stored = rate

    def restart(self) -> None:
        """What is not stored is forgotten."""
        self.use(self.stored)
