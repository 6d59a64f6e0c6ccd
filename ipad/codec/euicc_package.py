"""Data objects: signed eUICC Packages and their results.

Tags and names are those of SGP.22 v2.6 and SGP.32 v1.2, whose definitions replace the older ones of the same name.
"""

from typing import Annotated

from ipad.codec.eim import (
    EimConfigurationData,
    EimIdType,
)
from ipad.codec.profile import (
    ProfileInfoListRequest,
    ProfileInfoListResponse,
    ProfilePolicyAuthorisationRule,
)
from ipad.codec.schema import Choice, DataObject, data_object, f
from ipad.codec.sizes import ICCID, TRANSACTION_ID
from ipad.codec.values import NULL, OID, Octets, OpenEnum, Utf8


@data_object
class Enable(DataObject):
    """enable of Psmo."""

    TAG = 0x30
    iccid: Annotated[bytes, f(0x5A, ICCID)]
    rollback_flag: Annotated[bool, f(0x05, NULL)] = False


@data_object
class Disable(DataObject):
    """disable of Psmo."""

    TAG = 0x30
    iccid: Annotated[bytes, f(0x5A, ICCID)]


@data_object
class Delete(DataObject):
    """delete of Psmo."""

    TAG = 0x30
    iccid: Annotated[bytes, f(0x5A, ICCID)]


@data_object
class GetRat(DataObject):
    """getRat of Psmo."""

    TAG = 0x30


@data_object
class ConfigureImmediateEnable(DataObject):
    """configureImmediateEnable of Psmo."""

    TAG = 0x30
    immediate_enable_flag: Annotated[bool, f(0x80, NULL)] = False
    default_smdp_oid: Annotated[str | None, f(0x81, OID)] = None
    default_smdp_address: Annotated[str | None, f(0x82)] = None


@data_object
class SetFallbackAttribute(DataObject):
    """setFallbackAttribute of Psmo."""

    TAG = 0x30
    iccid: Annotated[bytes, f(0x5A, ICCID)]


@data_object
class UnsetFallbackAttribute(DataObject):
    """unsetFallbackAttribute of Psmo."""

    TAG = 0x30


@data_object
class SetDefaultDpAddressRequest(DataObject):
    """SetDefaultDpAddressRequest (SGP.32)."""

    TAG = 0xBF65
    default_dp_address: Annotated[str, f(0x80)]


@data_object
class Psmo(Choice):
    """Psmo (SGP.32 2.11.1.1.3): a profile state management operation. The eUICC judges what we cannot read."""

    KEEP_DAMAGED = True
    enable: Annotated[Enable | None, f(0xA3)] = None
    disable: Annotated[Disable | None, f(0xA4)] = None
    delete: Annotated[Delete | None, f(0xA5)] = None
    list_profile_info: Annotated[ProfileInfoListRequest | None, f(0xBF2D)] = None
    get_rat: Annotated[GetRat | None, f(0xA6)] = None
    configure_immediate_enable: Annotated[ConfigureImmediateEnable | None, f(0xA7)] = None
    set_fallback_attribute: Annotated[SetFallbackAttribute | None, f(0xA8)] = None
    unset_fallback_attribute: Annotated[UnsetFallbackAttribute | None, f(0xA9)] = None
    set_default_dp_address: Annotated[SetDefaultDpAddressRequest | None, f(0xBF65)] = None


@data_object
class DeleteEim(DataObject):
    """deleteEim of Eco."""

    TAG = 0x30
    eim_id: Annotated[str, f(0x80)]


@data_object
class ListEim(DataObject):
    """listEim of Eco."""

    TAG = 0x30


@data_object
class Eco(Choice):
    """Eco (SGP.32 2.11.1.1.2): an eIM configuration operation. The eUICC judges what we cannot read."""

    KEEP_DAMAGED = True
    add_eim: Annotated[EimConfigurationData | None, f(0xA8)] = None
    delete_eim: Annotated[DeleteEim | None, f(0xA9)] = None
    update_eim: Annotated[EimConfigurationData | None, f(0xAA)] = None
    list_eim: Annotated[ListEim | None, f(0xAB)] = None


@data_object
class EuiccPackage(Choice):
    """EuiccPackage (SGP.32)."""

    psmo_list: Annotated[tuple[Psmo, ...] | None, f(0xA0)] = None
    eco_list: Annotated[tuple[Eco, ...] | None, f(0xA1)] = None


