"""Entries of the trail: what a package, a switch, a download or a local command has changed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest

from ipad.codec.eim import EimConfigurationData
from ipad.codec.euicc_package import Eco, EuiccPackageRequest, EuiccPackageResult, EuiccResultData, Psmo
from ipad.errors import CodecError
from ipad.ids import Iccid
from ipad.observe.audit import AuditEntry, who_eim
from ipad.observe.outcome import OK, entry_code, result_code
from ipad.policy.events import Origin, ProfileChanged
from ipad.procedures.report import DownloadReport
from ipad.records import dataclass

ENABLED = "enabled"
DISABLED = "disabled"
INSTALLED = "installed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What was known of the eUICC before: ICCID to state of the profiles, eimId to host of the eIMs."""

    profiles: Mapping[str, str]
    eims: Mapping[str, str | None]
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class _Change:
    """One operation: what, and what it turns into what when it succeeds."""

    what: str
    before: str | None
    after: str | None


def package_entries(
    request: EuiccPackageRequest, result: EuiccPackageResult | None, known: Known
) -> tuple[AuditEntry, ...]:
    """One entry for each operation of a package that changes something (SGP.32 2.11.1.1), also where it was refused.

    Results pair with commands in order; processing ends with the first one that cannot be carried out.
    """
    signed = request.euicc_package_signed
    who = who_eim(signed.eim_id, signed.eim_transaction_id)
    commands: tuple[Psmo | Eco, ...] = signed.euicc_package.psmo_list or signed.euicc_package.eco_list or ()
    executed = result.euicc_package_result_signed if result is not None else None
    results = executed.euicc_package_result_data_signed.euicc_result if executed is not None else ()
    whole = "unknown" if result is None else result_code(result)
    found = []
    for command, entry in zip_longest(commands, results):
        change = None if command is None else _change(command, known)
        if change is None:
            continue
        code = _code(entry, whole, executed=executed is not None)
        after = change.after if code == OK else change.before
        found.append(AuditEntry(who=who, what=change.what, before=change.before, after=after, result=code))
    return tuple(found)


def _code(entry: EuiccResultData | None, whole: str, *, executed: bool) -> str:
    if entry is not None:
        return entry_code(entry)
    return "notExecuted" if executed else whole


def _change(command: Psmo | Eco, known: Known) -> _Change | None:
    return _eim_change(command, known) if isinstance(command, Eco) else _profile_change(command, known)


def _profile_change(psmo: Psmo, known: Known) -> _Change | None:
    for named, after in ((psmo.enable, ENABLED), (psmo.disable, DISABLED), (psmo.delete, None)):
        if named is not None:
            iccid = digits(named.iccid)
            return _Change(f"{type(named).__name__.lower()} {iccid}", known.profiles.get(iccid), after)
    if psmo.set_fallback_attribute is not None:
        iccid = digits(psmo.set_fallback_attribute.iccid)
        return _Change(f"setFallbackAttribute {iccid}", known.fallback, iccid)
    if psmo.unset_fallback_attribute is not None:
        return _Change("unsetFallbackAttribute", known.fallback, None)
    if psmo.configure_immediate_enable is not None:
        flag = psmo.configure_immediate_enable.immediate_enable_flag
        return _Change("configureImmediateEnable", None, "on" if flag else "off")
    if psmo.set_default_dp_address is not None:
        return _Change("setDefaultDpAddress", None, psmo.set_default_dp_address.default_dp_address)
    return None


def _eim_change(eco: Eco, known: Known) -> _Change | None:
    for name, eim in (("addEim", eco.add_eim), ("updateEim", eco.update_eim)):
        if eim is not None:
            before = known.eims.get(eim.eim_id)
            # An update replaces what it names, the rest stays.
            return _Change(f"{name} {eim.eim_id}", before, described(eim) or before)
    if eco.delete_eim is not None:
        eim_id = eco.delete_eim.eim_id
        return _Change(f"deleteEim {eim_id}", known.eims.get(eim_id) or None, None)
    return None


def described(eim: EimConfigurationData) -> str | None:
    """Where an eIM is."""
    return eim.eim_fqdn


def switch_entry(event: ProfileChanged, who: str) -> AuditEntry:
    """A change of profile that no package made."""
    return AuditEntry(who=who, what=_SWITCHES[event.origin], before=event.previous, after=event.iccid, result=OK)


_SWITCHES: Mapping[Origin, str] = {
    Origin.PACKAGE: "enable",
    Origin.ROLLBACK: "profileRollback",
    Origin.FALLBACK: "executeFallbackMechanism",
    Origin.RETURN: "returnFromFallback",
    Origin.IMMEDIATE: "immediateEnable",
    Origin.LOCAL: "enableProfile",
    Origin.EMERGENCY: "emergencyProfile",
}


def download_entry(download: DownloadReport, who: str) -> AuditEntry | None:
    """A profile that was installed; None for a download that changed nothing."""
    if not download.installed:
        return None
    state = ENABLED if download.enabled else INSTALLED
    return AuditEntry(who=who, what=f"install {download.iccid or '?'}", before=None, after=state, result=OK)


def digits(iccid: bytes) -> str:
    """The ICCID of a command; what cannot be read is shown as it is."""
    try:
        return str(Iccid(iccid))
    except CodecError:
        return iccid.hex().upper()
