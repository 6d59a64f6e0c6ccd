"""The signals that a service of Unix obeys."""

from __future__ import annotations

import asyncio
import signal
from typing import Protocol


class Obedient(Protocol):
    """What can be told by signals."""

    def stop(self) -> None:
        """End in an orderly way."""
        ...

    def poll_now(self) -> None:
        """Poll every eIM at once."""
        ...

    def reload_soon(self) -> None:
        """Read the configuration again."""
        ...


def obey_signals(process: Obedient) -> None:
    """SIGTERM and SIGINT stop, SIGUSR1 polls now, SIGHUP reads the configuration again."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stop)
    loop.add_signal_handler(signal.SIGUSR1, process.poll_now)
    loop.add_signal_handler(signal.SIGHUP, process.reload_soon)
