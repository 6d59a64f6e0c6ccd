"""A client of the JSON binding of ES9+ and ES11 (SGP.22 6.2, 6.5), for parties of the bench that talk to RSP servers.

One connection per call. What the server says is handed on as it came: base64 becomes bytes, nothing is re-encoded.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import h11

from hil.rsp.json_server import PATH, PROTOCOL
from hil.rsp.status import RspStatus, StatusCode

_MAX_BODY: Final = 16 * 1024 * 1024
_READ_SIZE: Final = 65536
_EXECUTED: Final = ("Executed-Success", "Executed-WithWarning")


class NoAnswerError(Exception):
    """No answer of the function came: the connection failed, or what came is no answer."""


@dataclass(frozen=True)
class ServerRoute:
    """How a server is reached: the address to connect to, and the name that its certificate must have."""

    host: str
    port: int
    name: str
    tls: ssl.SSLContext


class Answer:
    """The members of a successful answer."""

    def __init__(self, function: str, members: Mapping[str, Any]) -> None:
        self._function = function
        self._members = members

    def text(self, name: str) -> str:
        """A string. Raises NoAnswerError."""
        value = self._members.get(name)
        if not isinstance(value, str):
            raise NoAnswerError(f"{self._function}: {name} is missing or no string")
        return value

    def binary(self, name: str) -> bytes:
        """Base64. Raises NoAnswerError."""
        try:
            return base64.b64decode("".join(self.text(name).split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise NoAnswerError(f"{self._function}: {name}: {error}") from error

    def entries(self, name: str) -> list[Mapping[str, Any]]:
        """A list of objects, empty when it is missing. Raises NoAnswerError."""
        value = self._members.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise NoAnswerError(f"{self._function}: {name} is no list of objects")
        return value


class JsonClient:
    """Calls functions of one server. `timeout`: seconds for a whole call."""

    def __init__(self, route: ServerRoute, user_agent: str, timeout: float = 60.0) -> None:
        self._route = route
        self._user_agent = user_agent
        self._timeout = timeout

    async def call(self, function: str, members: Mapping[str, str | bytes]) -> Answer:
        """Call a function; bytes go as base64. Raises RspStatus (not executed) and NoAnswerError."""
        content = {
            name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
            for name, value in members.items()
        }
        try:
            async with asyncio.timeout(self._timeout):
                status, body = await self._exchange(PATH + function, json.dumps(content).encode())
        except (OSError, h11.ProtocolError, TimeoutError) as error:
            raise NoAnswerError(f"{function}: {type(error).__name__} {error}".rstrip()) from error
        if not 200 <= status < 300:
            raise NoAnswerError(f"{function}: HTTP {status}")
        return Answer(function, _checked(function, body) if body.strip() else {})

    async def _exchange(self, target: str, body: bytes) -> tuple[int, bytes]:
        route = self._route
        reader, writer = await asyncio.open_connection(
            route.host, route.port, ssl=route.tls, server_hostname=route.name
        )
        try:
            machine = h11.Connection(h11.CLIENT)
            headers = [
                ("Host", f"{route.name}:{route.port}"),
                ("User-Agent", self._user_agent),
                ("X-Admin-Protocol", PROTOCOL),
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(body))),
                ("Connection", "close"),
            ]
            writer.write(machine.send(h11.Request(method="POST", target=target, headers=headers)) or b"")
            writer.write(machine.send(h11.Data(data=body)) or b"")
            writer.write(machine.send(h11.EndOfMessage()) or b"")
            await writer.drain()
            return await _response(machine, reader)
        finally:
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError):
                await writer.wait_closed()


async def _response(machine: h11.Connection, reader: asyncio.StreamReader) -> tuple[int, bytes]:
    status, body = 0, bytearray()
    while True:
        event = machine.next_event()
        if event is h11.NEED_DATA:
            machine.receive_data(await reader.read(_READ_SIZE))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > _MAX_BODY:
                raise OSError(f"the answer has more than {_MAX_BODY} bytes")
        elif isinstance(event, h11.EndOfMessage):
            return status, bytes(body)
        elif isinstance(event, h11.ConnectionClosed):
            raise OSError("the connection was closed without an answer")


def _checked(function: str, body: bytes) -> Mapping[str, Any]:
    """The members of an answer that says to be executed. Raises RspStatus, NoAnswerError."""
    try:
        members = json.loads(body)
        executed = members["header"]["functionExecutionStatus"]
        if executed["status"] in _EXECUTED:
            assert isinstance(members, dict)
            return members
        data = executed["statusCodeData"]
        code = StatusCode.parse(f"{data['subjectCode']}/{data['reasonCode']}")
    except (ValueError, KeyError, TypeError) as error:
        raise NoAnswerError(f"{function}: the answer cannot be read: {type(error).__name__} {error}") from error
    raise RspStatus(code, str(data.get("message", "")))
