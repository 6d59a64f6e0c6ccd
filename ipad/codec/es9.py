"""Data objects: ES9+ and ES11 messages.

Tags and names are those of SGP.22 v2.6 and SGP.32 v1.2, whose definitions replace the older ones of the same name.
"""

from typing import Annotated

from ipad.codec.euicc_info import (
    EuiccInfo1,
)
from ipad.codec.notification import (
    PendingNotification,
)
from ipad.codec.profile import (
    StoreMetadataRequest,
)
from ipad.codec.rsp import (
    AuthenticateServerResponse,
    CancelSessionResponse,
    PrepareDownloadResponse,
    ServerSigned1,
    SmdpSigned2,
)
from ipad.codec.schema import Choice, DataObject, Opaque, data_object, f
from ipad.codec.sizes import TRANSACTION_ID
from ipad.codec.values import Octets, OpenEnum


@data_object
class InitiateAuthenticationRequest(DataObject):
    """InitiateAuthenticationRequest (SGP.22)."""

    TAG = 0xBF39
    euicc_challenge: Annotated[bytes, f(0x81, Octets(16, 16))]
    smdp_address: Annotated[str, f(0x83)]
    euicc_info1: Annotated[EuiccInfo1, f(0xBF20)]


@data_object
class AuthenticateClientRequest(DataObject):
    """AuthenticateClientRequest (SGP.32)."""

    TAG = 0xBF3B
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    authenticate_server_response: Annotated[AuthenticateServerResponse, f(0xBF38)]


@data_object
class GetBoundProfilePackageRequest(DataObject):
    """GetBoundProfilePackageRequest (SGP.22)."""

    TAG = 0xBF3A
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    prepare_download_response: Annotated[PrepareDownloadResponse, f(0xBF21)]


@data_object
class CancelSessionRequestEs9(DataObject):
    """CancelSessionRequestEs9 (SGP.22)."""

    TAG = 0xBF41
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    cancel_session_response: Annotated[CancelSessionResponse, f(0xA1, explicit=True)]


@data_object
class HandleNotification(DataObject):
    """HandleNotification (SGP.22)."""

    TAG = 0xBF3D
    pending_notification: Annotated[PendingNotification, f(0xA0)]


@data_object
class RemoteProfileProvisioningRequest(Choice):
    """RemoteProfileProvisioningRequest (SGP.22)."""

    TAG = 0xA2
    initiate_authentication_request: Annotated[InitiateAuthenticationRequest | None, f(0xBF39)] = None
    authenticate_client_request: Annotated[AuthenticateClientRequest | None, f(0xBF3B)] = None
    get_bound_profile_package_request: Annotated[GetBoundProfilePackageRequest | None, f(0xBF3A)] = None
    cancel_session_request_es9: Annotated[CancelSessionRequestEs9 | None, f(0xBF41)] = None
    handle_notification: Annotated[HandleNotification | None, f(0xBF3D)] = None


@data_object
class InitiateAuthenticationOkEs9(DataObject):
    """InitiateAuthenticationOkEs9 (SGP.22)."""

    TAG = 0x30
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    server_signed1: Annotated[ServerSigned1, f(0x30)]
    server_signature1: Annotated[bytes, f(0x5F37)]
    euicc_ci_pk_id_to_be_used: Annotated[bytes, f(0x04)]
    server_certificate: Annotated[bytes, f(0x30, Opaque())]


class InitiateAuthenticationError(OpenEnum):
    """initiateAuthenticationError of InitiateAuthenticationResponse."""

    INVALID_DP_ADDRESS = 1
    EUICC_VERSION_NOT_SUPPORTED_BY_DP = 2
    CI_PKNOT_SUPPORTED = 3


@data_object
class InitiateAuthenticationResponse(Choice):
    """InitiateAuthenticationResponse (SGP.22)."""

    TAG = 0xBF39
    initiate_authentication_ok: Annotated[InitiateAuthenticationOkEs9 | None, f(0xA0)] = None
    initiate_authentication_error: Annotated[InitiateAuthenticationError | None, f(0x81)] = None


@data_object
class AuthenticateClientOk(DataObject):
    """AuthenticateClientOk (SGP.22)."""

    TAG = 0x30
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    profile_meta_data: Annotated[StoreMetadataRequest, f(0xBF25)]
    smdp_signed2: Annotated[SmdpSigned2, f(0x30)]
    smdp_signature2: Annotated[bytes, f(0x5F37)]
    smdp_certificate: Annotated[bytes, f(0x30, Opaque())]


