"""A port on loopback that stays the same while it is shut: what TCP and UDP doors have in common."""

from __future__ import annotations

import ctypes
import logging
import socket
import struct
from typing import Final, Protocol

from hil.link.meter import Meter
from hil.link.profile import Passage

log = logging.getLogger(__name__)

Address = tuple[str, int]

LOOPBACK: Final = "127.0.0.1"
_SO_ATTACH_FILTER: Final = 26
_SO_DETACH_FILTER: Final = 27
# One instruction of classic BPF: return 0, keep nothing of the packet.
_KEEP_NOTHING: Final = struct.pack("HBBI", 0x06, 0, 0, 0)


class Door(Protocol):
    """What a link knows of its doors."""

    @property
    def name(self) -> str: ...

    @property
    def meter(self) -> Meter: ...

    @property
    def address(self) -> Address: ...

    @property
    def is_open(self) -> bool: ...

    def let(self, passage: Passage) -> None:
        """Follow the link."""

    def rebind(self) -> None:
        """The NAT forgets the flows of this door."""

    def settle(self) -> None:
        """Count what is owed."""

    async def stop(self) -> None:
        """Shut it for good."""


class ReservedPort:
    """Keeps a port with a socket of its own, beside which one more may be bound."""

    def __init__(self, kind: socket.SocketKind) -> None:
        self._kind = kind
        self._socket: socket.socket | None = None

    @property
    def address(self) -> Address:
        """Raises RuntimeError when nothing is reserved."""
        if self._socket is None:
            raise RuntimeError("the door was not started")
        host, port = self._socket.getsockname()
        return str(host), int(port)

    @property
    def held(self) -> bool:
        """Whether it is reserved."""
        return self._socket is not None

    def take(self, port: int) -> None:
        """Reserve it (0: chosen by the system). Raises OSError when it is taken."""
        if port:
            # Sharing is for the two sockets of one door only.
            _bound(self._kind, port, shared=False).close()
        self._socket = _bound(self._kind, port)
        if self._kind is socket.SOCK_DGRAM:
            # Connected to itself it gets nobody else's datagrams, and the system refuses them while nobody listens.
            self._socket.connect(self._socket.getsockname())

    def second(self) -> socket.socket:
        """The other socket of the port. Raises RuntimeError."""
        return _bound(self._kind, self.address[1])

    def give_back(self) -> None:
        """Let somebody else have it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def swallow(listener: socket.socket) -> None:
    """Let the system drop every packet that arrives at the socket: whoever connects hears nothing.

    Where the system cannot (no Linux), connections are made and wait for an answer instead.
    """
    program = ctypes.create_string_buffer(_KEEP_NOTHING, len(_KEEP_NOTHING))
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))
    except OSError as error:
        log.debug("the system cannot drop packets to a listener: %s", error)


def hear(listener: socket.socket) -> None:
    """The end of `swallow`; harmless without it."""
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
    except OSError as error:
        log.debug("there was no filter: %s", error)


def _bound(kind: socket.SocketKind, port: int, *, shared: bool = True) -> socket.socket:
    bound = socket.socket(socket.AF_INET, kind)
    try:
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        elif kind is socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setblocking(False)
        bound.bind((LOOPBACK, port))
    except OSError:
        bound.close()
        raise
    return bound
