"""The DNS servers that the network gave with the bearer (3GPP TS 27.007 10.1.23)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Final

from ipad.modem.bearer import ContextParameters, parse_cgcontrdp

if TYPE_CHECKING:
    from ipad.modem.bearer import Address

COMMAND: Final = "AT+CGCONTRDP"

_SERVICES: Final = ("ims", "sos", "emergency", "xcap", "hos", "ut")
"""APNs of contexts that carry services of the operator and never the data of the device (GSMA IR.88 6.2, NG.102)."""


def parse_name_servers(lines: Iterable[str], own: Collection[Address] = ()) -> tuple[Address, ...]:
    """The servers of the data contexts. `own`: the addresses of the interface, which say which context is its own."""
    contexts = [found for found in map(parse_cgcontrdp, lines) if found is not None and found.dns]
    data = [found for found in contexts if not _is_service(found)]
    ours = [found for found in data if set(found.addresses) & set(own)]
    return tuple(dict.fromkeys(server for found in ours or data for server in found.dns))


def _is_service(context: ContextParameters) -> bool:
    return context.apn.strip('"').partition(".")[0].lower() in _SERVICES
