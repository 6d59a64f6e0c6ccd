"""Data objects: ESipa messages (SGP.32 6.3).

Tags and names are those of SGP.22 v2.6 and SGP.32 v1.2, whose definitions replace the older ones of the same name.
"""

from typing import Annotated

from ipad.codec import leniency
from ipad.codec.euicc_info import (
    DeviceInfo,
    EuiccInfo1,
    EuiccInfo2,
    IpaCapabilities,
)
from ipad.codec.euicc_package import (
    EuiccPackageRequest,
    EuiccPackageResult,
)
from ipad.codec.notification import (
    PendingNotification,
    ProfileInstallationResult,
)
from ipad.codec.profile import (
    NotificationEvent,
)
from ipad.codec.schema import ALL, Choice, DataObject, ListOf, Opaque, data_object, f
from ipad.codec.sizes import EID, TRANSACTION_ID
from ipad.codec.tlv import Element
from ipad.codec.values import INTEGER, NULL, Octets, OpenEnum, Utf8


@data_object
class ContactSmds(DataObject):
    """contactSmds of ProfileDownloadData."""

    TAG = 0x30
    smds_address: Annotated[str | None, f(0x80)] = None


@data_object
class ProfileDownloadData(Choice):
    """ProfileDownloadData (SGP.32)."""

    activation_code: Annotated[str | None, f(0x80, Utf8(0, 255))] = None
    contact_default_smdp: Annotated[bool | None, f(0x81, NULL)] = None
    contact_smds: Annotated[ContactSmds | None, f(0xA2)] = None


@data_object
class ProfileDownloadTriggerRequest(DataObject):
    """ProfileDownloadTriggerRequest (SGP.32 2.11.1.3). Without data the eIM itself holds the download data."""

    TAG = 0xBF54
    profile_download_data: Annotated[ProfileDownloadData | None, f(0xA0)] = None
    eim_transaction_id: Annotated[bytes | None, f(0x82, TRANSACTION_ID)] = None


@data_object
class EprAndNotifications(DataObject):
    """ePRAndNotifications of EimPackageResult."""

    TAG = 0x30
    euicc_package_result: Annotated[EuiccPackageResult, f(0xBF51)]
    notification_list: Annotated[tuple[PendingNotification, ...], f(0xA0)]

    @classmethod
    def conforming(cls, element: Element) -> Element:
        return leniency.notification_list(element)


@data_object
class IpaEuiccData(DataObject):
    """IpaEuiccData (SGP.32 2.11.1.2): what the tag list asked for. An empty list says that nothing waits."""

    TAG = 0x30
    notifications_list: Annotated[tuple[PendingNotification, ...] | None, f(0xA0)] = None
    default_smdp_address: Annotated[str | None, f(0x81)] = None
    euicc_package_result_list: Annotated[tuple[EuiccPackageResult, ...] | None, f(0xA2)] = None
    euicc_info1: Annotated[EuiccInfo1 | None, f(0xBF20)] = None
    euicc_info2: Annotated[EuiccInfo2 | None, f(0xBF22)] = None
    root_smds_address: Annotated[str | None, f(0x83)] = None
    association_token: Annotated[int | None, f(0x84)] = None
    eum_certificate: Annotated[bytes | None, f(0xA5, Opaque())] = None
    euicc_certificate: Annotated[bytes | None, f(0xA6, Opaque())] = None
    eim_transaction_id: Annotated[bytes | None, f(0x87, TRANSACTION_ID)] = None
    ipa_capabilities: Annotated[IpaCapabilities | None, f(0xA8)] = None
    device_info: Annotated[DeviceInfo | None, f(0xA9)] = None


class IpaEuiccDataErrorCode(OpenEnum):
    """IpaEuiccDataErrorCode (SGP.32)."""

    INCORRECT_TAG_LIST = 1
    EUICC_CI_PK_ID_NOT_FOUND = 5
    ECALL_ACTIVE = 104
    UNDEFINED_ERROR = 127


