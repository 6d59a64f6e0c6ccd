"""A running agent beside the commands of a test."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from ipad.clock import SystemClock
from ipad.config import load
from ipad.control.modem import controlled
from ipad.control.services import Process
from ipad.control.serving import serving
from ipad.daemon.assembly import first_schedule
from ipad.daemon.sdnotify import ServiceManager
from ipad.daemon.service import Service

_PATIENCE = 20.0


class AgentThread:
    """An agent in a thread of its own, as `ipad run` is a process of its own."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._up = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._service: Service | None = None

    def start(self) -> None:
        """Run it; it can be asked when this returns."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        assert self._up.wait(_PATIENCE)

    def stop(self) -> None:
        """End it."""
        if self._thread is not None and self._loop is not None and self._service is not None:
            self._loop.call_soon_threadsafe(self._service.stop)
            self._thread.join(_PATIENCE)
            assert not self._thread.is_alive()
            self._thread = None

    async def _run(self) -> None:
        config = load(self._config)[0]
        modem, clock = controlled(config, SystemClock()), SystemClock()
        service = Service(
            modem.factory.open, first_schedule(config), clock, ServiceManager({}), modem.guard, reconnect=60.0
        )
        self._loop, self._service = asyncio.get_running_loop(), service
        async with serving(config, Process(modems=(modem.attach(service, {}),)), {}):
            self._up.set()
            await service.run()
