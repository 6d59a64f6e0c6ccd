"""Data objects: ESipa messages (SGP.32 6.3).

Tags and names are those of SGP.22 v2.6 and SGP.32 v1.2, whose definitions replace the older ones of the same name.
"""

from dataclasses import dataclass
from typing import Annotated, Self

from ipad.codec.es9 import (
    CancelSessionError,
    CancelSessionOk,
)
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
    StoreMetadataRequest,
)
from ipad.codec.rsp import (
    AuthenticateServerResponse,
    CancelSessionResponse,
    CtxParams1,
    PrepareDownloadResponse,
    ServerSigned1,
    SmdpSigned2,
)
from ipad.codec.schema import ALL, Choice, DataObject, ListOf, Opaque, f
from ipad.codec.sizes import TRANSACTION_ID
from ipad.codec.tlv import Element
from ipad.codec.values import INTEGER, NULL, Octets, OpenEnum, Utf8


@dataclass(frozen=True, kw_only=True)
class InitiateAuthenticationRequestEsipa(DataObject):
    """InitiateAuthenticationRequestEsipa (SGP.32)."""

    TAG = 0xBF39
    euicc_challenge: Annotated[bytes, f(0x81, Octets(16, 16))]
    smdp_address: Annotated[str | None, f(0x83)] = None
    euicc_info1: Annotated[EuiccInfo1 | None, f(0xBF20)] = None
    eim_transaction_id: Annotated[bytes | None, f(0x82, TRANSACTION_ID)] = None


@dataclass(frozen=True, kw_only=True)
class InitiateAuthenticationOkEsipa(DataObject):
    """InitiateAuthenticationOkEsipa (SGP.32)."""

    TAG = 0x30
    transaction_id: Annotated[bytes | None, f(0x80, TRANSACTION_ID)] = None
    server_signed1: Annotated[ServerSigned1, f(0x30)]
    server_signature1: Annotated[bytes, f(0x5F37)]
    euicc_ci_pk_identifier_to_be_used: Annotated[bytes, f(0x04)]
    server_certificate: Annotated[bytes, f(0x30, Opaque())]
    matching_id: Annotated[str | None, f(0x0C)] = None
    ctx_params1: Annotated[CtxParams1 | None, f(0xA2)] = None


class InitiateAuthenticationErrorEsipa(OpenEnum):
    """initiateAuthenticationErrorEsipa of InitiateAuthenticationResponseEsipa."""

    INVALID_DP_ADDRESS = 1
    EUICC_VERSION_NOT_SUPPORTED_BY_DP = 2
    CI_PK_ID_NOT_SUPPORTED = 3
    SMDP_ADDRESS_MISMATCH = 50
    SMDP_OID_MISMATCH = 51
    INVALID_EIM_TRANSACTION_ID = 52
    UNDEFINED_ERROR = 127


@dataclass(frozen=True, kw_only=True)
class InitiateAuthenticationResponseEsipa(Choice):
    """InitiateAuthenticationResponseEsipa (SGP.32)."""

    TAG = 0xBF39
    initiate_authentication_ok_esipa: Annotated[InitiateAuthenticationOkEsipa | None, f(0xA0)] = None
    initiate_authentication_error_esipa: Annotated[InitiateAuthenticationErrorEsipa | None, f(0x81)] = None


@dataclass(frozen=True, kw_only=True)
class AuthenticateClientRequestEsipa(DataObject):
    """AuthenticateClientRequestEsipa (SGP.32)."""

    TAG = 0xBF3B
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    authenticate_server_response: Annotated[AuthenticateServerResponse, f(0xBF38)]


@dataclass(frozen=True, kw_only=True)
class AuthenticateClientOkDpEsipa(DataObject):
    """AuthenticateClientOkDPEsipa (SGP.32)."""

    TAG = 0x30
    transaction_id: Annotated[bytes | None, f(0x80, TRANSACTION_ID)] = None
    profile_meta_data: Annotated[StoreMetadataRequest | None, f(0xBF25)] = None
    smdp_signed2: Annotated[SmdpSigned2, f(0x30)]
    smdp_signature2: Annotated[bytes, f(0x5F37)]
    smdp_certificate: Annotated[bytes, f(0x30, Opaque())]
    hash_cc: Annotated[bytes | None, f(0x04, Octets(32, 32))] = None


@dataclass(frozen=True, kw_only=True)
class ContactSmds(DataObject):
    """contactSmds of ProfileDownloadData."""

    TAG = 0x30
    smds_address: Annotated[str | None, f(0x80)] = None


