"""Where a server is: `host[:port]` as it comes from a card, a package or a file, and where to connect instead.

Such a text is untrusted: it goes into a Host header, into SNI and into the resolver, so only what is certainly a name
or an address passes.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from typing import Final, Self

from ipad.errors import CodecError
from ipad.records import dataclass

DEFAULT_PORTS: Final = {"https": 443, "http": 80, "coaps": 5684}

_PARTS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\[\]:]+))(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_MAX_NAME = 253
_MAX_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Authority:
    """A host and, where it was given, a port.

    `host` is a DNS name as written but for a trailing dot, or an IP address in its usual form without brackets.
    """

    host: str
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name`, `name:port`, an IPv4 address or `[IPv6]`, each with or without a port.

        Raises CodecError for anything else: control characters, blanks, schemes, paths, names that are not ASCII.
        """
        match = _PARTS.fullmatch(text)
        if match is None:
            raise _refused(text, "expected a host name or address, and maybe a port")
        port = None if match["port"] is None else int(match["port"])
        if port is not None and not 0 < port < 65536:
            raise _refused(text, f"port {port}")
        host = _address(text, match["v6"]) if match["v6"] else _host(text, match["host"])
        return cls(host, port)

    @property
    def is_address(self) -> bool:
        """Whether the host is an IP address."""
        return any(_usual_form(family, self.host) for family in (socket.AF_INET, socket.AF_INET6))

    def port_for(self, scheme: str) -> int:
        """The port, or the default one of the scheme."""
        return self.port if self.port is not None else DEFAULT_PORTS[scheme]

    def __str__(self) -> str:
        """The text of a Host header: brackets around IPv6, the port only where one was given."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


class AddressOverrides:
    """Connect addresses that replace the resolver for some servers: test benches, private APNs without DNS.

    Keys are `scheme://host` or `scheme://host:port` (no port: the default one of the scheme), values `address:port`.
    Name checks, SNI and Host header stay those of the server.
    """

    def __init__(self, table: Mapping[str, str] | None = None) -> None:
        """Raises CodecError for a key or value of another form."""
        self._table = {_server(key): Authority.parse(value) for key, value in (table or {}).items()}

    def connect_to(self, scheme: str, server: Authority) -> tuple[str, int]:
        """Host or address, and port, to connect to."""
        port = server.port_for(scheme)
        override = self._table.get((scheme, server.host.lower(), port))
        if override is None:
            return server.host, port
        return override.host, override.port_for(scheme)


def _server(key: str) -> tuple[str, str, int]:
    scheme, separator, rest = key.partition("://")
    if not separator or scheme not in DEFAULT_PORTS:
        raise _refused(key, f"expected a key like https://host or https://host:port ({', '.join(DEFAULT_PORTS)})")
    server = Authority.parse(rest)
    return scheme, server.host.lower(), server.port_for(scheme)


def _address(text: str, digits: str) -> str:
    address = _usual_form(socket.AF_INET6, digits)
    if address is None:
        raise _refused(text, "no IPv6 address in the brackets")
    return address


def _host(text: str, host: str) -> str:
    name = host.removesuffix(".")
    labels = name.split(".")
    if labels[-1].isdigit():
        address = _usual_form(socket.AF_INET, name)
        if address is None:
            raise _refused(text, "ends in digits but is no IPv4 address")
        return address
    if len(name) > _MAX_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refused(text, "no host name")
    return name


def _usual_form(family: socket.AddressFamily, text: str) -> str | None:
    """An address as it is written usually, None for what is none; `ipaddress` would be 300 kB for that."""
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, text))
    except (OSError, ValueError):
        return None


def _refused(text: str, reason: str) -> CodecError:
    shown = text[:_MAX_SHOWN].encode("unicode_escape").decode("ascii")
    return CodecError(f"server address {shown!r}: {reason}")
