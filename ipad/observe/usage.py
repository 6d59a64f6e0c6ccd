"""What the servers cost, as it is shown in status, metrics and commands."""

from __future__ import annotations

from typing import Final

from ipad.net.counters import Usage, UsageSnapshot
from ipad.observe.status import UsageRow

_MOST_SERVERS: Final = 16
_OTHER: Final = "other"


def usage_rows(snapshot: UsageSnapshot) -> tuple[UsageRow, ...]:
    """What the servers cost, by server and procedure. Addresses come from peers: beyond some they are one row."""
    shown = snapshot.servers[:_MOST_SERVERS]
    sums: dict[tuple[str, str], Usage] = {}
    for entry in snapshot.entries:
        key = (entry.server if entry.server in shown else _OTHER, entry.purpose)
        sums[key] = sums.get(key, Usage()) + entry.usage
    return tuple(
        UsageRow(
            server=server,
            procedure=procedure,
            exchanges=usage.exchanges,
            bytes_sent=usage.bytes_sent,
            bytes_received=usage.bytes_received,
            packets_sent=usage.packets_sent,
            packets_received=usage.packets_received,
            headers_sent=usage.headers_sent,
            headers_received=usage.headers_received,
            handshakes=usage.handshakes,
            resumed_handshakes=usage.resumed_handshakes,
        )
        for (server, procedure), usage in sums.items()
    )
