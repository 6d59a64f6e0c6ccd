"""Values that both codecs are fed with, and the common ground on which their results are compared."""

from __future__ import annotations

from typing import Any, Final

from hil import codec, tlv

INTEGERS: Final = (0, 1, -1, 127, 128, -128, -129, 255, 256, 0x7FFFFF, 0x800000, 0x7FFFFFFF, 0x80000000, 2**63)
OIDS: Final = ("2.999.10", "2.23.146.1.2.1.4", "1.3.6.1.4.1.53775.1.5.1", "0.9.2342", "2.47.1", "2.16384.128")
BITS: Final = ((b"", 0), (b"\x80", 1), (b"\x05\x00\x20", 19), (b"\xff", 8))

CERTIFICATES: Final = (
    bytes.fromhex("300A30030201053000030100"),
    tlv.build(0x30, tlv.build(0x30, bytes(200)), bytes.fromhex("300A06082A8648CE3D040302"), tlv.build(0x03, bytes(71))),
)
KEYS: Final = (
    tlv.build(
        0x30, bytes.fromhex("301306072A8648CE3D020106082A8648CE3D030107"), tlv.build(0x03, b"\x00\x04" + bytes(64))
    ),
)
EXTENSIONS: Final = (
    codec.encode("VendorSpecificExtension", []),
    codec.encode("VendorSpecificExtension", [{"vendorOid": "2.999.7", "vendorSpecificData": b"\x04\x02\x01\x02"}]),
)
PACKAGES: Final = (
    codec.encode(
        "BoundProfilePackage",
        {
            "initialiseSecureChannelRequest": {
                "remoteOpId": 1,
                "transactionId": bytes(8),
                "controlRefTemplate": {"keyType": b"\x88", "keyLen": b"\x10", "hostId": b"host"},
                "smdpOtpk": bytes(65),
                "smdpSign": bytes(64),
            },
            "firstSequenceOf87": [b"\x01"],
            "sequenceOf88": [b"\x02", b"\x03"],
            "sequenceOf86": [bytes(200), b"\x04"],
        },
    ),
)

OPAQUE: Final = {
    "Certificate": CERTIFICATES,
    "CertificateList": CERTIFICATES,
    "SubjectPublicKeyInfo": KEYS,
}
"""Types that both carry as a whole TLV, with values for them."""

KEPT_WHOLE: Final = ("VendorSpecificExtension", "BoundProfilePackage")
"""Types that the agent carries as a whole TLV and the bench takes apart."""


def opaque(owner: str, field: str) -> tuple[bytes, ...]:
    """Whole TLVs that fit a field which the agent carries unopened."""
    if "certificate" in field or field == "crl":
        return CERTIFICATES
    if "bound_profile_package" in field:
        return PACKAGES
    if "service_specific" in field or "proprietary" in field:
        return EXTENSIONS
    if "pk" in field or "public_key" in field:
        return KEYS
    raise AssertionError(f"nothing is known that fits {owner}.{field}")


def key(name: str) -> str:
    """A member's name as both sides spell it."""
    return name.replace("_", "").lower()


def positions(octets: bytes, size: int) -> frozenset[int]:
    """The set bits of a BIT STRING."""
    return frozenset(bit for bit in range(size) if codec.has_bit((octets, size), bit))


def plain(type_name: str, value: Any) -> Any:
    """A value of the bench's codec on the common ground."""
    return _plain({"type": type_name}, value)


def _plain(descriptor: dict[str, Any], value: Any) -> Any:
    kind = descriptor["type"]
    types = codec.type_descriptors()
    if kind in KEPT_WHOLE:
        return codec.encode(kind, value)
    if kind in types:
        return value if kind in OPAQUE else _plain(types[kind], value)
    if kind == "SEQUENCE OF":
        return [_plain(descriptor["element"], item) for item in value]
    if kind == "SEQUENCE":
        members = {member["name"]: member for member in descriptor["members"] if member is not None}
        return {key(name): _plain(members[name], item) for name, item in value.items()}
    if kind == "CHOICE":
        members = {member["name"]: member for member in descriptor["members"] if member is not None}
        name, item = value
        return key(name), _plain(members[name], item)
    return positions(*value) if kind == "BIT STRING" else value
