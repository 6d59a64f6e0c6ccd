"""Every result code of the SGP.32 functions (SGP.32 2.11, 3.4, 3.5, 5.9) comes out of the card at least once."""

from __future__ import annotations

from typing import Any

import pytest

from hil.asn1.loader import load_modules
from tests.hil.euicc.bench import (
    Bench,
)
from tests.hil.euicc.function_cases import FUNCTION_CASES
from tests.hil.euicc.package_cases import PACKAGE_CASES
from tests.hil.euicc.result_cases import Case

CASES = [*PACKAGE_CASES, *FUNCTION_CASES]

UNREACHABLE = {
    ("RollbackProfileResult", 127): "a rollback that fails gives no package result, only cmdResult commandError(7)",
    ("DisableEmergencyProfileResponse.disableEmergencyProfileResult", 8): (
        "added by v1.3: while the emergency profile is active it cannot be missing"
    ),
}

ANSWERS = (
    "EuiccPackageResult",
    "AddInitialEimResponse",
    "EuiccMemoryResetResponse",
    "GetCertsResponse",
    "RetrieveNotificationsListResponse",
    "ListNotificationResponse",
    "NotificationSentResponse",
    "ImmediateEnableResponse",
    "ProfileRollbackResponse",
    "ConfigureImmediateProfileEnablingResponse",
    "ExecuteFallbackMechanismResponse",
    "ReturnFromFallbackResponse",
    "EnableEmergencyProfileResponse",
    "DisableEmergencyProfileResponse",
    "GetConnectivityParametersResponse",
    "SetDefaultDpAddressResponse",
    "IpaeActivationResponse",
    "ProfileInfoListResponse",
)
NO_RESULTS = {"EimIdType", "IconType", "ProfileState", "ProfileClass", "BppCommandId", "ErrorReason"}
"""Numbers with names that are data of a profile, an eIM or a download, not results of these functions."""


def enumerations(types: dict[str, Any], name: str, descriptor: dict[str, Any], found: dict[str, set[int]]) -> None:
    """Collect the named numbers of everything that an answer may contain."""
    if "named-numbers" in descriptor and descriptor["type"] == "INTEGER":
        found.setdefault(name, set()).update(descriptor["named-numbers"].values())
        return
    for member in descriptor.get("members") or ():
        if member is not None:
            enumerations(types, f"{name}.{member['name']}", member, found)
    if "element" in descriptor:
        enumerations(types, name, descriptor["element"], found)
    if descriptor["type"] in types:
        enumerations(types, descriptor["type"], types[descriptor["type"]], found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.enumeration.rpartition('.')[2]}-{case.code}")
def test_the_card_reports_the_code(bench: Bench, case: Case) -> None:
    case.setup(bench)
    assert case.act(bench) == case.code


def test_no_code_of_the_specification_is_left_out() -> None:
    types = load_modules()["SGP32"]["types"]
    found: dict[str, set[int]] = {}
    for name in ANSWERS:
        enumerations(types, name, types[name], found)
    wanted = {(name, code) for name, codes in found.items() if name not in NO_RESULTS for code in codes}
    covered = {(case.enumeration, case.code) for case in CASES}
    assert wanted - covered - UNREACHABLE.keys() == set()
    assert (covered | UNREACHABLE.keys()) - wanted == set()


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.enumeration == "EuiccPackageErrorCode"], ids=lambda case: str(case.code)
)
def test_a_refused_package_changes_nothing(bench: Bench, case: Case) -> None:
    case.setup(bench)
    before = bench.state
    case.act(bench)
    assert bench.state == before