class AuthenticateClientError(OpenEnum):
    """authenticateClientError of AuthenticateClientResponseEs9."""

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
    UNDEFINED_ERROR = 127


@data_object
class AuthenticateClientResponseEs9(Choice):
    """AuthenticateClientResponseEs9 (SGP.22)."""

    TAG = 0xBF3B
    authenticate_client_ok: Annotated[AuthenticateClientOk | None, f(0xA0)] = None
    authenticate_client_error: Annotated[AuthenticateClientError | None, f(0x81)] = None


@data_object
class GetBoundProfilePackageOk(DataObject):
    """GetBoundProfilePackageOk (SGP.22)."""

    TAG = 0x30
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    bound_profile_package: Annotated[bytes, f(0xBF36, Opaque(0xBF36))]


class GetBoundProfilePackageError(OpenEnum):
    """getBoundProfilePackageError of GetBoundProfilePackageResponse."""

    EUICC_SIGNATURE_INVALID = 1
    CONFIRMATION_CODE_MISSING = 2
    CONFIRMATION_CODE_REFUSED = 3
    CONFIRMATION_CODE_RETRIES_EXCEEDED = 4
    BPP_REBINDING_REFUSED = 5
    DOWNLOAD_ORDER_EXPIRED = 6
    INVALID_TRANSACTION_ID = 95
    UNDEFINED_ERROR = 127


@data_object
class GetBoundProfilePackageResponse(Choice):
    """GetBoundProfilePackageResponse (SGP.22)."""

    TAG = 0xBF3A
    get_bound_profile_package_ok: Annotated[GetBoundProfilePackageOk | None, f(0xA0)] = None
    get_bound_profile_package_error: Annotated[GetBoundProfilePackageError | None, f(0x81)] = None


@data_object
class CancelSessionOk(DataObject):
    """CancelSessionOk (SGP.32)."""

    TAG = 0x30


class CancelSessionError(OpenEnum):
    """cancelSessionError of CancelSessionResponseEs9."""

    INVALID_TRANSACTION_ID = 1
    EUICC_SIGNATURE_INVALID = 2
    UNDEFINED_ERROR = 127


@data_object
class CancelSessionResponseEs9(Choice):
    """CancelSessionResponseEs9 (SGP.22)."""

    TAG = 0xBF41
    cancel_session_ok: Annotated[CancelSessionOk | None, f(0xA0)] = None
    cancel_session_error: Annotated[CancelSessionError | None, f(0x81)] = None


@data_object
class EventEntries(DataObject):
    """EventEntries (SGP.22)."""

    TAG = 0x30
    event_id: Annotated[str, f(0x80)]
    rsp_server_address: Annotated[str, f(0x81)]


@data_object
class AuthenticateClientOkEs11(DataObject):
    """AuthenticateClientOkEs11 (SGP.22)."""

    TAG = 0x30
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    event_entries: Annotated[tuple[EventEntries, ...], f(0xA1)]


class AuthenticateClientResponseEs11AuthenticateClientError(OpenEnum):
    """authenticateClientError of AuthenticateClientResponseEs11."""

    EUM_CERTIFICATE_INVALID = 1
    EUM_CERTIFICATE_EXPIRED = 2
    EUICC_CERTIFICATE_INVALID = 3
    EUICC_CERTIFICATE_EXPIRED = 4
    EUICC_SIGNATURE_INVALID = 5
    EVENT_ID_UNKNOWN = 6
    INVALID_TRANSACTION_ID = 7
    UNDEFINED_ERROR = 127


@data_object
class AuthenticateClientResponseEs11(Choice):
    """AuthenticateClientResponseEs11 (SGP.22)."""

    TAG = 0xBF40
    authenticate_client_ok: Annotated[AuthenticateClientOkEs11 | None, f(0xA0)] = None
    authenticate_client_error: Annotated[AuthenticateClientResponseEs11AuthenticateClientError | None, f(0x81)] = None


@data_object
class RemoteProfileProvisioningResponse(Choice):
    """RemoteProfileProvisioningResponse (SGP.22)."""

    TAG = 0xA2
    initiate_authentication_response: Annotated[InitiateAuthenticationResponse | None, f(0xBF39)] = None
    authenticate_client_response_es9: Annotated[AuthenticateClientResponseEs9 | None, f(0xBF3B)] = None
    get_bound_profile_package_response: Annotated[GetBoundProfilePackageResponse | None, f(0xBF3A)] = None
    cancel_session_response_es9: Annotated[CancelSessionResponseEs9 | None, f(0xBF41)] = None
    authenticate_client_response_es11: Annotated[AuthenticateClientResponseEs11 | None, f(0xBF40)] = None
