"""A server whose answer got lost is asked again a few times (SGP.32 3.6)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from ipad.clock import Clock
from ipad.codec.euicc_info import EuiccInfo1
from ipad.codec.rsp import AuthenticateServerResponse, CancelSessionResponse, PrepareDownloadResponse
from ipad.codec.tlv import Buffer
from ipad.errors import ExchangeError, NetworkError
from ipad.procedures.rsp_server import ProfileOffer, Redirection, RspServer, ServerAuthentication

log = logging.getLogger(__name__)

T = TypeVar("T")


def answer_was_lost(error: NetworkError) -> bool:
    """Whether asking again may help: no answer at all, or one that only says that the server is busy or broken."""
    return error.transient and not isinstance(error, ExchangeError)


class PatientServer:
    """Repeats the same request after each of `pauses` seconds while no answer comes.

    A server must take a repeated request as the same one, or refuse it; both are answers. CancelSession is not
    repeated: it is a courtesy at the end of a session.
    """

    def __init__(self, server: RspServer, clock: Clock, pauses: Sequence[float]) -> None:
        self._server = server
        self._clock = clock
        self._pauses = tuple(pauses)

    @property
    def direct(self) -> bool:
        """As the server."""
        return self._server.direct

    @property
    def tls_certificate(self) -> bytes | None:
        """As the server."""
        return self._server.tls_certificate

    async def initiate_authentication(
        self, euicc_challenge: bytes, euicc_info1: EuiccInfo1, address: str | None
    ) -> ServerAuthentication:
        """As the server."""
        return await self._ask(lambda: self._server.initiate_authentication(euicc_challenge, euicc_info1, address))

    async def authenticate_client(
        self, transaction_id: bytes, response: AuthenticateServerResponse, *, discovery: bool = False
    ) -> ProfileOffer | Redirection:
        """As the server."""
        return await self._ask(lambda: self._server.authenticate_client(transaction_id, response, discovery=discovery))

    async def get_bound_profile_package(self, transaction_id: bytes, response: PrepareDownloadResponse) -> Buffer:
        """As the server."""
        return await self._ask(lambda: self._server.get_bound_profile_package(transaction_id, response))

    async def cancel_session(self, transaction_id: bytes, response: CancelSessionResponse) -> None:
        """As the server."""
        await self._server.cancel_session(transaction_id, response)

    async def close(self) -> None:
        """As the server."""
        await self._server.close()

    async def _ask(self, request: Callable[[], Awaitable[T]]) -> T:
        for pause in self._pauses:
            try:
                return await request()
            except NetworkError as error:
                if not answer_was_lost(error):
                    raise
                log.warning("no answer, the request is repeated in %g s: %s", pause, error)
            await self._clock.sleep(pause)
        return await request()
