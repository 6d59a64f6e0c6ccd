"""Data objects: profiles: metadata, lists, policy rules.

Tags and names are those of SGP.22 v2.6 and SGP.32 v1.2, whose definitions replace the older ones of the same name.
"""

from enum import IntFlag
from typing import Annotated

from ipad.codec.euicc_info import (
    PprIds,
)
from ipad.codec.schema import Choice, DataObject, Opaque, data_object, f
from ipad.codec.sizes import ICCID
from ipad.codec.values import OID, Octets, OpenEnum, Utf8


class ProfileClass(OpenEnum):
    """ProfileClass (SGP.22)."""

    TEST = 0
    PROVISIONING = 1
    OPERATIONAL = 2


@data_object
class SearchCriteria(Choice):
    """searchCriteria of ProfileInfoListRequest."""

    isdp_aid: Annotated[bytes | None, f(0x4F, Octets(1, 16))] = None
    iccid: Annotated[bytes | None, f(0x5A, ICCID)] = None
    profile_class: Annotated[ProfileClass | None, f(0x95)] = None


@data_object
class ProfileInfoListRequest(DataObject):
    """ProfileInfoListRequest (SGP.22)."""

    TAG = 0xBF2D
    search_criteria: Annotated[SearchCriteria | None, f(0xA0)] = None
    tag_list: Annotated[bytes | None, f(0x5C)] = None


class ProfileState(OpenEnum):
    """ProfileState (SGP.22)."""

    DISABLED = 0
    ENABLED = 1


class IconType(OpenEnum):
    """IconType (SGP.22)."""

    JPG = 0
    PNG = 1


class NotificationEvent(IntFlag):
    """NotificationEvent (SGP.22)."""

    NOTIFICATION_INSTALL = 1 << 0
    NOTIFICATION_ENABLE = 1 << 1
    NOTIFICATION_DISABLE = 1 << 2
    NOTIFICATION_DELETE = 1 << 3


@data_object
class NotificationConfigurationInformation(DataObject):
    """NotificationConfigurationInformation (SGP.22)."""

    TAG = 0x30
    profile_management_operation: Annotated[NotificationEvent, f(0x80)]
    notification_address: Annotated[str, f(0x81)]


@data_object
class OperatorId(DataObject):
    """OperatorId (SGP.22)."""

    TAG = 0x30
    mcc_mnc: Annotated[bytes, f(0x80, Octets(3, 3))]
    gid1: Annotated[bytes | None, f(0x81)] = None
    gid2: Annotated[bytes | None, f(0x82)] = None


@data_object
class DpProprietaryData(DataObject):
    """DpProprietaryData (SGP.22)."""

    TAG = 0x30
    dp_oid: Annotated[str, f(0x80, OID)]


@data_object
class IotSpecificProfileInfo(DataObject):
    """iotSpecificProfileInfo of ProfileInfo (SGP.32 v1.3), open to extensions."""

    TAG = 0xBF64


@data_object
class ProfileInfo(DataObject):
    """ProfileInfo (SGP.22 5.7.15, SGP.32 5.9.14): what the tag list asked for and the eUICC has.

    So a field that is None was not asked for, or is not set, or is not known to the eUICC. `iccid` has swapped nibbles.
    `ecall_indication`, `fallback_attribute` and `fallback_allowed` exist on an IoT eUICC only.
    """

    TAG = 0xE3
    iccid: Annotated[bytes | None, f(0x5A, ICCID)] = None
    isdp_aid: Annotated[bytes | None, f(0x4F, Octets(1, 16))] = None
    profile_state: Annotated[ProfileState | None, f(0x9F70)] = None
    profile_nickname: Annotated[str | None, f(0x90, Utf8(0, 64))] = None
    service_provider_name: Annotated[str | None, f(0x91, Utf8(0, 32))] = None
    profile_name: Annotated[str | None, f(0x92, Utf8(0, 64))] = None
    icon_type: Annotated[IconType | None, f(0x93)] = None
    icon: Annotated[bytes | None, f(0x94, Octets(0, 1024))] = None
    profile_class: Annotated[ProfileClass | None, f(0x95)] = None
    notification_configuration_info: Annotated[tuple[NotificationConfigurationInformation, ...] | None, f(0xB6)] = None
    profile_owner: Annotated[OperatorId | None, f(0xB7)] = None
    dp_proprietary_data: Annotated[DpProprietaryData | None, f(0xB8)] = None
    profile_policy_rules: Annotated[PprIds | None, f(0x99)] = None
    service_specific_data_stored_in_euicc: Annotated[bytes | None, f(0xBF22, Opaque(nested=False))] = None
    ecall_indication: Annotated[bool | None, f(0x9F7B)] = None
    fallback_attribute: Annotated[bool, f(0x9F26)] = False
    fallback_allowed: Annotated[bool | None, f(0x9F67)] = None
    iot_specific_profile_info: Annotated[IotSpecificProfileInfo | None, f(0xBF64)] = None


