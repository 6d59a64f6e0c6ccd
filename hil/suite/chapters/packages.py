"""What the chapters on eUICC Packages have in common: what the eUICC signed, and what it says of its profiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hil import tlv
from hil.eim import content
from hil.eim.association import Outcome
from hil.eim.content import Command, Content, iccid_text
from hil.eim.verification import SIGNED_RESULT, PackageResult, read_package_result
from hil.suite.abilities import Eim, PackageView
from hil.suite.es10 import calls
from hil.suite.exchanges import Exchange
from hil.suite.record import EventRecord

UNKNOWN_ICCID: Final = "89499999999999999990"
"""No card of the suite has it."""
LOAD: Final = 0xBF51
ROLLBACK: Final = 0xBF58

POLL, DELIVER, NOTIFY = "GetEimPackage", "ProvideEimPackageResult", "HandleNotification"


@dataclass(frozen=True)
class Listed:
    """A profile in a listProfileInfoResult."""

    iccid: str
    enabled: bool
    fallback: bool
    fallback_allowed: bool


def psmo(*commands: Command) -> Content:
    """An eUICC Package with these Profile State Management Operations."""
    return content.psmo_package(*commands)


def listing() -> Content:
    """A package that changes nothing."""
    return psmo(content.list_profile_info(tags=(0x5A, 0x9F70)))


def result_of(package: PackageView) -> PackageResult:
    """The EuiccPackageResult that came back first, as the eUICC made it, after all checks of the eIM were passed."""
    assert package.verified, [check for check in package.checks if check.passed is False]
    return read_package_result(package.raw[0])


def signed_results(package: PackageView) -> list[tuple[str, Any]]:
    """EuiccResultData of a signed result in order: name and value."""
    result = result_of(package)
    assert result.arm == SIGNED_RESULT, result.arm
    return result.results


def run(eim: Eim, *commands: Command) -> list[tuple[str, Any]]:
    """Have one package executed; what the eUICC signed."""
    return signed_results(eim.run(psmo(*commands)))


def code_of(eim: Eim, command: Command) -> Any:
    """Have a package with one command executed; the value of its result."""
    ((_, value),) = run(eim, command)
    return value


def profiles(eim: Eim) -> dict[str, Listed]:
    """The profiles by ICCID, as the eUICC signs them to the eIM."""
    ((_, (arm, items)),) = run(eim, content.list_profile_info(tags=(0x5A, 0x9F70, 0x9F26, 0x9F67)))
    assert arm == "profileInfoListOk"
    found = [
        Listed(
            iccid_text(item["iccid"]),
            bool(item.get("profileState", 0)),
            bool(item.get("fallbackAttribute", False)),
            bool(item.get("fallbackAllowed", False)),
        )
        for item in items
    ]
    return {item.iccid: item for item in found}


def enabled(eim: Eim) -> str | None:
    """ICCID of the enabled profile, as the eUICC signs it to the eIM."""
    return next((item.iccid for item in profiles(eim).values() if item.enabled), None)


def is_ok(package: PackageView) -> bool:
    """Whether a package was closed with nothing but success."""
    return package.closed and package.outcome is Outcome.OK and package.verified


def delivered_result(exchange: Exchange) -> bytes:
    """The EuiccPackageResult (BF51) in a ProvideEimPackageResult, alone or with notifications. Raises TlvError."""
    for part in tlv.children(tlv.single(exchange.request, 0xBF50).value):
        if part.tag == LOAD:
            return part.raw
        if part.tag == 0x30:
            return tlv.find(part.raw, 0x30, LOAD).raw
    raise tlv.TlvError("no EuiccPackageResult")


def is_delivery_of_package(exchange: Exchange) -> bool:
    """Whether a message delivers an EuiccPackageResult."""
    try:
        delivered_result(exchange)
    except tlv.TlvError:
        return False
    return True


def loaded(events: Sequence[EventRecord]) -> list[bytes]:
    """The eUICC Packages that reached the eUICC."""
    return [call.request for call in calls(events, LOAD)]
