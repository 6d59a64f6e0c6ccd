"""Two ways to the model of ModemManager: a call, and a real message bus of its own."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from jeepney import (
    HeaderFields,
    MatchRule,
    Message,
    MessageType,
    message_bus,
    new_error,
    new_method_return,
)
from jeepney.io.asyncio import DBusConnection, DBusRouter, open_dbus_connection

from ipad.bearer.bus import JeepneyBus
from ipad.bearer.message_bus import Call, MessageBus
from ipad.errors import BearerError
from tests.ipad.bearer.modemmanager_model import PREFIX, DbusRefusalError, ModelModemManager

_LEFT = MatchRule(type="signal", interface=message_bus.interface, member="NameOwnerChanged")
NO_SERVICE = "org.freedesktop.DBus.Error.ServiceUnknown"

_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy></busconfig>
"""


class BusClock:
    """Short waits pass at once; long ones are limits, and real, for the bus is."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        if seconds >= 10:
            await asyncio.sleep(seconds)
        else:
            await asyncio.sleep(0.001)
            self.now += seconds


class CalledBus:
    """The model behind the interface, in the same process."""

    def __init__(self, model: ModelModemManager) -> None:
        self.model = model
        self.running = True
        self.connections = 0
        self._open = False

    @property
    def name(self) -> str:
        return f":1.{self.connections}"

    async def call(self, service: str, call: Call, limit: float) -> tuple[Any, ...]:
        assert service == PREFIX
        assert limit > 0
        if not self._open:
            self._open = True
            self.connections += 1
        if not self.running:
            raise BearerError("nobody there", name=NO_SERVICE)
        try:
            _, values = await self.model.handle(self.name, call)
        except DbusRefusalError as refusal:
            raise BearerError(f"{call.member}: {refusal.name}: {refusal}", name=refusal.name) from refusal
        return values

    async def close(self) -> None:
        if self._open:
            self._open = False
            self.model.name_lost(self.name)


@asynccontextmanager
async def message_daemon(tmp_path: Path) -> AsyncIterator[str]:
    """A message bus of its own; its address. Skips where there is no dbus-daemon."""
    program = shutil.which("dbus-daemon")
    if program is None:
        pytest.skip("there is no dbus-daemon")
    socket = tmp_path / "bus"
    config = tmp_path / "bus.conf"
    config.write_text(_CONFIG.format(path=socket))
    process = await asyncio.create_subprocess_exec(
        program, f"--config-file={config}", "--nofork", "--print-address", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            assert await process.stdout.readline()
        yield f"unix:path={socket}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


class ServedModel:
    """The model on a real bus, under the name of ModemManager."""

    def __init__(self, model: ModelModemManager, connection: DBusConnection) -> None:
        self._model = model
        self._connection = connection
        self._answers: set[asyncio.Task[None]] = set()
        self._task = asyncio.ensure_future(self._serve())

    async def close(self) -> None:
        """Leave the bus."""
        for task in (self._task, *self._answers):
            task.cancel()
        await asyncio.wait((self._task, *self._answers))
        await self._connection.close()

    async def _serve(self) -> None:
        while True:
            message = await self._connection.receive()
            if _LEFT.matches(message) and message.body[0].startswith(":") and not message.body[2]:
                self._model.name_lost(message.body[0])
            elif message.header.message_type is MessageType.method_call:
                task = asyncio.ensure_future(self._answer(message))
                self._answers.add(task)
                task.add_done_callback(self._answers.discard)

    async def _answer(self, message: Message) -> None:
        fields = message.header.fields
        call = Call(
            fields[HeaderFields.path], fields[HeaderFields.interface], fields[HeaderFields.member], "", message.body
        )
        try:
            signature, values = await self._model.handle(fields[HeaderFields.sender], call)
            reply = new_method_return(message, signature or None, values)
        except DbusRefusalError as refusal:
            reply = new_error(message, refusal.name, "s", (str(refusal),))
        await self._connection.send(reply)


@asynccontextmanager
async def served(model: ModelModemManager, address: str) -> AsyncIterator[ServedModel]:
    """The model on the bus at `address`."""
    connection = await open_dbus_connection(address)
    async with DBusRouter(connection) as router:
        for message in (message_bus.AddMatch(_LEFT), message_bus.RequestName(PREFIX)):
            await router.send_and_get_reply(message)
    own = ServedModel(model, connection)
    try:
        yield own
    finally:
        await own.close()


@asynccontextmanager
async def a_bus(kind: str, model: ModelModemManager, tmp_path: Path) -> AsyncIterator[MessageBus]:
    """The way to the model of that kind: "call" or "daemon"."""
    if kind == "call":
        yield CalledBus(model)
        return
    async with message_daemon(tmp_path) as address, served(model, address):
        bus = JeepneyBus(address, BusClock())
        try:
            yield bus
        finally:
            await bus.close()
