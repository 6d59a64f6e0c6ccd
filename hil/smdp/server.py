"""ES9+ of a SM-DP+ over HTTPS (SGP.22 5.6, 6.5.2)."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from hil.faults import FaultPlan
from hil.rsp.faults import Fault
from hil.rsp.json_server import JsonFunctions, Members, Observer, authentication_members
from hil.smdp.core import SmDpPlus
from hil.webserver import WebServer


class SmDpServer:
    """The functions of a SM-DP+ behind a TLS port on loopback."""

    def __init__(self, smdp: SmDpPlus, observer: Observer | None = None) -> None:
        self.smdp = smdp
        self.functions = JsonFunctions(
            {
                "initiateAuthentication": self._initiate_authentication,
                "authenticateClient": self._authenticate_client,
                "getBoundProfilePackage": self._get_bound_profile_package,
                "cancelSession": self._cancel_session,
                "handleNotification": self._handle_notification,
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
            self.smdp.initiate_authentication(
                members.binary("euiccChallenge"), members.binary("euiccInfo1"), members.text("smdpAddress")
            )
        )

    async def _authenticate_client(self, members: Members) -> Mapping[str, Any]:
        answer = self.smdp.authenticate_client(members.transaction_id(), members.binary("authenticateServerResponse"))
        return {"transactionId": members.text("transactionId"), **answer}

    async def _get_bound_profile_package(self, members: Members) -> Mapping[str, Any]:
        package = self.smdp.get_bound_profile_package(
            members.transaction_id(), members.binary("prepareDownloadResponse")
        )
        return {"transactionId": members.text("transactionId"), "boundProfilePackage": package}

    async def _cancel_session(self, members: Members) -> Mapping[str, Any]:
        self.smdp.cancel_session(members.transaction_id(), members.binary("cancelSessionResponse"))
        return {}

    async def _handle_notification(self, members: Members) -> None:
        self.smdp.handle_notification(members.binary("pendingNotification"))
