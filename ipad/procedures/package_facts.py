"""What an eUICC Package and its result say, read without judging: the eUICC alone checks (SGP.32 3.3.1)."""

from __future__ import annotations

from ipad.codec import tlv
from ipad.codec.euicc_package import (
    AddEimResultCode,
    ConfigureImmediateEnableResult,
    DeleteEimResult,
    DeleteProfileResult,
    DisableProfileResult,
    EnableProfileResult,
    EuiccPackageRequest,
    EuiccPackageResult,
    EuiccResultData,
    SetDefaultDpAddressResult,
    SetFallbackAttributeResult,
    UnsetFallbackAttributeResult,
    UpdateEimResult,
)
from ipad.errors import CodecError
from ipad.ids import Iccid
from ipad.records import dataclass

_TRANSACTION_ID_PATHS = {0xBF51: (0x30, 0x82), 0xBF52: (0x83,), 0xBF54: (0x82,)}


@dataclass(frozen=True, kw_only=True)
class ResultFacts:
    """What follows from a result for the IPA.

    `accepted`: the package was executed and its result is stored on the eUICC. `enabled`, `disabled`: a profile is, or
    is about to be, switched. `notifies`: notifications may have arisen. `eims_changed`: the eIM configuration changed.
    `changed`: anything changed that another eIM may have known.
    """

    accepted: bool = False
    seq_number: int | None = None
    enabled: bool = False
    disabled: bool = False
    notifies: bool = False
    eims_changed: bool = False
    changed: bool = False
    rolled_back: bool = False

    @property
    def switched(self) -> bool:
        """Whether the enabled profile is another one, or none, now."""
        return self.enabled or self.disabled


def result_facts(result: EuiccPackageResult) -> ResultFacts:
    """Read the facts of a result; an error result has none."""
    signed = result.euicc_package_result_signed
    if signed is None:
        return ResultFacts()
    data = signed.euicc_package_result_data_signed
    entries = data.euicc_result
    enabled = any(entry.enable_result == EnableProfileResult.OK for entry in entries)
    disabled = any(entry.disable_result == DisableProfileResult.OK for entry in entries)
    deleted = any(entry.delete_result == DeleteProfileResult.OK for entry in entries)
    eims_changed = any(_changes_eims(entry) for entry in entries)
    rolled_back = any(entry.rollback_result is not None for entry in entries)
    return ResultFacts(
        accepted=True,
        seq_number=data.seq_number,
        enabled=enabled,
        disabled=disabled,
        notifies=enabled or disabled or deleted,
        eims_changed=eims_changed,
        changed=enabled or disabled or deleted or eims_changed or rolled_back or any(map(_changes_settings, entries)),
        rolled_back=rolled_back,
    )


def belongs_to(result: EuiccPackageResult, eim_id: str, counter_value: int, eim_transaction_id: bytes | None) -> bool:
    """Whether a stored result is that of the package with these three values."""
    signed = result.euicc_package_result_signed
    if signed is None:
        return False
    data = signed.euicc_package_result_data_signed
    return (data.eim_id, data.counter_value, data.eim_transaction_id) == (eim_id, counter_value, eim_transaction_id)


def asks_for_rollback(request: EuiccPackageRequest) -> bool:
    """Whether the package contains enable with rollbackFlag."""
    psmos = request.euicc_package_signed.euicc_package.psmo_list or ()
    return any(psmo.enable is not None and psmo.enable.rollback_flag for psmo in psmos)


def may_switch(request: EuiccPackageRequest) -> bool:
    """Whether the package may change which profile is enabled."""
    psmos = request.euicc_package_signed.euicc_package.psmo_list or ()
    return any(psmo.enable is not None or psmo.disable is not None for psmo in psmos)


def profile_after(request: EuiccPackageRequest, result: EuiccPackageResult, before: Iccid | None) -> Iccid | None:
    """The profile that is enabled when the switches of the package are carried out; results pair with commands."""
    signed = result.euicc_package_result_signed
    if signed is None:
        return before
    psmos = request.euicc_package_signed.euicc_package.psmo_list or ()
    after = before
    for psmo, entry in zip(psmos, signed.euicc_package_result_data_signed.euicc_result, strict=False):
        if psmo.disable is not None and entry.disable_result == DisableProfileResult.OK:
            after = None
        if psmo.enable is not None and entry.enable_result == EnableProfileResult.OK:
            after = Iccid(psmo.enable.iccid)
    return after


def readable_transaction_id(package: bytes) -> bytes | None:
    """The eimTransactionId of a package that cannot be decoded, if at least that can be read."""
    try:
        element = tlv.read_single(package)
        path = _TRANSACTION_ID_PATHS.get(element.tag)
        found = tlv.find(element.value, *path) if path else None
    except CodecError:
        return None
    if found is None or not 1 <= len(found.value) <= 16:
        return None
    return bytes(found.value)


def _changes_eims(entry: EuiccResultData) -> bool:
    added = entry.add_eim_result
    return (
        entry.delete_eim_result in (DeleteEimResult.OK, DeleteEimResult.LAST_EIM_DELETED)
        or entry.update_eim_result == UpdateEimResult.OK
        or (
            added is not None
            and (added.association_token is not None or added.add_eim_result_code == AddEimResultCode.OK)
        )
    )


def _changes_settings(entry: EuiccResultData) -> bool:
    address = entry.set_default_dp_address_result
    return (
        entry.configure_immediate_enable_result == ConfigureImmediateEnableResult.OK
        or entry.set_fallback_attribute_result == SetFallbackAttributeResult.OK
        or entry.unset_fallback_attribute_result == UnsetFallbackAttributeResult.OK
        or (address is not None and address.set_default_dp_address_result == SetDefaultDpAddressResult.OK)
    )
