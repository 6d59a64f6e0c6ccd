from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from hil import codec
from hil.asn1 import loader
from hil.codec import CodecError, bits, decode, encode, has_bit
from tests.vectors.sgp32 import MESSAGES, VECTORS

EID = bytes.fromhex("89049032001234567890000000100070")
CERTIFICATE = bytes.fromhex("300A30030201053000030100")


def test_plain_poll_has_the_bytes_of_the_specification() -> None:
    data = bytes.fromhex("BF4F125A1089049032001234567890000000100070")
    assert encode("GetEimPackageRequest", {"eidValue": EID}) == data
    assert decode("GetEimPackageRequest", data) == {"eidValue": EID}


def test_null_is_a_key_with_none() -> None:
    data = encode("GetEimPackageRequest", {"eidValue": EID, "notifyStateChange": None, "stateChangeCause": 127})
    assert data.endswith(bytes.fromhex("800081017F"))
    assert decode("GetEimPackageRequest", data)["notifyStateChange"] is None


def test_certificate_under_an_implicit_tag_is_whole_in_python_and_bare_on_the_wire() -> None:
    value = ("certs", {"eumCertificate": CERTIFICATE, "euiccCertificate": CERTIFICATE})
    data = bytes.fromhex("BF561AA018A50A30030201053000030100A60A30030201053000030100")
    assert encode("GetCertsResponse", value) == data
    assert decode("GetCertsResponse", data) == value


def test_nested_certificate_of_a_peer_is_taken_out() -> None:
    implicit = {"eimId": "a", "eimPublicKeyData": ("eimCertificate", CERTIFICATE)}
    nested = bytes.fromhex("30138001 61A50EA10C".replace(" ", "")) + CERTIFICATE
    assert decode("EimConfigurationData", nested) == implicit


def test_key_that_is_no_pair_of_elements_is_refused() -> None:
    with pytest.raises(CodecError, match=r"EimConfigurationData: eimPublicKeyData: eimPublicKey: .* 2 elements"):
        encode("EimConfigurationData", {"eimId": "a", "eimPublicKeyData": ("eimPublicKey", CERTIFICATE)})


def test_named_bits_are_written_without_trailing_zeros() -> None:
    assert encode("EuiccMemoryResetRequest", {"resetOptions": (b"\x84\x00", 16)}).hex() == "bf640482020284"
    assert encode("NotificationEvent", (b"\x00", 4)).hex() == "030100"


def test_bits_are_made_and_read_by_position() -> None:
    assert bits(0, 5) == (b"\x84", 6)
    assert bits() == (b"", 0)
    assert has_bit((b"\x84", 6), 5)
    assert not has_bit((b"\x84", 6), 1)
    assert not has_bit((b"\x84", 6), 9)


def test_default_is_filled_in_when_read_and_left_out_when_written() -> None:
    value = {"iccid": bytes(10), "serviceProviderName": "a", "profileName": "b", "profileClass": 2}
    data = encode("StoreMetadataRequest", value)
    assert b"\x95" not in data
    assert decode("StoreMetadataRequest", data) == value


@pytest.mark.parametrize(("number", "content"), [(128, "0080"), (-1, "ff"), (0x800000, "00800000"), (0, "00")])
def test_integers_are_minimal_twos_complement(number: int, content: str) -> None:
    assert encode("SequenceNumber", number)[2:].hex() == content
    assert decode("SequenceNumber", encode("SequenceNumber", number)) == number


@pytest.mark.parametrize("oid", ["2.999.10", "2.23.146.1.2.1.4", "1.3.6.1.4.1.53775", "0.39.1", "1.39.1", "2.0.1"])
def test_object_identifiers_survive_also_in_the_example_arc(oid: str) -> None:
    assert decode("DpProprietaryData", encode("DpProprietaryData", {"dpOid": oid})) == {"dpOid": oid}


def test_upper_layer_replaces_names_of_the_lower_ones_also_inside_their_types() -> None:
    assert encode("EuiccMemoryResetRequest", {"resetOptions": bits(0)})[:2].hex() == "bf64"
    assert encode("SGP22.EuiccMemoryResetRequest", {"resetOptions": bits(0)})[:2].hex() == "bf34"
    listed = ("eimIdList", [{"eimId": "a", "eimIdType": 2}])
    assert encode("ListEimResult", listed).hex() == "a0083006800161820102"
    assert encode("SGP32V10.ListEimResult", listed).hex() == "a0083006800161840102"


def test_long_length_forms_and_other_orders_are_read() -> None:
    assert decode("GetEimPackageRequest", bytes.fromhex("BF4F8115") + bytes.fromhex("820300F1105A10") + EID) == {
        "eidValue": EID,
        "rPLMN": bytes.fromhex("00F110"),
    }


def test_unknown_members_are_skipped() -> None:
    assert decode("EimIdInfo", bytes.fromhex("3006800161 8F0105".replace(" ", ""))) == {"eimId": "a"}


