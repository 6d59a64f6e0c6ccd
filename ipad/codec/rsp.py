"""Data objects: mutual authentication and profile download, as the eUICC sees them.

Tags and names are those of SGP.22 v2.6 and SGP.32 v1.2, whose definitions replace the older ones of the same name.
"""

from typing import Annotated

from ipad.codec.euicc_info import (
    DeviceInfo,
    EuiccInfo2,
)
from ipad.codec.schema import Choice, DataObject, Opaque, data_object, f
from ipad.codec.sizes import TRANSACTION_ID
from ipad.codec.values import OID, Octets, OpenEnum


@data_object
class ServerSigned1(DataObject):
    """ServerSigned1 (SGP.22)."""

    TAG = 0x30
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    euicc_challenge: Annotated[bytes, f(0x81, Octets(16, 16))]
    server_address: Annotated[str, f(0x83)]
    server_challenge: Annotated[bytes, f(0x84, Octets(16, 16))]


@data_object
class CtxParamsForCommonAuthentication(DataObject):
    """CtxParamsForCommonAuthentication (SGP.22)."""

    TAG = 0x30
    matching_id: Annotated[str | None, f(0x80)] = None
    device_info: Annotated[DeviceInfo, f(0xA1)]


@data_object
class CtxParams1(Choice):
    """CtxParams1 (SGP.22)."""

    ctx_params_for_common_authentication: Annotated[CtxParamsForCommonAuthentication | None, f(0xA0)] = None


@data_object
class AuthenticateServerRequest(DataObject):
    """AuthenticateServerRequest (SGP.22)."""

    TAG = 0xBF38
    server_signed1: Annotated[ServerSigned1, f(0x30)]
    server_signature1: Annotated[bytes, f(0x5F37)]
    euicc_ci_pk_id_to_be_used: Annotated[bytes, f(0x04)]
    server_certificate: Annotated[bytes, f(0x30, Opaque())]
    ctx_params1: Annotated[CtxParams1, f()]


@data_object
class EuiccSigned1(DataObject):
    """EuiccSigned1 (SGP.32)."""

    TAG = 0x30
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    server_address: Annotated[str, f(0x83)]
    server_challenge: Annotated[bytes, f(0x84, Octets(16, 16))]
    euicc_info2: Annotated[EuiccInfo2, f(0xBF22)]
    ctx_params1: Annotated[CtxParams1, f()]


@data_object
class AuthenticateResponseOk(DataObject):
    """AuthenticateResponseOk (SGP.32)."""

    TAG = 0x30
    euicc_signed1: Annotated[EuiccSigned1, f(0x30)]
    euicc_signature1: Annotated[bytes, f(0x5F37)]
    euicc_certificate: Annotated[bytes, f(0x30, Opaque())]
    eum_certificate: Annotated[bytes, f(0x30, Opaque())]


class AuthenticateErrorCode(OpenEnum):
    """AuthenticateErrorCode (SGP.22)."""

    INVALID_CERTIFICATE = 1
    INVALID_SIGNATURE = 2
    UNSUPPORTED_CURVE = 3
    NO_SESSION_CONTEXT = 4
    INVALID_OID = 5
    EUICC_CHALLENGE_MISMATCH = 6
    CI_PK_UNKNOWN = 7
    UNDEFINED_ERROR = 127


@data_object
class AuthenticateResponseError(DataObject):
    """AuthenticateResponseError (SGP.22)."""

    TAG = 0x30
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    authenticate_error_code: Annotated[AuthenticateErrorCode, f(0x02)]


@data_object
class CompactEuiccSigned1(DataObject):
    """CompactEuiccSigned1 (SGP.32)."""

    TAG = 0x30
    ext_card_resource: Annotated[bytes, f(0x84)]
    ctx_params1: Annotated[CtxParams1 | None, f(0xA2)] = None


@data_object
class SignedData(Choice):
    """signedData of CompactAuthenticateResponseOk."""

    euicc_signed1: Annotated[EuiccSigned1 | None, f(0x30)] = None
    compact_euicc_signed1: Annotated[CompactEuiccSigned1 | None, f(0xA0)] = None


