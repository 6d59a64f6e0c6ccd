"""Data objects: eIM configuration data.

Tags and names are those of SGP.22 v2.6 and SGP.32 v1.2, whose definitions replace the older ones of the same name.
"""

from enum import IntFlag
from typing import Annotated

from ipad.codec.schema import Choice, DataObject, Opaque, data_object, f
from ipad.codec.values import NULL, OpenEnum, Utf8


class EimIdType(OpenEnum):
    """EimIdType (SGP.32)."""

    EIM_ID_TYPE_OID = 1
    EIM_ID_TYPE_FQDN = 2
    EIM_ID_TYPE_PROPRIETARY = 3


@data_object
class EimPublicKeyData(Choice):
    """eimPublicKeyData of EimConfigurationData; both as complete DER, where the wire has their content only."""

    KEEP_DAMAGED = True
    eim_public_key: Annotated[bytes | None, f(0xA0, Opaque())] = None
    eim_certificate: Annotated[bytes | None, f(0xA1, Opaque())] = None


@data_object
class TrustedPublicKeyDataTls(Choice):
    """trustedPublicKeyDataTls of EimConfigurationData; both as complete DER, where the wire has their content only."""

    KEEP_DAMAGED = True
    trusted_eim_pk_tls: Annotated[bytes | None, f(0xA0, Opaque())] = None
    trusted_certificate_tls: Annotated[bytes | None, f(0xA1, Opaque())] = None


class EimSupportedProtocol(IntFlag):
    """EimSupportedProtocol (SGP.32)."""

    EIM_RETRIEVE_HTTPS = 1 << 0
    EIM_RETRIEVE_COAPS = 1 << 1
    EIM_INJECT_HTTPS = 1 << 2
    EIM_INJECT_COAPS = 1 << 3
    EIM_PROPRIETARY = 1 << 4


@data_object
class EimConfigurationData(DataObject):
    """EimConfigurationData (SGP.32 2.11.1.1.1): one eIM as the eUICC knows it, or as it is to know it.

    `eim_fqdn`: `host[:port]` to connect to, perhaps of a server in front of the eIM; untrusted text.
    `counter_value`: the last one used; never returned by GetEimConfigurationData.
    `association_token`: -1 asks the eUICC to make one, absent means that there is none (0 in signatures).
    `eim_public_key_data`: verifies packages, on the eUICC alone; never for TLS.
    `trusted_public_key_data_tls`: trust of the TLS server; absent means public PKI.
    In updateEim what is absent stays as it is. The last field came with v1.3 and is a VendorSpecificExtension.
    """

    TAG = 0x30
    eim_id: Annotated[str, f(0x80, Utf8(1, 128))]
    eim_fqdn: Annotated[str | None, f(0x81)] = None
    eim_id_type: Annotated[EimIdType | None, f(0x82)] = None
    counter_value: Annotated[int | None, f(0x83)] = None
    association_token: Annotated[int | None, f(0x84)] = None
    eim_public_key_data: Annotated[EimPublicKeyData | None, f(0xA5)] = None
    trusted_public_key_data_tls: Annotated[TrustedPublicKeyDataTls | None, f(0xA6)] = None
    eim_supported_protocol: Annotated[EimSupportedProtocol | None, f(0x87)] = None
    euicc_ci_pk_id: Annotated[bytes | None, f(0x88)] = None
    indirect_profile_download: Annotated[bool, f(0x89, NULL)] = False
    esipa_proprietary_protocol_information: Annotated[bytes | None, f(0xAA, Opaque(nested=False))] = None


@data_object
class AddInitialEimRequest(DataObject):
    """AddInitialEimRequest (SGP.32)."""

    TAG = 0xBF57
    eim_configuration_data_list: Annotated[tuple[EimConfigurationData, ...], f(0xA0)]


@data_object
class AddInitialEimOkEntry(Choice):
    """addInitialEimOkEntry of AddInitialEimResponse."""

    association_token: Annotated[int | None, f(0x84)] = None
    add_ok: Annotated[bool | None, f(0x05, NULL)] = None


class AddInitialEimError(OpenEnum):
    """addInitialEimError of AddInitialEimResponse."""

    INSUFFICIENT_MEMORY = 1
    ASSOCIATED_EIM_ALREADY_EXISTS = 2
    CI_PK_UNKNOWN = 3
    INVALID_ASSOCIATION_TOKEN = 5
    COUNTER_VALUE_OUT_OF_RANGE = 6
    COMMAND_ERROR = 7
    UNDEFINED_ERROR = 127


@data_object
class AddInitialEimResponse(Choice):
    """AddInitialEimResponse (SGP.32)."""

    TAG = 0xBF57
    add_initial_eim_ok: Annotated[tuple[AddInitialEimOkEntry, ...] | None, f(0xA0)] = None
    add_initial_eim_error: Annotated[AddInitialEimError | None, f(0x81)] = None


@data_object
class GetEimConfigurationDataRequestSearchCriteria(Choice):
    """getEimConfigurationDataRequestSearchCriteria of GetEimConfigurationDataRequest."""

    eim_id: Annotated[str | None, f(0x80, Utf8(1, 128))] = None


@data_object
class GetEimConfigurationDataRequest(DataObject):
    """GetEimConfigurationDataRequest (SGP.32)."""

    TAG = 0xBF55
    search_criteria: Annotated[GetEimConfigurationDataRequestSearchCriteria | None, f(0xA0)] = None


@data_object
class GetEimConfigurationDataResponse(DataObject):
    """GetEimConfigurationDataResponse (SGP.32)."""

    TAG = 0xBF55
    eim_configuration_data_list: Annotated[tuple[EimConfigurationData, ...], f(0xA0)]
