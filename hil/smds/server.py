"""ES11 of a SM-DS over HTTPS (SGP.22 5.8, 6.5.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hil.rsp.json_server import Members, Observer
from hil.rsp.server import RspServer
from hil.smds.core import SmDs


class SmDsServer(RspServer):
    """The functions of a SM-DS behind a TLS port on loopback."""

    def __init__(self, smds: SmDs, observer: Observer | None = None) -> None:
        self.smds = smds
        super().__init__(
            {
                "authenticateClient": self._authenticate_client,
            },
            observer,
        )

    @property
    def core(self) -> SmDs:
        """Who answers now."""
        return self.smds

    async def _authenticate_client(self, members: Members) -> Mapping[str, Any]:
        events = self.smds.authenticate_client(members.transaction_id(), members.binary("authenticateServerResponse"))
        entries = [{"eventId": event.event_id, "rspServerAddress": event.address} for event in events]
        return {"transactionId": members.text("transactionId"), "eventEntries": entries}
