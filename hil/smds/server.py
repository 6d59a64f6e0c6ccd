"""ES11 of a SM-DS over HTTPS (SGP.22 5.8, 6.5.2)."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from hil.faults import FaultPlan
from hil.rsp.faults import Fault
from hil.rsp.json_server import JsonFunctions, Members, Observer, authentication_members
from hil.smds.core import SmDs
from hil.webserver import WebServer


class SmDsServer:
    """The functions of a SM-DS behind a TLS port on loopback."""

    def __init__(self, smds: SmDs, observer: Observer | None = None) -> None:
        self.smds = smds
        self.functions = JsonFunctions(
            {
                "initiateAuthentication": self._initiate_authentication,
                "authenticateClient": self._authenticate_client,
            },
            observer,
        )
        self._server = WebServer(self.functions.handle)

    @property
    def port(self) -> int:
        """The port in use."""
        return self._server.port

    @property
    def faults(self) -> FaultPlan[Fault]:
        """What goes wrong on demand."""
        return self.functions.faults

    async def start(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """Listen. Raises PortTakenError."""
        await self._server.start(port, tls)

    async def close(self) -> None:
        """Stop."""
        await self._server.close()

    async def _initiate_authentication(self, members: Members) -> Mapping[str, Any]:
        return authentication_members(
            self.smds.initiate_authentication(
                members.binary("euiccChallenge"), members.binary("euiccInfo1"), members.text("smdpAddress")
            )
        )

    async def _authenticate_client(self, members: Members) -> Mapping[str, Any]:
        events = self.smds.authenticate_client(members.transaction_id(), members.binary("authenticateServerResponse"))
        entries = [{"eventId": event.event_id, "rspServerAddress": event.address} for event in events]
        return {"transactionId": members.text("transactionId"), "eventEntries": entries}