class ProfileInfoListError(OpenEnum):
    """ProfileInfoListError (SGP.32)."""

    INCORRECT_INPUT_VALUES = 1
    PROFILE_CHANGE_ONGOING = 11
    UNDEFINED_ERROR = 127


@data_object
class ProfileInfoListResponse(Choice):
    """ProfileInfoListResponse (SGP.32)."""

    TAG = 0xBF2D
    profile_info_list_ok: Annotated[tuple[ProfileInfo, ...] | None, f(0xA0)] = None
    profile_info_list_error: Annotated[ProfileInfoListError | None, f(0x81)] = None


@data_object
class IotSpecificMetadata(DataObject):
    """iotSpecificMetadata of StoreMetadataRequest (SGP.32 v1.3), open to extensions."""

    TAG = 0xBF64


@data_object
class StoreMetadataRequest(DataObject):
    """StoreMetadataRequest (SGP.22 5.5.3, SGP.32): the metadata of a profile, also shown to the IPA before download.

    `profile_owner` belongs to the rules: without it a profile with Profile Policy Rules is refused (SGP.22 2.9.2.4).
    """

    TAG = 0xBF25
    iccid: Annotated[bytes, f(0x5A, ICCID)]
    service_provider_name: Annotated[str, f(0x91, Utf8(0, 32))]
    profile_name: Annotated[str, f(0x92, Utf8(0, 64))]
    icon_type: Annotated[IconType | None, f(0x93)] = None
    icon: Annotated[bytes | None, f(0x94, Octets(0, 1024))] = None
    profile_class: Annotated[ProfileClass, f(0x95)] = ProfileClass.OPERATIONAL
    notification_configuration_info: Annotated[tuple[NotificationConfigurationInformation, ...] | None, f(0xB6)] = None
    profile_owner: Annotated[OperatorId | None, f(0xB7)] = None
    profile_policy_rules: Annotated[PprIds | None, f(0x99)] = None
    service_specific_data_stored_in_euicc: Annotated[bytes | None, f(0xBF22, Opaque(nested=False))] = None
    service_specific_data_not_stored_in_euicc: Annotated[bytes | None, f(0xBF23, Opaque(nested=False))] = None
    ecall_indication: Annotated[bool | None, f(0x9F7B)] = None
    fallback_allowed: Annotated[bool | None, f(0x9F67)] = None
    iot_specific_metadata: Annotated[IotSpecificMetadata | None, f(0xBF64)] = None


@data_object
class GetRatRequest(DataObject):
    """GetRatRequest (SGP.22)."""

    TAG = 0xBF43


class PprFlags(IntFlag):
    """pprFlags of ProfilePolicyAuthorisationRule."""

    CONSENT_REQUIRED = 1 << 0


@data_object
class ProfilePolicyAuthorisationRule(DataObject):
    """ProfilePolicyAuthorisationRule (SGP.22)."""

    TAG = 0x30
    ppr_ids: Annotated[PprIds, f(0x80)]
    allowed_operators: Annotated[tuple[OperatorId, ...], f(0xA1)]
    ppr_flags: Annotated[PprFlags, f(0x82)]


@data_object
class GetRatResponse(DataObject):
    """GetRatResponse (SGP.22)."""

    TAG = 0xBF43
    rat: Annotated[tuple[ProfilePolicyAuthorisationRule, ...], f(0xA0)]
