"""ES9+ and ES11 over HTTPS: the JSON binding of SGP.22 6.2 and 6.5 on one connection per server."""

from __future__ import annotations

from typing import Final

from ipad.errors import ExchangeError
from ipad.net.client import HttpsClient
from ipad.net.http import Headers, HttpResponse

PATH: Final = "/gsma/rsp2/es9plus/"
MEDIA_TYPE: Final = "application/json"
USER_AGENT: Final = "gsma-rsp-lpad"
"""What servers filter on; SGP.32 gives the IPA a name of its own for ESipa only."""

ADMIN_PROTOCOL: Final = "gsma/rsp/v2.2.0"
MAX_ANSWER: Final = 128 * 1024
MAX_PACKAGE_ANSWER: Final = 2 * 1024 * 1024 * 4 // 3 + 16 * 1024
"""A Bound Profile Package of 2 MB in base64, line breaks and the other members."""

_PACKAGE_FUNCTION: Final = "getBoundProfilePackage"


class HttpsJson:
    """Satisfies `es9.functions.JsonPost`.

    Every function may be repeated when a kept connection turns out to be closed: a server takes the repeat as the same
    request, or refuses it (SGP.22 5.6).
    """

    def __init__(
        self, client: HttpsClient, *, user_agent: str = USER_AGENT, admin_protocol: str = ADMIN_PROTOCOL
    ) -> None:
        self._client = client
        self._headers: Headers = (
            ("User-Agent", user_agent),
            ("X-Admin-Protocol", admin_protocol),
            ("Content-Type", MEDIA_TYPE),
        )

    @property
    def server_certificate(self) -> bytes | None:
        """DER of the certificate that the server showed; None before the first connection."""
        return self._client.server_certificate

    async def post(self, function: str, body: bytes) -> bytes:
        """The body of the answer, b"" where there is none.

        Raises HttpStatusError for a status that is no success, ExchangeError for another media type, NetworkError.
        """
        limit = MAX_PACKAGE_ANSWER if function == _PACKAGE_FUNCTION else MAX_ANSWER
        response = await self._client.post(PATH + function, self._headers, body, max_body=limit, repeatable=True)
        self._check(function, response)
        return response.body

    async def close(self) -> None:
        """Close the connection; the next function opens another."""
        await self._client.close()

    def _check(self, function: str, response: HttpResponse) -> None:
        if not 200 <= response.status < 300:
            response.require_success(str(self._client.server))
        if response.body.strip() and response.media_type not in (None, MEDIA_TYPE):
            raise ExchangeError(
                f"{self._client.server}: {function} was answered with Content-Type {response.media_type!r}, "
                f"expected {MEDIA_TYPE}"
            )
