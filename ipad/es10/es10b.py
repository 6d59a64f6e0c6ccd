"""ES10b of SGP.22: eUICC information, mutual authentication, download, notifications, rules (SGP.22 5.7.5 to 5.7.14).

What the eUICC signs or verifies goes out and comes back as the exact bytes received: the objects keep them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ipad.codec.es10 import (
    LoadCrlRequest,
    LoadCrlResponse,
    LpaeActivationRequest,
    LpaeActivationResponse,
    LpaeOption,
)
from ipad.codec.euicc_info import EuiccInfo1, EuiccInfo2, GetEuiccInfo1Request, GetEuiccInfo2Request
from ipad.codec.notification import (
    DeleteNotificationStatus,
    ListNotificationRequest,
    ListNotificationResponse,
    NotificationMetadata,
    NotificationSentRequest,
    NotificationSentResponse,
    ProfileInstallationResult,
    RetrieveNotificationsListRequest,
    RetrieveNotificationsListRequestSearchCriteria,
    RetrieveNotificationsListResponse,
)
from ipad.codec.profile import GetRatRequest, GetRatResponse, NotificationEvent, ProfilePolicyAuthorisationRule
from ipad.errors import CardError, EuiccResultError
from ipad.es10.port import FunctionGroup, decode_response, require_ok

if TYPE_CHECKING:  # the functions of downloads load it when they are called
    from ipad.codec.bpp import BoundProfilePackage
    from ipad.codec.rsp import (
        AuthenticateServerRequest,
        AuthenticateServerResponse,
        CancelSessionReason,
        CancelSessionResponse,
        PrepareDownloadRequest,
        PrepareDownloadResponse,
    )

Progress = Callable[[int, int], None]
"""Called with the bytes of a package that the eUICC took, and all of its bytes."""


class Es10b(FunctionGroup):
    """The functions of ES10b that SGP.22 defines."""

    async def get_euicc_info1(self) -> EuiccInfo1:
        """GetEUICCInfo, EUICCInfo1 (SGP.22 5.7.8)."""
        return await self._call("GetEUICCInfo", GetEuiccInfo1Request().encode(), EuiccInfo1, repeatable=True)

    async def get_euicc_info2(self) -> EuiccInfo2:
        """GetEUICCInfo, EUICCInfo2 (SGP.22 5.7.8; the additions of SGP.32 where the eUICC has them)."""
        return await self._call("GetEUICCInfo", GetEuiccInfo2Request().encode(), EuiccInfo2, repeatable=True)

    async def get_euicc_challenge(self) -> bytes:
        """GetEUICCChallenge (SGP.22 5.7.7): 16 random bytes. It begins a session and ends the one before."""
        from ipad.codec.rsp import GetEuiccChallengeRequest, GetEuiccChallengeResponse  # noqa: PLC0415

        request = GetEuiccChallengeRequest().encode()
        response = await self._call("GetEUICCChallenge", request, GetEuiccChallengeResponse, repeatable=True)
        return response.euicc_challenge

    async def authenticate_server(self, request: AuthenticateServerRequest) -> AuthenticateServerResponse:
        """AuthenticateServer (SGP.22 5.7.13). An error is a response, not an exception: the server must get it."""
        from ipad.codec.rsp import AuthenticateServerResponse  # noqa: PLC0415

        return await self._call("AuthenticateServer", request.encode(), AuthenticateServerResponse)

    async def prepare_download(self, request: PrepareDownloadRequest) -> PrepareDownloadResponse:
        """PrepareDownload (SGP.22 5.7.5). An error is a response, not an exception: the server must get it."""
        from ipad.codec.rsp import PrepareDownloadResponse  # noqa: PLC0415

        return await self._call("PrepareDownload", request.encode(), PrepareDownloadResponse)

    async def load_bound_profile_package(
        self, package: BoundProfilePackage, progress: Progress | None = None
    ) -> ProfileInstallationResult:
        """LoadBoundProfilePackage (SGP.22 5.7.6, 2.5.5): segment by segment until the eUICC answers with its result.

        A failed installation is a result, not an exception. After StatusWordError, CardError or PortError there is no
        result and the session is to be cancelled with loadBppExecutionError.
        """
        done = 0
        for segment in package.segments():
            answer = await self._port.transceive_segment(bytes(segment))
            done += len(segment)
            if progress is not None:
                progress(done, package.size)
            if answer:
                return decode_response("LoadBoundProfilePackage", answer, ProfileInstallationResult)
        raise CardError("the eUICC took the whole Bound Profile Package and gave no ProfileInstallationResult")

    async def cancel_session(self, transaction_id: bytes, reason: CancelSessionReason) -> CancelSessionResponse:
        """CancelSession (SGP.22 5.7.14). An error is a response, not an exception: it may be relayed as well."""
        from ipad.codec.rsp import CancelSessionRequest, CancelSessionResponse  # noqa: PLC0415

        request = CancelSessionRequest(transaction_id=transaction_id, reason=reason)
        return await self._call("CancelSession", request.encode(), CancelSessionResponse)

    async def list_notification(self, events: NotificationEvent | None = None) -> tuple[NotificationMetadata, ...]:
        """ListNotification (SGP.22 5.7.9): metadata of what waits, of these events only where given."""
        request = ListNotificationRequest(profile_management_operation=events)
        response = await self._call("ListNotification", request.encode(), ListNotificationResponse, repeatable=True)
        if response.list_notifications_result_error is not None:
            raise EuiccResultError("ListNotification", response.list_notifications_result_error)
        return response.notification_metadata_list or ()

    async def retrieve_notifications_list(
        self, search_criteria: RetrieveNotificationsListRequestSearchCriteria | None = None
    ) -> RetrieveNotificationsListResponse:
        """RetrieveNotificationsList (SGP.22 5.7.10, SGP.32 5.9.11): notifications, or package results of an IoT eUICC.

        Asked by seqNumber an IoT eUICC answers with either list, so the response is handed on; notifications and
        results that cannot be decoded are in it as `unknown`. A result error is a response, not an exception.
        """
        request = RetrieveNotificationsListRequest(search_criteria=search_criteria)
        return await self._call(
            "RetrieveNotificationsList", request.encode(), RetrieveNotificationsListResponse, repeatable=True
        )

    async def remove_notification_from_list(self, seq_number: int) -> DeleteNotificationStatus:
        """RemoveNotificationFromList (SGP.22 5.7.11, SGP.32 5.9.12): the status, an unknown number included.

        Removes a stored eUICC Package Result likewise.
        """
        request = NotificationSentRequest(seq_number=seq_number)
        response = await self._call(
            "RemoveNotificationFromList", request.encode(), NotificationSentResponse, repeatable=True
        )
        return response.delete_notification_status

    async def get_rat(self) -> tuple[ProfilePolicyAuthorisationRule, ...]:
        """GetRAT (SGP.22 5.7.22): the Rules Authorisation Table, in the order of the eUICC."""
        return (await self._call("GetRAT", GetRatRequest().encode(), GetRatResponse, repeatable=True)).rat

    async def load_crl(self, crl: bytes) -> tuple[int, ...]:
        """LoadCRL (SGP.22 5.7.12) with a DER CertificateList: numbers of the partial CRLs that are still missing.

        An eUICC without the capability crlSupport answers 6A88.
        """
        response = await self._call("LoadCRL", LoadCrlRequest(crl=crl).encode(), LoadCrlResponse, repeatable=True)
        if response.load_crl_response_error is not None:
            raise EuiccResultError("LoadCRL", response.load_crl_response_error)
        loaded = response.load_crl_response_ok
        return (loaded.missing_parts or ()) if loaded is not None else ()

    async def lpae_activation(self, option: LpaeOption) -> None:
        """LPAe activation (SGP.22 5.7.1): the LPA in the eUICC manages profiles until the next reset."""
        request = LpaeActivationRequest(lpae_option=option)
        response = await self._call("LpaeActivation", request.encode(), LpaeActivationResponse)
        require_ok("LpaeActivation", response.lpae_activation_result)
