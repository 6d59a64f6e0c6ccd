"""The client of the control API: how commands reach the running agent."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from ipad.errands.envelope import Result, opened
from ipad.errors import NetworkError, NoDaemonError
from ipad.net.http_exchange import AnswerHead, HttpExchange
from ipad.records import dataclass

_READ: Final = 64 * 1024
_MAX_ANSWER: Final = 4 * 1024 * 1024
_MAX_LINE: Final = 256 * 1024
_CONNECT: Final = 5.0
"""Seconds: the agent is on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModem:
    """A modem of the running agent: `port` and `card` as it is configured, `open` the port that it has found."""

    name: str
    port: str
    card: str
    open: str


class ControlClient:
    """Calls of one agent. Every method raises NoDaemonError when it is not there or not understood, and RemoteError."""

    def __init__(self, path: Path, modem: str | None = None) -> None:
        self.path = path
        self.modem = modem

    async def modems(self) -> tuple[ServedModem, ...]:
        """The modems that it serves."""
        record = (await self.call("GET", "/v1/service", anywhere=True)).record
        rows = record.get("modems")
        found = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
        return tuple(
            ServedModem(**{key: str(row.get(key) or "") for key in ("name", "port", "card", "open")}) for row in found
        )

    async def call(
        self,
        method: str,
        path: str,
        given: Mapping[str, object] | None = None,
        *,
        wait: bool | None = None,
        anywhere: bool = False,
    ) -> Result:
        """One call and its result. Names in braces in the path are taken from `given`, the rest is the body.

        `anywhere`: the call is about the process, not about a modem.
        """
        body, target = _target(path, dict(given or {}))
        query = {} if anywhere or self.modem is None else {"modem": self.modem}
        if wait is not None:
            query["wait"] = "1" if wait else "0"
        async with self._answer(method, target, query, body) as parts:
            content = await self._whole(parts)
        try:
            return opened(json.loads(content))
        except (ValueError, RecursionError) as error:
            raise NoDaemonError(f"{self.path}: the answer is no JSON: {error}") from error

    async def text(self, path: str) -> str:
        """A resource that is text. An error comes as JSON all the same."""
        query = {} if self.modem is None else {"modem": self.modem}
        async with self._answer("GET", path, query, b"") as parts:
            head = await anext(parts)
            content = await self._whole(parts)
        if isinstance(head, AnswerHead) and head.media_type.startswith("text/"):
            return content.decode(errors="replace")
        opened(_json(content))
        raise NoDaemonError(f"{self.path}: expected text, got JSON")

    async def lines(self, path: str, given: Mapping[str, object] | None = None) -> AsyncIterator[Mapping[str, Any]]:
        """The lines of a stream as they come."""
        _, target = _target(path, dict(given or {}))
        query = {} if self.modem is None else {"modem": self.modem}
        async with self._answer("GET", target, query, b"") as parts:
            head = await anext(parts)
            if not isinstance(head, AnswerHead) or head.media_type != "application/jsonl":
                opened(_json(await self._whole(parts)))
                raise NoDaemonError(f"{self.path}: expected a stream")
            rest = b""
            async for part in parts:
                assert isinstance(part, bytes)
                *whole, rest = (rest + part).split(b"\n")
                if len(rest) > _MAX_LINE:
                    raise NoDaemonError(f"{self.path}: a line has more than {_MAX_LINE} bytes")
                for text in whole:
                    found = _json(text)
                    if isinstance(found, dict):
                        yield found

    @asynccontextmanager
    async def _answer(
        self, method: str, target: str, query: Mapping[str, str], body: bytes
    ) -> AsyncIterator[AsyncIterator[AnswerHead | bytes]]:
        exchange = HttpExchange(str(self.path))
        headers = [("Accept", "*/*"), *([("Content-Type", "application/json")] if body else [])]
        data = exchange.request(method, target + (f"?{urlencode(query)}" if query else ""), headers, body)
        try:
            async with asyncio.timeout(_CONNECT):
                reader, writer = await asyncio.open_unix_connection(str(self.path), limit=_READ)
        except (OSError, TimeoutError) as error:
            raise not_running(self.path, error) from error
        try:
            writer.write(data)
            yield _parts(exchange, reader)
        except (OSError, NetworkError) as error:
            raise NoDaemonError(f"the agent at {self.path} has gone away: {error}", hint="see its log") from error
        finally:
            writer.transport.abort()

    async def _whole(self, parts: AsyncIterator[AnswerHead | bytes]) -> bytes:
        content = bytearray()
        async for part in parts:
            if isinstance(part, bytes):
                content += part
            if len(content) > _MAX_ANSWER:
                raise NoDaemonError(f"{self.path}: the answer has more than {_MAX_ANSWER} bytes")
        return bytes(content)


def not_running(path: Path, reason: object) -> NoDaemonError:
    """That nobody serves the socket."""
    text = getattr(reason, "strerror", None) or reason or "no answer"
    return NoDaemonError(f"the agent does not run: {path}: {text}", hint="start it with: systemctl start ipad")


def answers(path: Path) -> bool:
    """Whether there is a socket at all; a quick look before anything is loaded."""
    try:
        return os.access(path, os.R_OK | os.W_OK)
    except OSError:
        return False


async def _parts(exchange: HttpExchange, reader: asyncio.StreamReader) -> AsyncIterator[AnswerHead | bytes]:
    while True:
        for part in exchange.receive(await reader.read(_READ)):
            if part is None:
                return
            yield part


def _target(path: str, given: dict[str, object]) -> tuple[bytes, str]:
    """The body, and the path with its parameters."""
    parts = []
    for part in path.split("/"):
        name = part[1:-1] if part.startswith("{") else None
        parts.append(part if name is None else quote(str(given.pop(name)), safe=""))
    return json.dumps(given).encode("ascii") if given else b"", "/".join(parts)


def _json(content: bytes) -> object:
    try:
        found: object = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found
