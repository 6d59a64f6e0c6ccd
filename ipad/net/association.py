"""A DTLS association on a socket: drives the sans-IO pump with datagrams and timers of the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from ipad.errors import NetworkError
from ipad.net import udp
from ipad.net.dtls import DtlsClient, State
from ipad.net.udp import Endpoint
from ipad.records import dataclass

logger = logging.getLogger(__name__)


@dataclass
class Traffic:
    """UDP payload that went to and came from one server, and what it was for."""

    datagrams_sent: int = 0
    bytes_sent: int = 0
    datagrams_received: int = 0
    bytes_received: int = 0
    handshakes: int = 0
    resumed_handshakes: int = 0


class Association(asyncio.DatagramProtocol):
    """One association on one connected socket; begins with its handshake, ends once.

    `on_data` gets the application bytes of each record. `on_end` is called once when the association fails or the
    server ends it, and not for `close`. The failure of the handshake comes from `established`.
    """

    def __init__(
        self,
        client: DtlsClient,
        traffic: Traffic,
        on_data: Callable[[bytes], None],
        on_end: Callable[[NetworkError], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = client.server_name
        self._pump = client.associate(self._loop.time())
        self._traffic = traffic
        self._on_data = on_data
        self._on_end = on_end
        self._transport: asyncio.DatagramTransport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._opening: asyncio.Future[None] = self._loop.create_future()
        self._ended = False

    @classmethod
    async def open(
        cls,
        client: DtlsClient,
        endpoint: Endpoint,
        interface: str,
        traffic: Traffic,
        *,
        on_data: Callable[[bytes], None],
        on_end: Callable[[NetworkError], None],
    ) -> Association:
        """Connect a socket and shake hands. Raises TlsTrustError, NetworkError; has no limit of time of its own."""
        sock = udp.connect(endpoint, interface=interface)
        try:
            association = cls(client, traffic, on_data, on_end)
            await asyncio.get_running_loop().create_datagram_endpoint(lambda: association, sock=sock)
        except BaseException:
            sock.close()
            raise
        try:
            await association.wait_open()
        except BaseException:
            association.close()
            raise
        return association

    @property
    def is_open(self) -> bool:
        """Whether application bytes can be sent."""
        return not self._ended and self._pump.state is State.OPEN

    @property
    def resumed(self) -> bool:
        """Whether the handshake was a short one."""
        return self._pump.resumed

    async def wait_open(self) -> None:
        """Wait for the end of the handshake; raises what made it fail."""
        await self._opening

    def send(self, data: bytes) -> None:
        """Send application bytes as one datagram; what fails ends the association and is told by `on_end`."""
        if self._ended:
            return
        try:
            self._pump.send(data)
        except NetworkError as error:
            self._end(error)
        self._flush()

    def close(self) -> None:
        """End the association, with a close_notify alert if it was open. Idempotent."""
        if not self._ended:
            self._ended = True
            self._pump.close()
            self._flush()
        self._release()

    def abandon(self) -> None:
        """End it without a word, for a server that is not there any more. Idempotent."""
        if not self._ended:
            self._ended = True
            self._pump.close(notify=False)
        self._release()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop: send the first ClientHello."""
        self._transport = cast("asyncio.DatagramTransport", transport)
        self._flush()

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Called by the loop for each datagram; `addr` is always the server's."""
        del addr
        self._traffic.datagrams_received += 1
        self._traffic.bytes_received += len(data)
        if not self._ended:
            self._advance(lambda: self._pump.receive(data, self._loop.time()))

    def error_received(self, exc: Exception) -> None:
        """Called by the loop for an ICMP error: nobody listens there, or no way leads there."""
        self._end(NetworkError(f"{self._server}: not reachable: {exc}", layer="udp"))

    def _advance(self, step: Callable[[], None]) -> None:
        failure: NetworkError | None = None
        try:
            step()
        except NetworkError as error:
            failure = error
        for data in self._pump.received():
            self._on_data(data)
        self._flush()
        if failure is not None:
            self._end(failure)
        elif self._pump.state is State.OPEN and not self._opening.done():
            self._traffic.handshakes += 1
            self._traffic.resumed_handshakes += self._pump.resumed
            self._opening.set_result(None)
        elif self._pump.state is State.CLOSED:
            self._end(NetworkError(f"{self._server}: the server ended the DTLS association", layer="dtls"))

    def _flush(self) -> None:
        if self._transport is not None:
            for datagram in self._pump.datagrams():
                self._traffic.datagrams_sent += 1
                self._traffic.bytes_sent += len(datagram)
                self._transport.sendto(datagram)
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = None if self._ended else self._pump.next_deadline(self._loop.time())
        if deadline is not None:
            self._timer = self._loop.call_at(deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._advance(lambda: self._pump.handle_timeout(self._loop.time()))

    def _end(self, error: NetworkError) -> None:
        if self._ended:
            return
        self._ended = True
        self._pump.close(notify=False)
        if self._opening.done():
            self._on_end(error)
        else:
            self._opening.set_exception(error)
        self._release()

    def _release(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._opening.cancel()
        if self._transport is not None:
            self._transport.close()
            self._transport = None
