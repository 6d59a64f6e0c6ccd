"""Everything that a card keeps without power, as values; a change makes a new state, and storing it is one step.

Objects that were signed or are given back are kept as the bytes they had.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from hil.aka import AkaKey
from hil.euicc.config import (
    CardConfig,
    NotificationEvent,
    NotificationTarget,
    OperatorId,
    PolicyRule,
    ProfileClass,
)
from hil.euicc.files import ElementaryFile
from hil.euicc.identifiers import iccid_digits

ISDP_AID_HEAD: Final = bytes.fromhex("A0000005591010FFFFFFFF8900")
"""Bytes 1 to 13 of the AID of an ISD-P; 14 and 15 number it, 16 is 00 (SGP.02 Annex H)."""


@dataclass(frozen=True, slots=True)
class Profile:
    """An ISD-P: metadata, state and files."""

    iccid: bytes
    aid: bytes
    enabled: bool
    profile_class: ProfileClass
    preloaded: bool
    imsi: str
    plmn: str
    service_provider_name: str
    profile_name: str
    nickname: str | None = None
    icon_type: int | None = None
    icon: bytes | None = None
    notifications: tuple[NotificationTarget, ...] = ()
    owner: OperatorId | None = None
    dp_oid: str | None = None
    policy_rules: PolicyRule = PolicyRule.NONE
    ecall_indication: bool | None = None
    fallback_allowed: bool | None = None
    fallback_attribute: bool = False
    http_params: bytes | None = None
    memory: int = 0
    """Octets of non-volatile memory that it takes."""
    usim_aid: bytes = b""
    files: tuple[ElementaryFile, ...] = ()
    aka: AkaKey | None = field(default=None, repr=False)
    """None: the profile cannot be authenticated."""
    sqn: int = 0
    """Highest sequence number that the USIM took."""

    @property
    def digits(self) -> str:
        """The ICCID as printed."""
        return iccid_digits(self.iccid)


@dataclass(frozen=True, slots=True)
class EimRecord:
    """An associated eIM (SGP.32 2.11.1.1.1). The key data are whole TLVs, in the arm in which they came."""

    eim_id: str
    counter_value: int
    public_key_data: bytes
    """TLV A5."""
    fqdn: str | None = None
    id_type: int | None = None
    association_token: int | None = None
    trusted_tls_data: bytes | None = None
    """TLV A6."""
    supported_protocol: bytes | None = None
    """TLV 87."""
    ci_pkid: bytes | None = None
    indirect_download: bool = False

    def token_tlv(self) -> bytes:
        """What is appended to the data before signing: TLV 84, value zero without a token (SGP.32 2.11.1.1)."""
        value = self.association_token or 0
        content = value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)
        return bytes((0x84, len(content))) + content


@dataclass(frozen=True, slots=True)
class StoredNotification:
    """A PendingNotification (TLV) until NotificationSent."""

    sequence_number: int
    event: NotificationEvent
    metadata: bytes
    """TLV BF2F."""
    pending: bytes


@dataclass(frozen=True, slots=True)
class StoredResult:
    """An EuiccPackageResult (TLV BF51) until it is removed."""

    sequence_number: int
    result: bytes


@dataclass(frozen=True, slots=True)
class RollbackRecord:
    """Permission to undo the last switch (SGP.32 5.9.16)."""

    eim_id: str
    counter_value: int
    transaction_id: bytes | None
    previous_iccid: bytes
    result_number: int
    notification_numbers: tuple[int, ...] = ()
    """Notifications that the switch made; undelivered ones go with it."""


@dataclass(frozen=True, slots=True)
class ImmediateEnable:
    """Configuration of Immediate Profile Enabling (SGP.32 5.9.17)."""

    enabled: bool = False
    smdp_oid: str | None = None
    smdp_address: str | None = None


@dataclass(frozen=True, slots=True)
class Emergency:
    """An active emergency profile and what comes back after it."""

    iccid: bytes
    restore_iccid: bytes | None


@dataclass(frozen=True, slots=True)
class SwitchPlan:
    """Profile changes that were accepted but not yet carried out."""

    disable: bytes | None = None
    enable: bytes | None = None
    delete: tuple[bytes, ...] = ()
    """Profiles that are deleted once they are disabled."""
    notify: bool = True
    refresh: bool = True

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return self.disable is None and self.enable is None


@dataclass(frozen=True, slots=True)
class OneTimeKey:
    """otSK.EUICC of a download that was not finished, for the retry (SGP.22 3.1.3)."""

    smdp_oid: str
    public: bytes
    """otPK.EUICC, uncompressed point."""
    scalar: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Loading:
    """A package is being loaded; found at power-up, it was interrupted (SGP.22 5.7.6)."""

    transaction_id: bytes
    smdp_oid: str
    smdp_address: str
    command: int
    """BppCommandId that was running."""
    iccid: bytes | None = None


@dataclass(frozen=True, slots=True)
class CardState:
    """The whole persistent memory of the card."""

    config: CardConfig
    profiles: tuple[Profile, ...]
    next_isdp: int
    next_sequence_number: int
    next_association_token: int
    default_smdp_address: str
    root_smds_address: str
    eims: tuple[EimRecord, ...] = ()
    notifications: tuple[StoredNotification, ...] = ()
    results: tuple[StoredResult, ...] = ()
    rollback: RollbackRecord | None = None
    fallback_return: bytes | None = None
    """ICCID that ReturnFromFallback enables again."""
    emergency: Emergency | None = None
    displaced: bytes | None = None
    """ICCID of the operational profile that an enabled test profile took the place of."""
    immediate_enable: ImmediateEnable = ImmediateEnable()
    ipae_active: bool = False
    pending_switch: SwitchPlan | None = None
    one_time_keys: tuple[OneTimeKey, ...] = ()
    loading: Loading | None = None

    @property
    def enabled_profile(self) -> Profile | None:
        """The enabled profile; never more than one."""
        return next((profile for profile in self.profiles if profile.enabled), None)

    @property
    def fallback_profile(self) -> Profile | None:
        """The profile with the fallback attribute."""
        return next((profile for profile in self.profiles if profile.fallback_attribute), None)

    def profile(self, iccid: bytes | None) -> Profile | None:
        """Find by ICCID octets."""
        return next((profile for profile in self.profiles if profile.iccid == iccid), None)

    def profile_by_aid(self, aid: bytes) -> Profile | None:
        """Find by the AID of the ISD-P."""
        return next((profile for profile in self.profiles if profile.aid == aid), None)

    def eim(self, eim_id: str) -> EimRecord | None:
        """Find an associated eIM."""
        return next((eim for eim in self.eims if eim.eim_id == eim_id), None)

    def with_profile(self, iccid: bytes, change: Callable[[Profile], Profile]) -> CardState:
        """Change one profile."""
        return replace(self, profiles=tuple(change(item) if item.iccid == iccid else item for item in self.profiles))

    def without_profiles(self, iccids: tuple[bytes, ...]) -> CardState:
        """Delete profiles and what refers to them."""
        return replace(
            self,
            profiles=tuple(item for item in self.profiles if item.iccid not in iccids),
            displaced=None if self.displaced in iccids else self.displaced,
        )

    def with_eim(self, record: EimRecord) -> CardState:
        """Add an eIM or replace the one of the same eimId."""
        others = tuple(eim for eim in self.eims if eim.eim_id != record.eim_id)
        if len(others) == len(self.eims):
            return replace(self, eims=(*self.eims, record))
        return replace(self, eims=tuple(record if eim.eim_id == record.eim_id else eim for eim in self.eims))

    def without_eim(self, eim_id: str) -> CardState:
        """Remove an eIM."""
        return replace(self, eims=tuple(eim for eim in self.eims if eim.eim_id != eim_id))

    def enabled_only(self, iccid: bytes | None) -> CardState:
        """Enable this profile (None: none) and disable all others."""
        return replace(
            self, profiles=tuple(replace(profile, enabled=profile.iccid == iccid) for profile in self.profiles)
        )


def isdp_aid(number: int) -> bytes:
    """AID of the ISD-P with this number; the first is 0x0010."""
    return ISDP_AID_HEAD + number.to_bytes(2, "big") + b"\x00"
