from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from hil import crypto, tlv
from hil.crypto import BRAINPOOL, P256, CryptoError, Curve

# Worked example of SGP.22 key agreement and signatures on P-256.
OTSK_EUICC = 0x4F6190FC2793266342742C390D4AE11D2EC154229AB774744C5211CDB2235B22
OTPK_EUICC = bytes.fromhex(
    "042B55604188565F44EBDEE6D8371B61AD31721677A054326AB6E8556AEC8C99EB"
    "2E0C937628A780CEE4FB438B7A5EBA4B99604AD63E97AEAEB451613181543621"
)
OTSK_DP = 0x86D71A255CF30CE88DFE19B9B1DC3FD76F23B59CEA3322746FAF5C62F90A3DAA
OTPK_DP = bytes.fromhex(
    "04BCB8B51D3B20F7CB1E53171B8F53BEC1DE10BC2B4480A0C3DB85B20D1F4CD50C"
    "84430386C3AA40535EA9FAD0DF0516A3B742C2AB2462405CC544C57FECBA9257"
)
SECRET = bytes.fromhex("EA96DA556780AD9BCD738C20999E3A7ABC378D05C75C7A613D4E7874F6F280D9")
HOST_ID = bytes.fromhex("534D445050484F53")
EID = bytes.fromhex("89049032123451234512345678901235")
TRANSACTION = "0123456789ABCDEF0123456789ABCDEF"
EUICC_SIGNATURE_1 = bytes(range(0x40, 0x80))
SMDP_SIGNATURE_2 = (
    "CBBAEBA5B31DE5ABCA264457D386798BDF063BB6D235DFCAB68CB74E0D61C90E"
    "9F4C3B1B55651FD47B60D8EA7815DB9193E95C0F3838A9F044FCA8056FB870CC"
)

# private scalar, public point, signed bytes, signature
SIGNED = {
    "serverSignature1": (
        0x4DD7DFB7AD47A3714FE6BCAECF6BE93A4B2E9F9311A176E07659186C0BF3A328,
        (
            "044212EB9D6BCE5E1BE3B4990D8150FA638A91DD3D3AB8B46ED5C2A53742CBD6B3"
            "6624E127EB281062DAEFFA0C86D04A99DD1203CF1464C9317234CCCC02B03624"
        ),
        (
            f"30478010{TRANSACTION}8110000102030405060708090A0B0C0D0E0F"
            "830F736D64702E6578616D706C652E696F8410101112131415161718191A1B1C1D1E1F"
        ),
        (
            "8A1AC1408ADCBE00FA396D8C152CD0F9E09AABD46F1FA164A8E8EBC75BEB58C2"
            "2737711075477E306BF148680EA62F337E2CDDF326E6DF7D8FA1218A5F5FF94F"
        ),
    ),
    "smdpSignature2": (
        0x85B5F776ABCC6E5E2F861A10A8829F50CDB97117DB6B3C8C18DE283769565E45,
        (
            "04511E2977C1E3D3C11BA20B0404755E5017713DDC358BDF70BC2A335BC1E25DC5"
            "5796C37D69C938479BBFDDE813FEF98CC50D673CB5B77D61EFB5692AC3894EF1"
        ),
        f"30158010{TRANSACTION}0101005F3740{EUICC_SIGNATURE_1.hex()}",
        SMDP_SIGNATURE_2,
    ),
    "euiccSignature2": (
        0xAA4B60FFD9397CEEC372D32293495C634E8D7FC4FEDFF31DBE80378A3B9DBB0C,
        (
            "04076C1B2233FB1B12998735B967C83A7677B8D0F28350A0843E2647C3B2F87467"
            "408BB280EA7F78CEA5444E7C44B37AD1CD5948DB29D4AA083964CE753EF5D91C"
        ),
        f"30568010{TRANSACTION}5F4941{OTPK_EUICC.hex()}5F3740{SMDP_SIGNATURE_2}",
        (
            "5FCC93975F17D6F11EE4CFAD77A0E6293298AE9D7C14C275E62D634F51CBC32D"
            "372E682085FEE5EF4A0B8C24FD8D7196317347D873076AB40967DEB3319B3EA8"
        ),
    ),
    "smdpSign": (
        0x85B5F776ABCC6E5E2F861A10A8829F50CDB97117DB6B3C8C18DE283769565E45,
        (
            "04511E2977C1E3D3C11BA20B0404755E5017713DDC358BDF70BC2A335BC1E25DC5"
            "5796C37D69C938479BBFDDE813FEF98CC50D673CB5B77D61EFB5692AC3894EF1"
        ),
        f"8201018010{TRANSACTION}A6108001888101108408534D445050484F535F4941{OTPK_DP.hex()}5F4941{OTPK_EUICC.hex()}",
        (
            "67AF704AF063626D9C1E9F7EBFE59C74AFC31B3D997CFAE30C25D481D4ECF0E1"
            "667571E94292529EF411AE27CA6C58B096043A9AB10A195A306143F3F2CCDCF7"
        ),
    ),
    "eimSignature": (
        0xEEDEC49DF0E3250CE5184D7CE39658077336AD03E4AFED78CD6477FF2A3EAE0F,
        (
            "041696DFE8E94EABC2CBCC2A7BD4F1DE761BB669FE799EEC8CFDA1783F3584EC1B"
            "AA1CC7A61069C4292A92CCEAACA5F916AE00F77372ED9C2EB47FFFF86E271FB4"
        ),
        f"3035800E65696D2E6578616D706C652E696F5A10{EID.hex()}810101A00EA30C5A0A98882143658709214365840100",
        (
            "D368B9ED15542B6AE4F20723632AF4E7D0A39E12020AA7BC0632E669AA609E1E"
            "D1F86D82E94701885716E67A8562AD8B060FBFC86D2A2789442848DF577D7B08"
        ),
    ),
    "euiccSignEPR": (
        0xAA4B60FFD9397CEEC372D32293495C634E8D7FC4FEDFF31DBE80378A3B9DBB0C,
        (
            "04076C1B2233FB1B12998735B967C83A7677B8D0F28350A0843E2647C3B2F87467"
            "408BB280EA7F78CEA5444E7C44B37AD1CD5948DB29D4AA083964CE753EF5D91C"
        ),
        "301B800E65696D2E6578616D706C652E696F8101018301053003830100840100",
        (
            "509F616F8AB4A9227110AD98757DAD7B011F35A32D16D7B16920B3D8090363B4"
            "BFAC64A696635F2A5F229AE300902DE9DE4317FD6280B58F66933A85E7381FE7"
        ),
    ),
}


