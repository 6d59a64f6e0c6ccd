"""Bindings of ESipa: how one message reaches an eIM and one comes back; here ASN.1 over HTTPS (SGP.32 6.1, 6.3)."""

from __future__ import annotations

from typing import Final, Protocol

from ipad.codec import tlv
from ipad.errors import ExchangeError
from ipad.esipa.https import ADMIN_PROTOCOL, AdminProtocols, EsipaPost
from ipad.net.client import HttpsClient

PATH: Final = "/gsma/rsp2/asn1"
MEDIA_TYPE: Final = "application/x-gsma-rsp-asn1"
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

    Leniencies: `any-notification-answer`: what comes with a 200 to HandleNotification does not matter.
    `no-content-type`: an answer without Content-Type is read.
    """

    def __init__(
        self, client: HttpsClient, *, admin_protocol: str = ADMIN_PROTOCOL, known: AdminProtocols | None = None
    ) -> None:
        self._http = EsipaPost(client, MEDIA_TYPE, admin_protocol, known)

    async def exchange(self, message: bytes) -> bytes:
        """See `EsipaBinding`. Raises HttpStatusError for a status other than 200 and 204, ExchangeError for another
        media type."""
        function = tlv.read_element(message).tag
        limit = MAX_PACKAGE_MESSAGE if function == _GET_BOUND_PROFILE_PACKAGE else MAX_MESSAGE
        response = await self._http.post(PATH, message, max_body=limit)
        if not response.body or function == _HANDLE_NOTIFICATION:
            return b""
        if response.media_type not in (None, MEDIA_TYPE):
            raise ExchangeError(f"{self._http.server}: Content-Type {response.media_type!r}, expected {MEDIA_TYPE}")
        return response.body

    async def close(self) -> None:
        """Close the connection; the next message opens it again."""
        await self._http.close()
