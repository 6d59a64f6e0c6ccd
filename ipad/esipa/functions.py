"""The functions of ESipa, one method each (SGP.32 5.14; messages in 6.3).

Data objects go in and come out; objects of the eUICC pass as the exact bytes it gave. An error that an eIM answers
inside a function is part of the response, since the procedures branch on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ipad.codec.esipa import (
    GetEimPackageRequest,
    GetEimPackageResponse,
    HandleNotificationEsipa,
    ProvideEimPackageResult,
    ProvideEimPackageResultResponse,
)
from ipad.codec.schema import Choice, Message
from ipad.errors import CodecError, ExchangeError
from ipad.esipa.binding import EsipaBinding

if TYPE_CHECKING:  # the functions of downloads load it when they are called
    from ipad.codec.esipa_rsp import (
        AuthenticateClientRequestEsipa,
        AuthenticateClientResponseEsipa,
        CancelSessionRequestEsipa,
        CancelSessionResponseEsipa,
        GetBoundProfilePackageRequestEsipa,
        GetBoundProfilePackageResponseEsipa,
        InitiateAuthenticationRequestEsipa,
        InitiateAuthenticationResponseEsipa,
    )

Response = TypeVar("Response", bound=Choice)


class EsipaClient:
    """One eIM. Every function may raise NetworkError; ExchangeError says that the answer is none of that function."""

    def __init__(self, binding: EsipaBinding) -> None:
        self._binding = binding

    async def get_eim_package(self, request: GetEimPackageRequest) -> GetEimPackageResponse:
        """GetEimPackage (5.14.5). A package of a type that is not known, or damaged, comes as `unknown`."""
        return await self._call("GetEimPackage", request, GetEimPackageResponse, unknown=True)

    async def provide_eim_package_result(self, request: ProvideEimPackageResult) -> ProvideEimPackageResultResponse:
        """ProvideEimPackageResult (5.14.6)."""
        return await self._call("ProvideEimPackageResult", request, ProvideEimPackageResultResponse)

    async def handle_notification(self, request: HandleNotificationEsipa) -> None:
        """HandleNotification (5.14.7); returns when the eIM accepted it. It has no response object."""
        await self._binding.exchange(request.encode())

    async def initiate_authentication(
        self, request: InitiateAuthenticationRequestEsipa
    ) -> InitiateAuthenticationResponseEsipa:
        """InitiateAuthentication (5.14.1)."""
        from ipad.codec.esipa_rsp import InitiateAuthenticationResponseEsipa  # noqa: PLC0415

        return await self._call("InitiateAuthentication", request, InitiateAuthenticationResponseEsipa)

    async def authenticate_client(self, request: AuthenticateClientRequestEsipa) -> AuthenticateClientResponseEsipa:
        """AuthenticateClient (5.14.3)."""
        from ipad.codec.esipa_rsp import AuthenticateClientResponseEsipa  # noqa: PLC0415

        return await self._call("AuthenticateClient", request, AuthenticateClientResponseEsipa)

    async def get_bound_profile_package(
        self, request: GetBoundProfilePackageRequestEsipa
    ) -> GetBoundProfilePackageResponseEsipa:
        """GetBoundProfilePackage (5.14.2)."""
        from ipad.codec.esipa_rsp import GetBoundProfilePackageResponseEsipa  # noqa: PLC0415

        return await self._call("GetBoundProfilePackage", request, GetBoundProfilePackageResponseEsipa)

    async def cancel_session(self, request: CancelSessionRequestEsipa) -> CancelSessionResponseEsipa:
        """CancelSession (5.14.8)."""
        from ipad.codec.esipa_rsp import CancelSessionResponseEsipa  # noqa: PLC0415

        return await self._call("CancelSession", request, CancelSessionResponseEsipa)

    async def close(self) -> None:
        """Close the connection; the next function opens it again."""
        await self._binding.close()

    async def _call(
        self, function: str, request: Message, response: type[Response], *, unknown: bool = False
    ) -> Response:
        """Exchange one message. Raises ExchangeError for an empty, undecodable or foreign answer, unused."""
        answer = await self._binding.exchange(request.encode())
        if not answer:
            raise ExchangeError(f"{function}: the answer has no body")
        try:
            decoded = response.decode(answer)
        except CodecError as error:
            raise ExchangeError(f"{function}: malformed answer: {error}") from error
        if decoded.unknown is not None and not unknown:
            raise ExchangeError(f"{function}: unknown alternative {decoded.unknown[:8].hex().upper()} in the answer")
        return decoded
