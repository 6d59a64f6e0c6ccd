"""The resolver that the configuration asks for: that of the host, or one that asks over the cellular interface."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from ipaddress import ip_address

from ipad.addresses import split_host_port
from ipad.clock import Clock
from ipad.config import Config
from ipad.errors import PortError
from ipad.modem.modem import Modem
from ipad.modem.name_servers import COMMAND, parse_name_servers
from ipad.net.dns_lookup import NameServer
from ipad.net.dns_message import Address
from ipad.net.dns_resolver import InterfaceResolver, ServerSources, Told, nothing_told
from ipad.net.interface_addresses import interface_addresses
from ipad.net.resolver import HOST, Resolver

logger = logging.getLogger(__name__)


def make_resolver(config: Config, clock: Clock, modem: Modem | None) -> Resolver:
    """The resolver of connections. Without interface and servers of its own the host's does."""
    if not config.net.interface and not config.net.dns:
        return HOST
    return InterfaceResolver(clock, server_sources(config, modem))


def server_sources(config: Config, modem: Modem | None) -> ServerSources:
    """Where the DNS servers come from."""
    told = nothing_told if modem is None else _asking(modem, config.net.interface)
    return ServerSources(tuple(_server(text) for text in config.net.dns), told)


def _server(text: str) -> NameServer:
    host, port = split_host_port(text) or (text, None)
    address = ip_address(host)
    return NameServer(address, port or 53, remote=not address.is_loopback)


def _asking(modem: Modem, interface: str) -> Told:
    async def told() -> Sequence[Address]:
        try:
            answer = await modem.port.command(COMMAND)
        except PortError as error:
            logger.debug("the modem tells no DNS servers: %s", error)
            return ()
        return parse_name_servers(answer.lines, interface_addresses(interface))

    return told