@data_object
class IpaEuiccDataResponseError(DataObject):
    """IpaEuiccDataResponseError (SGP.32)."""

    TAG = 0x30
    eim_transaction_id: Annotated[bytes | None, f(0x80, TRANSACTION_ID)] = None
    ipa_euicc_data_error_code: Annotated[IpaEuiccDataErrorCode, f(0x02)]


@data_object
class IpaEuiccDataResponse(Choice):
    """IpaEuiccDataResponse (SGP.32)."""

    TAG = 0xBF52
    ipa_euicc_data: Annotated[IpaEuiccData | None, f(0xA0)] = None
    ipa_euicc_data_response_error: Annotated[IpaEuiccDataResponseError | None, f(0xA1)] = None

    @classmethod
    def conforming(cls, element: Element) -> Element:
        return leniency.euicc_data(element)


class ProfileDownloadErrorReason(OpenEnum):
    """profileDownloadErrorReason of ProfileDownloadError."""

    ECALL_ACTIVE = 104
    UNDEFINED_ERROR = 127


@data_object
class ProfileDownloadError(DataObject):
    """profileDownloadError of ProfileDownloadTriggerResultData.

    `error_response`: the response that ended the download, as a complete TLV.
    """

    TAG = 0x30
    profile_download_error_reason: Annotated[ProfileDownloadErrorReason, f(0x80)]
    error_response: Annotated[bytes | None, f(0x04)] = None

    @classmethod
    def conforming(cls, element: Element) -> Element:
        return leniency.download_error(element)


@data_object
class ProfileDownloadTriggerResultData(Choice):
    """profileDownloadTriggerResultData of ProfileDownloadTriggerResult."""

    profile_installation_result: Annotated[ProfileInstallationResult | None, f(0xBF37)] = None
    profile_download_error: Annotated[ProfileDownloadError | None, f(0x30)] = None


@data_object
class ProfileDownloadTriggerResult(DataObject):
    """ProfileDownloadTriggerResult (SGP.32)."""

    TAG = 0xBF54
    eim_transaction_id: Annotated[bytes | None, f(0x82, TRANSACTION_ID)] = None
    profile_download_trigger_result_data: Annotated[ProfileDownloadTriggerResultData, f()]


class EimPackageResultErrorCode(OpenEnum):
    """EimPackageResultErrorCode (SGP.32)."""

    INVALID_PACKAGE_FORMAT = 1
    UNKNOWN_PACKAGE = 2
    UNDEFINED_ERROR = 127


@data_object
class EimPackageResultResponseError(DataObject):
    """EimPackageResultResponseError (SGP.32)."""

    TAG = 0x30
    eim_transaction_id: Annotated[bytes | None, f(0x80, TRANSACTION_ID)] = None
    eim_package_result_error_code: Annotated[EimPackageResultErrorCode, f(0x02)]


@data_object
class EimPackageResult(Choice):
    """EimPackageResult (SGP.32 6.3.2.7): the answer to one package; results of the eUICC in it are its exact bytes.

    `unknown` also serves to wrap a TLV that is already complete.
    """

    euicc_package_result: Annotated[EuiccPackageResult | None, f(0xBF51)] = None
    epr_and_notifications: Annotated[EprAndNotifications | None, f(0x30)] = None
    ipa_euicc_data_response: Annotated[IpaEuiccDataResponse | None, f(0xBF52)] = None
    profile_download_trigger_result: Annotated[ProfileDownloadTriggerResult | None, f(0xBF54)] = None
    eim_package_result_response_error: Annotated[EimPackageResultResponseError | None, f(0xA0)] = None


@data_object
class ProvideEimPackageResult(DataObject):
    """ProvideEimPackageResult (SGP.32 5.14.6). eidValue is optional in the syntax and always sent."""

    TAG = 0xBF50
    eid_value: Annotated[bytes | None, f(0x5A, EID)] = None
    eim_package_result: Annotated[EimPackageResult, f()]


