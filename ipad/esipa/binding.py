"""Bindings of ESipa: how one message reaches an eIM and one comes back; here ASN.1 over HTTPS (SGP.32 6.1, 6.3)."""

from __future__ import annotations

import logging
from typing import Final, Protocol

from ipad.codec import tlv
from ipad.errors import ExchangeError
from ipad.net.client import HttpsClient
from ipad.net.http import Headers, HttpResponse

logger = logging.getLogger(__name__)

PATH: Final = "/gsma/rsp2/asn1"
MEDIA_TYPE: Final = "application/x-gsma-rsp-asn1"
USER_AGENT: Final = "gsma-rsp-ipad"
ADMIN_PROTOCOL: Final = "gsma/rsp/v2.1.0"
"""X-Admin-Protocol of SGP.32 up to v1.2; v1.3 gives the version of SGP.32 itself."""

_ADMIN_PROTOCOL_V13: Final = "gsma/rsp/v1.3.0"
MAX_MESSAGE: Final = 64 * 1024
MAX_PACKAGE_MESSAGE: Final = 2 * 1024 * 1024 + 1024
"""The answer to GetBoundProfilePackage, the only one that carries a Bound Profile Package."""

_GET_BOUND_PROFILE_PACKAGE, _HANDLE_NOTIFICATION = 0xBF3A, 0xBF3D


class EsipaBinding(Protocol):
    """The way to one eIM."""

    async def exchange(self, message: bytes) -> bytes:
        """Send one EsipaMessageFromIpaToEim, return one EsipaMessageFromEimToIpa, b"" where the answer has no body.

        Raises NetworkError and its subclasses.
        """
        ...

    async def close(self) -> None:
        """Close the connection; the next message opens it again."""
        ...


class HttpsBinding:
    """ASN.1 over HTTPS.

    Every function of ESipa may be repeated: an eIM recognises a result or notification that it already has, and asking
    again hands out the same package. So a message that met a closed connection is sent again.

    Leniencies: `other-admin-protocol`: a strict eIM answers 400 to a version in X-Admin-Protocol that it does not
    know, so at the very first contact the other known one is tried once. `any-notification-answer`: what comes with a
    200 to HandleNotification does not matter. `no-content-type`: an answer without Content-Type is read.
    """

    def __init__(self, client: HttpsClient, *, admin_protocol: str = ADMIN_PROTOCOL) -> None:
        self._client = client
        self._admin_protocol = admin_protocol
        self._known_contact = False

    async def exchange(self, message: bytes) -> bytes:
        """See `EsipaBinding`. Raises HttpStatusError for a status other than 200 and 204, ExchangeError for another
        media type."""
        response = await self._post(message)
        if response.status == 400 and not self._known_contact:
            response = await self._try_other_protocol(message, response)
        self._known_contact = True
        response.require_success(str(self._client.server))
        if not response.body or _function(message) == _HANDLE_NOTIFICATION:
            return b""
        if response.media_type not in (None, MEDIA_TYPE):
            raise ExchangeError(f"{self._client.server}: Content-Type {response.media_type!r}, expected {MEDIA_TYPE}")
        return response.body

    async def close(self) -> None:
        """Close the connection; the next message opens it again."""
        await self._client.close()

    async def _try_other_protocol(self, message: bytes, refusal: HttpResponse) -> HttpResponse:
        refused = self._admin_protocol
        self._admin_protocol = _ADMIN_PROTOCOL_V13 if refused == ADMIN_PROTOCOL else ADMIN_PROTOCOL
        response = await self._post(message)
        if response.status in (200, 204):
            logger.info("other-admin-protocol: %s takes %s, not %s", self._client.server, self._admin_protocol, refused)
            return response
        self._admin_protocol = refused
        return refusal

    async def _post(self, message: bytes) -> HttpResponse:
        large = _function(message) == _GET_BOUND_PROFILE_PACKAGE
        return await self._client.post(
            PATH,
            self._headers(),
            message,
            max_body=MAX_PACKAGE_MESSAGE if large else MAX_MESSAGE,
            repeatable=True,
        )

    def _headers(self) -> Headers:
        return (
            ("User-Agent", USER_AGENT),
            ("X-Admin-Protocol", self._admin_protocol),
            ("Content-Type", MEDIA_TYPE),
        )


def _function(message: bytes) -> int:
    """The outer tag, which alone names the function."""
    return tlv.read_element(message).tag
