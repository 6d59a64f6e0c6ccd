"""A network interface of Linux as the kernel tells it: is it up, and which addresses does it have (rtnetlink).

Reading needs no privileges and no library: one dump of links and one of addresses over a netlink socket. The kernel
puts the answer into the socket before the request returns, so nothing here ever waits.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, TypeAlias

from ipad.errors import BearerError
from ipad.records import dataclass

if TYPE_CHECKING:
    import ipaddress

    Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

# linux/netlink.h, linux/rtnetlink.h
_REQUEST_DUMP: Final = 0x301
_DONE, _ERROR = 3, 2
_NEW_LINK, _GET_LINK = 16, 18
_NEW_ADDRESS, _GET_ADDRESS = 20, 22
_HEADER: Final = struct.Struct("=IHHII")
_LINK: Final = struct.Struct("=BBHiII")
_ADDRESS: Final = struct.Struct("=BBBBI")
_ATTRIBUTE: Final = struct.Struct("=HH")
_LINK_NAME: Final = 3
_ADDRESS_PEER, _ADDRESS_LOCAL, _ADDRESS_FLAGS = 1, 2, 8
_UP_AND_RUNNING: Final = 0x1 | 0x40
_UNUSABLE: Final = 0x08 | 0x20 | 0x40
"""IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_TENTATIVE."""
_SCOPE_LINK: Final = 253
_LIMIT: Final = 1.0
_BUFFER: Final = 65536


@dataclass(frozen=True, slots=True)
class InterfaceState:
    """An interface that exists. `addresses` are those that reach beyond the link, in the kernel's order."""

    index: int
    running: bool
    addresses: tuple[Address, ...]

    @property
    def identity(self) -> str | None:
        """What a new link changes; None while no packet can flow.

        Of IPv6 only the prefix counts: privacy addresses (RFC 8981) change while the link stays.
        """
        if not self.running or not self.addresses:
            return None
        import ipaddress  # noqa: PLC0415 - 300 kB that an agent whose link is the business of others does without

        names = {
            str(address) if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
            for address in self.addresses
        }
        return f"{self.index}:{','.join(sorted(names))}"


def read_interface(name: str) -> InterfaceState | None:
    """The state of an interface; None when there is none of that name. Raises BearerError when the kernel refuses."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as kernel:
            kernel.settimeout(_LIMIT)
            kernel.bind((0, 0))
            links = _dump(kernel, _GET_LINK, _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0, 0))
            addresses = _dump(kernel, _GET_ADDRESS, _ADDRESS.pack(socket.AF_UNSPEC, 0, 0, 0, 0))
    except OSError as error:
        raise BearerError(f"interface {name}: the kernel cannot be asked: {error.strerror or error}") from error
    return interface_of(name, links, addresses)


def interface_of(name: str, links: bytes, addresses: bytes) -> InterfaceState | None:
    """The state that two dumps say. Raises BearerError for a dump that ended in an error."""
    for kind, body in _messages(links):
        if kind == _NEW_LINK and len(body) >= _LINK.size:
            _, _, _, index, flags, _ = _LINK.unpack_from(body)
            if _attributes(body[_LINK.size :]).get(_LINK_NAME, b"").rstrip(b"\0") == name.encode():
                running = flags & _UP_AND_RUNNING == _UP_AND_RUNNING
                return InterfaceState(index, running, tuple(_addresses(addresses, index)))
    return None


def _addresses(dump: bytes, wanted: int) -> Iterator[Address]:
    import ipaddress  # noqa: PLC0415 - likewise

    for kind, body in _messages(dump):
        if kind != _NEW_ADDRESS or len(body) < _ADDRESS.size:
            continue
        _, _, flags, scope, index = _ADDRESS.unpack_from(body)
        attributes = _attributes(body[_ADDRESS.size :])
        if len(attributes.get(_ADDRESS_FLAGS, b"")) == 4:
            flags = int.from_bytes(attributes[_ADDRESS_FLAGS], sys.byteorder)
        # On a point-to-point link IFA_ADDRESS is the peer; IFA_LOCAL, where there is one, is ours.
        octets = attributes.get(_ADDRESS_LOCAL, attributes.get(_ADDRESS_PEER, b""))
        if index == wanted and scope < _SCOPE_LINK and not flags & _UNUSABLE and len(octets) in (4, 16):
            yield ipaddress.ip_address(octets)


def _dump(kernel: socket.socket, kind: int, body: bytes) -> bytes:
    """All messages of one dump. Raises OSError."""
    kernel.send(_HEADER.pack(_HEADER.size + len(body), kind, _REQUEST_DUMP, 1, 0) + body)
    dump = bytearray()
    while True:
        part = kernel.recv(_BUFFER)
        if not part:
            raise OSError("the answer ended early")
        dump += part
        if any(own in (_DONE, _ERROR) for own, _ in _messages(part)):
            return bytes(dump)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each message. Raises BearerError for one that reports an error."""
    position = 0
    while position + _HEADER.size <= len(data):
        length, kind, _, _, _ = _HEADER.unpack_from(data, position)
        if length < _HEADER.size or position + length > len(data):
            return
        body = data[position + _HEADER.size : position + length]
        if kind == _ERROR:
            code = -struct.unpack_from("=i", body)[0] if len(body) >= 4 else 0
            raise BearerError(f"the kernel refuses to list interfaces: error {code}")
        yield kind, body
        position += (length + 3) & ~3


def _attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    position = 0
    while position + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, position)
        if length < _ATTRIBUTE.size or position + length > len(data):
            break
        found[kind & 0x3FFF] = data[position + _ATTRIBUTE.size : position + length]
        position += (length + 3) & ~3
    return found