@pytest.mark.parametrize("name", SIGNED)
def test_signatures_of_the_worked_example_are_made_and_verified(name: str) -> None:
    scalar, public, data, signature = SIGNED[name]
    key = crypto.key_from_scalar(scalar)
    assert crypto.point(key) == bytes.fromhex(public)
    assert crypto.sign(key, bytes.fromhex(data)) == bytes.fromhex(signature)
    assert crypto.verify(key.public_key(), bytes.fromhex(signature), bytes.fromhex(data))


@pytest.mark.parametrize(
    ("octet", "spki"),
    [
        (
            0x11,
            (
                "3059301306072A8648CE3D020106082A8648CE3D030107034200040217E617F0B6443928278F96999E69A23A4F2C152BDF6D6C"
                "DF66E5B80282D4ED194A7DEBCB97712D2DDA3CA85AA8765A56F45FC758599652F2897C65306E5794"
            ),
        ),
        (
            0x22,
            (
                "3059301306072A8648CE3D020106082A8648CE3D03010703420004D65A93977CAA3D1B081852FF57A79E465F1660577304BAEA"
                "D505DD3A48589CF350185E895372DF6221EA3A137557E473FDDB6755F05BD507C3C533FCE9C91285"
            ),
        ),
        (
            0x33,
            (
                "3059301306072A8648CE3D020106082A8648CE3D0301070342000451A7580833898EA1B183CBD7350A4099078C6EF1C1E18E97"
                "0CD7683035F25E7D0110522712B0B5A7CFF081685486984A94E6831EDAC46E7360FA9D834A7A81A1"
            ),
        ),
    ],
)
def test_public_keys_of_known_scalars(octet: int, spki: str) -> None:
    key = crypto.key_from_scalar(int.from_bytes(bytes([octet]) * 32, "big"))
    assert crypto.spki(key) == bytes.fromhex(spki)
    assert crypto.public_key_from_spki(bytes.fromhex(spki)) == key.public_key()


@pytest.mark.parametrize("curve", Curve)
def test_signature_is_64_bytes_and_fits_its_data_and_key_only(curve: Curve) -> None:
    key = crypto.generate_key(curve)
    signature = crypto.sign(key, b"data")
    assert len(signature) == 64
    assert crypto.curve_of(key) is curve
    assert crypto.verify(key.public_key(), signature, b"data")
    assert not crypto.verify(key.public_key(), signature, b"other")
    assert not crypto.verify(crypto.generate_key(curve).public_key(), signature, b"data")
    assert not crypto.verify(key.public_key(), signature[:-1] + bytes([signature[-1] ^ 1]), b"data")


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65), b"\xff" * 64])
def test_nonsense_is_no_signature(signature: bytes) -> None:
    key = crypto.key_from_scalar(1).public_key()
    assert not crypto.verify(key, signature, b"")
    assert not crypto.verify_lenient(key, signature, b"")


