"""Reading what the eUICC keeps: stored eUICC Package Results, notifications, and which profile is enabled."""

from __future__ import annotations

from ipad.codec.euicc_package import EuiccPackageResult
from ipad.codec.notification import (
    NotificationMetadata,
    PendingNotification,
    RetrieveNotificationsListRequestSearchCriteria,
    RetrieveNotificationsListResponse,
)
from ipad.codec.profile import ProfileState
from ipad.errors import EuiccResultError
from ipad.ids import Iccid
from ipad.procedures.package_facts import belongs_to, result_facts
from ipad.procedures.ports import Euicc
from ipad.records import dataclass
from ipad.state.journal import Marker

_TAGS = bytes.fromhex("5A9F70")
_TAGS_OF_IOT = bytes.fromhex("5A9F709F7B9F26")
"""With the marks of SGP.32, always in one list: one answer serves all who ask until something changes."""
ALL_RESULTS = RetrieveNotificationsListRequestSearchCriteria(euicc_package_results=True)


@dataclass(frozen=True, kw_only=True)
class CardProfiles:
    """The profiles of a card. `fallback` is the one with the Fallback Attribute (SGP.32 3.4.6)."""

    enabled: Iccid | None = None
    installed: tuple[Iccid, ...] = ()
    fallback: Iccid | None = None
    emergency: bool = False


@dataclass(frozen=True, kw_only=True)
class EnabledState:
    """The enabled profile, if any, and whether it is the emergency profile."""

    iccid: Iccid | None
    emergency: bool


async def read_enabled_profile(euicc: Euicc, *, ecall_supported: bool) -> EnabledState:
    """Which profile is enabled now. The emergency mark is asked of eUICCs that know it only (SGP.32 2.11.1.1.3)."""
    profiles = await euicc.get_profiles_info(tag_list=_TAGS_OF_IOT if ecall_supported else _TAGS)
    for profile in profiles:
        if profile.profile_state == ProfileState.ENABLED and profile.iccid is not None:
            return EnabledState(iccid=Iccid(profile.iccid), emergency=bool(profile.ecall_indication))
    return EnabledState(iccid=None, emergency=False)


async def read_profiles(euicc: Euicc, *, iot: bool) -> CardProfiles:
    """What policy has to know of the card. The marks of SGP.32 are asked of IoT eUICCs only (SGP.32 2.11.1.1.3)."""
    profiles = await euicc.get_profiles_info(tag_list=_TAGS_OF_IOT if iot else _TAGS)
    known = [(Iccid(profile.iccid), profile) for profile in profiles if profile.iccid is not None]
    enabled = [(iccid, profile) for iccid, profile in known if profile.profile_state == ProfileState.ENABLED]
    return CardProfiles(
        enabled=enabled[0][0] if enabled else None,
        installed=tuple(iccid for iccid, _ in known),
        fallback=next((iccid for iccid, profile in known if profile.fallback_attribute), None),
        emergency=any(profile.ecall_indication for _, profile in enabled),
    )


async def emergency_active(euicc: Euicc, *, ecall_supported: bool) -> bool:
    """Whether the emergency profile is enabled; eUICCs without that function are not asked (SGP.32 5.9.22)."""
    if not ecall_supported:
        return False
    return (await read_enabled_profile(euicc, ecall_supported=True)).emergency


async def stored_results(euicc: Euicc) -> tuple[EuiccPackageResult, ...]:
    """All stored results, in the order of the eUICC. EuiccResultError when it cannot list them."""
    response = _checked(await euicc.retrieve_notifications_list(ALL_RESULTS))
    return response.euicc_package_result_list or ()


async def stored_result_of(euicc: Euicc, marker: Marker) -> EuiccPackageResult | None:
    """The newest stored result of the marked package, or None. After a rollback that is the one of the rollback."""
    found = [
        result
        for result in await stored_results(euicc)
        if belongs_to(result, marker.eim_id, marker.counter_value, marker.eim_transaction_id)
    ]
    return max(found, key=lambda result: result_facts(result).seq_number or 0, default=None)


async def pending_notifications(euicc: Euicc) -> tuple[PendingNotification, ...]:
    """The notifications whose metadata can be read, by sequence number; others stay where they are."""
    response = _checked(await euicc.retrieve_notifications_list())
    readable = [
        (metadata.seq_number, item) for item in response.notification_list or () if (metadata := metadata_of(item))
    ]
    return tuple(item for _, item in sorted(readable, key=lambda pair: pair[0]))


def metadata_of(notification: PendingNotification) -> NotificationMetadata | None:
    """The metadata of a notification in one of the forms that an eUICC stores."""
    if notification.profile_installation_result is not None:
        return notification.profile_installation_result.profile_installation_result_data.notification_metadata
    if notification.other_signed_notification is not None:
        return notification.other_signed_notification.tbs_other_notification
    return None


def _checked(response: RetrieveNotificationsListResponse) -> RetrieveNotificationsListResponse:
    error = response.notifications_list_result_error
    if error is not None:
        raise EuiccResultError("RetrieveNotificationsList", error)
    return response