@dataclass(frozen=True, kw_only=True)
class ProfileDownloadData(Choice):
    """ProfileDownloadData (SGP.32)."""

    activation_code: Annotated[str | None, f(0x80, Utf8(0, 255))] = None
    contact_default_smdp: Annotated[bool | None, f(0x81, NULL)] = None
    contact_smds: Annotated[ContactSmds | None, f(0xA2)] = None


@dataclass(frozen=True, kw_only=True)
class ProfileDownloadTriggerRequest(DataObject):
    """ProfileDownloadTriggerRequest (SGP.32)."""

    TAG = 0xBF54
    profile_download_data: Annotated[ProfileDownloadData | None, f(0xA0)] = None
    eim_transaction_id: Annotated[bytes | None, f(0x82, TRANSACTION_ID)] = None


@dataclass(frozen=True, kw_only=True)
class AuthenticateClientOkDsEsipa(DataObject):
    """AuthenticateClientOkDSEsipa (SGP.32)."""

    TAG = 0x30
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    profile_download_trigger: Annotated[ProfileDownloadTriggerRequest | None, f(0xBF54)] = None


class AuthenticateClientErrorEsipa(OpenEnum):
    """authenticateClientErrorEsipa of AuthenticateClientResponseEsipa."""

    EUM_CERTIFICATE_INVALID = 1
    EUM_CERTIFICATE_EXPIRED = 2
    EUICC_CERTIFICATE_INVALID = 3
    EUICC_CERTIFICATE_EXPIRED = 4
    EUICC_SIGNATURE_INVALID = 5
    MATCHING_ID_REFUSED = 6
    EID_MISMATCH = 7
    NO_ELIGIBLE_PROFILE = 8
    CI_PK_UNKNOWN = 9
    INVALID_TRANSACTION_ID = 10
    INSUFFICIENT_MEMORY = 11
    PPR_NOT_ALLOWED = 50
    EVENT_ID_UNKNOWN = 56
    UNDEFINED_ERROR = 127


@dataclass(frozen=True, kw_only=True)
class AuthenticateClientResponseEsipa(Choice):
    """AuthenticateClientResponseEsipa (SGP.32)."""

    TAG = 0xBF3B
    authenticate_client_ok_dp_esipa: Annotated[AuthenticateClientOkDpEsipa | None, f(0xA0)] = None
    authenticate_client_ok_ds_esipa: Annotated[AuthenticateClientOkDsEsipa | None, f(0xA1)] = None
    authenticate_client_error_esipa: Annotated[AuthenticateClientErrorEsipa | None, f(0x82)] = None


@dataclass(frozen=True, kw_only=True)
class GetBoundProfilePackageRequestEsipa(DataObject):
    """GetBoundProfilePackageRequestEsipa (SGP.32)."""

    TAG = 0xBF3A
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    prepare_download_response: Annotated[PrepareDownloadResponse, f(0xBF21)]


@dataclass(frozen=True, kw_only=True)
class GetBoundProfilePackageOkEsipa(DataObject):
    """GetBoundProfilePackageOkEsipa (SGP.32)."""

    TAG = 0x30
    transaction_id: Annotated[bytes | None, f(0x80, TRANSACTION_ID)] = None
    bound_profile_package: Annotated[bytes, f(0xBF36, Opaque(0xBF36))]


class GetBoundProfilePackageErrorEsipa(OpenEnum):
    """getBoundProfilePackageErrorEsipa of GetBoundProfilePackageResponseEsipa."""

    EUICC_SIGNATURE_INVALID = 1
    CONFIRMATION_CODE_MISSING = 2
    CONFIRMATION_CODE_REFUSED = 3
    CONFIRMATION_CODE_RETRIES_EXCEEDED = 4
    BPP_REBINDING_REFUSED = 5
    DOWNLOAD_ORDER_EXPIRED = 6
    METADATA_MISMATCH = 50
    INVALID_TRANSACTION_ID = 95
    UNDEFINED_ERROR = 127


@dataclass(frozen=True, kw_only=True)
class GetBoundProfilePackageResponseEsipa(Choice):
    """GetBoundProfilePackageResponseEsipa (SGP.32)."""

    TAG = 0xBF3A
    get_bound_profile_package_ok_esipa: Annotated[GetBoundProfilePackageOkEsipa | None, f(0xA0)] = None
    get_bound_profile_package_error_esipa: Annotated[GetBoundProfilePackageErrorEsipa | None, f(0x81)] = None


