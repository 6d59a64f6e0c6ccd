"""From the configuration to the control API of this process."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ipad.config import Config
from ipad.control.peer import Permission
from ipad.control.socket_file import SocketFile, listen
from ipad.daemon.places import socket_file
from ipad.errors import IpadError

if TYPE_CHECKING:
    from ipad.control.server import ControlServer
    from ipad.control.services import Process

logger = logging.getLogger(__name__)


@asynccontextmanager
async def serving(config: Config, process: Process, environment: Mapping[str, str] = os.environ) -> AsyncIterator[None]:
    """The control API as long as the context lasts, if there is any. Its code is loaded when somebody comes.

    A socket that is configured, or that belongs to the service, must be possible: BusyError when another process
    serves it, ConfigError when it cannot be made. Without either an agent that somebody starts by hand goes on.
    """
    path = socket_file(config, environment)
    if path is None:
        yield
        return
    permission = Permission.of_process(config.control.group)
    if config.control.group and permission.group is None:
        logger.info("there is no group %s: only root and user %d may operate", config.control.group, permission.own)
    others = config.control.others == "read"
    try:
        file = listen(path, mode=0o666 if others else 0o660, group=permission.group)
    except IpadError as error:
        if config.control.socket is not None or environment.get("RUNTIME_DIRECTORY"):
            raise
        logger.warning("there is no control API: %s", error)
        yield
        return
    logger.info("control API at %s", path)
    door = _Door(file, process, permission, others=others)
    try:
        yield
    finally:
        await door.close()


class _Door:
    """Waits for the first who comes: an agent that nobody asks anything does without the server."""

    def __init__(self, file: SocketFile, process: Process, permission: Permission, *, others: bool) -> None:
        self._file = file
        self._process = process
        self._permission = permission
        self._others = others
        self._server: ControlServer | None = None
        asyncio.get_running_loop().add_reader(file.listener, self._open)

    def _open(self) -> None:
        from ipad.control.routes import Routes  # noqa: PLC0415 - see above
        from ipad.control.server import ControlServer  # noqa: PLC0415

        asyncio.get_running_loop().remove_reader(self._file.listener)
        self._server = ControlServer(self._file.path, Routes(self._process), self._permission, others=self._others)
        self._server.serve(self._file)

    async def close(self) -> None:
        """Listen no more; connections are broken off."""
        if self._server is not None:
            await self._server.close()
            return
        asyncio.get_running_loop().remove_reader(self._file.listener)
        self._file.close()
