"""All functions of one eUICC over one session."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from ipad.codec.notification import (
    OtherSignedNotification,
    PendingNotification,
    ProfileInstallationResult,
    RetrieveNotificationsListRequestSearchCriteria,
    RetrieveNotificationsListResponse,
)
from ipad.errors import CodecError, EuiccResultError, StatusWordError
from ipad.es10.es10a import Es10a
from ipad.es10.es10b import Es10b
from ipad.es10.es10b_iot import Es10bIot
from ipad.es10.es10c import Es10c
from ipad.es10.leniency import CardLeniency
from ipad.es10.port import Es10Session

if TYPE_CHECKING:
    from ipad.codec.bpp import BoundProfilePackage
    from ipad.codec.rsp import AuthenticateServerRequest, AuthenticateServerResponse
    from ipad.es10.es10b import Progress

log = logging.getLogger(__name__)

Signed = Callable[[bytes, bytes, bytes], bool | None]
"""Whether data has this signature, of the key in this certificate; None where nobody can tell."""


class Euicc(Es10a, Es10b, Es10bIot, Es10c):
    """ES10a, ES10b and ES10c, and the session below them. `forget` empties the memory that there is above the card.

    `proven`: whether the eUICC has answered over the channel that is open. `signed` finds out what was misread on its
    way from the eUICC: notifications and ProfileInstallationResults, which nobody verifies before they are removed.
    """

    def __init__(
        self,
        session: Es10Session,
        leniency: CardLeniency | None = None,
        *,
        forget: Callable[[Collection[int]], None] = lambda _tags: None,
        proven: Callable[[], bool] = lambda: False,
        signed: Signed = lambda _data, _signature, _certificate: None,
    ) -> None:
        super().__init__(session, leniency)
        self._session = session
        self._forget = forget
        self._proven = proven
        self._signed = signed
        self._certificate = b""
        self._damaged: frozenset[bytes] = frozenset()

    @property
    def fci(self) -> bytes:
        """The answer to SELECT of the ISD-R; empty where the transport hides it."""
        return self._session.fci

    def forget(self, tags: Collection[int] = ()) -> None:
        """Answer from the card itself from now on, not from memory. `tags`: what these functions answer only."""
        self._forget(tags)

    @property
    def proven(self) -> bool:
        """Whether the eUICC has answered over the channel that is open."""
        return self._proven()

    async def retrieve_notifications_list(
        self, search_criteria: RetrieveNotificationsListRequestSearchCriteria | None = None
    ) -> RetrieveNotificationsListResponse:
        """As ES10b has it. A list with entries that cannot be decoded, or that the eUICC has not signed as they are, is
        read twice, once for the same entries.

        What fell over on the line is right then; from memory it would be wrong for days.
        """
        found = await super().retrieve_notifications_list(search_criteria)
        if self._misread(found) - self._damaged:
            self.forget((RetrieveNotificationsListResponse.TAG,))
            found = await super().retrieve_notifications_list(search_criteria)
            self._damaged |= self._misread(found)
        return found

    async def authenticate_server(self, request: AuthenticateServerRequest) -> AuthenticateServerResponse:
        """As ES10b has it; the certificate of the eUICC in it is remembered."""
        response = await super().authenticate_server(request)
        if response.authenticate_response_ok is not None:
            self._certificate = response.authenticate_response_ok.euicc_certificate
        return response

    async def load_bound_profile_package(
        self, package: BoundProfilePackage, progress: Progress | None = None
    ) -> ProfileInstallationResult:
        """As ES10b has it. Of a result that the eUICC has not signed as it is, the one that is stored is returned."""
        result = await super().load_bound_profile_package(package, progress)
        if not self._certificate or self._is_signed(result) is not False:
            return result
        log.warning("the ProfileInstallationResult was misread on its way out of the eUICC, the stored one is read")
        self.forget((RetrieveNotificationsListResponse.TAG,))
        try:
            stored = await self.retrieve_notifications_list()
        except (StatusWordError, CodecError, EuiccResultError) as error:
            log.warning("the notifications of the eUICC cannot be read: %s", error)
            return result
        results = (entry.profile_installation_result for entry in stored.notification_list or ())
        return next((one for one in results if one is not None and _same(one, result) and self._is_signed(one)), result)

    def _misread(self, found: RetrieveNotificationsListResponse) -> frozenset[bytes]:
        """Entries that cannot be decoded, or that the eUICC has not signed as they are; as they came."""
        entries = (*(found.notification_list or ()), *(found.euicc_package_result_list or ()))
        unknown = (entry.unknown for entry in entries if entry.unknown is not None)
        notifications = found.notification_list or ()
        # Those that bring the certificate say by whom the others have to be signed.
        in_turn = sorted(notifications, key=lambda entry: entry.other_signed_notification is None)
        return frozenset((*unknown, *(entry.encode() for entry in in_turn if self._is_wrong(entry))))

    def _is_wrong(self, entry: PendingNotification) -> bool:
        other, result = entry.other_signed_notification, entry.profile_installation_result
        if other is not None:
            genuine = self._is_signed(other)
            if genuine and not self._certificate:
                self._certificate = other.euicc_certificate
            return genuine is False
        return result is not None and bool(self._certificate) and self._is_signed(result) is False

    def _is_signed(self, signed: ProfileInstallationResult | OtherSignedNotification) -> bool | None:
        if isinstance(signed, OtherSignedNotification):
            data, signature = signed.tbs_other_notification.encode(), signed.euicc_notification_signature
            return self._signed(data, signature, signed.euicc_certificate)
        return self._signed(signed.profile_installation_result_data.encode(), signed.euicc_sign_pir, self._certificate)

    async def close(self) -> None:
        """Close the logical channel; the next function opens it again."""
        await self._session.close()

    async def reset(self) -> None:
        """Reset the card; the next function opens a channel again."""
        await self._session.reset()


def _same(one: ProfileInstallationResult, other: ProfileInstallationResult) -> bool:
    """Whether both may be of the same session, although one bit of one of them is another."""
    first, second = one.profile_installation_result_data, other.profile_installation_result_data
    numbers = first.notification_metadata.seq_number, second.notification_metadata.seq_number
    return first.transaction_id == second.transaction_id or numbers[0] == numbers[1]