@dataclass(frozen=True, kw_only=True)
class EprAndNotifications(DataObject):
    """ePRAndNotifications of EimPackageResult."""

    TAG = 0x30
    euicc_package_result: Annotated[EuiccPackageResult, f(0xBF51)]
    notification_list: Annotated[tuple[PendingNotification, ...], f(0xA0)]


@dataclass(frozen=True, kw_only=True)
class IpaEuiccData(DataObject):
    """IpaEuiccData (SGP.32)."""

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


@dataclass(frozen=True, kw_only=True)
class IpaEuiccDataResponseError(DataObject):
    """IpaEuiccDataResponseError (SGP.32)."""

    TAG = 0x30
    eim_transaction_id: Annotated[bytes | None, f(0x80, TRANSACTION_ID)] = None
    ipa_euicc_data_error_code: Annotated[IpaEuiccDataErrorCode, f(0x02)]


@dataclass(frozen=True, kw_only=True)
class IpaEuiccDataResponse(Choice):
    """IpaEuiccDataResponse (SGP.32)."""

    TAG = 0xBF52
    ipa_euicc_data: Annotated[IpaEuiccData | None, f(0xA0)] = None
    ipa_euicc_data_response_error: Annotated[IpaEuiccDataResponseError | None, f(0xA1)] = None


class ProfileDownloadErrorReason(OpenEnum):
    """profileDownloadErrorReason of ProfileDownloadError."""

    ECALL_ACTIVE = 104
    UNDEFINED_ERROR = 127


@dataclass(frozen=True, kw_only=True)
class ProfileDownloadError(DataObject):
    """profileDownloadError of ProfileDownloadTriggerResultData."""

    TAG = 0x30
    profile_download_error_reason: Annotated[ProfileDownloadErrorReason, f(0x80)]
    error_response: Annotated[bytes | None, f(0x04)] = None


@dataclass(frozen=True, kw_only=True)
class ProfileDownloadTriggerResultData(Choice):
    """profileDownloadTriggerResultData of ProfileDownloadTriggerResult."""

    profile_installation_result: Annotated[ProfileInstallationResult | None, f(0xBF37)] = None
    profile_download_error: Annotated[ProfileDownloadError | None, f(0x30)] = None


@dataclass(frozen=True, kw_only=True)
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


@dataclass(frozen=True, kw_only=True)
class EimPackageResultResponseError(DataObject):
    """EimPackageResultResponseError (SGP.32)."""

    TAG = 0x30
    eim_transaction_id: Annotated[bytes | None, f(0x80, TRANSACTION_ID)] = None
    eim_package_result_error_code: Annotated[EimPackageResultErrorCode, f(0x02)]


@dataclass(frozen=True, kw_only=True)
class EimPackageResult(Choice):
    """EimPackageResult (SGP.32)."""

    euicc_package_result: Annotated[EuiccPackageResult | None, f(0xBF51)] = None
    epr_and_notifications: Annotated[EprAndNotifications | None, f(0x30)] = None
    ipa_euicc_data_response: Annotated[IpaEuiccDataResponse | None, f(0xBF52)] = None
    profile_download_trigger_result: Annotated[ProfileDownloadTriggerResult | None, f(0xBF54)] = None
    eim_package_result_response_error: Annotated[EimPackageResultResponseError | None, f(0xA0)] = None


@dataclass(frozen=True, kw_only=True)
class ProvideEimPackageResult(DataObject):
    """ProvideEimPackageResult (SGP.32)."""

    TAG = 0xBF50
    eid_value: Annotated[bytes | None, f(0x5A, Octets(16, 16))] = None
    eim_package_result: Annotated[EimPackageResult, f()]


@dataclass(frozen=True, kw_only=True)
class HandleNotificationEsipa(Choice):
    """HandleNotificationEsipa (SGP.32)."""

    TAG = 0xBF3D
    pending_notification: Annotated[PendingNotification | None, f(0xA0)] = None
    provide_eim_package_result: Annotated[ProvideEimPackageResult | None, f(0xBF50)] = None


@dataclass(frozen=True, kw_only=True)
class CancelSessionRequestEsipa(DataObject):
    """CancelSessionRequestEsipa (SGP.32)."""

    TAG = 0xBF41
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    cancel_session_response: Annotated[CancelSessionResponse, f(0xA1, also=(0xBF41,))]


