"""What an errand of a local user has changed, as the trail of changes has it: profiles and eIMs, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ipad.errands import table
from ipad.errands.envelope import Result
from ipad.errands.table import Errand
from ipad.errors import IpadError, UsageError
from ipad.observe.audit import AuditEntry
from ipad.observe.failure import failure_of
from ipad.records import dataclass

OK: Final = "ok"


@dataclass(frozen=True, slots=True)
class _Deed:
    """`what` it was about, and the state before and after it."""

    what: str
    before: str | None = None
    after: str | None = None


def entries(
    errand: Errand, values: Mapping[str, object], who: str, outcome: Result | IpadError
) -> tuple[AuditEntry, ...]:
    """One entry for each change, also for one that was refused; none for an errand that changes nothing."""
    describe = _DEEDS.get(errand.path)
    if describe is None or errand.method != "POST":
        return ()
    if isinstance(outcome, IpadError):
        if isinstance(outcome, UsageError):
            return ()  # nothing was tried
        what = _attempt(errand, values)
        return (AuditEntry(who=who, what=what, before=None, after=None, result=failure_of(outcome).label),)
    return tuple(
        AuditEntry(who=who, what=deed.what, before=deed.before, after=deed.after, result=OK)
        for deed in describe(values, outcome.record)
    )


def _attempt(errand: Errand, values: Mapping[str, object]) -> str:
    """What was tried. An activation code is not part of it: it may be used once more by whoever reads it."""
    verb = errand.path.rpartition("/")[2]
    iccid = values.get("iccid")
    return f"{verb} {iccid}" if iccid is not None else _NAMES.get(errand.path, verb)


def _profile(before: str | None, after: str | None) -> Callable[[Mapping[str, object], Mapping[str, Any]], list[_Deed]]:
    def describe(values: Mapping[str, object], record: Mapping[str, Any]) -> list[_Deed]:
        verb = "enable" if after == "enabled" else "disable" if after == "disabled" else "delete"
        return [_Deed(f"{verb} {values.get('iccid')}", before, after)] if record.get("changed") else []

    return describe


def _nickname(values: Mapping[str, object], record: Mapping[str, Any]) -> list[_Deed]:
    return [_Deed(f"nickname {record.get('iccid')}", None, str(values.get("nickname")))]


def _install(_values: Mapping[str, object], record: Mapping[str, Any]) -> list[_Deed]:
    return [
        _Deed(f"install {row.get('iccid') or '?'}", None, "enabled" if row.get("enabled") else "installed")
        for row in record.get("downloads", ())
        if row.get("installed")
    ]


def _add_eims(_values: Mapping[str, object], record: Mapping[str, Any]) -> list[_Deed]:
    return [_Deed(f"addInitialEim {row.get('eim_id')}", None, "associated") for row in record.get("added", ())]


def _reset(_values: Mapping[str, object], record: Mapping[str, Any]) -> list[_Deed]:
    return [_Deed(f"memoryReset {', '.join(record.get('options', ()))}")]


def _emergency(_values: Mapping[str, object], record: Mapping[str, Any]) -> list[_Deed]:
    on = bool(record.get("emergency"))
    before, after = ("disabled", "enabled") if on else ("enabled", "disabled")
    return [_Deed("emergencyProfile", before, after)]


_DEEDS: Final[Mapping[str, Callable[[Mapping[str, object], Mapping[str, Any]], list[_Deed]]]] = {
    table.PROFILE_ENABLE.path: _profile("disabled", "enabled"),
    table.PROFILE_DISABLE.path: _profile("enabled", "disabled"),
    table.PROFILE_DELETE.path: _profile("disabled", None),
    table.PROFILE_NICKNAME.path: _nickname,
    table.PROFILE_DOWNLOAD.path: _install,
    table.PROFILE_DISCOVER.path: _install,
    table.EIM_ADD.path: _add_eims,
    table.EUICC_RESET.path: _reset,
    table.EMERGENCY_ENABLE.path: _emergency,
    table.EMERGENCY_DISABLE.path: _emergency,
}
_NAMES: Final = {
    table.PROFILE_DOWNLOAD.path: "install",
    table.PROFILE_DISCOVER.path: "install",
    table.EIM_ADD.path: "addInitialEim",
    table.EUICC_RESET.path: "memoryReset",
    table.EMERGENCY_ENABLE.path: "emergencyProfile enable",
    table.EMERGENCY_DISABLE.path: "emergencyProfile disable",
}
