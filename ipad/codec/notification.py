"""Data objects: notifications and installation results.

Tags and names are those of SGP.22 v2.6 and SGP.32 v1.2, whose definitions replace the older ones of the same name.
"""

from typing import Annotated

from ipad.codec.euicc_package import (
    EuiccPackageResult,
)
from ipad.codec.profile import (
    NotificationEvent,
)
from ipad.codec.schema import Choice, DataObject, Opaque, data_object, f
from ipad.codec.sizes import ICCID, TRANSACTION_ID
from ipad.codec.values import NULL, OID, Octets, OpenEnum


@data_object
class NotificationMetadata(DataObject):
    """NotificationMetadata (SGP.22)."""

    TAG = 0xBF2F
    seq_number: Annotated[int, f(0x80)]
    profile_management_operation: Annotated[NotificationEvent, f(0x81)]
    notification_address: Annotated[str, f(0x0C)]
    iccid: Annotated[bytes | None, f(0x5A, ICCID)] = None


@data_object
class SuccessResult(DataObject):
    """SuccessResult (SGP.22)."""

    TAG = 0x30
    aid: Annotated[bytes, f(0x4F, Octets(5, 16))]
    sima_response: Annotated[bytes, f(0x04)]


class BppCommandId(OpenEnum):
    """BppCommandId (SGP.22)."""

    INITIALISE_SECURE_CHANNEL = 0
    CONFIGURE_ISDP = 1
    STORE_METADATA = 2
    STORE_METADATA2 = 3
    REPLACE_SESSION_KEYS = 4
    LOAD_PROFILE_ELEMENTS = 5


class ErrorReason(OpenEnum):
    """ErrorReason (SGP.22)."""

    INCORRECT_INPUT_VALUES = 1
    INVALID_SIGNATURE = 2
    INVALID_TRANSACTION_ID = 3
    UNSUPPORTED_CRT_VALUES = 4
    UNSUPPORTED_REMOTE_OPERATION_TYPE = 5
    UNSUPPORTED_PROFILE_CLASS = 6
    SCP03T_STRUCTURE_ERROR = 7
    SCP03T_SECURITY_ERROR = 8
    INSTALL_FAILED_DUE_TO_ICCID_ALREADY_EXISTS_ON_EUICC = 9
    INSTALL_FAILED_DUE_TO_INSUFFICIENT_MEMORY_FOR_PROFILE = 10
    INSTALL_FAILED_DUE_TO_INTERRUPTION = 11
    INSTALL_FAILED_DUE_TO_PE_PROCESSING_ERROR = 12
    INSTALL_FAILED_DUE_TO_DATA_MISMATCH = 13
    TEST_PROFILE_INSTALL_FAILED_DUE_TO_INVALID_NAA_KEY = 14
    PPR_NOT_ALLOWED = 15
    INSTALL_FAILED_DUE_TO_UNKNOWN_ERROR = 127


@data_object
class ErrorResult(DataObject):
    """ErrorResult (SGP.22)."""

    TAG = 0x30
    bpp_command_id: Annotated[BppCommandId, f(0x80)]
    error_reason: Annotated[ErrorReason, f(0x81)]
    sima_response: Annotated[bytes | None, f(0x82)] = None


@data_object
class FinalResult(Choice):
    """finalResult of ProfileInstallationResultData."""

    success_result: Annotated[SuccessResult | None, f(0xA0)] = None
    error_result: Annotated[ErrorResult | None, f(0xA1)] = None


@data_object
class ProfileInstallationResultData(DataObject):
    """ProfileInstallationResultData (SGP.22)."""

    TAG = 0xBF27
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    notification_metadata: Annotated[NotificationMetadata, f(0xBF2F)]
    smdp_oid: Annotated[str, f(0x06, OID)]
    final_result: Annotated[FinalResult, f(0xA2)]


@data_object
class ProfileInstallationResult(DataObject):
    """ProfileInstallationResult (SGP.32)."""

    TAG = 0xBF37
    profile_installation_result_data: Annotated[ProfileInstallationResultData, f(0xBF27)]
    euicc_sign_pir: Annotated[bytes, f(0x5F37)]


@data_object
class OtherSignedNotification(DataObject):
    """OtherSignedNotification (SGP.22)."""

    TAG = 0x30
    tbs_other_notification: Annotated[NotificationMetadata, f(0xBF2F)]
    euicc_notification_signature: Annotated[bytes, f(0x5F37)]
    euicc_certificate: Annotated[bytes, f(0x30, Opaque())]
    eum_certificate: Annotated[bytes, f(0x30, Opaque())]


@data_object
class CompactSuccessResult(DataObject):
    """CompactSuccessResult (SGP.32)."""

    TAG = 0x30
    compact_aid: Annotated[bytes, f(0x4F, Octets(2, 2))]
    sima_response: Annotated[bytes | None, f(0x04)] = None


