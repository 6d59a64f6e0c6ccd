"""Binding, byte for byte: the worked example of a complete package, and what each flaw breaks."""

from __future__ import annotations

import pytest

from hil import tlv
from hil.crypto import key_from_scalar, point, public_key_from_point, session_keys, shared_secret
from hil.pki import Credential
from hil.scp03t import SecureChannel
from hil.smdp.binding import Binding, assemble, bind
from hil.smdp.flaws import PackageFlaw
from tests.hil.smdp.lpa import segments

EID = "89049032123451234512345678901235"
TRANSACTION = bytes.fromhex("0123456789ABCDEF0123456789ABCDEF")
HOST_ID = b"SMDPPHOS"
OTSK_EUICC = key_from_scalar(0x4F6190FC2793266342742C390D4AE11D2EC154229AB774744C5211CDB2235B22)
OTSK_DP = key_from_scalar(0x86D71A255CF30CE88DFE19B9B1DC3FD76F23B59CEA3322746FAF5C62F90A3DAA)
SK_DPPB = key_from_scalar(0x85B5F776ABCC6E5E2F861A10A8829F50CDB97117DB6B3C8C18DE283769565E45)
METADATA = bytes.fromhex(
    "BF25335A0A98882143658709214365910454657374920644656D6F2031B6173015800204F0810F736D64702E6578616D706C652E696F"
)
PE_END = bytes.fromhex("AA07A005800081010A")
SMDP_SIGN = (
    "67AF704AF063626D9C1E9F7EBFE59C74AFC31B3D997CFAE30C25D481D4ECF0E1"
    "667571E94292529EF411AE27CA6C58B096043A9AB10A195A306143F3F2CCDCF7"
)
SEGMENT_1 = "8718A72D3946F3810144F27660C1916957C2FE472358E5BEBA5E"
SEGMENT_2 = f"883E{METADATA.hex().upper()}B8823B6C72C22D94"
SEGMENT_3 = "8618F397DA836FF4134763629FAFCF822F475FD9CD07183E165E"


@pytest.fixture
def binding() -> Binding:
    return bind(PE_END, METADATA, EID, point(OTSK_EUICC), one_time=OTSK_DP, host_id=HOST_ID)


@pytest.fixture
def signer() -> Credential:
    return Credential(b"", SK_DPPB)


def test_complete_package_of_the_worked_example(binding: Binding, signer: Credential) -> None:
    package = assemble(binding, TRANSACTION, signer)
    head = f"8201018010{TRANSACTION.hex().upper()}A6108001888101108408{HOST_ID.hex().upper()}"
    expected = (
        f"BF3682012CBF2381AE{head}5F4941{point(OTSK_DP).hex().upper()}5F3740{SMDP_SIGN}"
        f"A01A{SEGMENT_1}A140{SEGMENT_2}A31A{SEGMENT_3}"
    )
    assert len(package) == 305
    assert package.hex().upper() == expected
    assert [len(segment) for segment in segments(package)] == [183, 28, 2, 64, 2, 26]


def test_protection_keys_start_a_chain_of_their_own(signer: Credential) -> None:
    made = bind(PE_END, METADATA, EID, point(OTSK_EUICC), one_time=OTSK_DP, host_id=HOST_ID, protection_keys=True)
    parts = tlv.children(tlv.single(assemble(made, TRANSACTION, signer)).value)
    assert [part.tag for part in parts] == [0xBF23, 0xA0, 0xA1, 0xA2, 0xA3]
    assert parts[2].value.hex().upper() == SEGMENT_2
    assert parts[4].value.hex().upper() != SEGMENT_3


def test_long_content_is_cut_at_the_largest_segments(signer: Credential) -> None:
    made = bind(bytes(5000), METADATA + bytes(2000), EID, point(OTSK_EUICC), one_time=OTSK_DP)
    parts = tlv.children(tlv.single(assemble(made, TRANSACTION, signer)).value)
    assert [len(segment.raw) for segment in tlv.children(parts[2].value)] == [1020, 1020, 48]
    assert {len(segment.raw) for segment in tlv.children(parts[3].value)[:-1]} == {1020}


def test_flaw_that_the_package_has_no_place_for_is_refused(binding: Binding, signer: Credential) -> None:
    with pytest.raises(ValueError, match="flip-keys"):
        assemble(binding, TRANSACTION, signer, PackageFlaw.FLIP_KEYS)


@pytest.mark.parametrize(
    "flaw", [flaw for flaw in PackageFlaw if flaw.value.startswith("flip-") and "keys" not in flaw]
)
def test_flipped_bit_is_the_only_difference(binding: Binding, signer: Credential, flaw: PackageFlaw) -> None:
    good, bad = assemble(binding, TRANSACTION, signer), assemble(binding, TRANSACTION, signer, flaw)
    assert len(good) == len(bad)
    assert sum(one != other for one, other in zip(good, bad, strict=True)) == 1


def test_oversized_package_is_larger_than_any_client_should_take(binding: Binding, signer: Credential) -> None:
    assert len(assemble(binding, TRANSACTION, signer, PackageFlaw.OVERSIZED)) > 3_000_000


def test_receiver_of_the_worked_example_gets_the_plain_content(binding: Binding) -> None:
    secret = shared_secret(OTSK_EUICC, public_key_from_point(binding.smdp_otpk))
    channel = SecureChannel(session_keys(secret, HOST_ID, bytes.fromhex(EID)))
    plain = [channel.unprotect(bytes.fromhex(text), tag) for text, tag in ((SEGMENT_1, 0x87), (SEGMENT_2, 0x88))]
    assert plain == [bytes.fromhex("BF2400"), METADATA]
    assert channel.unprotect(bytes.fromhex(SEGMENT_3), 0x86) == PE_END