def test_only_the_lenient_verifier_takes_der() -> None:
    key = crypto.key_from_scalar(0x11)
    der = key.sign(b"data", ec.ECDSA(SHA256()))
    assert not crypto.verify(key.public_key(), der, b"data")
    assert crypto.verify_lenient(key.public_key(), der, b"data")
    assert crypto.verify_lenient(key.public_key(), crypto.sign(key, b"data"), b"data")


def test_key_agreement_gives_the_same_secret_on_both_sides() -> None:
    euicc, server = crypto.key_from_scalar(OTSK_EUICC), crypto.key_from_scalar(OTSK_DP)
    assert crypto.point(euicc) == OTPK_EUICC
    assert crypto.shared_secret(euicc, crypto.public_key_from_point(OTPK_DP)) == SECRET
    assert crypto.shared_secret(server, crypto.public_key_from_point(OTPK_EUICC)) == SECRET


def test_session_keys_of_the_worked_example() -> None:
    keys = crypto.session_keys(SECRET, HOST_ID, EID)
    assert keys.initial_chaining.hex().upper() == "5CBECEF9014F963AC1F6126D88E5F296"
    assert keys.encryption.hex().upper() == "9C6A4A773EDB986F961C737400A7F9A3"
    assert keys.mac.hex().upper() == "DABF64DE5E51D579750C2F564551A703"


def test_first_segment_of_the_worked_example() -> None:
    keys = crypto.session_keys(SECRET, HOST_ID, EID)
    padded = bytes.fromhex("BF240080").ljust(16, b"\0")
    initial = crypto.aes_ecb(keys.encryption, (1).to_bytes(16, "big"))
    assert initial.hex().upper() == "EF4365C7FE0B03ED13D0F503A111769A"
    content = crypto.aes_cbc_encrypt(keys.encryption, initial, padded)
    assert content.hex().upper() == "A72D3946F3810144F27660C1916957C2"
    assert crypto.aes_cbc_decrypt(keys.encryption, initial, content) == padded
    mac = crypto.aes_cmac(keys.mac, keys.initial_chaining + b"\x87\x18" + content)
    assert mac.hex().upper() == "FE472358E5BEBA5E01ABF59085D47906"


def test_public_key_is_taken_from_a_certificate_of_another_maker() -> None:
    key = crypto.key_from_scalar(int.from_bytes(b"\x11" * 32, "big"))
    tbs = tlv.build(0x30, b"\x02\x01\x05", b"\x30\x00" * 4, crypto.spki(key))
    certificate = tlv.build(0x30, tbs, b"\x30\x00", b"\x03\x01\x00")
    assert crypto.public_key_from_certificate(certificate) == key.public_key()


@pytest.mark.parametrize("data", [b"", b"\x30\x00", bytes.fromhex("300A30030201053000030100"), b"\x04\x01\x00"])
def test_what_is_no_certificate_or_key_is_refused(data: bytes) -> None:
    with pytest.raises(CryptoError):
        crypto.public_key_from_certificate(data)
    with pytest.raises(CryptoError):
        crypto.public_key_from_spki(data)


@pytest.mark.parametrize("data", [b"", b"\x04" + bytes(64), b"\x02" + bytes(32), bytes(65)])
def test_what_is_no_point_of_the_curve_is_refused(data: bytes) -> None:
    with pytest.raises(CryptoError):
        crypto.public_key_from_point(data)


def test_point_of_one_curve_is_none_of_the_other() -> None:
    with pytest.raises(CryptoError):
        crypto.public_key_from_point(crypto.point(crypto.generate_key(BRAINPOOL)), P256)


def test_private_key_is_stored_for_its_owner_and_read_in_any_form(tmp_path: Path) -> None:
    key = crypto.generate_key(BRAINPOOL)
    stored = tmp_path / "key.pem"
    crypto.store_pem(stored, key)
    assert stored.stat().st_mode & 0o777 == 0o600
    other = tmp_path / "key.der"
    other.write_bytes(
        key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    assert crypto.spki(crypto.load_pem(stored)) == crypto.spki(crypto.load_pem(other)) == crypto.spki(key)


def test_file_that_is_no_private_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text("-----BEGIN nothing")
    with pytest.raises(CryptoError, match=r"key\.pem"):
        crypto.load_pem(path)


def test_keys_of_other_curves_are_refused() -> None:
    with pytest.raises(CryptoError, match="secp384r1"):
        crypto.curve_of(ec.generate_private_key(ec.SECP384R1()))