@data_object
class HandleNotificationEsipa(Choice):
    """HandleNotificationEsipa (SGP.32)."""

    TAG = 0xBF3D
    pending_notification: Annotated[PendingNotification | None, f(0xA0)] = None
    provide_eim_package_result: Annotated[ProvideEimPackageResult | None, f(0xBF50, also=(0xA1,))] = None


class StateChangeCause(OpenEnum):
    """StateChangeCause (SGP.32)."""

    OTHER_EIM = 0
    FALLBACK = 1
    EMERGENCY_PROFILE = 2
    LOCAL = 3
    RESET = 4
    IMMEDIATE_ENABLE_PROFILE = 5
    DEVICE_CHANGE = 6
    UNDEFINED = 127


@data_object
class GetEimPackageRequest(DataObject):
    """GetEimPackageRequest (SGP.32 5.14.5). `state_change_cause` None means that nothing changed: 0 is a cause.

    `r_plmn`: the last registered PLMN in the three octets of TS 24.008.
    """

    TAG = 0xBF4F
    eid_value: Annotated[bytes, f(0x5A, EID)]
    notify_state_change: Annotated[bool, f(0x80, NULL)] = False
    state_change_cause: Annotated[StateChangeCause | None, f(0x81)] = None
    r_plmn: Annotated[bytes | None, f(0x82, Octets(3, 3))] = None

    @classmethod
    def conforming(cls, element: Element) -> Element:
        return leniency.registered_plmn(element)


@data_object
class SearchCriteriaNotification(Choice):
    """searchCriteriaNotification of IpaEuiccDataRequest."""

    seq_number: Annotated[int | None, f(0x80)] = None
    profile_management_operation: Annotated[NotificationEvent | None, f(0x81)] = None


@data_object
class SearchCriteriaEuiccPackageResult(Choice):
    """searchCriteriaEuiccPackageResult of IpaEuiccDataRequest."""

    seq_number: Annotated[int | None, f(0x80)] = None


@data_object
class IpaEuiccDataRequest(DataObject):
    """IpaEuiccDataRequest (SGP.32 2.11.1.2). `tag_list`: tags of one or two bytes each, of what is wanted."""

    TAG = 0xBF52
    tag_list: Annotated[bytes, f(0x5C)]
    euicc_ci_pk_identifier_to_be_used: Annotated[bytes | None, f(0x04)] = None
    search_criteria_notification: Annotated[SearchCriteriaNotification | None, f(0xA1)] = None
    search_criteria_euicc_package_result: Annotated[SearchCriteriaEuiccPackageResult | None, f(0xA2)] = None
    eim_transaction_id: Annotated[bytes | None, f(0x83, TRANSACTION_ID)] = None


class EimPackageError(OpenEnum):
    """eimPackageError of GetEimPackageResponse."""

    NO_EIM_PACKAGE_AVAILABLE = 1
    EID_NOT_FOUND = 2
    INVALID_EID = 3
    MISSING_EID = 4
    UNDEFINED_ERROR = 127


@data_object
class GetEimPackageResponse(Choice):
    """GetEimPackageResponse (SGP.32 5.14.5). `unknown` is a package of another type, or a damaged one."""

    TAG = 0xBF4F
    KEEP_DAMAGED = True
    euicc_package_request: Annotated[EuiccPackageRequest | None, f(0xBF51)] = None
    ipa_euicc_data_request: Annotated[IpaEuiccDataRequest | None, f(0xBF52)] = None
    profile_download_trigger_request: Annotated[ProfileDownloadTriggerRequest | None, f(0xBF54)] = None
    eim_package_error: Annotated[EimPackageError | None, f(0x02)] = None


@data_object
class EimAcknowledgements(DataObject):
    """EimAcknowledgements (SGP.32 2.11.1.4): sequence numbers that the IPA removes from the eUICC, in this order."""

    TAG = 0xBF53
    sequence_numbers: Annotated[tuple[int, ...], f(ALL, ListOf(0x80, INTEGER))]


