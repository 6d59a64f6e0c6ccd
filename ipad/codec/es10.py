"""Data objects: the remaining ES10a, ES10b and ES10c functions.

Tags and names are those of SGP.22 v2.6 and SGP.32 v1.2, whose definitions replace the older ones of the same name.
"""

from enum import IntFlag
from typing import Annotated

from ipad.codec.schema import Choice, DataObject, ListOf, Opaque, data_object, f
from ipad.codec.sizes import ICCID
from ipad.codec.values import INTEGER, Octets, OpenEnum, Utf8


@data_object
class SetNicknameRequest(DataObject):
    """SetNicknameRequest (SGP.22)."""

    TAG = 0xBF29
    iccid: Annotated[bytes, f(0x5A, ICCID)]
    profile_nickname: Annotated[str, f(0x90, Utf8(0, 64))]


class SetNicknameResult(OpenEnum):
    """setNicknameResult of SetNicknameResponse."""

    OK = 0
    ICCID_NOT_FOUND = 1
    UNDEFINED_ERROR = 127


@data_object
class SetNicknameResponse(DataObject):
    """SetNicknameResponse (SGP.22)."""

    TAG = 0xBF29
    set_nickname_result: Annotated[SetNicknameResult, f(0x80)]


@data_object
class ProfileIdentifier(Choice):
    """profileIdentifier of EnableProfileRequest."""

    isdp_aid: Annotated[bytes | None, f(0x4F, Octets(1, 16))] = None
    iccid: Annotated[bytes | None, f(0x5A, ICCID)] = None


@data_object
class EnableProfileRequest(DataObject):
    """EnableProfileRequest (SGP.22)."""

    TAG = 0xBF31
    profile_identifier: Annotated[ProfileIdentifier, f(0xA0)]
    refresh_flag: Annotated[bool, f(0x81)]


class EnableResult(OpenEnum):
    """enableResult of EnableProfileResponse."""

    OK = 0
    ICCID_OR_AID_NOT_FOUND = 1
    PROFILE_NOT_IN_DISABLED_STATE = 2
    DISALLOWED_BY_POLICY = 3
    WRONG_PROFILE_REENABLING = 4
    CAT_BUSY = 5
    UNDEFINED_ERROR = 127


@data_object
class EnableProfileResponse(DataObject):
    """EnableProfileResponse (SGP.22)."""

    TAG = 0xBF31
    enable_result: Annotated[EnableResult, f(0x80)]


@data_object
class DisableProfileRequest(DataObject):
    """DisableProfileRequest (SGP.22)."""

    TAG = 0xBF32
    profile_identifier: Annotated[ProfileIdentifier, f(0xA0)]
    refresh_flag: Annotated[bool, f(0x81)]


class DisableResult(OpenEnum):
    """disableResult of DisableProfileResponse."""

    OK = 0
    ICCID_OR_AID_NOT_FOUND = 1
    PROFILE_NOT_IN_ENABLED_STATE = 2
    DISALLOWED_BY_POLICY = 3
    CAT_BUSY = 5
    UNDEFINED_ERROR = 127


@data_object
class DisableProfileResponse(DataObject):
    """DisableProfileResponse (SGP.22)."""

    TAG = 0xBF32
    disable_result: Annotated[DisableResult, f(0x80)]


@data_object
class DeleteProfileRequest(Choice):
    """DeleteProfileRequest (SGP.22)."""

    TAG = 0xBF33
    isdp_aid: Annotated[bytes | None, f(0x4F, Octets(1, 16))] = None
    iccid: Annotated[bytes | None, f(0x5A, ICCID)] = None


class DeleteResult(OpenEnum):
    """deleteResult of DeleteProfileResponse."""

    OK = 0
    ICCID_OR_AID_NOT_FOUND = 1
    PROFILE_NOT_IN_DISABLED_STATE = 2
    DISALLOWED_BY_POLICY = 3
    UNDEFINED_ERROR = 127


@data_object
class DeleteProfileResponse(DataObject):
    """DeleteProfileResponse (SGP.22)."""

    TAG = 0xBF33
    delete_result: Annotated[DeleteResult, f(0x80)]


class ResetOptions(IntFlag):
    """resetOptions of EuiccMemoryResetRequest."""

    DELETE_OPERATIONAL_PROFILES = 1 << 0
    DELETE_FIELD_LOADED_TEST_PROFILES = 1 << 1
    RESET_DEFAULT_SMDP_ADDRESS = 1 << 2
    DELETE_PRE_LOADED_TEST_PROFILES = 1 << 3
    DELETE_PROVISIONING_PROFILES = 1 << 4
    RESET_EIM_CONFIG_DATA = 1 << 5
    RESET_IMMEDIATE_ENABLE_CONFIG = 1 << 6


@data_object
class EuiccMemoryResetRequest(DataObject):
    """EuiccMemoryResetRequest (SGP.32)."""

    TAG = 0xBF64
    reset_options: Annotated[ResetOptions, f(0x82)]


class ResetResult(OpenEnum):
    """resetResult of EuiccMemoryResetResponse."""

    OK = 0
    NOTHING_TO_DELETE = 1
    CAT_BUSY = 5
    ECALL_ACTIVE = 104
    UNDEFINED_ERROR = 127


class ResetEimResult(OpenEnum):
    """resetEimResult of EuiccMemoryResetResponse."""

    OK = 0
    NOTHING_TO_DELETE = 1
    EIM_RESET_NOT_SUPPORTED = 2
    UNDEFINED_ERROR = 127


