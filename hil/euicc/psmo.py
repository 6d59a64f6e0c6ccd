"""Profile State Management Operations of an eUICC Package (SGP.32 3.4.1 to 3.4.7, 2.11.1.1.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from hil import codec, tlv
from hil.euicc.errors import StatusError
from hil.euicc.information import rules_authorisation_table
from hil.euicc.package_run import Outcome, PackageRun, ProcessingTerminated
from hil.euicc.profile_info import PROFILE_CHANGE_ONGOING, is_list_error, list_error, list_profiles
from hil.euicc.settings import with_immediate_enable
from hil.euicc.state import Profile
from hil.euicc.switching import blocked_by_policy, may_not_be_deleted

OK: Final = 0
NOT_FOUND: Final = 1
INSUFFICIENT_MEMORY: Final = 1
WRONG_STATE: Final = 2
FALLBACK_NOT_ALLOWED: Final = 2
NO_FALLBACK_ATTRIBUTE: Final = 2
DISALLOWED_BY_POLICY: Final = 3
FALLBACK_PROFILE_ENABLED: Final = 3
CAT_BUSY: Final = 5
COMMAND_ERROR: Final = 7
ROLLBACK_NOT_AVAILABLE: Final = 20
RETURN_FALLBACK_PROFILE: Final = 21
UNDEFINED_ERROR: Final = 127
UNKNOWN_OR_DAMAGED: Final = 2

Operation = Callable[[PackageRun, tlv.Tlv], Outcome]


def enable(run: PackageRun, command: tlv.Tlv) -> Outcome:
    """enable (3.4.1)."""
    second = run.enable_marked
    code = run.engine.forced("enableResult")
    if code is None:
        code = _enable(run, command)
    outcome = Outcome.of("enableResult", code)
    if second and code == UNDEFINED_ERROR and run.engine.knobs.terminate_after_second_switch:
        raise ProcessingTerminated(UNKNOWN_OR_DAMAGED, outcome.result)
    return outcome


def _enable(run: PackageRun, command: tlv.Tlv) -> int:
    iccid = _iccid(command)
    if iccid is None or run.enable_marked:
        return UNDEFINED_ERROR
    profile = run.profile(iccid)
    if profile is None:
        return NOT_FOUND
    wants_rollback = any(part.tag == 0x05 for part in tlv.children(command.value))
    leaving = run.enabled or run.profile(run.disable or b"")
    obstacle = _enable_obstacle(run, profile, no_way_back=wants_rollback and leaving is None)
    if obstacle is not None:
        return obstacle
    if wants_rollback and leaving is not None:
        run.rollback_to = leaving.iccid
    run.mark_enable(profile)
    run.state = replace(run.state, fallback_return=None)
    return OK


def _enable_obstacle(run: PackageRun, profile: Profile, *, no_way_back: bool) -> int | None:
    if _is_enabled(run, profile):
        return WRONG_STATE
    if no_way_back:
        return ROLLBACK_NOT_AVAILABLE
    if blocked_by_policy(run.enabled):
        return DISALLOWED_BY_POLICY
    return CAT_BUSY if run.engine.knobs.cat_busy else None


def disable(run: PackageRun, command: tlv.Tlv) -> Outcome:
    """disable (3.4.2)."""
    code = run.engine.forced("disableResult")
    return Outcome.of("disableResult", _disable(run, command) if code is None else code)


def _disable(run: PackageRun, command: tlv.Tlv) -> int:
    iccid = _iccid(command)
    if iccid is None or run.enable_marked or run.disable_marked:
        return UNDEFINED_ERROR
    profile = run.profile(iccid)
    if profile is None:
        return NOT_FOUND
    if not _is_enabled(run, profile):
        return WRONG_STATE
    if blocked_by_policy(profile):
        return DISALLOWED_BY_POLICY
    if run.engine.knobs.cat_busy:
        return CAT_BUSY
    run.mark_disable(profile)
    return OK


def delete(run: PackageRun, command: tlv.Tlv) -> Outcome:
    """delete (3.4.3)."""
    code = run.engine.forced("deleteResult")
    return Outcome.of("deleteResult", _delete(run, command) if code is None else code)


def _delete(run: PackageRun, command: tlv.Tlv) -> int:
    iccid = _iccid(command)
    if iccid is None:
        return UNDEFINED_ERROR
    profile = run.profile(iccid)
    if profile is None:
        return NOT_FOUND
    obstacle = _delete_obstacle(run, profile)
    if obstacle is None:
        run.delete(profile)
    return OK if obstacle is None else obstacle


def _delete_obstacle(run: PackageRun, profile: Profile) -> int | None:
    if _is_enabled(run, profile):
        return WRONG_STATE
    if may_not_be_deleted(profile):
        return DISALLOWED_BY_POLICY
    if profile.iccid == run.rollback_to:
        return ROLLBACK_NOT_AVAILABLE
    if profile.iccid == run.state.fallback_return and _fallback_active(run):
        return RETURN_FALLBACK_PROFILE
    return None


def list_profile_info(run: PackageRun, command: tlv.Tlv) -> Outcome:
    """listProfileInfo, the ProfileInfoListRequest of 5.9.14."""
    code = run.engine.forced("profileInfoListError")
    if code is None and (run.profiles_changed or run.engine.proactive.refresh_under_way):
        code = PROFILE_CHANGE_ONGOING
    try:
        response = list_profiles(run.state, command.raw, iot=True) if code is None else list_error(code)
    except StatusError as error:
        raise ProcessingTerminated(UNKNOWN_OR_DAMAGED) from error
    return Outcome(response, run.engine.knobs.list_error_continues or not is_list_error(response))


def get_rat(run: PackageRun, _command: tlv.Tlv) -> Outcome:
    """getRAT."""
    return Outcome(tlv.build(0xA6, rules_authorisation_table(run.engine)), go_on=True)


def configure_immediate_enable(run: PackageRun, command: tlv.Tlv) -> Outcome:
    """configureImmediateEnable (3.4.4)."""
    code = run.engine.forced("configureImmediateEnableResult")
    if code is None:
        code = _configure_immediate_enable(run, command)
    return Outcome.of("configureImmediateEnableResult", code)


def _configure_immediate_enable(run: PackageRun, command: tlv.Tlv) -> int:
    try:
        kind, members = codec.decode("Psmo", command.raw)
    except codec.CodecError:
        return COMMAND_ERROR
    assert kind == "configureImmediateEnable"
    if not run.engine.knobs.configuration_memory:
        return INSUFFICIENT_MEMORY
    run.state = with_immediate_enable(run.state, members)
    return OK


def set_fallback_attribute(run: PackageRun, command: tlv.Tlv) -> Outcome:
    """setFallbackAttribute (3.4.6)."""
    code = run.engine.forced("setFallbackAttributeResult")
    return Outcome.of("setFallbackAttributeResult", _set_fallback_attribute(run, command) if code is None else code)


def _set_fallback_attribute(run: PackageRun, command: tlv.Tlv) -> int:
    iccid = _iccid(command)
    if iccid is None:
        return UNDEFINED_ERROR
    profile = run.profile(iccid)
    if profile is None:
        return NOT_FOUND
    if profile.fallback_attribute:
        return OK
    if not profile.fallback_allowed:
        return FALLBACK_NOT_ALLOWED
    holder = run.state.fallback_profile
    if holder is not None and _is_enabled(run, holder):
        return FALLBACK_PROFILE_ENABLED
    run.state = replace(
        run.state,
        profiles=tuple(replace(item, fallback_attribute=item.iccid == iccid) for item in run.state.profiles),
    )
    return OK


def unset_fallback_attribute(run: PackageRun, command: tlv.Tlv) -> Outcome:
    """unsetFallbackAttribute (3.4.7); it has no parameters."""
    code = run.engine.forced("unsetFallbackAttributeResult")
    if code is None:
        code = COMMAND_ERROR if command.value else _unset_fallback_attribute(run)
    return Outcome.of("unsetFallbackAttributeResult", code)


def _unset_fallback_attribute(run: PackageRun) -> int:
    holder = run.state.fallback_profile
    if holder is None or holder.iccid in run.delete_after_switch:
        return NO_FALLBACK_ATTRIBUTE
    if _is_enabled(run, holder):
        return FALLBACK_PROFILE_ENABLED
    run.state = run.state.with_profile(holder.iccid, lambda profile: replace(profile, fallback_attribute=False))
    return OK


def set_default_dp_address(run: PackageRun, command: tlv.Tlv) -> Outcome:
    """setDefaultDpAddress, the request of 5.9.25."""
    try:
        members = codec.decode("SetDefaultDpAddressRequest", command.raw)
    except codec.CodecError as error:
        raise ProcessingTerminated(UNKNOWN_OR_DAMAGED) from error
    code = run.engine.forced("setDefaultDpAddressResult")
    if code is None:
        run.state = replace(run.state, default_smdp_address=members["defaultDpAddress"])
        code = OK
    return Outcome(codec.encode("SetDefaultDpAddressResponse", {"setDefaultDpAddressResult": code}), code == OK)


OPERATIONS: Final[dict[int, Operation]] = {
    0xA3: enable,
    0xA4: disable,
    0xA5: delete,
    0xBF2D: list_profile_info,
    0xA6: get_rat,
    0xA7: configure_immediate_enable,
    0xA8: set_fallback_attribute,
    0xA9: unset_fallback_attribute,
    0xBF65: set_default_dp_address,
}
"""Tag of the command in psmoList -> what it does."""


def _iccid(command: tlv.Tlv) -> bytes | None:
    """The ICCID, None if it is missing or not 10 octets long. ProcessingTerminated(2) for bytes that are no TLVs."""
    try:
        found = next((part.value for part in tlv.children(command.value) if part.tag == 0x5A), b"")
    except tlv.TlvError as error:
        raise ProcessingTerminated(UNKNOWN_OR_DAMAGED) from error
    return found if len(found) == 10 else None


def _is_enabled(run: PackageRun, profile: Profile) -> bool:
    enabled = run.enabled
    return enabled is not None and enabled.iccid == profile.iccid


def _fallback_active(run: PackageRun) -> bool:
    holder = run.state.fallback_profile
    return holder is not None and _is_enabled(run, holder)