@data_object
class EuiccPackageSigned(DataObject):
    """EuiccPackageSigned (SGP.32 2.11.1.1). `counter_value` grows with each package of this eIM for this eUICC."""

    TAG = 0x30
    eim_id: Annotated[str, f(0x80, Utf8(1, 128))]
    eid_value: Annotated[bytes, f(0x5A, Octets(16, 16))]
    counter_value: Annotated[int, f(0x81)]
    eim_transaction_id: Annotated[bytes | None, f(0x82, TRANSACTION_ID)] = None
    euicc_package: Annotated[EuiccPackage, f()]


@data_object
class EuiccPackageRequest(DataObject):
    """EuiccPackageRequest (SGP.32 2.11.1.1): goes to the eUICC as the exact bytes received.

    The signature, r and s of 32 bytes each, is over the bytes of euiccPackageSigned and the association token (`84`).
    """

    TAG = 0xBF51
    euicc_package_signed: Annotated[EuiccPackageSigned, f(0x30)]
    eim_signature: Annotated[bytes, f(0x5F37)]


class EnableProfileResult(OpenEnum):
    """EnableProfileResult (SGP.32)."""

    OK = 0
    ICCID_OR_AID_NOT_FOUND = 1
    PROFILE_NOT_IN_DISABLED_STATE = 2
    DISALLOWED_BY_POLICY = 3
    CAT_BUSY = 5
    ROLLBACK_NOT_AVAILABLE = 20
    UNDEFINED_ERROR = 127


class DisableProfileResult(OpenEnum):
    """DisableProfileResult (SGP.32)."""

    OK = 0
    ICCID_OR_AID_NOT_FOUND = 1
    PROFILE_NOT_IN_ENABLED_STATE = 2
    DISALLOWED_BY_POLICY = 3
    CAT_BUSY = 5
    UNDEFINED_ERROR = 127


class DeleteProfileResult(OpenEnum):
    """DeleteProfileResult (SGP.32)."""

    OK = 0
    ICCID_OR_AID_NOT_FOUND = 1
    PROFILE_NOT_IN_DISABLED_STATE = 2
    DISALLOWED_BY_POLICY = 3
    ROLLBACK_NOT_AVAILABLE = 20
    RETURN_FALLBACK_PROFILE = 21
    UNDEFINED_ERROR = 127


class ConfigureImmediateEnableResult(OpenEnum):
    """ConfigureImmediateEnableResult (SGP.32)."""

    OK = 0
    INSUFFICIENT_MEMORY = 1
    COMMAND_ERROR = 7
    UNDEFINED_ERROR = 127


class AddEimResultCode(OpenEnum):
    """addEimResultCode of AddEimResult."""

    OK = 0
    INSUFFICIENT_MEMORY = 1
    ASSOCIATED_EIM_ALREADY_EXISTS = 2
    CI_PK_UNKNOWN = 3
    INVALID_ASSOCIATION_TOKEN = 5
    COUNTER_VALUE_OUT_OF_RANGE = 6
    COMMAND_ERROR = 7
    UNDEFINED_ERROR = 127


@data_object
class AddEimResult(Choice):
    """AddEimResult (SGP.32): a token, or a code; ok(0) means added without a token."""

    association_token: Annotated[int | None, f(0x84)] = None
    add_eim_result_code: Annotated[AddEimResultCode | None, f(0x02)] = None


class DeleteEimResult(OpenEnum):
    """DeleteEimResult (SGP.32)."""

    OK = 0
    EIM_NOT_FOUND = 1
    LAST_EIM_DELETED = 2
    COMMAND_ERROR = 7
    UNDEFINED_ERROR = 127


class UpdateEimResult(OpenEnum):
    """UpdateEimResult (SGP.32)."""

    OK = 0
    EIM_NOT_FOUND = 1
    CI_PK_UNKNOWN = 3
    COUNTER_VALUE_OUT_OF_RANGE = 6
    COMMAND_ERROR = 7
    UNDEFINED_ERROR = 127


