"""From metadata and profile package to an installed profile, and the ProfileInstallationResult (SGP.22 5.5, 2.5.6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from hil import codec, tlv
from hil.euicc.config import NotificationEvent, NotificationTarget, OperatorId, PolicyRule, ProfileClass
from hil.euicc.engine import Engine
from hil.euicc.files import ADF_CURRENT, MF, ElementaryFile
from hil.euicc.keyring import SigningKey
from hil.euicc.notifications import event_bits, notify
from hil.euicc.state import CardState, Loading, Profile, StoredNotification, isdp_aid
from hil.upp.reader import ProfileContent

_SIGNATURE: Final = 0x5F37
_TEST_PROFILE_SUPPORT: Final = 3
_TEST_ALGORITHM: Final = 3
_TEST_KEY: Final = bytes.fromhex("465B5CE8B199B49FAA5F0A2EE238A6BC")
_WILDCARD: Final = 0xE
_OVERHEAD: Final = 4096
_WRITABLE: Final = frozenset((0x6F08, 0x6F09, 0x6F73, 0x6F7B, 0x6F7E, 0x6FE3, 0x2F05))
_LIMITS: Final = {"serviceProviderName": 32, "profileName": 64}

INCORRECT_INPUT_VALUES: Final = 1
UNSUPPORTED_PROFILE_CLASS: Final = 6
ICCID_ALREADY_EXISTS: Final = 9
INSUFFICIENT_MEMORY: Final = 10
INTERRUPTION: Final = 11
DATA_MISMATCH: Final = 13
INVALID_NAA_KEY: Final = 14
PPR_NOT_ALLOWED: Final = 15


class InstallationError(Exception):
    """The installation ends with this errorReason; `sima_response` goes along if there is one."""

    def __init__(self, reason: int, sima_response: bytes | None = None) -> None:
        super().__init__(f"errorReason {reason}")
        self.reason = reason
        self.sima_response = sima_response


@dataclass(frozen=True, slots=True)
class NewProfile:
    """Metadata that were accepted."""

    iccid: bytes
    profile_class: ProfileClass
    members: dict[str, Any]
    owner: OperatorId | None
    policy_rules: PolicyRule


def check_metadata(engine: Engine, plain: bytes) -> NewProfile:
    """ES8+.StoreMetadata (5.5.3). Raises InstallationError."""
    try:
        members = codec.decode("StoreMetadataRequest", plain)
    except codec.CodecError as error:
        raise InstallationError(INCORRECT_INPUT_VALUES) from error
    too_long = any(len(members[name].encode()) > limit for name, limit in _LIMITS.items())
    icon = members.get("icon")
    if (
        len(members["iccid"]) != 10
        or too_long
        or (icon is not None and (len(icon) > 1024 or "iconType" not in members))
    ):
        raise InstallationError(INCORRECT_INPUT_VALUES)
    if members["profileClass"] not in tuple(ProfileClass):
        raise InstallationError(UNSUPPORTED_PROFILE_CLASS)
    profile_class = ProfileClass(members["profileClass"])
    if profile_class is ProfileClass.TEST and _TEST_PROFILE_SUPPORT not in engine.config.capabilities.rsp_capability:
        raise InstallationError(UNSUPPORTED_PROFILE_CLASS)
    if engine.state.profile(members["iccid"]) is not None:
        raise InstallationError(ICCID_ALREADY_EXISTS)
    owner = _owner(members.get("profileOwner"))
    rules = (
        PolicyRule((members["profilePolicyRules"][0] or b"\x00")[0])
        if "profilePolicyRules" in members
        else PolicyRule(0)
    )
    _check_rules(engine, rules, owner)
    return NewProfile(members["iccid"], profile_class, members, owner, rules)


def check_content(metadata: NewProfile, content: ProfileContent) -> None:
    """Whether package and metadata speak of the same profile. Raises InstallationError."""
    if content.iccid != metadata.iccid:
        raise InstallationError(DATA_MISMATCH)
    owner = metadata.owner
    if owner is not None and content.imsi is not None:
        if owner.mcc_mnc != _plmn(content):
            raise InstallationError(DATA_MISMATCH)
        if owner.gid1 and content.gid1 is not None and content.gid1 != owner.gid1:
            raise InstallationError(DATA_MISMATCH)
    aka = content.aka
    real_key = aka is not None and aka.algorithm != _TEST_ALGORITHM and aka.key != _TEST_KEY
    if metadata.profile_class is ProfileClass.TEST and real_key:
        raise InstallationError(INVALID_NAA_KEY)


def needed_memory(package_size: int) -> int:
    """Octets that a package of this size takes on the card."""
    return package_size + _OVERHEAD


def install(
    engine: Engine, key: SigningKey, loading: Loading, metadata: NewProfile, content: ProfileContent, sima: bytes
) -> bytes:
    """Store profile, result and notifications in one step; returns the ProfileInstallationResult."""
    state = engine.state
    aid = isdp_aid(state.next_isdp)
    profile = _profile(metadata, content, aid)
    state = replace(state, profiles=(*state.profiles, profile), next_isdp=state.next_isdp + 1, loading=None)
    state = replace(
        state, one_time_keys=tuple(item for item in state.one_time_keys if item.smdp_oid != loading.smdp_oid)
    )
    success = tlv.build(0xA0, tlv.build(0x4F, aid), tlv.build(0x04, sima))
    state, result = with_result(state, key, replace(loading, iccid=profile.iccid), success)
    engine.commit(notify(state, key, NotificationEvent.INSTALL, profile))
    return result


def fail(engine: Engine, key: SigningKey, loading: Loading, error: InstallationError) -> bytes:
    """Store the result of a failed installation; nothing else of it stays."""
    state, result = with_failure(replace(engine.state, loading=None), key, loading, error)
    engine.commit(state)
    return result


def with_failure(
    state: CardState, key: SigningKey, loading: Loading, error: InstallationError
) -> tuple[CardState, bytes]:
    """The state with an error result in it, and the result."""
    parts = [tlv.build(0x80, bytes([loading.command])), tlv.build(0x81, bytes([error.reason]))]
    if error.sima_response is not None:
        parts.append(tlv.build(0x82, error.sima_response))
    return with_result(state, key, loading, tlv.build(0xA1, *parts))


def with_result(state: CardState, key: SigningKey, loading: Loading, outcome: bytes) -> tuple[CardState, bytes]:
    """Sign a ProfileInstallationResult and put it among the notifications. `outcome` is the TLV A0 or A1."""
    number = state.next_sequence_number
    members: dict[str, Any] = {
        "seqNumber": number,
        "profileManagementOperation": event_bits(NotificationEvent.INSTALL),
        "notificationAddress": loading.smdp_address,
    }
    if loading.iccid is not None:
        members["iccid"] = loading.iccid
    metadata = codec.encode("NotificationMetadata", members)
    oid = codec.encode("DpProprietaryData", {"dpOid": loading.smdp_oid})
    data = tlv.build(
        0xBF27,
        tlv.build(0x80, loading.transaction_id),
        metadata,
        tlv.build(0x06, tlv.find(tlv.single(oid).value, 0x80).value),
        tlv.build(0xA2, outcome),
    )
    result = tlv.build(0xBF37, data, tlv.build(_SIGNATURE, key.sign(data)))
    stored = StoredNotification(number, NotificationEvent.INSTALL, metadata, result)
    state = replace(state, notifications=(*state.notifications, stored), next_sequence_number=number + 1)
    return state, result


def recover(engine: Engine) -> None:
    """At power-up: an interrupted installation leaves nothing but its result."""
    loading = engine.state.loading
    if loading is not None:
        fail(engine, engine.signing_key(), loading, InstallationError(INTERRUPTION))


def _owner(value: dict[str, Any] | None) -> OperatorId | None:
    return OperatorId(value["mccMnc"], value.get("gid1"), value.get("gid2")) if value is not None else None


def _check_rules(engine: Engine, rules: PolicyRule, owner: OperatorId | None) -> None:
    """PPRs against the RAT and the installed profiles (SGP.22 2.9.2)."""
    wanted = [rule for rule in (PolicyRule.PPR1, PolicyRule.PPR2) if rule in rules]
    if wanted and owner is None:
        raise InstallationError(INCORRECT_INPUT_VALUES)
    operational = any(profile.profile_class is ProfileClass.OPERATIONAL for profile in engine.state.profiles)
    for rule in wanted:
        allowed = any(
            rule in entry.rules and any(_matches(pattern, owner) for pattern in entry.operators)
            for entry in engine.config.rules_authorisation_table
        )
        if not allowed or (rule is PolicyRule.PPR1 and operational):
            raise InstallationError(PPR_NOT_ALLOWED)


def _matches(pattern: OperatorId, owner: OperatorId | None) -> bool:
    if owner is None:
        return False
    for ours, theirs in zip(pattern.mcc_mnc, owner.mcc_mnc, strict=True):
        for shift in (0, 4):
            digit = ours >> shift & 0xF
            if digit not in (_WILDCARD, theirs >> shift & 0xF):
                return False
    pairs = ((pattern.gid1, owner.gid1), (pattern.gid2, owner.gid2))
    return all(ours in (b"", theirs) for ours, theirs in pairs)


def _plmn(content: ProfileContent) -> bytes:
    imsi = content.imsi or ""
    mcc, mnc = imsi[:3], imsi[3 : 3 + content.mnc_length].ljust(3, "F")
    return bytes.fromhex(mcc[1] + mcc[0] + mnc[2] + mcc[2] + mnc[1] + mnc[0])


def _profile(metadata: NewProfile, content: ProfileContent, aid: bytes) -> Profile:
    members = metadata.members
    imsi = content.imsi or ""
    targets = tuple(
        NotificationTarget(
            NotificationEvent((entry["profileManagementOperation"][0] or b"\x00")[0] & 0xF0),
            entry["notificationAddress"],
        )
        for entry in members.get("notificationConfigurationInfo", ())
    )
    return Profile(
        iccid=metadata.iccid,
        aid=aid,
        enabled=False,
        profile_class=metadata.profile_class,
        preloaded=False,
        imsi=imsi,
        plmn=f"{imsi[:3]}-{imsi[3 : 3 + content.mnc_length]}",
        service_provider_name=members["serviceProviderName"],
        profile_name=members["profileName"],
        icon_type=members.get("iconType"),
        icon=members.get("icon"),
        notifications=targets,
        owner=metadata.owner,
        policy_rules=metadata.policy_rules,
        ecall_indication=members.get("ecallIndication"),
        fallback_allowed=members.get("fallbackAllowed"),
        memory=needed_memory(content.size),
        usim_aid=content.usim_aid or b"",
        aka=content.aka,
        files=tuple(
            ElementaryFile(
                MF if file.folder == MF else ADF_CURRENT,
                file.file_id,
                file.content,
                file.record_length,
                file.short_id,
                file.file_id in _WRITABLE,
            )
            for file in content.files
        ),
    )
