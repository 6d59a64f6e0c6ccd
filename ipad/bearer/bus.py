"""D-Bus by jeepney: pure Python without dependencies, and only needed by the back end for ModemManager."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

from jeepney import DBusAddress, HeaderFields, MessageType, new_method_call
from jeepney.auth import AuthenticationError
from jeepney.io.asyncio import DBusConnection, DBusRouter, open_dbus_connection
from jeepney.io.common import RouterClosed

from ipad.bearer.message_bus import Call
from ipad.clock import Clock
from ipad.endings import called_off
from ipad.errors import BearerError
from ipad.modem.waiting import within

SYSTEM: Final = "SYSTEM"

_OPEN_LIMIT: Final = 15.0
_NAMELESS: Final = "org.freedesktop.DBus.Error.Failed"


class JeepneyBus:
    """One connection to the bus at `address` ("unix:..."; empty: that of the system)."""

    def __init__(self, address: str, clock: Clock) -> None:
        self._address = address or SYSTEM
        self._clock = clock
        self._connection: DBusConnection | None = None
        self._router: DBusRouter | None = None
        self._opening = asyncio.Lock()
        self._connections = 0

    @property
    def connections(self) -> int:
        """How often the bus was connected to."""
        return self._connections

    async def call(self, service: str, call: Call, limit: float) -> tuple[Any, ...]:
        """Call and wait for the answer. Raises BearerError."""
        async with self._opening:
            router = await self._open()
        address = DBusAddress(call.path, bus_name=service, interface=call.interface)
        message = new_method_call(address, call.member, call.signature or None, call.arguments)
        asking = asyncio.ensure_future(router.send_and_get_reply(message))
        try:
            reply = await within(self._clock, limit, asking)
        except TimeoutError as error:
            raise BearerError(f"{service}: no answer to {call.member} within {limit:g} s") from error
        except (RouterClosed, OSError, EOFError) as error:
            await self.close()
            raise BearerError(f"the message bus was lost during {call.member}") from error
        finally:
            await called_off(asking)
        if reply.header.message_type is MessageType.error:
            name = str(reply.header.fields.get(HeaderFields.error_name, _NAMELESS))
            text = reply.body[0] if reply.body and isinstance(reply.body[0], str) else ""
            raise BearerError(f"{service}: {call.member}: {name}{text and f': {text[:200]}'}", name=name)
        return tuple(reply.body)

    async def close(self) -> None:
        """Close the connection. What was asked and not answered fails."""
        router, connection = self._router, self._connection
        self._router = self._connection = None
        if router is not None:
            # The receiver of a connection that broke ends with what broke it, which is told elsewhere.
            with contextlib.suppress(OSError, EOFError, ValueError):
                await router.__aexit__(None, None, None)
        if connection is not None:
            with contextlib.suppress(OSError):
                await connection.close()

    async def _open(self) -> DBusRouter:
        if self._router is not None:
            return self._router
        opening = asyncio.ensure_future(open_dbus_connection(self._address))
        try:
            self._connection = await within(self._clock, _OPEN_LIMIT, opening)
        except (OSError, EOFError, AuthenticationError, RouterClosed, RuntimeError, TimeoutError) as error:
            what = "no answer" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
            raise BearerError(
                f"the message bus {self._address} cannot be used: {what}", hint="is dbus-daemon running?"
            ) from error
        finally:
            await called_off(opening)
        self._router = DBusRouter(self._connection)
        self._connections += 1
        return self._router