class ResetImmediateEnableConfigResult(OpenEnum):
    """resetImmediateEnableConfigResult of EuiccMemoryResetResponse."""

    OK = 0
    RESET_IECNOT_SUPPORTED = 1
    UNDEFINED_ERROR = 127


@data_object
class EuiccMemoryResetResponse(DataObject):
    """EuiccMemoryResetResponse (SGP.32)."""

    TAG = 0xBF64
    reset_result: Annotated[ResetResult, f(0x80, also=(0x02,))]
    reset_eim_result: Annotated[ResetEimResult | None, f(0x81)] = None
    reset_immediate_enable_config_result: Annotated[ResetImmediateEnableConfigResult | None, f(0x82)] = None


@data_object
class GetEuiccDataRequest(DataObject):
    """GetEuiccDataRequest (SGP.22)."""

    TAG = 0xBF3E
    tag_list: Annotated[bytes, f(0x5C, Octets(1, 1))]


@data_object
class GetEuiccDataResponse(DataObject):
    """GetEuiccDataResponse (SGP.22)."""

    TAG = 0xBF3E
    eid_value: Annotated[bytes, f(0x5A, Octets(16, 16))]


@data_object
class LoadCrlRequest(DataObject):
    """LoadCRLRequest (SGP.22)."""

    TAG = 0xBF35
    crl: Annotated[bytes, f(0xA0, Opaque())]


@data_object
class LoadCrlResponseOk(DataObject):
    """LoadCRLResponseOk (SGP.22)."""

    TAG = 0x30
    missing_parts: Annotated[tuple[int, ...] | None, f(0xA0, ListOf(0x02, INTEGER))] = None


class LoadCrlResponseError(OpenEnum):
    """LoadCRLResponseError (SGP.22)."""

    INVALID_SIGNATURE = 1
    INVALID_CRLFORMAT = 2
    NOT_ENOUGH_MEMORY_SPACE = 3
    VERIFICATION_KEY_NOT_FOUND = 4
    FRESHER_CRL_ALREADY_LOADED = 5
    BASE_CRL_MISSING = 6
    UNDEFINED_ERROR = 127


@data_object
class LoadCrlResponse(Choice):
    """LoadCRLResponse (SGP.22)."""

    TAG = 0xBF35
    load_crl_response_ok: Annotated[LoadCrlResponseOk | None, f(0xA0)] = None
    load_crl_response_error: Annotated[LoadCrlResponseError | None, f(0x81)] = None


@data_object
class EuiccConfiguredAddressesRequest(DataObject):
    """EuiccConfiguredAddressesRequest (SGP.22)."""

    TAG = 0xBF3C


@data_object
class EuiccConfiguredAddressesResponse(DataObject):
    """EuiccConfiguredAddressesResponse (SGP.22)."""

    TAG = 0xBF3C
    default_dp_address: Annotated[str | None, f(0x80)] = None
    root_ds_address: Annotated[str, f(0x81)]


class LpaeOption(IntFlag):
    """lpaeOption of LpaeActivationRequest."""

    ACTIVATE_CAT_BASED_LPAE = 1 << 0
    ACTIVATE_SCWS_BASED_LPAE = 1 << 1


@data_object
class LpaeActivationRequest(DataObject):
    """LpaeActivationRequest (SGP.22)."""

    TAG = 0xBF42
    lpae_option: Annotated[LpaeOption, f(0x80)]


class LpaeActivationResult(OpenEnum):
    """lpaeActivationResult of LpaeActivationResponse."""

    OK = 0
    NOT_SUPPORTED = 1


@data_object
class LpaeActivationResponse(DataObject):
    """LpaeActivationResponse (SGP.22)."""

    TAG = 0xBF42
    lpae_activation_result: Annotated[LpaeActivationResult, f(0x80)]


class IpaeOption(IntFlag):
    """ipaeOption of IpaeActivationRequest."""

    ACTIVATE_IPAE = 1 << 0


@data_object
class IpaeActivationRequest(DataObject):
    """IpaeActivationRequest (SGP.32)."""

    TAG = 0xBF42
    ipae_option: Annotated[IpaeOption, f(0x80)]


class IpaeActivationResult(OpenEnum):
    """ipaeActivationResult of IpaeActivationResponse."""

    OK = 0
    NOT_SUPPORTED = 1


@data_object
class IpaeActivationResponse(DataObject):
    """IpaeActivationResponse (SGP.32)."""

    TAG = 0xBF42
    ipae_activation_result: Annotated[IpaeActivationResult, f(0x80)]


@data_object
class GetCertsRequest(DataObject):
    """GetCertsRequest (SGP.32)."""

    TAG = 0xBF56
    euicc_ci_pk_id: Annotated[bytes | None, f(0x80, also=(0x04,))] = None


@data_object
class Certs(DataObject):
    """certs of GetCertsResponse."""

    TAG = 0x30
    eum_certificate: Annotated[bytes, f(0xA5, Opaque())]
    euicc_certificate: Annotated[bytes, f(0xA6, Opaque())]


class GetCertsError(OpenEnum):
    """getCertsError of GetCertsResponse."""

    INVALID_CI_PK_ID = 1
    UNDFINED_ERROR = 127


@data_object
class GetCertsResponse(Choice):
    """GetCertsResponse (SGP.32)."""

    TAG = 0xBF56
    certs: Annotated[Certs | None, f(0xA0)] = None
    get_certs_error: Annotated[GetCertsError | None, f(0x81)] = None
