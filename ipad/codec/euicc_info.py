"""Data objects: eUICC, device and IPA facts.

Tags and names are those of SGP.22 v2.6 and SGP.32 v1.2, whose definitions replace the older ones of the same name.
"""

from enum import IntFlag
from typing import Annotated

from ipad.codec.schema import DataObject, ListOf, Opaque, data_object, f
from ipad.codec.sizes import VERSION
from ipad.codec.values import NULL, OCTET_STRING, BitString, Octets, OpenEnum, Utf8


@data_object
class EuiccInfo1(DataObject):
    """EUICCInfo1 (SGP.22)."""

    TAG = 0xBF20
    svn: Annotated[bytes, f(0x82, VERSION)]
    euicc_ci_pk_id_list_for_verification: Annotated[tuple[bytes, ...], f(0xA9, ListOf(0x04, OCTET_STRING))]
    euicc_ci_pk_id_list_for_signing: Annotated[tuple[bytes, ...], f(0xAA, ListOf(0x04, OCTET_STRING))]


class RspCapability(IntFlag):
    """RspCapability (SGP.22)."""

    ADDITIONAL_PROFILE = 1 << 0
    CRL_SUPPORT = 1 << 1
    RPM_SUPPORT = 1 << 2
    TEST_PROFILE_SUPPORT = 1 << 3
    DEVICE_INFO_EXTENSIBILITY_SUPPORT = 1 << 4
    SERVICE_SPECIFIC_DATA_SUPPORT = 1 << 5


class EuiccCategory(OpenEnum):
    """euiccCategory of EUICCInfo2."""

    OTHER = 0
    BASIC_EUICC = 1
    MEDIUM_EUICC = 2
    CONTACTLESS_EUICC = 3


class PprIds(IntFlag):
    """PprIds (SGP.22)."""

    PPR_UPDATE_CONTROL = 1 << 0
    PPR1 = 1 << 1
    PPR2 = 1 << 2


@data_object
class CertificationDataObject(DataObject):
    """CertificationDataObject (SGP.22)."""

    TAG = 0x30
    platform_label: Annotated[str, f(0x80)]
    discovery_base_url: Annotated[str, f(0x81)]


class TreProperties(IntFlag):
    """treProperties of EUICCInfo2."""

    IS_DISCRETE = 1 << 0
    IS_INTEGRATED = 1 << 1
    USES_REMOTE_MEMORY = 1 << 2


class IpaMode(OpenEnum):
    """IpaMode (SGP.32)."""

    IPAD = 0
    IPAE = 1


@data_object
class IotSpecificInfo(DataObject):
    """IoTSpecificInfo (SGP.32)."""

    TAG = 0x30
    iot_version: Annotated[tuple[bytes, ...], f(0xA0, ListOf(0x04, VERSION))]
    ecall_supported: Annotated[bool, f(0x81, NULL)] = False
    fallback_supported: Annotated[bool, f(0x82, NULL)] = False
    fallback_allowed_update_supported: Annotated[bool, f(0x83, NULL)] = False


@data_object
class EuiccInfo2(DataObject):
    """EUICCInfo2 (SGP.32)."""

    TAG = 0xBF22
    profile_version: Annotated[bytes, f(0x81, VERSION)]
    svn: Annotated[bytes, f(0x82, VERSION)]
    euicc_firmware_ver: Annotated[bytes, f(0x83, VERSION)]
    ext_card_resource: Annotated[bytes, f(0x84)]
    uicc_capability: Annotated[BitString, f(0x85)]
    ts102241_version: Annotated[bytes | None, f(0x86, VERSION)] = None
    globalplatform_version: Annotated[bytes | None, f(0x87, VERSION)] = None
    rsp_capability: Annotated[RspCapability, f(0x88)]
    euicc_ci_pk_id_list_for_verification: Annotated[tuple[bytes, ...], f(0xA9, ListOf(0x04, OCTET_STRING))]
    euicc_ci_pk_id_list_for_signing: Annotated[tuple[bytes, ...], f(0xAA, ListOf(0x04, OCTET_STRING))]
    euicc_category: Annotated[EuiccCategory | None, f(0x8B)] = None
    forbidden_profile_policy_rules: Annotated[PprIds | None, f(0x99)] = None
    pp_version: Annotated[bytes, f(0x04, VERSION)]
    sas_acreditation_number: Annotated[str, f(0x0C, Utf8(0, 64))]
    certification_data_object: Annotated[CertificationDataObject | None, f(0xAC)] = None
    tre_properties: Annotated[TreProperties | None, f(0x8D)] = None
    tre_product_reference: Annotated[str | None, f(0x8E)] = None
    additional_euicc_profile_package_versions: Annotated[tuple[bytes, ...] | None, f(0xAF, ListOf(0x04, VERSION))] = (
        None
    )
    ipa_mode: Annotated[IpaMode | None, f(0x90)] = None
    euicc_ci_pk_id_list_for_signing_v3: Annotated[tuple[bytes, ...] | None, f(0xB1, ListOf(0x04, OCTET_STRING))] = None
    additional_euicc_info: Annotated[bytes | None, f(0x92, Octets(0, 32))] = None
    highest_svn: Annotated[bytes | None, f(0x93, VERSION)] = None
    iot_specific_info: Annotated[IotSpecificInfo | None, f(0xB4)] = None
    euicc_minimum_security_level: Annotated[bytes | None, f(0x95, Octets(1, 1))] = None