@data_object
class EmptyResponse(DataObject):
    """emptyResponse of ProvideEimPackageResultResponse."""

    TAG = 0x30


class ProvideEimPackageResultError(OpenEnum):
    """provideEimPackageResultError of ProvideEimPackageResultResponse."""

    EID_NOT_FOUND = 2
    INVALID_EID = 3
    MISSING_EID = 4
    UNDEFINED_ERROR = 127


@data_object
class ProvideEimPackageResultResponse(Choice):
    """ProvideEimPackageResultResponse (SGP.32)."""

    TAG = 0xBF50
    eim_acknowledgements: Annotated[EimAcknowledgements | None, f(0xBF53)] = None
    empty_response: Annotated[EmptyResponse | None, f(0x30)] = None
    provide_eim_package_result_error: Annotated[ProvideEimPackageResultError | None, f(0x02)] = None

    @classmethod
    def conforming(cls, element: Element) -> Element:
        return leniency.empty_response(element)


@data_object
class TransferEimPackageRequest(Choice):
    """TransferEimPackageRequest (SGP.32)."""

    TAG = 0xBF4E
    euicc_package_request: Annotated[EuiccPackageRequest | None, f(0xBF51)] = None
    ipa_euicc_data_request: Annotated[IpaEuiccDataRequest | None, f(0xBF52)] = None
    eim_acknowledgements: Annotated[EimAcknowledgements | None, f(0xBF53)] = None
    profile_download_trigger_request: Annotated[ProfileDownloadTriggerRequest | None, f(0xBF54)] = None


class TransferEimPackageResponseEimPackageError(OpenEnum):
    """eimPackageError of TransferEimPackageResponse."""

    INVALID_PACKAGE_FORMAT = 1
    UNKNOWN_PACKAGE = 2
    UNDEFINED_ERROR = 127


@data_object
class CorrelationId(Choice):
    """correlationId (SGP.32 v1.3): the transaction id of the package where it had one, else the EID."""

    eim_transaction_id: Annotated[bytes | None, f(0x80, TRANSACTION_ID)] = None
    eid_value: Annotated[bytes | None, f(0x5A, EID)] = None


@data_object
class EimPackageReceivedWithCid(DataObject):
    """eimPackageReceivedWithCid of TransferEimPackageResponse (SGP.32 v1.3)."""

    TAG = 0xBF60
    correlation_id: Annotated[CorrelationId | None, f(0xA0)] = None


@data_object
class EimPackageErrorWithCid(DataObject):
    """eimPackageErrorWithCid of TransferEimPackageResponse (SGP.32 v1.3)."""

    TAG = 0xBF61
    correlation_id: Annotated[CorrelationId | None, f(0xA0)] = None
    eim_package_error: Annotated[TransferEimPackageResponseEimPackageError, f(0x81)]


@data_object
class TransferEimPackageResponse(Choice):
    """TransferEimPackageResponse (SGP.32 6.3.3.1): goes from the IPA to the eIM, against what its name suggests.

    The two alternatives with a correlationId are for eIMs of v1.3 only.
    """

    TAG = 0xBF4E
    euicc_package_result: Annotated[EuiccPackageResult | None, f(0xBF51)] = None
    epr_and_notifications: Annotated[EprAndNotifications | None, f(0x30)] = None
    ipa_euicc_data_response: Annotated[IpaEuiccDataResponse | None, f(0xBF52)] = None
    eim_package_received: Annotated[bool | None, f(0x05, NULL)] = None
    eim_package_error: Annotated[TransferEimPackageResponseEimPackageError | None, f(0x02)] = None
    eim_package_received_with_cid: Annotated[EimPackageReceivedWithCid | None, f(0xBF60)] = None
    eim_package_error_with_cid: Annotated[EimPackageErrorWithCid | None, f(0xBF61)] = None
