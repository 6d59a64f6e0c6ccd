"""eUICCMemoryReset of both specifications (SGP.22 5.7.19, SGP.32 5.9.5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hil import codec
from hil.euicc.config import ProfileClass
from hil.euicc.engine import Engine, decode
from hil.euicc.keyring import SigningKey
from hil.euicc.knobs import PowerLossPoint
from hil.euicc.state import CardState, ImmediateEnable, Profile
from hil.euicc.switching import delete_profile

_OK: Final = 0
_NOTHING_TO_DELETE: Final = 1
_RESET_IEC_NOT_SUPPORTED: Final = 1
_EIM_RESET_NOT_SUPPORTED: Final = 2
_CAT_BUSY: Final = 5
_ECALL_ACTIVE: Final = 104

_OPERATIONAL: Final = 0
_FIELD_LOADED_TEST: Final = 1
_DEFAULT_ADDRESS: Final = 2
_PRELOADED_TEST: Final = 3
_PROVISIONING: Final = 4
_EIM_CONFIGURATION: Final = 5
_IMMEDIATE_ENABLE: Final = 6


def memory_reset_sgp22(engine: Engine, request: bytes) -> bytes:
    """ES10c.eUICCMemoryReset, tag BF34."""
    options = decode("SGP22.EuiccMemoryResetRequest", request)["resetOptions"]
    code = engine.forced("resetResult")
    if code is None and engine.knobs.cat_busy:
        code = _CAT_BUSY
    if code is None:
        known = (options[0], min(options[1], _DEFAULT_ADDRESS + 1))
        state = _reset(engine.state, engine.signing_key(), known)
        code = _OK if state != engine.state else _NOTHING_TO_DELETE
        _store(engine, state)
    return codec.encode("SGP22.EuiccMemoryResetResponse", {"resetResult": code})


def memory_reset(engine: Engine, request: bytes) -> bytes:
    """ES10b.EuiccMemoryReset, tag BF64: profiles and address, eIM configuration, immediate enabling."""
    options = decode("EuiccMemoryResetRequest", request)["resetOptions"]
    code = engine.forced("resetResult")
    if code is None and engine.state.emergency is not None:
        code = _ECALL_ACTIVE
    if code is None and engine.knobs.cat_busy:
        code = _CAT_BUSY
    if code is not None:
        return codec.encode("EuiccMemoryResetResponse", {"resetResult": code})
    settings, others = _reset_iot_settings(engine, options)
    state = _reset(settings, engine.signing_key(), options)
    only_settings = not any(codec.has_bit(options, bit) for bit in range(_PROVISIONING + 1))
    changed = state != (engine.state if only_settings else settings)
    _store(engine, state)
    code = _OK if changed else _NOTHING_TO_DELETE
    return codec.encode("EuiccMemoryResetResponse", {"resetResult": code, **others})


def _reset_iot_settings(engine: Engine, options: codec.BitString) -> tuple[CardState, dict[str, int]]:
    """Bits 5 and 6. Stored results and the generator of tokens stay as they are."""
    state = engine.state
    results: dict[str, int] = {}
    if codec.has_bit(options, _EIM_CONFIGURATION):
        code = engine.forced("resetEimResult")
        if code is None and not engine.config.capabilities.eim_reset_supported:
            code = _EIM_RESET_NOT_SUPPORTED
        if code is None:
            code = _OK if state.eims else _NOTHING_TO_DELETE
            state = replace(state, eims=(), rollback=None)
        results["resetEimResult"] = code
    if codec.has_bit(options, _IMMEDIATE_ENABLE):
        code = engine.forced("resetImmediateEnableConfigResult")
        if code is None and not engine.config.capabilities.immediate_enable_reset_supported:
            code = _RESET_IEC_NOT_SUPPORTED
        if code is None:
            code = _OK
            state = replace(state, immediate_enable=ImmediateEnable())
        results["resetImmediateEnableConfigResult"] = code
    return state, results


def _reset(state: CardState, key: SigningKey, options: codec.BitString) -> CardState:
    """Bits 0 to 4: delete profiles whatever their state and policy rules, clear the default SM-DP+ address."""
    for profile in [profile for profile in state.profiles if _chosen(profile, options)]:
        state = delete_profile(state, key, profile.iccid)
    if state.enabled_profile is None and state.displaced is not None:
        state = replace(state.enabled_only(state.displaced), displaced=None)
    if codec.has_bit(options, _DEFAULT_ADDRESS):
        state = replace(state, default_smdp_address="")
    return state


def _chosen(profile: Profile, options: codec.BitString) -> bool:
    if profile.profile_class is ProfileClass.OPERATIONAL:
        return codec.has_bit(options, _OPERATIONAL)
    if profile.profile_class is ProfileClass.PROVISIONING:
        return codec.has_bit(options, _PROVISIONING)
    return codec.has_bit(options, _PRELOADED_TEST if profile.preloaded else _FIELD_LOADED_TEST)


def _store(engine: Engine, state: CardState) -> None:
    """Store what was reset; REFRESH when the enabled profile went."""
    before = engine.state
    if state == before:
        return
    if state.emergency is None and state.profile(state.fallback_return) is None:
        state = replace(state, fallback_return=None)
    engine.lose_power_at(PowerLossPoint.BEFORE_COUNTER_STORED)
    engine.commit(state)
    if _enabled_iccid(before) != _enabled_iccid(state):
        engine.proactive.queue_refresh()


def _enabled_iccid(state: CardState) -> bytes | None:
    enabled = state.enabled_profile
    return enabled.iccid if enabled else None
