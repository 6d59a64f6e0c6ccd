"""Data objects: ESipa messages of a download through the eIM (SGP.32 6.3.2.1 to 6.3.2.3, 6.3.2.5).

Tags and names are those of SGP.22 v2.6 and SGP.32 v1.2, whose definitions replace the older ones of the same name.
"""

from typing import Annotated

from ipad.codec.esipa import ProfileDownloadTriggerRequest
from ipad.codec.euicc_info import EuiccInfo1
from ipad.codec.profile import StoreMetadataRequest
from ipad.codec.rsp import (
    AuthenticateServerResponse,
    CancelSessionResponse,
    CtxParams1,
    PrepareDownloadResponse,
    ServerSigned1,
    SmdpSigned2,
)
from ipad.codec.schema import Choice, DataObject, Opaque, data_object, f
from ipad.codec.sizes import TRANSACTION_ID
from ipad.codec.values import Octets, OpenEnum


@data_object
class InitiateAuthenticationRequestEsipa(DataObject):
    """InitiateAuthenticationRequestEsipa (SGP.32)."""

    TAG = 0xBF39
    euicc_challenge: Annotated[bytes, f(0x81, Octets(16, 16))]
    smdp_address: Annotated[str | None, f(0x83)] = None
    euicc_info1: Annotated[EuiccInfo1 | None, f(0xBF20)] = None
    eim_transaction_id: Annotated[bytes | None, f(0x82, TRANSACTION_ID)] = None


@data_object
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


@data_object
class InitiateAuthenticationResponseEsipa(Choice):
    """InitiateAuthenticationResponseEsipa (SGP.32)."""

    TAG = 0xBF39
    initiate_authentication_ok_esipa: Annotated[InitiateAuthenticationOkEsipa | None, f(0xA0)] = None
    initiate_authentication_error_esipa: Annotated[InitiateAuthenticationErrorEsipa | None, f(0x81)] = None


@data_object
class AuthenticateClientRequestEsipa(DataObject):
    """AuthenticateClientRequestEsipa (SGP.32)."""

    TAG = 0xBF3B
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    authenticate_server_response: Annotated[AuthenticateServerResponse, f(0xBF38)]


@data_object
class AuthenticateClientOkDpEsipa(DataObject):
    """AuthenticateClientOkDPEsipa (SGP.32)."""

    TAG = 0x30
    transaction_id: Annotated[bytes | None, f(0x80, TRANSACTION_ID)] = None
    profile_meta_data: Annotated[StoreMetadataRequest | None, f(0xBF25)] = None
    smdp_signed2: Annotated[SmdpSigned2, f(0x30)]
    smdp_signature2: Annotated[bytes, f(0x5F37)]
    smdp_certificate: Annotated[bytes, f(0x30, Opaque())]
    hash_cc: Annotated[bytes | None, f(0x04, Octets(32, 32))] = None


@data_object
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
    DOWNLOAD_ORDER_EXPIRED = 18
    PPR_NOT_ALLOWED = 50
    EVENT_ID_UNKNOWN = 56
    UNDEFINED_ERROR = 127


@data_object
class AuthenticateClientResponseEsipa(Choice):
    """AuthenticateClientResponseEsipa (SGP.32)."""

    TAG = 0xBF3B
    authenticate_client_ok_dp_esipa: Annotated[AuthenticateClientOkDpEsipa | None, f(0xA0)] = None
    authenticate_client_ok_ds_esipa: Annotated[AuthenticateClientOkDsEsipa | None, f(0xA1)] = None
    authenticate_client_error_esipa: Annotated[AuthenticateClientErrorEsipa | None, f(0x82)] = None


@data_object
class GetBoundProfilePackageRequestEsipa(DataObject):
    """GetBoundProfilePackageRequestEsipa (SGP.32)."""

    TAG = 0xBF3A
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    prepare_download_response: Annotated[PrepareDownloadResponse, f(0xBF21)]


@data_object
class GetBoundProfilePackageOkEsipa(DataObject):
    """GetBoundProfilePackageOkEsipa (SGP.32)."""

    TAG = 0x30
    transaction_id: Annotated[bytes | None, f(0x80, TRANSACTION_ID)] = None
    bound_profile_package: Annotated[bytes | memoryview, f(0xBF36, Opaque(0xBF36, view=True))]


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


@data_object
class GetBoundProfilePackageResponseEsipa(Choice):
    """GetBoundProfilePackageResponseEsipa (SGP.32)."""

    TAG = 0xBF3A
    get_bound_profile_package_ok_esipa: Annotated[GetBoundProfilePackageOkEsipa | None, f(0xA0)] = None
    get_bound_profile_package_error_esipa: Annotated[GetBoundProfilePackageErrorEsipa | None, f(0x81)] = None


@data_object
class CancelSessionRequestEsipa(DataObject):
    """CancelSessionRequestEsipa (SGP.32)."""

    TAG = 0xBF41
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    cancel_session_response: Annotated[CancelSessionResponse, f(0xA1, also=(0xBF41,))]


@data_object
class CancelSessionOk(DataObject):
    """CancelSessionOk (SGP.32)."""

    TAG = 0x30


class CancelSessionError(OpenEnum):
    """cancelSessionError of CancelSessionResponseEsipa."""

    INVALID_TRANSACTION_ID = 1
    EUICC_SIGNATURE_INVALID = 2
    UNDEFINED_ERROR = 127


@data_object
class CancelSessionResponseEsipa(Choice):
    """CancelSessionResponseEsipa (SGP.32)."""

    TAG = 0xBF41
    cancel_session_ok: Annotated[CancelSessionOk | None, f(0xA0)] = None
    cancel_session_error: Annotated[CancelSessionError | None, f(0x81)] = None