def test_unknown_alternatives_are_named_unknown() -> None:
    assert decode("GetEimPackageResponse", bytes.fromhex("BF4F04BF660105")) == (codec.UNKNOWN, None)
    assert decode("EuiccPackage", bytes.fromhex("A0039F4400")) == ("psmoList", [(codec.UNKNOWN, None)])


@pytest.mark.parametrize(
    ("type_name", "variant", "specified"),
    [
        ("ProfileRollbackRequest", "BF58030101FF", "BF58038001FF"),
        ("ReturnFromFallbackRequest", "BF5E03010100", "BF5E03800100"),
        ("GetCertsRequest", "BF56040402AABB", "BF56048002AABB"),
        ("CancelSessionRequestEsipa", "BF410B800101A106BF4103810105", "BF4108800101A103810105"),
        ("CancelSessionRequestEsipa", "BF4109800101BF4103810105", "BF4108800101A103810105"),
        (
            "CancelSessionRequestEsipa",
            "BF4117800101A112A010300A800101060288378101035F370101",
            "BF4117800101A112A010300A800101810288378201035F370101",
        ),
    ],
)
def test_variants_of_peers_are_read_and_the_specified_form_is_written(
    type_name: str, variant: str, specified: str
) -> None:
    assert encode(type_name, decode(type_name, bytes.fromhex(variant))).hex() == specified.lower()


def test_wrong_sizes_are_read_but_not_written() -> None:
    short = bytes.fromhex("BF4F035A0189")
    assert decode("GetEimPackageRequest", short) == {"eidValue": b"\x89"}
    with pytest.raises(CodecError, match=r"GetEimPackageRequest.*eidValue"):
        encode("GetEimPackageRequest", {"eidValue": b"\x89"})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("BF4F125A1089", "GetEimPackageRequest: .*18"),
        ("BF4F00", "GetEimPackageRequest: .*eidValue"),
        ("BF5000", "GetEimPackageRequest: .*bf4f"),
        ("BF4F125A108904903200123456789000000010007000", "1 bytes follow"),
        ("BF", "GetEimPackageRequest"),
        ("", "GetEimPackageRequest"),
    ],
)
def test_bytes_that_do_not_fit_are_refused_with_type_and_place(data: str, message: str) -> None:
    with pytest.raises(CodecError, match=message):
        decode("GetEimPackageRequest", bytes.fromhex(data))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "eidValue"),
        ({"eidValue": EID, "eid": EID}, "no such member: eid"),
        ({"eidValue": "89"}, "eidValue"),
        ({"eidValue": EID, "stateChangeCause": "fallback"}, "stateChangeCause"),
        ([], "GetEimPackageRequest"),
        (None, "GetEimPackageRequest"),
    ],
)
def test_values_that_do_not_fit_are_refused(value: object, message: str) -> None:
    with pytest.raises(CodecError, match=message):
        encode("GetEimPackageRequest", value)


def test_alternatives_and_types_that_do_not_exist_are_refused() -> None:
    with pytest.raises(CodecError, match="no such alternative: nothing"):
        encode("EuiccPackage", ("nothing", []))
    with pytest.raises(CodecError, match="there is no such type"):
        decode("GetEimPackage", b"")
    with pytest.raises(CodecError, match="there is no such type"):
        decode("SGP02.ProfileInfo", b"")


def test_place_in_a_list_is_told() -> None:
    package = ("ecoList", [("listEim", {}), ("addEim", {"eimID": "a"})])
    with pytest.raises(CodecError, match=r"EuiccPackage: ecoList: 1: addEim: no such member: eimID"):
        encode("EuiccPackage", package)


def test_parsed_modules_are_kept_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    parsed = loader.load_modules()
    [kept] = (tmp_path / "ipad-hil").iterdir()
    monkeypatch.setattr("hil.asn1.loader.asn1tools.parse_string", lambda _: pytest.fail("parsed again"))
    assert loader.load_modules() == parsed
    assert kept.name.startswith("asn1-")


def test_damaged_cache_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    parsed = loader.load_modules()
    [kept] = (tmp_path / "ipad-hil").iterdir()
    for damage in ("{}", "("):
        kept.write_text(damage)
        assert loader.load_modules() == parsed
        assert len(kept.read_text()) > 1000


def test_cache_that_cannot_be_written_only_costs_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "ProfileInfo" in loader.load_modules()["SGP32"]["types"]


def test_element_of_a_list_that_is_none_is_refused_and_not_looked_at_for_ever() -> None:
    with pytest.raises(CodecError, match="GetEimConfigurationDataResponse"):
        decode("GetEimConfigurationDataResponse", bytes.fromhex("BF5505A003040100"))


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_message_in_which_any_octet_fell_over_is_read_or_refused(name: str) -> None:
    kind = VECTORS[name].get("bench", VECTORS[name]["type"])
    message = MESSAGES[name]
    for position in range(len(message)):
        for bit in (0x01, 0x04, 0x20):
            damaged = message[:position] + bytes([message[position] ^ bit]) + message[position + 1 :]
            with contextlib.suppress(CodecError):
                decode(kind, damaged)
