"""What a card is made with: identity, kind, capabilities and the profiles that the factory installed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag, StrEnum

from hil.euicc.identifiers import luhn_digit

DEFAULT_ATR = bytes.fromhex("3B9F95801FC78031E073FE2113574A330E0A333530A0")
"""T=0, 15 historical bytes of a UICC with logical channels (TS 102 221 6.3)."""


DEFAULT_EID = "89049032001234567890000000100070"
"""The EID of the published SGP.32 examples; its check digits are right."""


class EuiccKind(StrEnum):
    """Which specification the ISD-R follows."""

    IOT = "iot"
    """SGP.32 v1.2: profile states change by signed eUICC Packages only."""
    CONSUMER = "consumer"
    """SGP.22 v2 without any SGP.32 function."""


class NotificationEvent(IntFlag):
    """First octet of the BIT STRING of the same name (SGP.22 2.4a.1.2)."""

    INSTALL = 0x80
    ENABLE = 0x40
    DISABLE = 0x20
    DELETE = 0x10


ALL_EVENTS = NotificationEvent.INSTALL | NotificationEvent.ENABLE | NotificationEvent.DISABLE | NotificationEvent.DELETE


class PolicyRule(IntFlag):
    """First octet of the BIT STRING PprIds (SGP.22 2.4.5.3)."""

    NONE = 0
    UPDATE_CONTROL = 0x80
    PPR1 = 0x40
    """The profile may not be disabled."""
    PPR2 = 0x20
    """The profile may not be deleted."""


class ProfileClass(IntEnum):
    """SGP.22 2.4a.1.4."""

    TEST = 0
    PROVISIONING = 1
    OPERATIONAL = 2


@dataclass(frozen=True, slots=True)
class NotificationTarget:
    """One NotificationConfigurationInformation: these events are told to this server."""

    events: NotificationEvent
    address: str


@dataclass(frozen=True, slots=True)
class OperatorId:
    """`mcc_mnc`: three octets of TS 24.008; a nibble E in a rule is a wildcard (SGP.22 2.9.1)."""

    mcc_mnc: bytes
    gid1: bytes | None = None
    gid2: bytes | None = None


@dataclass(frozen=True, slots=True)
class AuthorisationRule:
    """One ProfilePolicyAuthorisationRule of the RAT (SGP.22 2.9.1)."""

    rules: PolicyRule
    operators: tuple[OperatorId, ...]
    consent_required: bool = True


@dataclass(frozen=True, slots=True)
class ProfileSpec:
    """A pre-installed profile. `iccid`, `imsi` and `plmn` are digits ("001-01"), the rest is its metadata."""

    iccid: str
    imsi: str
    plmn: str
    service_provider_name: str
    profile_name: str
    nickname: str | None = None
    profile_class: ProfileClass = ProfileClass.OPERATIONAL
    enabled: bool = False
    notifications: tuple[NotificationTarget, ...] = ()
    owner: OperatorId | None = None
    policy_rules: PolicyRule = PolicyRule.NONE
    ecall_indication: bool | None = None
    fallback_allowed: bool | None = None
    fallback_attribute: bool = False
    isdp_aid: bytes | None = None
    """None: the card numbers its ISD-Ps from 0010."""
    http_params: bytes | None = None
    """COMPREHENSION-TLVs of the bearer (SGP.32 5.9.24); None: the profile has none."""
    preloaded: bool = True
    """For a test profile: whether the factory or a download put it there (memory reset tells them apart)."""


@dataclass(frozen=True, slots=True)
class EuiccCapabilities:
    """The parts of EUICCInfo2 that do not follow from the state. Versions are three octets."""

    profile_version: bytes = bytes((2, 3, 1))
    svn: bytes = bytes((2, 5, 0))
    firmware_version: bytes = bytes((1, 0, 0))
    ts102241_version: bytes = bytes((12, 0, 0))
    globalplatform_version: bytes = bytes((2, 3, 0))
    pp_version: bytes = bytes((1, 0, 0))
    sas_accreditation_number: str = "VIRTUAL-UP-0001"
    uicc_capability: tuple[int, ...] = (1, 4, 6, 19, 20, 21)
    """Bits of UICCCapability: usim, akaMilenage, akaTuak128, berTlvFile, dfLink, catTp."""
    rsp_capability: tuple[int, ...] = (0, 3)
    """Bits of RspCapability: additionalProfile, testProfileSupport."""
    iot_versions: tuple[bytes, ...] = (bytes((1, 2, 0)),)
    ecall_supported: bool = True
    fallback_supported: bool = True
    ipae_supported: bool = False
    eim_reset_supported: bool = True
    immediate_enable_reset_supported: bool = True
    nonvolatile_bytes: int = 1_048_576
    """Memory for profiles; extCardResource tells what is left of it."""
    volatile_bytes: int = 11_264
    isdp_bytes: int = 65_536
    """What one pre-installed profile takes of the memory."""


@dataclass(frozen=True, slots=True)
class CardConfig:
    """Everything the factory decides."""

    eid: str
    kind: EuiccKind = EuiccKind.IOT
    profiles: tuple[ProfileSpec, ...] = ()
    default_smdp_address: str = ""
    root_smds_address: str = "testrootsmds.example.com"
    rules_authorisation_table: tuple[AuthorisationRule, ...] = ()
    capabilities: EuiccCapabilities = EuiccCapabilities()
    atr: bytes = DEFAULT_ATR
    highest_channel: int = 19
    """Last logical channel, 1 to 19."""
    first_sequence_number: int = 1
    first_association_token: int = 1


def make_iccid(body: str) -> str:
    """Append the Luhn digit to 18 or 19 digits."""
    return body + luhn_digit(body)


def default_card(
    kind: EuiccKind = EuiccKind.IOT, smdp_address: str = "smdp.example.com", eid: str = DEFAULT_EID
) -> CardConfig:
    """The card of the rig: four operational profiles of three test networks, the first enabled and set for fallback."""
    targets = (NotificationTarget(ALL_EVENTS, smdp_address),)
    iot = kind is EuiccKind.IOT
    profiles = (
        ProfileSpec(
            iccid=make_iccid("8949000000000000001"),
            imsi="001010000000001",
            plmn="001-01",
            service_provider_name="Testnet One",
            profile_name="One IoT",
            enabled=True,
            notifications=targets,
            http_params=_bearer("iot.one"),
            fallback_allowed=True if iot else None,
            fallback_attribute=iot,
        ),
        ProfileSpec(
            iccid=make_iccid("8949000000000000002"),
            imsi="001020000000002",
            plmn="001-02",
            service_provider_name="Testnet Two",
            profile_name="Two IoT",
            notifications=targets,
            http_params=_bearer("iot.two"),
            fallback_allowed=True if iot else None,
        ),
        ProfileSpec(
            iccid=make_iccid("894900000000000003"),
            imsi="999700000000003",
            plmn="999-70",
            service_provider_name="Private Seventy",
            profile_name="Plant",
            notifications=targets,
        ),
        ProfileSpec(
            iccid=make_iccid("8949000000000000004"),
            imsi="001010000000004",
            plmn="001-01",
            service_provider_name="Testnet One",
            profile_name="One Emergency",
            notifications=targets,
            ecall_indication=True if iot else None,
        ),
    )
    return CardConfig(
        eid=eid,
        kind=kind,
        profiles=profiles,
        default_smdp_address=smdp_address,
        rules_authorisation_table=(
            AuthorisationRule(
                PolicyRule.PPR1 | PolicyRule.PPR2, (OperatorId(b"\xee\xee\xee", gid1=b"", gid2=b""),), True
            ),
        ),
    )


def _bearer(access_point: str) -> bytes:
    """Bearer description (default bearer) and network access name (TS 102 223 8.52, 8.70)."""
    name = b"".join(bytes([len(label)]) + label.encode() for label in access_point.split("."))
    return bytes.fromhex("350103") + bytes([0x47, len(name)]) + name
