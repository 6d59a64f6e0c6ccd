"""Scripted servers on the loopback interface."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

HANG_UP = None
"""A script entry: read the request, then close without an answer."""

SILENCE = b""
"""A script entry: read the request and never answer."""

Script = Sequence[bytes | None]


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """An answer with a length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class ScriptedServer:
    """What a server saw. Each connection takes the next entries of the script."""

    script: list[bytes | None]
    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)
    idle_close: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.script and (request := await read_request(reader)):
                self.requests.append(request)
                entry = self.script.pop(0)
                if entry is HANG_UP:
                    break
                if entry == SILENCE:
                    await reader.read()
                    break
                writer.write(entry)
                await writer.drain()
                if self.idle_close:
                    break
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """One request with its body, b"" at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        return b""
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    return head + await reader.readexactly(length)


@asynccontextmanager
async def scripted_server(script: Script, context: ssl.SSLContext | None = None) -> AsyncIterator[ScriptedServer]:
    """A server with a port of its own."""
    server = ScriptedServer(list(script))
    if context is not None:
        context.sni_callback = lambda _tls, name, _context: server.server_names.append(name)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await listener.wait_closed()
