"""Addresses of hosts, servers and networks as people write them."""

from __future__ import annotations

import re


def listen_address(text: str) -> tuple[str, int] | None:
    """Split `address:port` or `[v6]:port`; None when it is neither. Port 0 lets the system choose one."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})", text)
    if not match or int(match[3]) > 65535 or not is_address(match[1] or match[2]):
        return None
    return match[1] or match[2], int(match[3])


def split_host_port(text: str) -> tuple[str, int | None] | None:
    """Split `host`, `host:port`, `[v6]` or `[v6]:port`; None when it is neither."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]{1,253}))(?::([0-9]{1,5}))?", text)
    if not match or (match[3] is not None and not 0 < int(match[3]) < 65536):
        return None
    return match[1] or match[2], int(match[3]) if match[3] is not None else None


def is_every_network(host: str) -> bool:
    """Whether an IP address stands for all of the device's own, as 0.0.0.0 does. Raises ValueError for no address."""
    import ipaddress  # noqa: PLC0415 - 300 kB that most configurations do without

    return ipaddress.ip_address(host).is_unspecified


def is_address(text: str) -> bool:
    """Whether this is an IP address."""
    import ipaddress  # noqa: PLC0415 - likewise

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_network(text: str) -> bool:
    """Whether this is an IP network with its prefix length."""
    import ipaddress  # noqa: PLC0415 - likewise

    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
