"""ESipa over CoAPS (SGP.32 6.2): the messages of the ASN.1 binding, in datagrams.

Loads aiocoap and pyOpenSSL, which belong to an extra: import it only for an eIM that is asked over CoAPS.
"""

from __future__ import annotations

from typing import Final

from ipad.codec import tlv
from ipad.errors import CoapStatusError, ExchangeError
from ipad.esipa.binding import MAX_MESSAGE, MAX_PACKAGE_MESSAGE
from ipad.net.blockwise import CoapResponse
from ipad.net.coap import CoapClient

URI_PATH: Final = ("gsma", "rsp2", "asn1")

_SUCCESS: Final = frozenset({201, 204, 205})
_TRANSIENT: Final = frozenset({408, 429, 500, 502, 503, 504})
_MAX_RETRY_AFTER: Final = 7 * 86_400
_GET_BOUND_PROFILE_PACKAGE, _HANDLE_NOTIFICATION = 0xBF3A, 0xBF3D


class CoapBinding:
    """ASN.1 over CoAPS: POST to /gsma/rsp2/asn1, no Content-Format in either direction, the path says the type.

    Every function of ESipa may be repeated, so a message that met a dead association is sent again over another.

    Leniencies: `other-success-code`: 2.01 and 2.05 are as good as 2.04. `any-content-format`: one in an answer does not
    matter. `any-notification-answer`: what comes with a success to HandleNotification does not matter.
    """

    def __init__(self, client: CoapClient) -> None:
        self._client = client

    async def exchange(self, message: bytes) -> bytes:
        """See `EsipaBinding`. Raises CoapStatusError for a code that is no success, ExchangeError for another success
        than those of RFC 7252 that carry a result."""
        function = tlv.read_element(message).tag
        limit = MAX_PACKAGE_MESSAGE if function == _GET_BOUND_PROFILE_PACKAGE else MAX_MESSAGE
        response = await self._client.post(URI_PATH, message, max_body=limit)
        self._require_success(response)
        return b"" if function == _HANDLE_NOTIFICATION else response.payload

    async def close(self) -> None:
        """End the association; the next message makes another."""
        await self._client.close()

    def _require_success(self, response: CoapResponse) -> None:
        server, code = self._client.server, response.code_text
        if response.status in _SUCCESS:
            return
        if response.is_success:
            raise ExchangeError(f"{server}: CoAP code {code}, expected 2.04")
        raise CoapStatusError(
            f"{server}: CoAP code {code}",
            status=response.status,
            transient=response.status in _TRANSIENT,
            # Without the option Max-Age is 60 s by definition (RFC 7252 5.6.1), which says nothing about the server.
            retry_after=None if response.max_age is None else float(min(response.max_age, _MAX_RETRY_AFTER)),
        )
