"""A port, usually on loopback, that stays the same while it is shut: what TCP and UDP doors have in common."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import socket
import struct
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final, Protocol

from hil.clock import Clock
from hil.link.meter import Heading, Meter, Meters
from hil.link.profile import Passage
from hil.link.radio import Radio

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

    def __init__(self, kind: socket.SocketKind, host: str = LOOPBACK) -> None:
        self._kind = kind
        self._host = host
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
            _bound(self._kind, (self._host, port), shared=False, again=True).close()
        self._socket = _bound(self._kind, (self._host, port), shared=self._kind is socket.SOCK_STREAM)
        if self._kind is socket.SOCK_DGRAM:
            # Not before: among datagram ports that may be shared the system chooses one that another door has as well.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            # Connected to itself it gets nobody else's datagrams, and the system refuses them while nobody listens.
            self._socket.connect(self._socket.getsockname())

    def second(self) -> socket.socket:
        """The other socket of the port. Raises RuntimeError."""
        # Its connections inherit that: those that have just ended must not keep the port from the next rig.
        return _bound(self._kind, self.address, again=True)

    def give_back(self) -> None:
        """Let somebody else have it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


@dataclass(frozen=True)
class DoorPlan:
    """What a door is made from, whatever passes through it.

    It stands at `host` and leads to `target`. `radio`, `clock` and `link_meter` are those of its link; `forth` is the
    direction of whoever connects.
    """

    name: str
    target: Address
    radio: Radio
    clock: Clock
    link_meter: Meter
    forth: Heading = Heading.UP
    host: str = LOOPBACK


class PortDoor(ABC):
    """A door at a port of its own, whatever passes through it. Shut until `start`; a kind of door adds `let`."""

    def __init__(self, kind: socket.SocketKind, plan: DoorPlan) -> None:
        self.name = plan.name
        self.meter = Meter()
        self.passage = Passage.OPEN
        self._meters = Meters(self.meter, plan.link_meter)
        self._port = ReservedPort(kind, plan.host)
        self._started = False
        self._listener: socket.socket | None = None

    @property
    def address(self) -> Address:
        """Where the device finds it. Raises RuntimeError when the door was not started."""
        return self._port.address

    @property
    def is_open(self) -> bool:
        """Whether it lets anything pass."""
        return self._listener is not None and self.passage is Passage.OPEN

    def reserve(self, port: int = 0) -> int:
        """Take the port (0: chosen by the system) without letting anybody in, and return it. Harmless when it has one.

        Raises OSError when it is taken.
        """
        if not self._port.held:
            self._port.take(port)
        return self.address[1]

    def start(self, port: int = 0, *, is_open: bool | None = None) -> int:
        """Reserve the port (0: chosen by the system) and return it. None: open if the link is.

        Raises OSError when it is taken.
        """
        self.reserve(port)
        self._started = True
        if is_open is not None:
            self.passage = Passage.OPEN if is_open else Passage.SHUT
        self.let(self.passage)
        return self.address[1]

    @abstractmethod
    def let(self, passage: Passage) -> None:
        """Follow the link from now on."""

    def open(self) -> None:
        """Let everything pass."""
        self.let(Passage.OPEN)

    def shut(self) -> None:
        """Refuse whatever comes, and end what there is."""
        self.let(Passage.SHUT)

    def set_open(self, is_open: bool) -> None:
        """Open or shut it."""
        self.let(Passage.OPEN if is_open else Passage.SHUT)

    def _close_listener(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None


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


def _bound(kind: socket.SocketKind, address: Address, *, shared: bool = True, again: bool = False) -> socket.socket:
    """`again`: also while connections of before are remembered that allow it."""
    bound = socket.socket(socket.AF_INET, kind)
    try:
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if again and kind is socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setblocking(False)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
