"""The back end for ModemManager: it connects, the agent asks it to and watches.

The agent has an AT port of its own that ModemManager ignores. A profile change makes ModemManager forget the modem and
find it again as another object, so objects are looked up anew each time, by Device or IMEI and never by path.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from ipad.bearer.backend import BearerReason, BearerRequest
from ipad.bearer.interface import read_interface
from ipad.bearer.message_bus import Call, MessageBus
from ipad.bearer.modemmanager_objects import (
    BEARER,
    MANAGER,
    OBJECT_MANAGER,
    PROPERTIES,
    ROOT,
    SERVICE,
    SIMPLE,
    ManagedBearer,
    ManagedModem,
    ModemState,
    bearer_of,
    choose_modem,
    connect_arguments,
    modems_of,
)
from ipad.bearer.redial import Redial
from ipad.bearer.session import InterfaceReader, InterfaceWatch
from ipad.bearer.settings import ModemManagerConfig
from ipad.clock import Clock
from ipad.errors import BearerError, ConfigError, PortError
from ipad.modem.modem import Modem

logger = logging.getLogger(__name__)

_READ_LIMIT: Final = 25.0
_CONNECT_LIMIT: Final = 180.0
"""Simple.Connect enables the modem, waits for registration and connects."""
_INHIBIT_LIMIT: Final = 60.0
_APPEAR_LIMIT: Final = 180.0
"""Seconds for a modem that ModemManager looks for again; a slow one needs a minute to boot before."""
_LOOK: Final = 2.0
_GONE: Final = frozenset({"org.freedesktop.DBus.Error.UnknownObject", "org.freedesktop.DBus.Error.UnknownMethod"})
"""Answers to a call on an object that vanished meanwhile."""


def make_modemmanager_bearer(
    config: ModemManagerConfig, modem: Modem | None, clock: Clock, interface: str
) -> ModemManagerBearer:
    """The back end on the configured bus. Raises ConfigError without the library that speaks D-Bus."""
    try:
        from ipad.bearer.bus import JeepneyBus  # noqa: PLC0415 - needed by this back end alone
    except ImportError as error:
        raise ConfigError(
            'bearer.backend "modemmanager" needs the library jeepney', hint="pip install 'ipad[modemmanager]'"
        ) from error
    return ModemManagerBearer(config, modem, clock, JeepneyBus(config.bus, clock), interface)


class ModemManagerBearer:
    """One modem of ModemManager. `modem` tells the IMEI by which it is known, where the configuration does not."""

    def __init__(
        self,
        config: ModemManagerConfig,
        modem: Modem | None,
        clock: Clock,
        bus: MessageBus,
        interface: str = "",
        read: InterfaceReader = read_interface,
    ) -> None:
        self._config = config
        self._modem = modem
        self._clock = clock
        self._bus = bus
        self._interface = InterfaceWatch(interface, read) if interface else None
        self._redial = Redial()
        self._request: BearerRequest | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._imei: str | None = None
        self._losses = 0
        self._lost = False

    async def bring_up(self, request: BearerRequest) -> None:
        """Have ModemManager connect, as soon as it has the modem; nothing when it is connected as wanted.

        Raises BearerError when ModemManager does not answer.
        """
        self._request = request
        self._redial.reset()
        await self._stop_connecting()
        present = await self._find()
        if present is not None and present.state == ModemState.CONNECTED:
            if request.reason is not BearerReason.PROFILE_CHANGED and await self._serves(present, request):
                return
            # A link of the old profile, or to another access point: Connect would give it back as it is.
            await self._disconnect(present)
        self._begin_connecting(request)

    async def take_down(self, reason: BearerReason) -> None:
        """Have ModemManager disconnect. Raises BearerError."""
        logger.info("ModemManager is asked to disconnect (%s)", reason)
        self._request = None
        await self._stop_connecting()
        present = await self._find()
        if present is not None and present.state >= ModemState.CONNECTING:
            await self._disconnect(present)

    async def session(self) -> str | None:
        """The connected bearer and its addresses. Connects again where that is wanted and due. Raises BearerError."""
        present = await self._find()
        connected = await self._connected(present) if present is not None else ()
        if not connected:
            self._lost = True
            self._connect_again(present)
            return None
        self._redial.reset()
        if self._lost:
            self._lost = False
            self._losses += 1
        own = self._interface.session() if self._interface is not None else ""
        if own is None:
            return None
        links = ",".join(f"{bearer.path.rpartition('/')[2]}:{'+'.join(bearer.addresses)}" for bearer in connected)
        return "@".join(filter(None, (f"{self._losses}/{links}", own)))

    def package(self) -> AbstractAsyncContextManager[None]:
        """Have ModemManager let go of the modem, where that is configured: it takes the link down for it.

        Where it does not, that is logged, and no reason to leave a package undone.
        """
        return self._inhibited() if self._config.inhibit else contextlib.nullcontext()

    async def close(self) -> None:
        """Ask for nothing more and leave the bus; the link stays."""
        await self._stop_connecting()
        await self._bus.close()

    @asynccontextmanager
    async def _inhibited(self) -> AsyncIterator[None]:
        await self._stop_connecting()
        device = await self._inhibit()
        connection = self._bus.connections
        try:
            yield
        finally:
            if device is not None:
                await asyncio.shield(self._release(device, connection))
            self._redial.reset()

    async def _inhibit(self) -> str | None:
        """The Device that was inhibited; None when none could be."""
        try:
            present = await self._find()
            if present is None or not present.device:
                logger.warning("ModemManager does not have the modem: there is nothing to inhibit")
                return None
            await self._call(Call(ROOT, MANAGER, "InhibitDevice", "sb", (present.device, True)), _INHIBIT_LIMIT)
        except BearerError as error:
            logger.error("ModemManager keeps the modem while a package is executed: %s", error)
            return None
        return present.device

    async def _release(self, device: str, connection: int) -> None:
        """End the inhibition; it ends as well with the connection that asked for it."""
        if self._bus.connections != connection:
            logger.warning("the bus was lost meanwhile: ModemManager has had the modem back")
            return
        try:
            await self._call(Call(ROOT, MANAGER, "InhibitDevice", "sb", (device, False)), _INHIBIT_LIMIT)
        except BearerError as error:
            logger.error("%s; leaving the bus, which ends the inhibition", error)
            await self._bus.close()

    def _connect_again(self, present: ManagedModem | None) -> None:
        idle = self._connecting is None or self._connecting.done()
        wanted = self._request is not None and present is not None and present.usable
        if self._request is not None and wanted and idle and self._redial.due(self._clock.monotonic()):
            self._begin_connecting(self._request)

    def _begin_connecting(self, request: BearerRequest) -> None:
        self._redial.tried(self._clock.monotonic())
        self._connecting = asyncio.create_task(self._connect(request), name="bearer: ModemManager connects")

    async def _stop_connecting(self) -> None:
        task, self._connecting = self._connecting, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))

    async def _connect(self, request: BearerRequest) -> None:
        """Wait for the modem and connect. How it went shows in the session, and in the log."""
        try:
            present = await self._appeared()
            arguments = (connect_arguments(request.access),)
            await self._call(Call(present.path, SIMPLE, "Connect", "a{sv}", arguments), _CONNECT_LIMIT)
        except BearerError as error:
            logger.warning("no link by ModemManager: %s", error)
        else:
            logger.info("ModemManager has connected (%s)", request.reason)

    async def _appeared(self) -> ManagedModem:
        """The modem, once ModemManager has it and is done with it. Raises BearerError when that takes too long."""
        deadline = self._clock.monotonic() + _APPEAR_LIMIT
        while True:
            present = await self._find()
            if present is not None and present.usable:
                return present
            if self._clock.monotonic() + _LOOK > deadline:
                state = "is not there" if present is None else f"is in state {present.state}"
                raise BearerError(f"ModemManager: the modem {state} after {_APPEAR_LIMIT:g} s")
            await self._clock.sleep(_LOOK)

    async def _find(self) -> ManagedModem | None:
        """Our modem among those of ModemManager, now. Raises BearerError."""
        answer = await self._call(Call(ROOT, OBJECT_MANAGER, "GetManagedObjects"), _READ_LIMIT)
        modems = modems_of(answer[0] if answer else None)
        if not self._config.device and self._imei is None:
            # Also where there is one: ours may be away for a REFRESH just now, and this another one.
            self._imei = await self._read_imei()
        return choose_modem(modems, self._config.device, self._imei)

    async def _read_imei(self) -> str | None:
        if self._modem is None:
            return None
        try:
            imei = await self._modem.imei()
        except PortError as error:
            logger.info("%s", error)
            return None
        return str(imei) if imei is not None else None

    async def _connected(self, modem: ManagedModem) -> tuple[ManagedBearer, ...]:
        if modem.state != ModemState.CONNECTED:
            return ()
        bearers = [await self._bearer(path) for path in modem.bearers]
        return tuple(bearer for bearer in bearers if bearer is not None and bearer.connected)

    async def _bearer(self, path: str) -> ManagedBearer | None:
        """A bearer; None when it is gone by now."""
        try:
            answer = await self._call(Call(path, PROPERTIES, "GetAll", "s", (BEARER,)), _READ_LIMIT)
        except BearerError as error:
            if error.name in _GONE:
                return None
            raise
        return bearer_of(path, answer[0] if answer else None)

    async def _serves(self, modem: ManagedModem, request: BearerRequest) -> bool:
        return any(bearer.serves(request.access) for bearer in await self._connected(modem))

    async def _disconnect(self, modem: ManagedModem) -> None:
        """Disconnect all bearers; one that is gone already is no failure."""
        try:
            await self._call(Call(modem.path, SIMPLE, "Disconnect", "o", ("/",)), _CONNECT_LIMIT)
        except BearerError as error:
            if error.name not in _GONE:
                raise

    async def _call(self, call: Call, limit: float) -> tuple[Any, ...]:
        return await self._bus.call(SERVICE, call, limit)
