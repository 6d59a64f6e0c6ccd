"""What the servers cost, as it is shown: rows for status, metrics and commands, and the line in the log after a run."""

from __future__ import annotations

import logging

from ipad.net.counters import UsageLedger, UsageSnapshot
from ipad.observe.status import UsageRow
from ipad.observe.usage import usage_rows as rows

logger = logging.getLogger(__name__)


def usage_rows(ledger: UsageLedger) -> tuple[UsageRow, ...]:
    """The counters as they are now, by server and procedure."""
    return rows(ledger.snapshot())


def log_usage(added: UsageSnapshot) -> None:
    """One line per server: payload of TCP or UDP, packets, the estimate of their headers, handshakes, procedures."""
    for server in added.servers:
        cost = added.total(server)
        purposes = ", ".join(
            f"{entry.purpose} {entry.usage.bytes_sent} + {entry.usage.bytes_received}"
            for entry in added.entries
            if entry.server == server
        )
        logger.info(
            "%s: %d bytes sent and %d received in %d + %d packets, about %d + %d more of headers; "
            "%d full and %d resumed handshake(s); %s",
            server,
            cost.bytes_sent,
            cost.bytes_received,
            cost.packets_sent,
            cost.packets_received,
            cost.headers_sent,
            cost.headers_received,
            cost.full_handshakes,
            cost.resumed_handshakes,
            purposes,
        )
