"""Deliberately wrong packages are wrong in one place only."""

from __future__ import annotations

from hil import codec, crypto, tlv
from hil.eim import VirtualEim, content
from hil.eim.association import SigningFaults
from hil.eim.signing import token_tlv
from tests.hil.eim import vectors as v
from tests.hil.eim.conftest import make_eim
from tests.hil.eim.order import ENABLE, answer


def signed_fields(response: bytes) -> tuple[dict[str, object], bytes, bytes]:
    """Decoded signed part, its raw bytes and the signature of a package that was handed out."""
    package = codec.decode("GetEimPackageResponse", response)[1]
    raw = tlv.find(response, 0xBF4F, 0xBF51, 0x30).raw
    return package["euiccPackageSigned"], raw, package["eimSignature"]


def verifies(raw: bytes, signature: bytes, token: int) -> bool:
    return crypto.verify(v.EIM_KEY.public_key(), signature, raw + token_tlv(token))


def test_bad_signature_differs_in_the_signature_only(eim: VirtualEim) -> None:
    eim.queue(v.EID, ENABLE, SigningFaults(bad_signature=True))
    response = answer(eim)
    assert response[:-1] == v.GER6[:-1]
    assert response != v.GER6


def test_wrong_fields_are_signed_properly(eim: VirtualEim) -> None:
    other = bytes.fromhex("89049032001234567890000000100071")
    faults = SigningFaults(eid=other, eim_id="other.example.com", counter=0x800000)
    eim.queue(v.EID, ENABLE, faults)
    fields, raw, signature = signed_fields(answer(eim))
    assert (fields["eidValue"], fields["eimId"], fields["counterValue"]) == (other, "other.example.com", 0x800000)
    assert verifies(raw, signature, 1)
    assert eim.association(v.EID).counter == 4


def test_wrong_token_signs_with_that_token(eim: VirtualEim) -> None:
    eim.queue(v.EID, ENABLE, SigningFaults(token=9))
    _, raw, signature = signed_fields(answer(eim))
    assert verifies(raw, signature, 9)
    assert not verifies(raw, signature, 1)


def test_association_without_token_signs_with_zero() -> None:
    eim = make_eim()
    eim.associate(v.EID, counter=18)
    eim.queue(v.EID, content.psmo_package(content.enable(v.ICCID1)), SigningFaults(no_transaction_id=True))
    expected = (
        "BF4F7EBF517B3036800F65696D2E6578616D706C652E636F6D5A1089049032001234567890000000100070810113A00EA30C5A0A98942000"
        "000000001001"
        "5F3740C7F62D237D29859CB8D1FA762CE406BD331AA5C1821BC9C0BABDC21C7280E375F2ABA14661DDB797B1708098"
        "585B455C561DB57B5ECBA19448DA56E42B11C6CB"
    )
    assert answer(eim).hex().upper() == expected