@data_object
class CompactAuthenticateResponseOk(DataObject):
    """CompactAuthenticateResponseOk (SGP.32)."""

    TAG = 0x30
    signed_data: Annotated[SignedData, f()]
    euicc_signature1: Annotated[bytes, f(0x5F37)]
    euicc_certificate: Annotated[bytes | None, f(0xA1, Opaque())] = None
    eum_certificate: Annotated[bytes | None, f(0xA2, Opaque())] = None


@data_object
class AuthenticateServerResponse(Choice):
    """AuthenticateServerResponse (SGP.32)."""

    TAG = 0xBF38
    authenticate_response_ok: Annotated[AuthenticateResponseOk | None, f(0xA0)] = None
    authenticate_response_error: Annotated[AuthenticateResponseError | None, f(0xA1)] = None
    compact_authenticate_response_ok: Annotated[CompactAuthenticateResponseOk | None, f(0xA2)] = None


@data_object
class SmdpSigned2(DataObject):
    """SmdpSigned2 (SGP.22)."""

    TAG = 0x30
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    cc_required_flag: Annotated[bool, f(0x01)]
    bpp_euicc_otpk: Annotated[bytes | None, f(0x5F49)] = None


@data_object
class PrepareDownloadRequest(DataObject):
    """PrepareDownloadRequest (SGP.22)."""

    TAG = 0xBF21
    smdp_signed2: Annotated[SmdpSigned2, f(0x30)]
    smdp_signature2: Annotated[bytes, f(0x5F37)]
    hash_cc: Annotated[bytes | None, f(0x04, Octets(32, 32))] = None
    smdp_certificate: Annotated[bytes, f(0x30, Opaque())]


@data_object
class EuiccSigned2(DataObject):
    """EUICCSigned2 (SGP.22)."""

    TAG = 0x30
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    euicc_otpk: Annotated[bytes, f(0x5F49)]
    hash_cc: Annotated[bytes | None, f(0x04, Octets(32, 32))] = None


@data_object
class PrepareDownloadResponseOk(DataObject):
    """PrepareDownloadResponseOk (SGP.22)."""

    TAG = 0x30
    euicc_signed2: Annotated[EuiccSigned2, f(0x30)]
    euicc_signature2: Annotated[bytes, f(0x5F37)]


class DownloadErrorCode(OpenEnum):
    """DownloadErrorCode (SGP.22)."""

    INVALID_CERTIFICATE = 1
    INVALID_SIGNATURE = 2
    UNSUPPORTED_CURVE = 3
    NO_SESSION_CONTEXT = 4
    INVALID_TRANSACTION_ID = 5
    UNDEFINED_ERROR = 127


@data_object
class PrepareDownloadResponseError(DataObject):
    """PrepareDownloadResponseError (SGP.22)."""

    TAG = 0x30
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    download_error_code: Annotated[DownloadErrorCode, f(0x02)]


@data_object
class CompactEuiccSigned2(DataObject):
    """CompactEuiccSigned2 (SGP.32)."""

    TAG = 0x30
    euicc_otpk: Annotated[bytes | None, f(0x5F49)] = None
    hash_cc: Annotated[bytes | None, f(0x04, Octets(32, 32))] = None


@data_object
class CompactPrepareDownloadResponseOk(DataObject):
    """CompactPrepareDownloadResponseOk (SGP.32)."""

    TAG = 0x30
    compact_euicc_signed2: Annotated[CompactEuiccSigned2, f(0x30)]
    euicc_signature2: Annotated[bytes, f(0x5F37)]


@data_object
class PrepareDownloadResponse(Choice):
    """PrepareDownloadResponse (SGP.32)."""

    TAG = 0xBF21
    download_response_ok: Annotated[PrepareDownloadResponseOk | None, f(0xA0)] = None
    download_response_error: Annotated[PrepareDownloadResponseError | None, f(0xA1)] = None
    compact_download_response_ok: Annotated[CompactPrepareDownloadResponseOk | None, f(0xA2)] = None


