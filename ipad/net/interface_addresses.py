"""The IP addresses of a network interface, as the kernel knows them (Linux)."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct
from pathlib import Path
from typing import Final

IF_INET6: Final = Path("/proc/net/if_inet6")

_SIOCGIFADDR: Final = 0x8915
_NAME_SIZE: Final = 16
_LINK_LOCAL: Final = 0x20
_TENTATIVE_OR_FAILED: Final = 0x48
"""IFA_F_DADFAILED and IFA_F_TENTATIVE of <linux/if_addr.h>."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def interface_addresses(interface: str, table: Path = IF_INET6) -> tuple[Address, ...]:
    """The addresses with which packets can leave, IPv6 first; empty when there are none, or no such interface.

    Of IPv4 it is the first one. Link-local addresses, and those of IPv6 that are still being checked (RFC 4862 5.4),
    are left out.
    """
    first = _ipv4(interface)
    return (*_ipv6(interface, table), *((first,) if first is not None else ()))


def _ipv4(interface: str) -> ipaddress.IPv4Address | None:
    name = interface.encode()[: _NAME_SIZE - 1]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            answer = fcntl.ioctl(sock.fileno(), _SIOCGIFADDR, struct.pack("16s16x8x", name))
        except OSError:
            return None  # no such interface, or it has no address of this kind
    address = ipaddress.IPv4Address(answer[20:24])
    return None if address.is_unspecified or address.is_link_local else address


def _ipv6(interface: str, table: Path) -> tuple[ipaddress.IPv6Address, ...]:
    """Lines of address, index, prefix length, scope, flags (all hexadecimal), and name of the interface."""
    try:
        lines = table.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ()  # the kernel was built without IPv6
    found: list[ipaddress.IPv6Address] = []
    for line in lines:
        fields = line.split()
        if len(fields) != 6 or fields[5] != interface:
            continue
        try:
            address, scope, flags = bytes.fromhex(fields[0]), int(fields[3], 16), int(fields[4], 16)
        except ValueError:
            continue
        if len(address) == 16 and scope != _LINK_LOCAL and not flags & _TENTATIVE_OR_FAILED:
            found.append(ipaddress.IPv6Address(address))
    return tuple(found)
