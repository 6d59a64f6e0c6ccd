"""Profile switches without a package: rollback, fallback, emergency, immediate enabling.

SGP.32 5.9.15, 5.9.16 and 5.9.20 to 5.9.23.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hil import codec, tlv
from hil.euicc.engine import Engine, decode
from hil.euicc.errors import StatusError
from hil.euicc.package_results import package_result, with_result
from hil.euicc.state import CardState, Emergency, RollbackRecord
from hil.euicc.switching import plan_to_enable, switch_now

_OK: Final = 0
_ROLLBACK_NOT_ALLOWED: Final = 1
_IMMEDIATE_ENABLE_NOT_AVAILABLE: Final = 1
_WRONG_STATE: Final = 2
_NO_SESSION_CONTEXT: Final = 4
_CAT_BUSY: Final = 5
_FALLBACK_NOT_AVAILABLE: Final = 6
_COMMAND_ERROR: Final = 7
_ECALL_NOT_AVAILABLE: Final = 8
_ECALL_ACTIVE: Final = 104


def profile_rollback(engine: Engine, request: bytes) -> bytes:
    """ES10b.ProfileRollback: undo the switch that the last package allowed to undo."""
    code = engine.forced("cmdResult")
    record = engine.state.rollback
    if code is None and record is None:
        code = _ROLLBACK_NOT_ALLOWED
    if code is None and engine.knobs.cat_busy:
        code = _CAT_BUSY
    refresh = False
    if code is None:
        try:
            refresh = bool(decode("ProfileRollbackRequest", request)["refreshFlag"])
        except StatusError:
            code = _COMMAND_ERROR
    if code is None and record is not None:
        code = _rollback_obstacle(engine, record)
    if code is not None or record is None:
        return codec.encode("ProfileRollbackResponse", {"cmdResult": code})
    return tlv.build(0xBF58, tlv.build(0x02, b"\x00"), _roll_back(engine, record, refresh=refresh))


def _rollback_obstacle(engine: Engine, record: RollbackRecord) -> int | None:
    if engine.state.eim(record.eim_id) is None:
        return _ROLLBACK_NOT_ALLOWED
    if engine.state.emergency is not None or engine.state.profile(record.previous_iccid) is None:
        return _COMMAND_ERROR
    return None


def _roll_back(engine: Engine, record: RollbackRecord, *, refresh: bool) -> bytes:
    """The new result takes the place of the one that granted the rollback; undelivered notifications go too."""
    state = engine.state
    eim = state.eim(record.eim_id)
    assert eim is not None
    state = replace(
        state,
        rollback=None,
        results=tuple(item for item in state.results if item.sequence_number != record.result_number),
        notifications=tuple(
            item for item in state.notifications if item.sequence_number not in record.notification_numbers
        ),
    )
    number = state.next_sequence_number
    result = package_result(
        engine.signing_key(eim),
        eim,
        record.counter_value,
        record.transaction_id,
        number,
        [codec.encode("EuiccResultData", ("rollbackResult", _OK))],
    )
    state = with_result(state, number, result, engine.knobs.result_capacity)
    switch_now(engine, state, plan_to_enable(state, record.previous_iccid, refresh=refresh, notify_servers=False))
    return result


def execute_fallback_mechanism(engine: Engine, request: bytes) -> bytes:
    """ES10b.ExecuteFallbackMechanism: enable the profile with the fallback attribute."""
    refresh = _refresh_flag("ExecuteFallbackMechanismRequest", request)
    state = engine.state
    enabled, target = state.enabled_profile, state.fallback_profile
    code = engine.forced("executeFallbackMechanismResult")
    if code is None:
        code = _fallback_obstacle(engine)
    if code is None and enabled is not None and target is not None:
        prepared = replace(state, fallback_return=enabled.iccid, rollback=None)
        switch_now(engine, prepared, plan_to_enable(prepared, target.iccid, refresh=refresh))
        code = _OK
    return codec.encode("ExecuteFallbackMechanismResponse", {"executeFallbackMechanismResult": code})


def _fallback_obstacle(engine: Engine) -> int | None:
    state = engine.state
    target = state.fallback_profile
    if state.enabled_profile is None:
        return _COMMAND_ERROR
    if target is None or not engine.config.capabilities.fallback_supported:
        return _FALLBACK_NOT_AVAILABLE
    if state.emergency is not None:
        return _ECALL_ACTIVE
    if target.enabled:
        return _WRONG_STATE
    return _CAT_BUSY if engine.knobs.cat_busy else None


def return_from_fallback(engine: Engine, request: bytes) -> bytes:
    """ES10b.ReturnFromFallback: enable again what the fallback mechanism took the place of."""
    refresh = _refresh_flag("ReturnFromFallbackRequest", request)
    state = engine.state
    target = state.profile(state.fallback_return)
    active = state.fallback_profile is not None and state.fallback_profile.enabled
    code = engine.forced("returnFromFallbackResult")
    if code is None and state.emergency is not None:
        code = _COMMAND_ERROR
    if code is None and (target is None or not active):
        code = _FALLBACK_NOT_AVAILABLE
    if code is None and engine.knobs.cat_busy:
        code = _CAT_BUSY
    if code is None and target is not None:
        prepared = replace(state, fallback_return=None, rollback=None)
        switch_now(engine, prepared, plan_to_enable(prepared, target.iccid, refresh=refresh))
        code = _OK
    return codec.encode("ReturnFromFallbackResponse", {"returnFromFallbackResult": code})


def enable_emergency_profile(engine: Engine, request: bytes) -> bytes:
    """ES10b.EnableEmergencyProfile: the profile for eCall, without notifications."""
    refresh = _refresh_flag("EnableEmergencyProfileRequest", request)
    state = engine.state
    enabled = state.enabled_profile
    target = next((profile for profile in state.profiles if profile.ecall_indication), None)
    code = engine.forced("enableEmergencyProfileResult")
    if code is None and (target is None or not engine.config.capabilities.ecall_supported):
        code = _ECALL_NOT_AVAILABLE
    if code is None and target is not None and target.enabled:
        code = _WRONG_STATE
    if code is None and engine.knobs.cat_busy:
        code = _CAT_BUSY
    if code is None and target is not None:
        prepared = _without_rollback(state, refresh=refresh)
        prepared = replace(prepared, emergency=Emergency(target.iccid, enabled.iccid if enabled else None))
        switch_now(engine, prepared, plan_to_enable(prepared, target.iccid, refresh=refresh, notify_servers=False))
        code = _OK
    return codec.encode("EnableEmergencyProfileResponse", {"enableEmergencyProfileResult": code})


def disable_emergency_profile(engine: Engine, request: bytes) -> bytes:
    """ES10b.DisableEmergencyProfile: back to the profile before it, or to none."""
    refresh = _refresh_flag("DisableEmergencyProfileRequest", request)
    state = engine.state
    code = engine.forced("disableEmergencyProfileResult")
    if code is None and state.emergency is None:
        code = _WRONG_STATE
    if code is None and engine.knobs.cat_busy:
        code = _CAT_BUSY
    if code is None and state.emergency is not None:
        back = state.profile(state.emergency.restore_iccid)
        prepared = replace(_without_rollback(state, refresh=refresh), emergency=None)
        plan = plan_to_enable(prepared, back.iccid if back else None, refresh=refresh, notify_servers=False)
        switch_now(engine, prepared, plan)
        code = _OK
    return codec.encode("DisableEmergencyProfileResponse", {"disableEmergencyProfileResult": code})


def immediate_enable(engine: Engine, request: bytes) -> bytes:
    """ES10b.ImmediateEnable: enable the profile that the current session installed."""
    refresh = _refresh_flag("ImmediateEnableRequest", request)
    state, finished = engine.state, engine.session.finished
    code = engine.forced("immediateEnableResult")
    if code is None:
        code = _immediate_enable_obstacle(engine)
    if code is None and finished is not None:
        prepared = replace(state, rollback=None)
        switch_now(engine, prepared, plan_to_enable(prepared, finished.iccid, refresh=refresh))
        code = _OK
    return codec.encode("ImmediateEnableResponse", {"immediateEnableResult": code})


def _immediate_enable_obstacle(engine: Engine) -> int | None:
    settings, finished = engine.state.immediate_enable, engine.session.finished
    if not settings.enabled:
        return _IMMEDIATE_ENABLE_NOT_AVAILABLE
    if finished is None:
        return _NO_SESSION_CONTEXT
    address = settings.smdp_address or engine.state.default_smdp_address
    if finished.smdp_address != address or settings.smdp_oid not in (None, finished.smdp_oid):
        return _IMMEDIATE_ENABLE_NOT_AVAILABLE
    if engine.state.profile(finished.iccid) is None:
        return _NO_SESSION_CONTEXT
    return _CAT_BUSY if engine.knobs.cat_busy else None


def _without_rollback(state: CardState, *, refresh: bool) -> CardState:
    """Emergency functions withdraw the rollback permission only together with a REFRESH (SGP.32 5.9.16)."""
    return replace(state, rollback=None) if refresh else state


def _refresh_flag(type_name: str, request: bytes) -> bool:
    return bool(decode(type_name, request)["refreshFlag"])
