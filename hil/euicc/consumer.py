"""ES10c profile management of a consumer eUICC (SGP.22 5.7.16 to 5.7.18, 5.7.21)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from hil import codec, tlv
from hil.euicc import status
from hil.euicc.config import ProfileClass
from hil.euicc.engine import Engine, decode
from hil.euicc.errors import StatusError
from hil.euicc.state import CardState, Profile, SwitchPlan
from hil.euicc.switching import blocked_by_policy, delete_profile, may_not_be_deleted, plan_to_enable, switch_now

_OK: Final = 0
_NOT_FOUND: Final = 1
_WRONG_STATE: Final = 2
_DISALLOWED_BY_POLICY: Final = 3
_WRONG_PROFILE_REENABLING: Final = 4
_CAT_BUSY: Final = 5


def enable_profile(engine: Engine, request: bytes) -> bytes:
    """ES10c.EnableProfile."""
    identifier, refresh = _switch_request("EnableProfileRequest", request)
    target = _find(engine.state, identifier)
    code = engine.forced("enableResult")
    if code is None:
        code = _enable_obstacle(engine, target)
    if code is None and target is not None:
        state = engine.state
        enabled = state.enabled_profile
        if target.profile_class is ProfileClass.TEST:
            if enabled is not None and enabled.profile_class is ProfileClass.OPERATIONAL:
                state = replace(state, displaced=enabled.iccid)
        else:
            state = replace(state, displaced=None)
        switch_now(engine, state, plan_to_enable(state, target.iccid, refresh=refresh))
        code = _OK
    return codec.encode("EnableProfileResponse", {"enableResult": code})


def _enable_obstacle(engine: Engine, target: Profile | None) -> int | None:
    enabled = engine.state.enabled_profile
    if target is None:
        return _NOT_FOUND
    if target.enabled:
        return _WRONG_STATE
    if blocked_by_policy(enabled) and target.profile_class is not ProfileClass.TEST:
        return _DISALLOWED_BY_POLICY
    leaves_test = enabled is not None and enabled.profile_class is ProfileClass.TEST
    if leaves_test and target.profile_class is not ProfileClass.TEST:
        displaced = engine.state.displaced
        if displaced is not None and displaced != target.iccid:
            return _WRONG_PROFILE_REENABLING
    return _CAT_BUSY if engine.knobs.cat_busy else None


def disable_profile(engine: Engine, request: bytes) -> bytes:
    """ES10c.DisableProfile; a test profile makes room for the operational profile that it displaced."""
    identifier, refresh = _switch_request("DisableProfileRequest", request)
    target = _find(engine.state, identifier)
    code = engine.forced("disableResult")
    if code is None:
        code = _disable_obstacle(engine, target)
    if code is None and target is not None:
        state = engine.state
        back = state.displaced if target.profile_class is ProfileClass.TEST else None
        prepared = replace(state, displaced=None)
        switch_now(engine, prepared, SwitchPlan(disable=target.iccid, enable=back, refresh=refresh))
        code = _OK
    return codec.encode("DisableProfileResponse", {"disableResult": code})


def _disable_obstacle(engine: Engine, target: Profile | None) -> int | None:
    if target is None:
        return _NOT_FOUND
    if not target.enabled:
        return _WRONG_STATE
    if blocked_by_policy(target):
        return _DISALLOWED_BY_POLICY
    return _CAT_BUSY if engine.knobs.cat_busy else None


def delete_profile_function(engine: Engine, request: bytes) -> bytes:
    """ES10c.DeleteProfile."""
    target = _find(engine.state, _choice("DeleteProfileRequest", request))
    code = engine.forced("deleteResult")
    if code is None:
        code = _delete_obstacle(target)
    if code is None and target is not None:
        engine.commit(delete_profile(engine.state, engine.signing_key(), target.iccid))
        code = _OK
    return codec.encode("SGP22.DeleteProfileResponse", {"deleteResult": code})


def _delete_obstacle(target: Profile | None) -> int | None:
    if target is None:
        return _NOT_FOUND
    if target.enabled:
        return _WRONG_STATE
    return _DISALLOWED_BY_POLICY if may_not_be_deleted(target) else None


def set_nickname(engine: Engine, request: bytes) -> bytes:
    """ES10c.SetNickname; an empty one clears it."""
    members = decode("SetNicknameRequest", request)
    nickname = members["profileNickname"]
    if len(nickname.encode()) > 64:
        raise StatusError(status.WRONG_DATA)
    target = engine.state.profile(members["iccid"])
    code = engine.forced("setNicknameResult")
    if code is None and target is None:
        code = _NOT_FOUND
    if code is None and target is not None:
        changed = engine.state.with_profile(target.iccid, lambda item: replace(item, nickname=nickname or None))
        engine.commit(changed)
        code = _OK
    return codec.encode("SetNicknameResponse", {"setNicknameResult": code})


def _switch_request(type_name: str, request: bytes) -> tuple[tuple[str, bytes], bool]:
    """Identifier and refreshFlag. Some hosts leave out the A0 and send the flag as a plain BOOLEAN."""
    try:
        outer = tlv.single(request)
        parts = {part.tag: part for part in tlv.children(outer.value)}
    except tlv.TlvError as error:
        raise StatusError(status.WRONG_DATA) from error
    if 0xA0 not in parts:
        identifier = parts.get(0x5A) or parts.get(0x4F)
        flag = parts.get(0x01) or parts.get(0x81)
        if identifier is None or flag is None:
            raise StatusError(status.WRONG_DATA)
        request = tlv.build(outer.tag, tlv.build(0xA0, identifier.raw), tlv.build(0x81, flag.value))
    members = decode(type_name, request)
    return members["profileIdentifier"], members["refreshFlag"]


def _choice(type_name: str, request: bytes) -> tuple[str, bytes]:
    try:
        chosen: Any = codec.decode(type_name, request)
    except codec.CodecError as error:
        raise StatusError(status.WRONG_DATA) from error
    return chosen[0], chosen[1]


def _find(state: CardState, identifier: tuple[str, bytes]) -> Profile | None:
    kind, value = identifier
    if kind == "iccid":
        return state.profile(value)
    if kind == "isdpAid":
        return state.profile_by_aid(value)
    raise StatusError(status.WRONG_DATA)