class CancelSessionReason(OpenEnum):
    """CancelSessionReason (SGP.22)."""

    END_USER_REJECTION = 0
    POSTPONED = 1
    TIMEOUT = 2
    PPR_NOT_ALLOWED = 3
    METADATA_MISMATCH = 4
    LOAD_BPP_EXECUTION_ERROR = 5
    UNDEFINED_REASON = 127


@data_object
class CancelSessionRequest(DataObject):
    """CancelSessionRequest (SGP.22)."""

    TAG = 0xBF41
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    reason: Annotated[CancelSessionReason, f(0x81)]


@data_object
class EuiccCancelSessionSigned(DataObject):
    """EuiccCancelSessionSigned (SGP.22)."""

    TAG = 0x30
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    smdp_oid: Annotated[str, f(0x81, OID, also=(0x06,))]
    reason: Annotated[CancelSessionReason, f(0x82, also=(0x81,))]


@data_object
class CancelSessionResponseOk(DataObject):
    """CancelSessionResponseOk (SGP.22)."""

    TAG = 0x30
    euicc_cancel_session_signed: Annotated[EuiccCancelSessionSigned, f(0x30)]
    euicc_cancel_session_signature: Annotated[bytes, f(0x5F37)]


class CancelSessionResponseError(OpenEnum):
    """cancelSessionResponseError of CancelSessionResponse."""

    INVALID_TRANSACTION_ID = 5
    UNDEFINED_ERROR = 127


@data_object
class CompactEuiccCancelSessionSigned(DataObject):
    """CompactEuiccCancelSessionSigned (SGP.32)."""

    TAG = 0x30
    reason: Annotated[CancelSessionReason | None, f(0x80)] = None


@data_object
class CompactCancelSessionResponseOk(DataObject):
    """CompactCancelSessionResponseOk (SGP.32)."""

    TAG = 0x30
    compact_euicc_cancel_session_signed: Annotated[CompactEuiccCancelSessionSigned, f(0x30)]
    euicc_cancel_session_signature: Annotated[bytes, f(0x5F37)]


@data_object
class CancelSessionResponse(Choice):
    """CancelSessionResponse (SGP.32)."""

    TAG = 0xBF41
    cancel_session_response_ok: Annotated[CancelSessionResponseOk | None, f(0xA0)] = None
    cancel_session_response_error: Annotated[CancelSessionResponseError | None, f(0x81)] = None
    compact_cancel_session_response_ok: Annotated[CompactCancelSessionResponseOk | None, f(0xA2)] = None


class RemoteOpId(OpenEnum):
    """RemoteOpId (SGP.22)."""

    INSTALL_BOUND_PROFILE_PACKAGE = 1


@data_object
class ControlRefTemplate(DataObject):
    """ControlRefTemplate (SGP.22)."""

    TAG = 0x30
    key_type: Annotated[bytes, f(0x80, Octets(1, 1))]
    key_len: Annotated[bytes, f(0x81, Octets(1, 1))]
    host_id: Annotated[bytes, f(0x84, Octets(1, 16))]


@data_object
class InitialiseSecureChannelRequest(DataObject):
    """InitialiseSecureChannelRequest (SGP.22)."""

    TAG = 0xBF23
    remote_op_id: Annotated[RemoteOpId, f(0x82)]
    transaction_id: Annotated[bytes, f(0x80, TRANSACTION_ID)]
    control_ref_template: Annotated[ControlRefTemplate, f(0xA6)]
    smdp_otpk: Annotated[bytes, f(0x5F49)]
    smdp_sign: Annotated[bytes, f(0x5F37)]


@data_object
class GetEuiccChallengeRequest(DataObject):
    """GetEuiccChallengeRequest (SGP.22)."""

    TAG = 0xBF2E


@data_object
class GetEuiccChallengeResponse(DataObject):
    """GetEuiccChallengeResponse (SGP.22)."""

    TAG = 0xBF2E
    euicc_challenge: Annotated[bytes, f(0x80, Octets(16, 16))]
