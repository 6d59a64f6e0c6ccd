"""ESipa in JSON over HTTPS (SGP.32 6.4): the messages of the ASN.1 binding, translated on their way."""

from __future__ import annotations

from typing import Final

from ipad.errors import CodecError, ExchangeError, RspStatusError
from ipad.esipa import json_messages
from ipad.esipa.binding import MAX_MESSAGE, MAX_PACKAGE_MESSAGE
from ipad.esipa.https import ADMIN_PROTOCOL, AdminProtocols, EsipaPost
from ipad.net.client import HttpsClient

PATH: Final = "/gsma/rsp2/esipa/"
MEDIA_TYPE: Final = "application/json"
CONTENT_TYPE: Final = "application/json;charset=UTF-8"

_OTHER_MEMBERS: Final = 16 * 1024
MAX_ANSWER: Final = MAX_MESSAGE * 4 // 3 + _OTHER_MEMBERS
MAX_PACKAGE_ANSWER: Final = MAX_PACKAGE_MESSAGE * 4 // 3 + _OTHER_MEMBERS


class JsonBinding:
    """JSON over HTTPS. Every function may be repeated, as in `HttpsBinding`.

    Leniencies: those of `ipad.esipa.json_messages`; `no-content-type`: an answer without Content-Type is read;
    `any-notification-answer`: what comes with a 200 to HandleNotification matters only if it is JSON that says Failed.
    """

    def __init__(
        self, client: HttpsClient, *, admin_protocol: str = ADMIN_PROTOCOL, known: AdminProtocols | None = None
    ) -> None:
        self._http = EsipaPost(client, CONTENT_TYPE, admin_protocol, known)

    async def exchange(self, message: bytes) -> bytes:
        """See `EsipaBinding`. Raises HttpStatusError for a status other than 200 and 204, ExchangeError for an answer
        that cannot be read, and for a refused HandleNotification."""
        asked = json_messages.call(message)
        large = asked.function == json_messages.GET_BOUND_PROFILE_PACKAGE
        limit = MAX_PACKAGE_ANSWER if large else MAX_ANSWER
        response = await self._http.post(PATH + asked.function, asked.body, max_body=limit)
        if not response.body.strip():
            return b""
        if asked.function == json_messages.HANDLE_NOTIFICATION and response.media_type != MEDIA_TYPE:
            return b""
        if response.media_type not in (None, MEDIA_TYPE):
            raise ExchangeError(f"{self._http.server}: Content-Type {response.media_type!r}, expected {MEDIA_TYPE}")
        try:
            return json_messages.message(asked, response.body)
        except RspStatusError as error:
            raise ExchangeError(f"{self._http.server}: {error}") from error
        except CodecError as error:
            raise ExchangeError(f"{self._http.server}: malformed answer: {error}") from error

    async def close(self) -> None:
        """Close the connection; the next message opens it again."""
        await self._http.close()
