"""Data objects: what SGP.32 adds to ES10b beside eUICC Packages: immediate enabling, fallback, emergency profile.

Tags and names are those of SGP.32 v1.2. refreshFlag is tag 80 by automatic tagging; the untagged form 01 is read too.
"""

from typing import Annotated

from ipad.codec.schema import Choice, DataObject, data_object, f
from ipad.codec.values import NULL, OID, OpenEnum


@data_object
class ImmediateEnableRequest(DataObject):
    """ImmediateEnableRequest (SGP.32)."""

    TAG = 0xBF5A
    refresh_flag: Annotated[bool, f(0x80, also=(0x01,))]


class ImmediateEnableResult(OpenEnum):
    """immediateEnableResult of ImmediateEnableResponse."""

    OK = 0
    IMMEDIATE_ENABLE_NOT_AVAILABLE = 1
    NO_SESSION_CONTEXT = 4
    CAT_BUSY = 5
    UNDEFINED_ERROR = 127


@data_object
class ImmediateEnableResponse(DataObject):
    """ImmediateEnableResponse (SGP.32)."""

    TAG = 0xBF5A
    immediate_enable_result: Annotated[ImmediateEnableResult, f(0x80)]


@data_object
class ConfigureImmediateProfileEnablingRequest(DataObject):
    """ConfigureImmediateProfileEnablingRequest (SGP.32)."""

    TAG = 0xBF59
    immediate_enable_flag: Annotated[bool, f(0x80, NULL)] = False
    default_smdp_oid: Annotated[str | None, f(0x81, OID)] = None
    default_smdp_address: Annotated[str | None, f(0x82)] = None


class ConfigImmediateEnableResult(OpenEnum):
    """configImmediateEnableResult of ConfigureImmediateProfileEnablingResponse."""

    OK = 0
    INSUFFICIENT_MEMORY = 1
    ASSOCIATED_EIM_ALREADY_EXISTS = 2
    UNDEFINED_ERROR = 127


@data_object
class ConfigureImmediateProfileEnablingResponse(DataObject):
    """ConfigureImmediateProfileEnablingResponse (SGP.32)."""

    TAG = 0xBF59
    config_immediate_enable_result: Annotated[ConfigImmediateEnableResult, f(0x80)]


@data_object
class ExecuteFallbackMechanismRequest(DataObject):
    """ExecuteFallbackMechanismRequest (SGP.32)."""

    TAG = 0xBF5D
    refresh_flag: Annotated[bool, f(0x80, also=(0x01,))]


class ExecuteFallbackMechanismResult(OpenEnum):
    """executeFallbackMechanismResult of ExecuteFallbackMechanismResponse."""

    OK = 0
    PROFILE_NOT_IN_DISABLED_STATE = 2
    CAT_BUSY = 5
    FALLBACK_NOT_AVAILABLE = 6
    COMMAND_ERROR = 7
    ECALL_ACTIVE = 104
    UNDEFINED_ERROR = 127


@data_object
class ExecuteFallbackMechanismResponse(DataObject):
    """ExecuteFallbackMechanismResponse (SGP.32)."""

    TAG = 0xBF5D
    execute_fallback_mechanism_result: Annotated[ExecuteFallbackMechanismResult, f(0x80)]


@data_object
class ReturnFromFallbackRequest(DataObject):
    """ReturnFromFallbackRequest (SGP.32)."""

    TAG = 0xBF5E
    refresh_flag: Annotated[bool, f(0x80, also=(0x01,))]


class ReturnFromFallbackResult(OpenEnum):
    """returnFromFallbackResult of ReturnFromFallbackResponse."""

    OK = 0
    CAT_BUSY = 5
    FALLBACK_NOT_AVAILABLE = 6
    COMMAND_ERROR = 7
    UNDEFINED_ERROR = 127


@data_object
class ReturnFromFallbackResponse(DataObject):
    """ReturnFromFallbackResponse (SGP.32)."""

    TAG = 0xBF5E
    return_from_fallback_result: Annotated[ReturnFromFallbackResult, f(0x80)]


@data_object
class EnableEmergencyProfileRequest(DataObject):
    """EnableEmergencyProfileRequest (SGP.32)."""

    TAG = 0xBF5B
    refresh_flag: Annotated[bool, f(0x80, also=(0x01,))]


class EnableEmergencyProfileResult(OpenEnum):
    """enableEmergencyProfileResult of EnableEmergencyProfileResponse."""

    OK = 0
    PROFILE_NOT_IN_DISABLED_STATE = 2
    CAT_BUSY = 5
    ECALL_NOT_AVAILABLE = 8
    UNDEFINED_ERROR = 127


@data_object
class EnableEmergencyProfileResponse(DataObject):
    """EnableEmergencyProfileResponse (SGP.32)."""

    TAG = 0xBF5B
    enable_emergency_profile_result: Annotated[EnableEmergencyProfileResult, f(0x80)]


@data_object
class DisableEmergencyProfileRequest(DataObject):
    """DisableEmergencyProfileRequest (SGP.32)."""

    TAG = 0xBF5C
    refresh_flag: Annotated[bool, f(0x80, also=(0x01,))]


class DisableEmergencyProfileResult(OpenEnum):
    """disableEmergencyProfileResult of DisableEmergencyProfileResponse."""

    OK = 0
    PROFILE_NOT_IN_ENABLED_STATE = 2
    CAT_BUSY = 5
    ECALL_NOT_AVAILABLE = 8
    UNDEFINED_ERROR = 127


@data_object
class DisableEmergencyProfileResponse(DataObject):
    """DisableEmergencyProfileResponse (SGP.32)."""

    TAG = 0xBF5C
    disable_emergency_profile_result: Annotated[DisableEmergencyProfileResult, f(0x80)]


@data_object
class GetConnectivityParametersRequest(DataObject):
    """GetConnectivityParametersRequest (SGP.32)."""

    TAG = 0xBF5F


@data_object
class ConnectivityParameters(DataObject):
    """ConnectivityParameters (SGP.32)."""

    TAG = 0x30
    http_params: Annotated[bytes | None, f(0x81)] = None


class ConnectivityParametersError(OpenEnum):
    """ConnectivityParametersError (SGP.32)."""

    PARAMETERS_NOT_AVAILABLE = 1
    UNDEFINED_ERROR = 127


@data_object
class GetConnectivityParametersResponse(Choice):
    """GetConnectivityParametersResponse (SGP.32)."""

    TAG = 0xBF5F
    connectivity_parameters: Annotated[ConnectivityParameters | None, f(0xA0)] = None
    connectivity_parameters_error: Annotated[ConnectivityParametersError | None, f(0x81)] = None
