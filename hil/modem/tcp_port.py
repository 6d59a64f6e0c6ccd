"""A virtual modem behind a TCP socket, as serial servers offer one; clients use a URL such as `socket://127.0.0.1:4001`."""

from __future__ import annotations

import asyncio
import contextlib
import select

from hil.clock import Clock
from hil.modem.core import VirtualModem
from hil.modem.serial_line import LineSpeed, SerialLine

_READ_SIZE = 4096


class TcpPort:
    """One listener, one client at a time; a second one is turned away as from a port that is in use, unless the first
    one has left already and that was not noticed yet.

    When the modem's port vanishes the client is disconnected and nobody is let in until it is back.
    """

    def __init__(self, modem: VirtualModem, clock: Clock, host: str = "127.0.0.1", speed: int | None = None) -> None:
        self._modem = modem
        self._host = host
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._vacant = asyncio.Event()
        self.line = SerialLine(modem, clock, self._send, LineSpeed(speed or 0))
        self.port = 0

    @property
    def url(self) -> str:
        """What a client opens."""
        return f"socket://{self._host}:{self.port}"

    async def open(self, port: int = 0) -> None:
        """Listen; 0 lets the system choose the port.

        Raises:
            OSError: the port is taken.
        """
        self._modem.on_output(self.line.from_modem)
        self._modem.on_port(self._presence)
        self._server = await asyncio.start_server(self._client, self._host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Disconnect the client and stop listening."""
        if self._server is not None:
            self._server.close()
            self._drop()
            await self._server.wait_closed()
            self._server = None

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while self._writer is not None and _has_left(self._writer):
            # A busy loop hears of the new client before it has read to the end of what the former one sent.
            await self._vacant.wait()
        open_now = self._server is not None and self._server.is_serving()
        if self._writer is not None or not open_now or not self._modem.port_present:
            writer.transport.abort()
            return
        self._writer = writer
        self._vacant.clear()
        try:
            while data := await reader.read(_READ_SIZE):
                self.line.from_host(data)
        except ConnectionError:
            # The client is gone, in whichever way it left.
            pass
        finally:
            if self._writer is writer:
                self._drop()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _presence(self, present: bool) -> None:
        if not present:
            self._drop()

    def _drop(self) -> None:
        self.line.clear()
        if self._writer is not None:
            writer, self._writer = self._writer, None
            self._vacant.set()
            writer.transport.abort()

    def _send(self, data: bytes) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(data)


def _has_left(writer: asyncio.StreamWriter) -> bool:
    """Whether the other side has closed the connection, whatever of it is still to be read."""
    file = writer.get_extra_info("socket").fileno()
    if file < 0:
        return False
    poll = select.poll()
    poll.register(file, select.POLLRDHUP)
    return bool(poll.poll(0))
