"""TCP between a device and one server of its link.

A lost bearer is made to look the same every time: existing connections are reset, new ones are refused. That is what a
program sees whose interface went down, it needs no time-outs to be noticed, and nothing can slip through by being
accepted first. A link that swallows packets is the opposite: connections stay and nothing comes, new ones hang in their
handshake; what waited goes on when it ends, without the time to the next retransmission of a real stack. The port stays
reserved while the door is shut, so that nobody else gets it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from dataclasses import replace
from typing import Final

from hil.link.connection import Connection, Surroundings
from hil.link.doorway import DoorPlan, PortDoor, hear, swallow
from hil.link.profile import Passage

_BACKLOG: Final = 64
_MAX_ORPHANS: Final = 64


class TcpDoor(PortDoor):
    """Shut until `start`. Use `Link.tcp_door`."""

    def __init__(self, plan: DoorPlan) -> None:
        super().__init__(socket.SOCK_STREAM, plan)
        self._flowing = asyncio.Event()
        self._around = Surroundings(
            plan.target, plan.forth, plan.radio, plan.clock, self._meters, self._gate, self._keep_orphan
        )
        self._connections: dict[asyncio.Task[None], Connection] = {}
        # Servers that wait for a device which the NAT forgot.
        self._orphans: deque[socket.socket] = deque()

    def lead_to(self, port: int) -> None:
        """Another port of the same server, before the start."""
        self._around = replace(self._around, target=(self._around.target[0], port))

    def let(self, passage: Passage) -> None:
        """Let bytes pass, swallow packets, or reset every connection and refuse new ones."""
        self.passage = passage
        if passage is Passage.OPEN:
            self._flowing.set()
        else:
            self._flowing.clear()
        if passage is Passage.SHUT:
            self._close_listener()
            self._reset_connections()
        elif self._started:
            self._listen(passage)

    def rebind(self) -> None:
        """The NAT forgets every connection; what then happens to its packets is a matter of the profile."""
        for connection in self._connections.values():
            connection.forget()

    def settle(self) -> None:
        """Count acknowledgements that are owed, without waiting."""
        for connection in self._connections.values():
            connection.estimate.settle()

    async def stop(self) -> None:
        """Shut it for good and give the port back."""
        self.shut()
        self._started = False
        await asyncio.gather(*self._connections, return_exceptions=True)
        self._port.give_back()

    async def _gate(self) -> None:
        await self._flowing.wait()

    def _listen(self, passage: Passage) -> None:
        if self._listener is None:
            self._listener = self._port.second()
            self._listener.listen(_BACKLOG)
        loop = asyncio.get_running_loop()
        if passage is Passage.OPEN:
            hear(self._listener)
            loop.add_reader(self._listener, self._accept)
        else:
            swallow(self._listener)
            loop.remove_reader(self._listener)

    def _reset_connections(self) -> None:
        for task, connection in tuple(self._connections.items()):
            if task.done():
                continue
            connection.reset_on_close()
            connection.estimate.forget()
            self._meters.was_reset()
            task.cancel()
        while self._orphans:
            self._orphans.popleft().close()

    def _accept(self) -> None:
        assert self._listener is not None
        with contextlib.suppress(BlockingIOError, ConnectionError):
            accepted, _ = self._listener.accept()
            accepted.setblocking(False)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(accepted, self._around)
            task = asyncio.get_running_loop().create_task(connection.run(), name=f"link to {self.name}")
            self._connections[task] = connection
            task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._connections.pop(task).close()

    def _keep_orphan(self, orphan: socket.socket) -> None:
        if len(self._orphans) >= _MAX_ORPHANS:
            self._orphans.popleft().close()
        self._orphans.append(orphan)
