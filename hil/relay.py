"""A TCP relay on loopback: the device's way to a server, open while there is a bearer and shut while there is none.

A lost bearer is made to look the same every time: existing connections are reset, new ones are refused. That is what a
program sees whose interface went down, it needs no time-outs to be noticed, and nothing can slip through by being
accepted first. A path that swallows packets without a word is another fault and not this one. The port stays reserved
while the relay is shut, so that nobody else gets it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from dataclasses import dataclass

_log = logging.getLogger(__name__)
_READ_SIZE = 1 << 16
_BACKLOG = 64
# SO_LINGER on with no time: closing sends RST.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class RelayCounters:
    """Totals since the relay was made; up is from the device to the server."""

    connections: int = 0
    resets: int = 0
    bytes_up: int = 0
    bytes_down: int = 0


class Relay:
    """Relays connections to `host`:`port`. Closed until `start`; afterwards `open` and `shut` switch it at once."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._reservation: socket.socket | None = None
        self._listener: socket.socket | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._sockets: set[socket.socket] = set()
        self.counters = RelayCounters()

    @property
    def address(self) -> tuple[str, int]:
        """Where the device connects to.

        Raises:
            RuntimeError: the relay was not started.
        """
        if self._reservation is None:
            raise RuntimeError("the relay was not started")
        host, port = self._reservation.getsockname()
        return str(host), int(port)

    @property
    def is_open(self) -> bool:
        return self._listener is not None

    def start(self, port: int = 0, *, is_open: bool = True) -> int:
        """Reserve the port (0: chosen by the system) and return it.

        Raises:
            OSError: the port is taken.
        """
        if port:
            # Sharing is for the two sockets of one relay only.
            _bound(port, shared=False).close()
        self._reservation = _bound(port)
        if is_open:
            self.open()
        return self.address[1]

    def open(self) -> None:
        """Let connections in."""
        if self._listener is not None or self._reservation is None:
            return
        self._listener = _bound(self.address[1])
        self._listener.listen(_BACKLOG)
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def shut(self) -> None:
        """Reset every connection and refuse new ones."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        for connected in tuple(self._sockets):
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        for task in tuple(self._connections):
            self.counters.resets += 1
            task.cancel()

    def set_open(self, is_open: bool) -> None:
        """Follow a bearer."""
        if is_open:
            self.open()
        else:
            self.shut()

    async def stop(self) -> None:
        """Shut it for good and give the port back."""
        self.shut()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if self._reservation is not None:
            self._reservation.close()
            self._reservation = None

    def _accept(self) -> None:
        assert self._listener is not None
        with contextlib.suppress(BlockingIOError, ConnectionError):
            accepted, _ = self._listener.accept()
            accepted.setblocking(False)
            self.counters.connections += 1
            task = asyncio.get_running_loop().create_task(self._serve(accepted), name="relay connection")
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    async def _serve(self, accepted: socket.socket) -> None:
        self._sockets.add(accepted)
        upstream: socket.socket | None = None
        loop = asyncio.get_running_loop()
        try:
            upstream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            upstream.setblocking(False)
            await loop.sock_connect(upstream, self._target)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._copy(accepted, upstream, up=True))
                both.create_task(self._copy(upstream, accepted, up=False))
        except* OSError as errors:
            # One side broke the connection: the other one must see the same, not an orderly end.
            _log.debug("relay to %s:%d: %s", *self._target, errors.exceptions[0])
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        finally:
            self._sockets.discard(accepted)
            accepted.close()
            if upstream is not None:
                upstream.close()

    async def _copy(self, source: socket.socket, target: socket.socket, *, up: bool) -> None:
        """Pass bytes on until the source ends; an orderly end is passed on too."""
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(source, _READ_SIZE):
            await loop.sock_sendall(target, data)
            if up:
                self.counters.bytes_up += len(data)
            else:
                self.counters.bytes_down += len(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)


def _bound(port: int, *, shared: bool = True) -> socket.socket:
    """A socket bound on loopback. Several may share the port: one keeps it, another listens."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT if shared else socket.SO_REUSEADDR, 1)
        bound.setblocking(False)
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.close()
        raise
    return bound