@data_object
class EimIdInfo(DataObject):
    """EimIdInfo (SGP.32)."""

    TAG = 0x30
    eim_id: Annotated[str, f(0x80, Utf8(1, 128))]
    eim_id_type: Annotated[EimIdType | None, f(0x82, also=(0x84,))] = None


class ListEimError(OpenEnum):
    """listEimError of ListEimResult."""

    UNDEFINED_ERROR = 127


@data_object
class ListEimResult(Choice):
    """ListEimResult (SGP.32)."""

    eim_id_list: Annotated[tuple[EimIdInfo, ...] | None, f(0xA0)] = None
    list_eim_error: Annotated[ListEimError | None, f(0x81)] = None


class RollbackProfileResult(OpenEnum):
    """RollbackProfileResult (SGP.32)."""

    OK = 0
    UNDEFINED_ERROR = 127


class SetFallbackAttributeResult(OpenEnum):
    """SetFallbackAttributeResult (SGP.32)."""

    OK = 0
    ICCID_OR_AID_NOT_FOUND = 1
    FALLBACK_NOT_ALLOWED = 2
    FALLBACK_PROFILE_ENABLED = 3
    UNDEFINED_ERROR = 127


class UnsetFallbackAttributeResult(OpenEnum):
    """UnsetFallbackAttributeResult (SGP.32)."""

    OK = 0
    NO_FALLBACK_ATTRIBUTE = 2
    FALLBACK_PROFILE_ENABLED = 3
    COMMAND_ERROR = 7
    UNDEFINED_ERROR = 127


class ProcessingTerminated(OpenEnum):
    """processingTerminated of EuiccResultData."""

    RESULT_SIZE_OVERFLOW = 1
    UNKNOWN_OR_DAMAGED_COMMAND = 2
    INTERRUPTION = 3
    UNDEFINED_ERROR = 127


class SetDefaultDpAddressResult(OpenEnum):
    """setDefaultDpAddressResult of SetDefaultDpAddressResponse."""

    OK = 0
    UNDEFINED_ERROR = 127


@data_object
class SetDefaultDpAddressResponse(DataObject):
    """SetDefaultDpAddressResponse (SGP.32)."""

    TAG = 0xBF65
    set_default_dp_address_result: Annotated[SetDefaultDpAddressResult, f(0x80)]


@data_object
class EuiccResultData(Choice):
    """EuiccResultData (SGP.32 2.11.2.1): the result of one command; its tag is that of the command."""

    KEEP_DAMAGED = True
    enable_result: Annotated[EnableProfileResult | None, f(0x83)] = None
    disable_result: Annotated[DisableProfileResult | None, f(0x84)] = None
    delete_result: Annotated[DeleteProfileResult | None, f(0x85)] = None
    list_profile_info_result: Annotated[ProfileInfoListResponse | None, f(0xBF2D)] = None
    get_rat_result: Annotated[tuple[ProfilePolicyAuthorisationRule, ...] | None, f(0xA6)] = None
    configure_immediate_enable_result: Annotated[ConfigureImmediateEnableResult | None, f(0x87)] = None
    add_eim_result: Annotated[AddEimResult | None, f(0xA8)] = None
    delete_eim_result: Annotated[DeleteEimResult | None, f(0x89)] = None
    update_eim_result: Annotated[UpdateEimResult | None, f(0x8A)] = None
    list_eim_result: Annotated[ListEimResult | None, f(0xAB)] = None
    rollback_result: Annotated[RollbackProfileResult | None, f(0x8C)] = None
    set_fallback_attribute_result: Annotated[SetFallbackAttributeResult | None, f(0x8D)] = None
    unset_fallback_attribute_result: Annotated[UnsetFallbackAttributeResult | None, f(0x8E)] = None
    processing_terminated: Annotated[ProcessingTerminated | None, f(0x02)] = None
    set_default_dp_address_result: Annotated[SetDefaultDpAddressResponse | None, f(0xBF65)] = None


@data_object
class EuiccPackageResultDataSigned(DataObject):
    """EuiccPackageResultDataSigned (SGP.32 2.11.2.1).

    `euicc_result` pairs with the commands of the package, up to and including the first that failed; a rollback result
    or processingTerminated has no command.
    """

    TAG = 0x30
    eim_id: Annotated[str, f(0x80, Utf8(1, 128))]
    counter_value: Annotated[int, f(0x81)]
    eim_transaction_id: Annotated[bytes | None, f(0x82, TRANSACTION_ID)] = None
    seq_number: Annotated[int, f(0x83)]
    euicc_result: Annotated[tuple[EuiccResultData, ...], f(0x30)]


