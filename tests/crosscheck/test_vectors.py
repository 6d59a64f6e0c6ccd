"""Known messages, byte for byte: both codecs, and the signatures in them.

Keys of signatures are P-256 with the scalars 11..11 (eIM) and 22..22 (eUICC). The association token is 1, but
the eIM of EP14 has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from hil import codec, crypto, tlv
from tests.crosscheck import agent_schema, material
from tests.vectors import sgp32

EIM_KEY = crypto.key_from_scalar(int.from_bytes(b"\x11" * 32, "big"))
EUICC_KEY = crypto.key_from_scalar(int.from_bytes(b"\x22" * 32, "big"))
CLASSES = {cls.__name__.lower(): cls for cls in agent_schema.classes()}

CERTIFICATE = bytes.fromhex(
    "308201213081C7A003020102020101300A06082A8648CE3D040302301A3118301606035504030C0F65696D2E6578616D706C652E636F6D30"
    "1E170D3235303130313030303030305A170D3435303130313030303030305A301A3118301606035504030C0F65696D2E6578616D706C652E"
    "636F6D3059301306072A8648CE3D020106082A8648CE3D030107034200040217E617F0B6443928278F96999E69A23A4F2C152BDF6D6CDF66"
    "E5B80282D4ED194A7DEBCB97712D2DDA3CA85AA8765A56F45FC758599652F2897C65306E5794300A06082A8648CE3D040302034900304602"
    "2100D5976F0D2D49FF0A41CBC07496AFAF4EBFD7EDEBA1E13769705F57B9D2FCD0F9022100B3F2956E771240E38063C1434261BCA0E30E06"
    "0D4DE405A2D5F9DE4C37EC756D"
)
"""Of the eIM's key."""
CONFORMING_CANCEL_SESSION = "BF412980080102030405060708A11DA01B30128008010203040506070881038837048201035F3704DEADBEEF"
REWRITTEN = dict.fromkeys(("CS1", "CS2", "CS3"), CONFORMING_CANCEL_SESSION)
"""Forms of peers that are read only: smdpOid and reason with tags 06 and 81, response nested or untagged."""


class Vector(NamedTuple):
    key: str
    type_name: str
    data: bytes


TYPES = {name.lower(): name for name in codec.type_names()}
VECTORS = {
    key: Vector(key, vector.get("bench") or TYPES[vector["type"].lower()], sgp32.MESSAGES[key])
    for key, vector in sgp32.VECTORS.items()
    if not key.startswith("L")
}
"""Without the forms of peers, which only the agent reads."""
OF_V12 = [vector for vector in VECTORS.values() if not vector.type_name.startswith("SGP32V10.")]
each = pytest.mark.parametrize("vector", VECTORS.values(), ids=lambda vector: vector.key)


@each
def test_bench_reads_a_vector_and_writes_the_same_bytes(vector: Vector) -> None:
    value = codec.decode(vector.type_name, vector.data)
    expected = REWRITTEN.get(vector.key, vector.data.hex().upper())
    assert codec.encode(vector.type_name, value).hex().upper() == expected


@pytest.mark.parametrize("vector", OF_V12, ids=lambda vector: vector.key)
def test_agent_finds_in_a_vector_what_the_bench_finds(vector: Vector) -> None:
    type_name, value = vector.type_name, codec.decode(vector.type_name, vector.data)
    if type_name.startswith("EsipaMessage"):
        alternative, value = value
        members = codec.type_descriptors()[type_name]["members"]
        type_name = next(member["type"] for member in members if member and member["name"] == alternative)
    cls = CLASSES[type_name.lower()]
    read: Any = cls.decode(vector.data)
    expected = material.plain(type_name, value)
    assert agent_schema.plain(read) == expected
    assert agent_schema.rebuilt(read).encode() == bytes.fromhex(REWRITTEN.get(vector.key, vector.data.hex()))
    assert read.encode() == vector.data


def packages(data: bytes) -> Iterator[tlv.Tlv]:
    """Every BF51 inside, at any depth."""
    for element in tlv.children(data):
        if element.tag == 0xBF51:
            yield element
        elif element.constructed:
            yield from packages(element.value)


class Signed(NamedTuple):
    name: str
    key: crypto.PrivateKey
    data: bytes
    signature: bytes


def signed_parts() -> Iterator[Signed]:
    for vector in VECTORS.values():
        for number, package in enumerate(packages(vector.data)):
            name = f"{vector.key}-{number}"
            outer, *_ = inside = tlv.children(package.value)
            key = EIM_KEY
            if outer.tag == 0xA2:
                continue  # unsigned by definition
            if outer.tag in (0xA0, 0xA1):
                key, inside = EUICC_KEY, tlv.children(outer.value)
            token = 0 if vector.key == "EP14" else 1
            signed, signature = inside
            assert (signed.tag, signature.tag) == (0x30, 0x5F37)
            yield Signed(name, key, signed.raw + tlv.build(0x84, tlv.integer(token)), signature.value)


SIGNED = list(signed_parts())


@pytest.mark.parametrize("signed", SIGNED, ids=lambda signed: signed.name)
def test_signature_of_a_vector_verifies_and_can_be_made_again(signed: Signed) -> None:
    _, key, data, signature = signed
    assert crypto.verify(key.public_key(), signature, data)
    assert not crypto.verify(key.public_key(), signature, data + b"\0")
    assert crypto.sign(key, data) == signature


def test_vectors_hold_the_expected_number_of_signatures() -> None:
    assert len(VECTORS) == 167
    assert len(SIGNED) == 41


def test_known_certificate_keeps_its_bytes_under_an_implicit_tag() -> None:
    certificate = CERTIFICATE
    assert crypto.public_key_from_certificate(certificate) == EIM_KEY.public_key()
    value = {"eimId": "eim.example.com", "eimPublicKeyData": ("eimCertificate", certificate)}
    encoded = codec.encode("EimConfigurationData", value)
    assert tlv.find(encoded, 0x30, 0xA5, 0xA1).value == tlv.single(certificate, 0x30).value
    assert codec.decode("EimConfigurationData", encoded) == value
    read: Any = CLASSES["eimconfigurationdata"].decode(encoded)
    assert read.eim_public_key_data.eim_certificate == certificate
