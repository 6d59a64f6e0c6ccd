"""What an operator orders from the SM-DP+, as plain JSON: the form of the control API and of `ipad-hil smdp order`.

    {"matchingId": "A-1", "profile": {"iccid": "8949...", "imsi": "00101...", "size": 60000}, "eid": null,
     "metadata": {"profileName": "Meter", "policyRules": [2], "owner": "00101"}, "confirmationCode": "1234",
     "protectionKeys": true, "downloadLimit": 3, "codeLimit": 3, "expiresIn": 3600, "rebinding": true, "event": true,
     "released": true}

`upp` (hexadecimal DER) stands in place of `profile` for a package from elsewhere. An unknown key is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from hil import codec, tlv
from hil.aka import AkaKey
from hil.json_fields import FieldError, Fields
from hil.smdp.orders import Metadata, Order, ProfileState, confirmation_hash
from hil.upp.builder import UsimProfile, build
from hil.upp.files import UppError
from hil.upp.reader import read

_CLASSES: Final = {"test": 0, "provisioning": 1, "operational": 2}
_RULES: Final = ("updateControl", "ppr1", "ppr2")
_LARGEST: Final = 1_500_000


@dataclass(frozen=True)
class PackageFacts:
    """What an order needs to know of a package. `imsi` and `aka` are None where they cannot be read."""

    iccid: str
    imsi: str | None = None
    aka: AkaKey | None = None


def package_facts(package: bytes, *, unchecked: bool = False) -> PackageFacts:
    """Read an unprotected profile package; `unchecked` takes one that eUICCs refuse. Raises FieldError."""
    try:
        content = read(package)
        return PackageFacts(_digits(content.iccid), content.imsi, content.aka)
    except UppError as error:
        if not unchecked:
            raise FieldError(f"the package cannot be installed: {error} (PEStatus {error.code.name})") from error
    try:
        plain = tlv.find(tlv.first(package).raw, 0xA0, 0x83).value.hex().upper().rstrip("F")
    except tlv.TlvError as error:
        raise FieldError(f"no profile package: {error}") from error
    return PackageFacts(plain)


def read_order(value: object, now: datetime) -> Order:
    """An order from JSON. Raises FieldError."""
    fields = Fields(value, "order")
    package, facts, provider = _package(fields)
    code = fields.take("confirmationCode", str)
    expires_in = fields.take("expiresIn", int)
    order = Order(
        fields.take("matchingId", str, ""),
        _metadata(fields.take("metadata", dict, {}), facts, provider),
        package,
        eid=_eid(fields.take("eid", str)),
        confirmation_hash=None if code is None else confirmation_hash(code),
        use_protection_keys=fields.take("protectionKeys", bool, False),
        rebinding_allowed=fields.take("rebinding", bool, True),
        expires=None if expires_in is None else now + timedelta(seconds=expires_in),
        download_limit=fields.take("downloadLimit", int, 10),
        code_limit=fields.take("codeLimit", int, 3),
        event=fields.take("event", bool, False),
        state=ProfileState.RELEASED if fields.take("released", bool, True) else ProfileState.CONFIRMED,
    )
    fields.finish()
    if not order.matching_id and order.eid is None:
        raise FieldError("order: without a matching id it must be bound to an EID")
    if order.event and (order.eid is None or not order.matching_id):
        raise FieldError("order: an event needs an EID and a matching id")
    try:
        order.metadata.encode("smdp.example.com")
    except codec.CodecError as error:
        raise FieldError(f"order.metadata: {error}") from error
    return order


def _package(fields: Fields) -> tuple[bytes, PackageFacts, str]:
    """The package, what it says, and the name of its service provider."""
    given = fields.octets("upp")
    unchecked = fields.take("unchecked", bool, False)
    described = fields.take("profile", dict)
    if (given is None) == (described is None):
        raise FieldError("order: expected either upp or profile")
    if given is not None:
        return given, package_facts(given, unchecked=unchecked), "Test"
    profile = _profile(described)
    package = build(profile)
    return package, package_facts(package), profile.service_provider_name


def _profile(value: Mapping[str, Any]) -> UsimProfile:
    fields = Fields(value, "order.profile")
    iccid, imsi = fields.take("iccid", str, required=True), fields.take("imsi", str, required=True)
    if not (iccid.isdecimal() and 18 <= len(iccid) <= 20):
        raise FieldError(f"order.profile.iccid: expected 18 to 20 digits, found {iccid!r}")
    if not (imsi.isdecimal() and 6 <= len(imsi) <= 15):
        raise FieldError(f"order.profile.imsi: expected 6 to 15 digits, found {imsi!r}")
    size = fields.take("size", int, 0)
    if not 0 <= size <= _LARGEST:
        raise FieldError(f"order.profile.size: expected at most {_LARGEST}, found {size}")
    defaults = UsimProfile(iccid=iccid, imsi=imsi)
    profile = UsimProfile(
        iccid=iccid,
        imsi=imsi,
        size=size,
        mnc_length=fields.take("mncLength", int, 2),
        service_provider_name=fields.take("serviceProviderName", str, defaults.service_provider_name),
        key=_key(fields, "key", defaults.key),
        opc=_key(fields, "opc", defaults.opc),
        gid1=fields.octets("gid1"),
        algorithm=fields.take("algorithm", int, defaults.algorithm),
    )
    fields.finish()
    return profile


def _key(fields: Fields, name: str, default: bytes) -> bytes:
    found = fields.octets(name) or default
    if len(found) != 16:
        raise FieldError(f"order.profile.{name}: expected 16 bytes, found {len(found)}")
    return found


def _metadata(value: Mapping[str, Any], facts: PackageFacts, provider: str) -> Metadata:
    fields = Fields(value, "order.metadata")
    rules = fields.take("policyRules", list, [])
    if any(rule not in _RULES for rule in rules):
        raise FieldError(f"order.metadata.policyRules: expected some of {', '.join(_RULES)}, found {rules!r}")
    profile_class = fields.take("profileClass", str, "operational")
    if profile_class not in _CLASSES:
        raise FieldError(f"order.metadata.profileClass: expected one of {', '.join(_CLASSES)}")
    owner = fields.take("owner", str)
    metadata = Metadata(
        iccid=fields.take("iccid", str, facts.iccid),
        service_provider_name=fields.take("serviceProviderName", str, provider),
        profile_name=fields.take("profileName", str, f"{provider} {facts.iccid[-4:]}"),
        profile_class=_CLASSES[profile_class],
        policy_rules=tuple(_RULES.index(rule) for rule in rules),
        owner_mcc_mnc=None if owner is None else _plmn(owner),
        owner_gid1=fields.octets("ownerGid1"),
        fallback_allowed=fields.take("fallbackAllowed", bool),
        ecall_indication=fields.take("ecallIndication", bool),
    )
    fields.finish()
    return metadata


def _plmn(digits: str) -> bytes:
    if not (digits.isdecimal() and len(digits) in (5, 6)):
        raise FieldError(f"order.metadata.owner: expected 5 or 6 digits, found {digits!r}")
    mcc, mnc = digits[:3], digits[3:].ljust(3, "F")
    return bytes.fromhex(mcc[1] + mcc[0] + mnc[2] + mcc[2] + mnc[1] + mnc[0])


def _eid(text: str | None) -> str | None:
    if text is not None and not (text.isdecimal() and len(text) == 32):
        raise FieldError(f"order.eid: expected 32 digits, found {text!r}")
    return text


def _digits(iccid: bytes) -> str:
    return "".join(f"{octet & 15:x}{octet >> 4:x}" for octet in iccid).rstrip("f")
