"""ES9+ of a SM-DP+ over HTTPS (SGP.22 5.6, 6.5.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hil.rsp.json_server import Members, Observer
from hil.rsp.server import RspServer
from hil.smdp.core import SmDpPlus


class SmDpServer(RspServer):
    """The functions of a SM-DP+ behind a TLS port on loopback."""

    def __init__(self, smdp: SmDpPlus, observer: Observer | None = None) -> None:
        self.smdp = smdp
        super().__init__(
            {
                "authenticateClient": self._authenticate_client,
                "getBoundProfilePackage": self._get_bound_profile_package,
                "cancelSession": self._cancel_session,
                "handleNotification": self._handle_notification,
            },
            observer,
        )

    @property
    def core(self) -> SmDpPlus:
        """Who answers now."""
        return self.smdp

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
