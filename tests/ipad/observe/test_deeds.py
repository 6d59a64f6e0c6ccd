"""Entries of the trail for packages, switches and downloads."""

from __future__ import annotations

import pytest

from ipad.codec.eim import EimConfigurationData
from ipad.codec.euicc_package import (
    AddEimResult,
    AddEimResultCode,
    ConfigureImmediateEnable,
    Delete,
    DeleteEim,
    DeleteEimResult,
    DeleteProfileResult,
    Disable,
    DisableProfileResult,
    Eco,
    Enable,
    EnableProfileResult,
    EuiccPackage,
    EuiccPackageErrorCode,
    EuiccPackageErrorDataSigned,
    EuiccPackageErrorSigned,
    EuiccPackageErrorUnsigned,
    EuiccPackageRequest,
    EuiccPackageResult,
    EuiccPackageResultDataSigned,
    EuiccPackageResultSigned,
    EuiccPackageSigned,
    EuiccResultData,
    ProcessingTerminated,
    Psmo,
    SetDefaultDpAddressRequest,
    SetDefaultDpAddressResponse,
    SetDefaultDpAddressResult,
    SetFallbackAttribute,
    SetFallbackAttributeResult,
    UpdateEimResult,
)
from ipad.codec.profile import ProfileInfoListRequest
from ipad.errors import NetworkError
from ipad.ids import Iccid
from ipad.observe.audit import AuditEntry
from ipad.observe.deeds import Known, download_entry, package_entries, switch_entry
from ipad.policy.events import Origin, ProfileChanged
from ipad.procedures.report import DownloadReport
from tests.ipad.observe.facts import ONE, TWO

KNOWN = Known(profiles={ONE: "enabled", TWO: "disabled"}, eims={"eim1": "one.example.com"}, fallback=ONE)
WHO = "eim:eim1/A1B2"


def octets(iccid: str) -> bytes:
    return Iccid.parse(iccid).octets


def request(*commands: Psmo | Eco) -> EuiccPackageRequest:
    psmos = tuple(command for command in commands if isinstance(command, Psmo))
    ecos = tuple(command for command in commands if isinstance(command, Eco))
    signed = EuiccPackageSigned(
        eim_id="eim1",
        eid_value=bytes(16),
        counter_value=1,
        eim_transaction_id=b"\xa1\xb2",
        euicc_package=EuiccPackage(psmo_list=psmos or None, eco_list=ecos or None),
    )
    return EuiccPackageRequest(euicc_package_signed=signed, eim_signature=bytes(64))


def result(*entries: EuiccResultData) -> EuiccPackageResult:
    data = EuiccPackageResultDataSigned(eim_id="eim1", counter_value=1, seq_number=1, euicc_result=entries)
    return EuiccPackageResult(
        euicc_package_result_signed=EuiccPackageResultSigned(
            euicc_package_result_data_signed=data, euicc_sign_epr=bytes(64)
        )
    )


def told(*entries: AuditEntry) -> list[tuple[str, str | None, str | None, str]]:
    assert {entry.who for entry in entries} <= {WHO}
    return [(entry.what, entry.before, entry.after, entry.result) for entry in entries]


def test_each_operation_on_a_profile_has_an_entry() -> None:
    commands = (
        Psmo(disable=Disable(iccid=octets(ONE))),
        Psmo(enable=Enable(iccid=octets(TWO))),
        Psmo(list_profile_info=ProfileInfoListRequest()),
        Psmo(delete=Delete(iccid=octets(ONE))),
    )
    results = (
        EuiccResultData(disable_result=DisableProfileResult.OK),
        EuiccResultData(enable_result=EnableProfileResult.OK),
        EuiccResultData(get_rat_result=()),
        EuiccResultData(delete_result=DeleteProfileResult.OK),
    )
    assert told(*package_entries(request(*commands), result(*results), KNOWN)) == [
        (f"disable {ONE}", "enabled", "disabled", "ok"),
        (f"enable {TWO}", "disabled", "enabled", "ok"),
        (f"delete {ONE}", "enabled", None, "ok"),
    ]


def test_a_refused_operation_changes_nothing_and_those_after_it_were_not_executed() -> None:
    commands = (Psmo(enable=Enable(iccid=octets(TWO))), Psmo(delete=Delete(iccid=octets(ONE))))
    results = (EuiccResultData(enable_result=EnableProfileResult.CAT_BUSY),)
    assert told(*package_entries(request(*commands), result(*results), KNOWN)) == [
        (f"enable {TWO}", "disabled", "disabled", "catBusy"),
        (f"delete {ONE}", "enabled", "enabled", "notExecuted"),
    ]