@data_object
class DeviceAdditionalFeatureSupport(DataObject):
    """DeviceAdditionalFeatureSupport (SGP.22)."""

    TAG = 0x30
    nai_support: Annotated[bytes | None, f(0x80, VERSION)] = None


@data_object
class DeviceCapabilities(DataObject):
    """DeviceCapabilities (SGP.22)."""

    TAG = 0x30
    gsm_supported_release: Annotated[bytes | None, f(0x80, VERSION)] = None
    utran_supported_release: Annotated[bytes | None, f(0x81, VERSION)] = None
    cdma2000onex_supported_release: Annotated[bytes | None, f(0x82, VERSION)] = None
    cdma2000hrpd_supported_release: Annotated[bytes | None, f(0x83, VERSION)] = None
    cdma2000ehrpd_supported_release: Annotated[bytes | None, f(0x84, VERSION)] = None
    eutran_epc_supported_release: Annotated[bytes | None, f(0x85, VERSION)] = None
    contactless_supported_release: Annotated[bytes | None, f(0x86, VERSION)] = None
    rsp_crl_supported_version: Annotated[bytes | None, f(0x87, VERSION)] = None
    nr_epc_supported_release: Annotated[bytes | None, f(0x88, VERSION)] = None
    nr5gc_supported_release: Annotated[bytes | None, f(0x89, VERSION)] = None
    eutran5gc_supported_release: Annotated[bytes | None, f(0x8A, VERSION)] = None
    lpa_svn: Annotated[bytes | None, f(0x8B, VERSION)] = None
    cat_supported_classes: Annotated[BitString | None, f(0x8C)] = None
    euicc_form_factor_type: Annotated[int | None, f(0x8D)] = None
    device_additional_feature_support: Annotated[DeviceAdditionalFeatureSupport | None, f(0xAE)] = None


@data_object
class DeviceInfo(DataObject):
    """DeviceInfo (SGP.22)."""

    TAG = 0x30
    tac: Annotated[bytes, f(0x80, Octets(4, 4))]
    device_capabilities: Annotated[DeviceCapabilities, f(0xA1)]
    imei: Annotated[bytes | None, f(0x82, Octets(8, 8))] = None


class IpaFeatures(IntFlag):
    """ipaFeatures of IpaCapabilities."""

    DIRECT_RSP_SERVER_COMMUNICATION = 1 << 0
    INDIRECT_RSP_SERVER_COMMUNICATION = 1 << 1
    EIM_DOWNLOAD_DATA_HANDLING = 1 << 2
    EIM_CTX_PARAMS1_GENERATION = 1 << 3
    EIM_PROFILE_METADATA_VERIFICATION = 1 << 4
    MINIMIZE_ESIPA_BYTES = 1 << 5


class IpaSupportedProtocols(IntFlag):
    """ipaSupportedProtocols of IpaCapabilities."""

    IPA_RETRIEVE_HTTPS = 1 << 0
    IPA_RETRIEVE_COAPS = 1 << 1
    IPA_INJECT_HTTPS = 1 << 2
    IPA_INJECT_COAPS = 1 << 3
    IPA_PROPRIETARY = 1 << 4


@data_object
class IpaCapabilities(DataObject):
    """IpaCapabilities (SGP.32)."""

    TAG = 0x30
    ipa_features: Annotated[IpaFeatures, f(0x80)]
    ipa_supported_protocols: Annotated[IpaSupportedProtocols | None, f(0x81)] = None
    esipa_proprietary_protocol_information: Annotated[bytes | None, f(0xA2, Opaque(nested=False))] = None


class EuiccConfiguration(IntFlag):
    """euiccConfiguration of ISDRProprietaryApplicationTemplateIoT."""

    IPAE_SUPPORTED = 1 << 0
    ENABLED_PROFILE = 1 << 1


@data_object
class IsdrProprietaryApplicationTemplateIot(DataObject):
    """ISDRProprietaryApplicationTemplateIoT (SGP.32)."""

    TAG = 0xE1
    euicc_configuration: Annotated[EuiccConfiguration, f(0x80)]


@data_object
class GetEuiccInfo1Request(DataObject):
    """GetEuiccInfo1Request (SGP.22)."""

    TAG = 0xBF20


@data_object
class GetEuiccInfo2Request(DataObject):
    """GetEuiccInfo2Request (SGP.22)."""

    TAG = 0xBF22
