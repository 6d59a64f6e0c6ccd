"""What both HTTPS bindings of ESipa have in common: headers, and the version an eIM accepts (SGP.32 6.1.1, 6.4)."""

from __future__ import annotations

import logging
from typing import Final

from ipad.net.client import HttpsClient
from ipad.net.http import Headers, HttpResponse

logger = logging.getLogger(__name__)

USER_AGENT: Final = "gsma-rsp-ipad"
ADMIN_PROTOCOL: Final = "gsma/rsp/v2.1.0"
"""X-Admin-Protocol of SGP.32 up to v1.2; v1.3 gives the version of SGP.32 itself."""

_ADMIN_PROTOCOL_V13: Final = "gsma/rsp/v1.3.0"


class AdminProtocols:
    """The values of X-Admin-Protocol with which servers were in contact in this process."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def get(self, server: str) -> str | None:
        """The one of the last contact, None before the first."""
        return self._known.get(server)

    def note(self, server: str, admin_protocol: str) -> None:
        """There was a contact."""
        self._known[server] = admin_protocol


class EsipaPost:
    """POST requests to one eIM with the headers of one binding.

    Leniency `other-admin-protocol`: a strict eIM answers 400 to a version in X-Admin-Protocol that it does not know, so
    at the very first contact the other known one is tried once. `known` remembers contacts beyond this object.
    """

    def __init__(
        self, client: HttpsClient, content_type: str, admin_protocol: str, known: AdminProtocols | None = None
    ) -> None:
        self._client = client
        self._content_type = content_type
        self._known = known or AdminProtocols()
        self._admin_protocol = self._known.get(str(client.server)) or admin_protocol

    @property
    def server(self) -> str:
        """The eIM, for messages."""
        return str(self._client.server)

    async def post(self, path: str, body: bytes, *, max_body: int) -> HttpResponse:
        """A success, 200 or 204. Raises HttpStatusError for any other status, NetworkError."""
        response = await self._post(path, body, max_body)
        if response.status == 400 and self._known.get(self.server) is None:
            response = await self._try_other_protocol(path, body, max_body, response)
        self._known.note(self.server, self._admin_protocol)
        response.require_success(self.server)
        return response

    async def close(self) -> None:
        """Close the connection; the next request opens it again."""
        await self._client.close()

    async def _try_other_protocol(self, path: str, body: bytes, max_body: int, refusal: HttpResponse) -> HttpResponse:
        refused = self._admin_protocol
        self._admin_protocol = _ADMIN_PROTOCOL_V13 if refused == ADMIN_PROTOCOL else ADMIN_PROTOCOL
        response = await self._post(path, body, max_body)
        if response.status in (200, 204):
            logger.info("other-admin-protocol: %s takes %s, not %s", self.server, self._admin_protocol, refused)
            return response
        self._admin_protocol = refused
        return refusal

    async def _post(self, path: str, body: bytes, max_body: int) -> HttpResponse:
        headers: Headers = (
            ("User-Agent", USER_AGENT),
            ("X-Admin-Protocol", self._admin_protocol),
            ("Content-Type", self._content_type),
        )
        return await self._client.post(path, headers, body, max_body=max_body, repeatable=True)
