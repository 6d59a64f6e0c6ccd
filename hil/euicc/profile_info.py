"""GetProfilesInfo: search criterion, tag list and the ProfileInfo of each profile (SGP.22 5.7.15, SGP.32 5.9.14)."""

from __future__ import annotations

from typing import Any, Final

from hil import codec, tlv
from hil.euicc import status
from hil.euicc.config import OperatorId
from hil.euicc.engine import Engine
from hil.euicc.errors import StatusError
from hil.euicc.notifications import event_bits
from hil.euicc.state import CardState, Profile

INCORRECT_INPUT_VALUES: Final = 1
PROFILE_CHANGE_ONGOING: Final = 11

_DEFAULT_SGP22: Final = (0x5A, 0x4F, 0x9F70, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95)
_DEFAULT_SGP32: Final = (0x5A, 0x4F, 0x9F70, 0x91, 0x92, 0x95, 0x9F7B, 0x9F26, 0x9F67)
_IOT_ONLY: Final = (0x9F7B, 0x9F26, 0x9F67)


def get_profiles_info(engine: Engine, request: bytes) -> bytes:
    """ES10c.GetProfilesInfo, on an IoT eUICC ES10b."""
    code = engine.forced("profileInfoListError")
    if code is None and engine.iot and engine.proactive.refresh_under_way:
        code = PROFILE_CHANGE_ONGOING
    if code is not None:
        return list_error(code)
    return list_profiles(engine.state, request, iot=engine.iot)


def list_profiles(state: CardState, request: bytes, *, iot: bool) -> bytes:
    """The ProfileInfoListResponse for the profiles of `state`. StatusError 6A80 for bytes that are no request."""
    try:
        parts = {part.tag: part.value for part in tlv.children(tlv.single(request, 0xBF2D).value)}
    except tlv.TlvError as error:
        raise StatusError(status.WRONG_DATA) from error
    default = _DEFAULT_SGP32 if iot else _DEFAULT_SGP22
    try:
        found = _matching(state, parts[0xA0]) if 0xA0 in parts else state.profiles
        tags = _tags(parts.get(0x5C, b"")) or default
    except ValueError:
        return list_error(INCORRECT_INPUT_VALUES)
    known = tags if iot else tuple(tag for tag in tags if tag not in _IOT_ONLY)
    type_name = "ProfileInfo" if iot else "SGP22.ProfileInfo"
    infos = [codec.encode(type_name, _info(profile, known)) for profile in found]
    return tlv.build(0xBF2D, tlv.build(0xA0, *infos))


def list_error(code: int) -> bytes:
    """A ProfileInfoListResponse with ProfileInfoListError."""
    return codec.encode("ProfileInfoListResponse", ("profileInfoListError", code))


def is_list_error(response: bytes) -> bool:
    """Whether a ProfileInfoListResponse reports an error."""
    return tlv.children(tlv.single(response).value)[0].tag == 0x81


def _matching(state: CardState, criterion: bytes) -> tuple[Profile, ...]:
    """Profiles that meet the criterion; ValueError if it cannot be read."""
    wanted = tlv.single(criterion)
    if wanted.tag == 0x5A and len(wanted.value) == 10:
        return tuple(profile for profile in state.profiles if profile.iccid == wanted.value)
    if wanted.tag == 0x4F and 1 <= len(wanted.value) <= 16:
        return tuple(profile for profile in state.profiles if profile.aid == wanted.value)
    if wanted.tag == 0x95 and len(wanted.value) == 1:
        return tuple(profile for profile in state.profiles if profile.profile_class == wanted.value[0])
    raise ValueError(f"criterion {criterion.hex()} is none")


def _tags(content: bytes) -> tuple[int, ...]:
    """Split a tag list; ValueError when the last tag is cut off."""
    tags = []
    offset = 0
    while offset < len(content):
        size = 2 if content[offset] & 0x1F == 0x1F else 1
        if offset + size > len(content):
            raise ValueError("tag list is cut off")
        tags.append(int.from_bytes(content[offset : offset + size], "big"))
        offset += size
    return tuple(tags)


def _info(profile: Profile, tags: tuple[int, ...]) -> dict[str, Any]:
    """Members of ProfileInfo that were asked for and that the profile has."""
    members: dict[int, tuple[str, Any]] = {
        0x5A: ("iccid", profile.iccid),
        0x4F: ("isdpAid", profile.aid),
        0x9F70: ("profileState", int(profile.enabled)),
        0x90: ("profileNickname", profile.nickname),
        0x91: ("serviceProviderName", profile.service_provider_name),
        0x92: ("profileName", profile.profile_name),
        0x93: ("iconType", profile.icon_type),
        0x94: ("icon", profile.icon),
        0x95: ("profileClass", int(profile.profile_class)),
        0xB6: ("notificationConfigurationInfo", _notification_configuration(profile)),
        0xB7: ("profileOwner", operator_id(profile.owner) if profile.owner else None),
        0xB8: ("dpProprietaryData", {"dpOid": profile.dp_oid} if profile.dp_oid else None),
        0x99: ("profilePolicyRules", (bytes([profile.policy_rules]), 3) if profile.policy_rules else None),
        0x9F7B: ("ecallIndication", profile.ecall_indication),
        0x9F26: ("fallbackAttribute", True if profile.fallback_attribute else None),
        0x9F67: ("fallbackAllowed", profile.fallback_allowed),
    }
    asked = (members[tag] for tag in tags if tag in members)
    return {name: value for name, value in asked if value is not None}


def _notification_configuration(profile: Profile) -> list[dict[str, Any]] | None:
    return [
        {"profileManagementOperation": event_bits(target.events), "notificationAddress": target.address}
        for target in profile.notifications
    ] or None


def operator_id(operator: OperatorId) -> dict[str, bytes]:
    """Members of OperatorId."""
    members = {"mccMnc": operator.mcc_mnc}
    if operator.gid1 is not None:
        members["gid1"] = operator.gid1
    if operator.gid2 is not None:
        members["gid2"] = operator.gid2
    return members