@data_object
class CompactFinalResult(Choice):
    """compactFinalResult of CompactProfileInstallationResultData."""

    compact_success_result: Annotated[CompactSuccessResult | None, f(0xA0)] = None
    error_result: Annotated[ErrorResult | None, f(0xA1)] = None


@data_object
class CompactProfileInstallationResultData(DataObject):
    """CompactProfileInstallationResultData (SGP.32)."""

    TAG = 0x30
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    seq_number: Annotated[int, f(0x02)]
    iccid_present: Annotated[bool, f(0x01)] = True
    compact_final_result: Annotated[CompactFinalResult, f(0xA2)]


@data_object
class CompactProfileInstallationResult(DataObject):
    """CompactProfileInstallationResult (SGP.32)."""

    TAG = 0x30
    compact_profile_installation_result_data: Annotated[CompactProfileInstallationResultData, f(0xA0)]
    euicc_sign_pir: Annotated[bytes, f(0x5F37)]


@data_object
class CompactOtherSignedNotification(DataObject):
    """CompactOtherSignedNotification (SGP.32)."""

    TAG = 0x30
    eid_value: Annotated[bytes | None, f(0x5A, Octets(16, 16))] = None
    tbs_other_notification: Annotated[NotificationMetadata, f(0xBF2F)]
    euicc_notification_signature: Annotated[bytes, f(0x5F37)]
    euicc_ci_pk_identifier_to_be_used: Annotated[bytes | None, f(0x04)] = None


@data_object
class PendingNotification(Choice):
    """PendingNotification (SGP.22 5.7.10, SGP.32 5.9.11); relayed as the exact bytes of the eUICC.

    The compact forms serve minimizeEsipaBytes and appear towards an eIM only. What cannot be decoded is `unknown`: it
    stays on the eUICC and does not hide its neighbours.
    """

    KEEP_DAMAGED = True
    profile_installation_result: Annotated[ProfileInstallationResult | None, f(0xBF37)] = None
    other_signed_notification: Annotated[OtherSignedNotification | None, f(0x30)] = None
    compact_profile_installation_result: Annotated[CompactProfileInstallationResult | None, f(0xA0)] = None
    compact_other_signed_notification: Annotated[CompactOtherSignedNotification | None, f(0xA1)] = None


@data_object
class ListNotificationRequest(DataObject):
    """ListNotificationRequest (SGP.22)."""

    TAG = 0xBF28
    profile_management_operation: Annotated[NotificationEvent | None, f(0x81)] = None


class ListNotificationsResultError(OpenEnum):
    """listNotificationsResultError of ListNotificationResponse."""

    UNDEFINED_ERROR = 127


@data_object
class ListNotificationResponse(Choice):
    """ListNotificationResponse (SGP.22)."""

    TAG = 0xBF28
    notification_metadata_list: Annotated[tuple[NotificationMetadata, ...] | None, f(0xA0)] = None
    list_notifications_result_error: Annotated[ListNotificationsResultError | None, f(0x81)] = None


@data_object
class RetrieveNotificationsListRequestSearchCriteria(Choice):
    """retrieveNotificationsListRequestSearchCriteria of RetrieveNotificationsListRequest."""

    seq_number: Annotated[int | None, f(0x80)] = None
    profile_management_operation: Annotated[NotificationEvent | None, f(0x81)] = None
    euicc_package_results: Annotated[bool | None, f(0x82, NULL)] = None


@data_object
class RetrieveNotificationsListRequest(DataObject):
    """RetrieveNotificationsListRequest (SGP.32)."""

    TAG = 0xBF2B
    search_criteria: Annotated[RetrieveNotificationsListRequestSearchCriteria | None, f(0xA0)] = None


class NotificationsListResultError(OpenEnum):
    """notificationsListResultError of RetrieveNotificationsListResponse."""

    UNDEFINED_ERROR = 127


@data_object
class RetrieveNotificationsListResponse(Choice):
    """RetrieveNotificationsListResponse (SGP.32)."""

    TAG = 0xBF2B
    notification_list: Annotated[tuple[PendingNotification, ...] | None, f(0xA0)] = None
    notifications_list_result_error: Annotated[NotificationsListResultError | None, f(0x81)] = None
    euicc_package_result_list: Annotated[tuple[EuiccPackageResult, ...] | None, f(0xA2)] = None


@data_object
class NotificationSentRequest(DataObject):
    """NotificationSentRequest (SGP.22)."""

    TAG = 0xBF30
    seq_number: Annotated[int, f(0x80)]


class DeleteNotificationStatus(OpenEnum):
    """deleteNotificationStatus of NotificationSentResponse."""

    OK = 0
    NOTHING_TO_DELETE = 1
    UNDEFINED_ERROR = 127


@data_object
class NotificationSentResponse(DataObject):
    """NotificationSentResponse (SGP.22)."""

    TAG = 0xBF30
    delete_notification_status: Annotated[DeleteNotificationStatus, f(0x80)]