def test_an_end_of_processing_is_the_result_of_the_operation_at_which_it_came() -> None:
    results = (EuiccResultData(processing_terminated=ProcessingTerminated.INTERRUPTION),)
    ((_, _, after, code),) = told(
        *package_entries(request(Psmo(enable=Enable(iccid=octets(TWO)))), result(*results), KNOWN)
    )
    assert (after, code) == ("disabled", "interruption")


def test_settings_have_entries() -> None:
    commands = (
        Psmo(set_fallback_attribute=SetFallbackAttribute(iccid=octets(TWO))),
        Psmo(configure_immediate_enable=ConfigureImmediateEnable(immediate_enable_flag=True)),
        Psmo(set_default_dp_address=SetDefaultDpAddressRequest(default_dp_address="dp.example.com")),
    )
    response = SetDefaultDpAddressResponse(set_default_dp_address_result=SetDefaultDpAddressResult.OK)
    results = (
        EuiccResultData(set_fallback_attribute_result=SetFallbackAttributeResult.FALLBACK_NOT_ALLOWED),
        EuiccResultData(configure_immediate_enable_result=0),  # type: ignore[arg-type]
        EuiccResultData(set_default_dp_address_result=response),
    )
    found = told(*package_entries(request(*commands), result(*results), KNOWN))
    assert found[0] == (f"setFallbackAttribute {TWO}", ONE, ONE, "fallbackNotAllowed")
    assert found[2] == ("setDefaultDpAddress", None, "dp.example.com", "ok")


def test_each_operation_on_an_eim_has_an_entry() -> None:
    commands = (
        Eco(add_eim=EimConfigurationData(eim_id="eim2", eim_fqdn="two.example.com")),
        Eco(add_eim=EimConfigurationData(eim_id="eim3", eim_fqdn="three.example.com")),
        Eco(update_eim=EimConfigurationData(eim_id="eim1", eim_fqdn="new.example.com")),
        Eco(update_eim=EimConfigurationData(eim_id="eim1", counter_value=9)),
        Eco(delete_eim=DeleteEim(eim_id="eim1")),
    )
    results = (
        EuiccResultData(add_eim_result=AddEimResult(add_eim_result_code=AddEimResultCode.OK)),
        EuiccResultData(add_eim_result=AddEimResult(association_token=7)),
        EuiccResultData(update_eim_result=UpdateEimResult.OK),
        EuiccResultData(update_eim_result=UpdateEimResult.OK),
        EuiccResultData(delete_eim_result=DeleteEimResult.LAST_EIM_DELETED),
    )
    assert told(*package_entries(request(*commands), result(*results), KNOWN)) == [
        ("addEim eim2", None, "two.example.com", "ok"),
        ("addEim eim3", None, "three.example.com", "ok"),
        ("updateEim eim1", "one.example.com", "new.example.com", "ok"),
        ("updateEim eim1", "one.example.com", "one.example.com", "ok"),
        ("deleteEim eim1", "one.example.com", None, "ok"),
    ]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (None, "unknown"),
        (EuiccPackageResult(euicc_package_error_unsigned=EuiccPackageErrorUnsigned(eim_id="eim1")), "refused"),
        (
            EuiccPackageResult(
                euicc_package_error_signed=EuiccPackageErrorSigned(
                    euicc_package_error_data_signed=EuiccPackageErrorDataSigned(
                        eim_id="eim1",
                        counter_value=1,
                        euicc_package_error_code=EuiccPackageErrorCode.REPLAY_ERROR,
                    ),
                    euicc_sign_epe=bytes(64),
                )
            ),
            "replayError",
        ),
    ],
)
def test_a_package_that_is_refused_as_a_whole_says_so(answer: EuiccPackageResult | None, code: str) -> None:
    (entry,) = package_entries(request(Psmo(enable=Enable(iccid=octets(TWO)))), answer, KNOWN)
    assert (entry.before, entry.after, entry.result) == ("disabled", "disabled", code)


def test_a_package_that_only_reads_has_no_entry() -> None:
    entries = package_entries(
        request(Psmo(list_profile_info=ProfileInfoListRequest())), result(EuiccResultData(get_rat_result=())), KNOWN
    )
    assert entries == ()


def test_a_switch_has_the_profiles_before_and_after() -> None:
    entry = switch_entry(ProfileChanged(origin=Origin.FALLBACK, iccid=TWO, previous=ONE), "policy:lost")
    assert entry == AuditEntry(who="policy:lost", what="executeFallbackMechanism", before=ONE, after=TWO, result="ok")


def test_every_origin_of_a_switch_has_a_name() -> None:
    names = {switch_entry(ProfileChanged(origin=origin, iccid=None), "x").what for origin in Origin}
    assert len(names) == len(Origin)


def test_a_download_that_failed_changed_nothing() -> None:
    failed = DownloadReport(address=None, direct=True, error=NetworkError("no", layer="dns"))
    assert download_entry(failed, WHO) is None