@dataclass(frozen=True, kw_only=True)
class CancelSessionResponseEsipa(Choice):
    """CancelSessionResponseEsipa (SGP.32)."""

    TAG = 0xBF41
    cancel_session_ok: Annotated[CancelSessionOk | None, f(0xA0)] = None
    cancel_session_error: Annotated[CancelSessionError | None, f(0x81)] = None


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


@dataclass(frozen=True, kw_only=True)
class GetEimPackageRequest(DataObject):
    """GetEimPackageRequest (SGP.32)."""

    TAG = 0xBF4F
    eid_value: Annotated[bytes, f(0x5A, Octets(16, 16))]
    notify_state_change: Annotated[bool, f(0x80, NULL)] = False
    state_change_cause: Annotated[StateChangeCause | None, f(0x81)] = None
    r_plmn: Annotated[bytes | None, f(0x82, Octets(3, 3))] = None


@dataclass(frozen=True, kw_only=True)
class SearchCriteriaNotification(Choice):
    """searchCriteriaNotification of IpaEuiccDataRequest."""

    seq_number: Annotated[int | None, f(0x80)] = None
    profile_management_operation: Annotated[NotificationEvent | None, f(0x81)] = None


@dataclass(frozen=True, kw_only=True)
class SearchCriteriaEuiccPackageResult(Choice):
    """searchCriteriaEuiccPackageResult of IpaEuiccDataRequest."""

    seq_number: Annotated[int | None, f(0x80)] = None


@dataclass(frozen=True, kw_only=True)
class IpaEuiccDataRequest(DataObject):
    """IpaEuiccDataRequest (SGP.32)."""

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


@dataclass(frozen=True, kw_only=True)
class GetEimPackageResponse(Choice):
    """GetEimPackageResponse (SGP.32)."""

    TAG = 0xBF4F
    euicc_package_request: Annotated[EuiccPackageRequest | None, f(0xBF51)] = None
    ipa_euicc_data_request: Annotated[IpaEuiccDataRequest | None, f(0xBF52)] = None
    profile_download_trigger_request: Annotated[ProfileDownloadTriggerRequest | None, f(0xBF54)] = None
    eim_package_error: Annotated[EimPackageError | None, f(0x02)] = None


@dataclass(frozen=True, kw_only=True)
class EimAcknowledgements(DataObject):
    """EimAcknowledgements (SGP.32)."""

    TAG = 0xBF53
    sequence_numbers: Annotated[tuple[int, ...], f(ALL, ListOf(0x80, INTEGER))]


@dataclass(frozen=True, kw_only=True)
class EmptyResponse(DataObject):
    """emptyResponse of ProvideEimPackageResultResponse."""

    TAG = 0x30


class ProvideEimPackageResultError(OpenEnum):
    """provideEimPackageResultError of ProvideEimPackageResultResponse."""

    EID_NOT_FOUND = 2
    INVALID_EID = 3
    MISSING_EID = 4
    UNDEFINED_ERROR = 127


@dataclass(frozen=True, kw_only=True)
class ProvideEimPackageResultResponse(Choice):
    """ProvideEimPackageResultResponse (SGP.32)."""

    TAG = 0xBF50
    eim_acknowledgements: Annotated[EimAcknowledgements | None, f(0xBF53)] = None
    empty_response: Annotated[EmptyResponse | None, f(0x30)] = None
    provide_eim_package_result_error: Annotated[ProvideEimPackageResultError | None, f(0x02)] = None

    @classmethod
    def from_element(cls, element: Element) -> Self:
        """Read the CHOICE; an empty BF50, as v1.0 eIMs send it, is an emptyResponse."""
        if not len(element.value):
            result = cls(empty_response=EmptyResponse())
            result._remember(element)
            return result
        return super().from_element(element)


@dataclass(frozen=True, kw_only=True)
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


@dataclass(frozen=True, kw_only=True)
class TransferEimPackageResponse(Choice):
    """TransferEimPackageResponse (SGP.32)."""

    TAG = 0xBF4E
    euicc_package_result: Annotated[EuiccPackageResult | None, f(0xBF51)] = None
    epr_and_notifications: Annotated[EprAndNotifications | None, f(0x30)] = None
    ipa_euicc_data_response: Annotated[IpaEuiccDataResponse | None, f(0xBF52)] = None
    eim_package_received: Annotated[bool | None, f(0x05, NULL)] = None
    eim_package_error: Annotated[TransferEimPackageResponseEimPackageError | None, f(0x02)] = None
