"""What an eIM can ask of an IPA: builders for eUICC Packages, data requests and download triggers.

Source: SGP.32 2.11.1 (EuiccPackage, IpaEuiccDataRequest, ProfileDownloadTriggerRequest). The eIM adds
eimTransactionId, counterValue and signature when a package is handed out, so a `Content` is the part
that does not depend on them, in DER.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from hil import codec, tlv

ALL_DATA_TAGS: Final = (0xA0, 0x81, 0xA2, 0xBF20, 0xBF22, 0x83, 0x84, 0xA5, 0xA6, 0xA8, 0xA9)
"""Every object that an IpaEuiccDataRequest may ask for (SGP.32 2.11.1.2)."""


class ContentKind(StrEnum):
    """Which alternative of GetEimPackageResponse carries the content."""

    EUICC_PACKAGE = "euiccPackageRequest"
    DATA_REQUEST = "ipaEuiccDataRequest"
    DOWNLOAD_TRIGGER = "profileDownloadTriggerRequest"
    RAW = "raw"


@dataclass(frozen=True)
class Content:
    """One thing to be handed out.

    `body` by kind: the EuiccPackage CHOICE (A0 or A1 list); the BF52 or BF54 object without
    eimTransactionId (its last field); or, for RAW, the complete alternative, sent as it is.
    """

    kind: ContentKind
    body: bytes
    label: str
    held: str | None = None
    """Of a download trigger: the activation code that the eIM keeps to itself (eimDownloadDataHandling)."""
    confirmation_code: str | None = field(default=None, repr=False)
    """Of a download trigger: the confirmation code, if the eIM knows it."""


@dataclass(frozen=True)
class Command:
    """One Psmo or Eco in DER with words for people."""

    encoded: bytes
    label: str


def iccid_bytes(digits: str) -> bytes:
    """The 10 bytes of an ICCID given as 18..20 digits: swapped nibbles, filled with F."""
    if not digits.isdecimal() or not 18 <= len(digits) <= 20:
        raise ValueError(f"ICCID {digits!r}: expected 18 to 20 digits")
    padded = digits.ljust(20, "F")
    return bytes.fromhex("".join(padded[i + 1] + padded[i] for i in range(0, 20, 2)))


def iccid_text(packed: bytes) -> str:
    """The digits of a packed ICCID."""
    return "".join(f"{byte & 0xF:X}{byte >> 4:X}" for byte in packed).rstrip("F")


def tag_list(tags: Iterable[int]) -> bytes:
    """Concatenated BER tags, one or two bytes each."""
    return b"".join(tag.to_bytes(1 if tag <= 0xFF else 2) for tag in tags)


def _psmo(name: str, value: Any, label: str) -> Command:
    return Command(codec.encode("Psmo", (name, value)), label)


def _eco(name: str, value: Any, label: str) -> Command:
    return Command(codec.encode("Eco", (name, value)), label)


def enable(iccid: str, *, rollback: bool = False) -> Command:
    """Enable a profile (SGP.32 2.11.1.1.3), with rollbackFlag when asked."""
    value: dict[str, Any] = {"iccid": iccid_bytes(iccid)}
    if rollback:
        value["rollbackFlag"] = None
    return _psmo("enable", value, f"enable {iccid}" + (" with rollback" if rollback else ""))


def disable(iccid: str) -> Command:
    """Disable a profile."""
    return _psmo("disable", {"iccid": iccid_bytes(iccid)}, f"disable {iccid}")


def delete(iccid: str) -> Command:
    """Delete a disabled profile."""
    return _psmo("delete", {"iccid": iccid_bytes(iccid)}, f"delete {iccid}")


def list_profile_info(
    *,
    iccid: str | None = None,
    aid: bytes | None = None,
    profile_class: int | None = None,
    tags: Iterable[int] | None = None,
) -> Command:
    """listProfileInfo with at most one search criterion and an optional tag list."""
    criteria: list[tuple[str, Any]] = []
    if iccid is not None:
        criteria.append(("iccid", iccid_bytes(iccid)))
    if aid is not None:
        criteria.append(("isdpAid", aid))
    if profile_class is not None:
        criteria.append(("profileClass", profile_class))
    if len(criteria) > 1:
        raise ValueError("listProfileInfo takes one search criterion")
    value: dict[str, Any] = {"searchCriteria": criteria[0]} if criteria else {}
    if tags is not None:
        value["tagList"] = tag_list(tags)
    return _psmo("listProfileInfo", value, "listProfileInfo")


def get_rat() -> Command:
    """Read the Rules Authorisation Table."""
    return _psmo("getRAT", {}, "getRAT")


def configure_immediate_enable(
    *, enabled: bool = True, smdp_oid: str | None = None, smdp_address: str | None = None
) -> Command:
    """Switch Immediate Profile Enabling on or off (SGP.32 3.4.4)."""
    value: dict[str, Any] = {"immediateEnableFlag": None} if enabled else {}
    if smdp_oid is not None:
        value["defaultSmdpOid"] = smdp_oid
    if smdp_address is not None:
        value["defaultSmdpAddress"] = smdp_address
    return _psmo("configureImmediateEnable", value, f"configureImmediateEnable {'on' if enabled else 'off'}")


def set_fallback(iccid: str) -> Command:
    """Give the Fallback Attribute to a profile (SGP.32 3.4.6)."""
    return _psmo("setFallbackAttribute", {"iccid": iccid_bytes(iccid)}, f"setFallbackAttribute {iccid}")


def unset_fallback() -> Command:
    """Take the Fallback Attribute away (SGP.32 3.4.7)."""
    return _psmo("unsetFallbackAttribute", {}, "unsetFallbackAttribute")


def set_default_dp(address: str) -> Command:
    """Set the default SM-DP+ address; an empty text removes it."""
    return _psmo("setDefaultDpAddress", {"defaultDpAddress": address}, f"setDefaultDpAddress {address or '(none)'}")


def add_eim(configuration: bytes) -> Command:
    """Associate another eIM; `configuration` is an EimConfigurationData in DER (30...)."""
    value = codec.decode("EimConfigurationData", configuration)
    return _eco("addEim", value, f"addEim {value['eimId']}")


def update_eim(configuration: bytes) -> Command:
    """Change the given fields of an associated eIM."""
    value = codec.decode("EimConfigurationData", configuration)
    return _eco("updateEim", value, f"updateEim {value['eimId']}")


def delete_eim(eim_id: str) -> Command:
    """Remove an associated eIM."""
    return _eco("deleteEim", {"eimId": eim_id}, f"deleteEim {eim_id}")


def list_eim() -> Command:
    """List the associated eIMs."""
    return _eco("listEim", {}, "listEim")


def unknown_command() -> Command:
    """A PSMO that no specification defines (`BF6F 00`)."""
    return Command(tlv.build(0xBF6F, b""), "unknown command BF6F")


def psmo_package(*commands: Command) -> Content:
    """An eUICC Package with a psmoList, in the given order."""
    return _package(0xA0, commands)


def eco_package(*commands: Command) -> Content:
    """An eUICC Package with an ecoList, in the given order."""
    return _package(0xA1, commands)


def _package(tag: int, commands: tuple[Command, ...]) -> Content:
    body = tlv.build(tag, b"".join(command.encoded for command in commands))
    return Content(ContentKind.EUICC_PACKAGE, body, ", ".join(command.label for command in commands) or "empty list")


def data_request(
    tags: Iterable[int] = ALL_DATA_TAGS,
    *,
    ci_key_id: bytes | None = None,
    notification_seq: int | None = None,
    notification_event: int | None = None,
    result_seq: int | None = None,
) -> Content:
    """An IpaEuiccDataRequest; `notification_event` is the bit number of a NotificationEvent."""
    asked = tuple(tags)
    value: dict[str, Any] = {"tagList": tag_list(asked)}
    if ci_key_id is not None:
        value["euiccCiPKIdentifierToBeUsed"] = ci_key_id
    if notification_seq is not None:
        value["searchCriteriaNotification"] = ("seqNumber", notification_seq)
    elif notification_event is not None:
        value["searchCriteriaNotification"] = (
            "profileManagementOperation",
            (bytes([0x80 >> notification_event]), notification_event + 1),
        )
    if result_seq is not None:
        value["searchCriteriaEuiccPackageResult"] = ("seqNumber", result_seq)
    label = "data request " + " ".join(f"{tag:X}" for tag in asked)
    return Content(ContentKind.DATA_REQUEST, codec.encode("IpaEuiccDataRequest", value), label)


def download_trigger(
    *,
    activation_code: str | None = None,
    default_smdp: bool = False,
    smds: str | None = None,
    held: str | None = None,
    confirmation_code: str | None = None,
) -> Content:
    """A ProfileDownloadTriggerRequest; without arguments, or with `held` alone, it carries no download data.

    `smds` is an SM-DS address, the empty text stands for the root SM-DS of the eUICC. `held` is the activation code of
    download data that stay with the eIM. `confirmation_code` is used in an indirect download.
    """
    if sum((activation_code is not None, default_smdp, smds is not None, held is not None)) > 1:
        raise ValueError("a download trigger names one source")
    data: tuple[str, Any] | None = None
    if activation_code is not None:
        data = ("activationCode", activation_code)
    elif default_smdp:
        data = ("contactDefaultSmdp", None)
    elif smds is not None:
        data = ("contactSmds", {"smdsAddress": smds} if smds else {})
    value = {} if data is None else {"profileDownloadData": data}
    label = "download trigger" if data is None else f"download trigger {data[0]}"
    body = codec.encode("ProfileDownloadTriggerRequest", value)
    return Content(ContentKind.DOWNLOAD_TRIGGER, body, label, held, confirmation_code)


def raw_package(body: bytes) -> Content:
    """An arbitrary alternative, sent inside BF4F as it is."""
    return Content(ContentKind.RAW, body, f"raw {body[:4].hex().upper()}")