@data_object
class EuiccPackageResultSigned(DataObject):
    """EuiccPackageResultSigned (SGP.32)."""

    TAG = 0x30
    euicc_package_result_data_signed: Annotated[EuiccPackageResultDataSigned, f(0x30)]
    euicc_sign_epr: Annotated[bytes, f(0x5F37)]


class EuiccPackageErrorCode(OpenEnum):
    """EuiccPackageErrorCode (SGP.32)."""

    INVALID_EID = 3
    REPLAY_ERROR = 4
    COUNTER_VALUE_OUT_OF_RANGE = 6
    SIZE_OVERFLOW = 15
    ECALL_ACTIVE = 104
    UNDEFINED_ERROR = 127


@data_object
class EuiccPackageErrorDataSigned(DataObject):
    """EuiccPackageErrorDataSigned (SGP.32)."""

    TAG = 0x30
    eim_id: Annotated[str, f(0x80, Utf8(1, 128))]
    counter_value: Annotated[int, f(0x81)]
    eim_transaction_id: Annotated[bytes | None, f(0x82, TRANSACTION_ID)] = None
    euicc_package_error_code: Annotated[EuiccPackageErrorCode, f(0x02)]


@data_object
class EuiccPackageErrorSigned(DataObject):
    """EuiccPackageErrorSigned (SGP.32)."""

    TAG = 0x30
    euicc_package_error_data_signed: Annotated[EuiccPackageErrorDataSigned, f(0x30)]
    euicc_sign_epe: Annotated[bytes, f(0x5F37)]


class EuiccPackageUnsignedErrorCode(OpenEnum):
    """euiccPackageUnsignedErrorCode of EuiccPackageErrorUnsigned (SGP.32 v1.3)."""

    SIZE_OVERFLOW = 15
    UNDEFINED_ERROR = 127


@data_object
class EuiccPackageErrorUnsigned(DataObject):
    """EuiccPackageErrorUnsigned (SGP.32); the code was added by v1.3."""

    TAG = 0x30
    eim_id: Annotated[str, f(0x80, Utf8(1, 128))]
    eim_transaction_id: Annotated[bytes | None, f(0x82, TRANSACTION_ID)] = None
    association_token: Annotated[int | None, f(0x84)] = None
    euicc_package_unsigned_error_code: Annotated[EuiccPackageUnsignedErrorCode | None, f(0x8F)] = None


@data_object
class EuiccPackageResult(Choice):
    """EuiccPackageResult (SGP.32 2.11.2.1); goes to the eIM as the exact bytes of the eUICC.

    A signed result is stored on the eUICC until it is acknowledged by its sequence number. Errors are not stored. The
    unsigned error says that eIM or signature were not accepted. What cannot be decoded is `unknown` and travels on.
    """

    TAG = 0xBF51
    KEEP_DAMAGED = True
    euicc_package_result_signed: Annotated[EuiccPackageResultSigned | None, f(0xA0)] = None
    euicc_package_error_signed: Annotated[EuiccPackageErrorSigned | None, f(0xA1)] = None
    euicc_package_error_unsigned: Annotated[EuiccPackageErrorUnsigned | None, f(0xA2)] = None


@data_object
class ProfileRollbackRequest(DataObject):
    """ProfileRollbackRequest (SGP.32)."""

    TAG = 0xBF58
    refresh_flag: Annotated[bool, f(0x80, also=(0x01,))]


class CmdResult(OpenEnum):
    """cmdResult of ProfileRollbackResponse."""

    OK = 0
    ROLLBACK_NOT_ALLOWED = 1
    CAT_BUSY = 5
    COMMAND_ERROR = 7
    UNDEFINED_ERROR = 127


@data_object
class ProfileRollbackResponse(DataObject):
    """ProfileRollbackResponse (SGP.32 5.9.16).

    After ok the result in it replaces that of the package which is rolled back.
    """

    TAG = 0xBF58
    cmd_result: Annotated[CmdResult, f(0x02)]
    euicc_package_result: Annotated[EuiccPackageResult | None, f(0xBF51)] = None
