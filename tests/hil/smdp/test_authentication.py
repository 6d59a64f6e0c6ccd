"""Mutual authentication at the card: every code that it can answer, in the order of its checks."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from hil import codec, tlv
from hil.crypto import sign
from hil.euicc import VirtualEuicc
from hil.pki import Pki
from hil.pki import certificates as shape
from hil.pki.pki import SMDP_OID, Credential, Role
from hil.rsp.authentication import Challenge
from hil.smdp.core import SmDpPlus
from tests.hil.smdp.conftest import make_order, make_smdp
from tests.hil.smdp.lpa import DEVICE_INFO, Lpa

CONTEXT = codec.encode(
    "CtxParams1", ("ctxParamsForCommonAuthentication", {"matchingId": "TEST-1", "deviceInfo": DEVICE_INFO})
)


def begin(lpa: Lpa, smdp: SmDpPlus) -> Challenge:
    info1 = lpa.call(bytes.fromhex("BF2000"))[0]
    return smdp.initiate_authentication(lpa.challenge(), info1, smdp.identity.address)


def request(asked: Challenge, **changes: bytes) -> bytes:
    parts = {
        "signed": asked.server_signed1,
        "signature": asked.server_signature1,
        "ci": tlv.build(0x04, asked.ci_key_id),
        "certificate": asked.certificate,
        "context": CONTEXT,
        **changes,
    }
    return tlv.build(0xBF38, *parts.values())


def authenticate_code(lpa: Lpa, data: bytes) -> int:
    kind, value = codec.decode("AuthenticateServerResponse", lpa.call(data)[0])
    assert kind == "authenticateResponseError"
    return int(value["authenticateErrorCode"])


def issued(pki: Pki, extensions: list[shape.Extension], key: object | None = None) -> Credential:
    own = key or ec.generate_private_key(ec.SECP256R1())
    issuer = shape.Issuer.of(pki.ci.certificate, pki.ci.key)
    certificate = shape.issue(shape.name("other"), own.public_key(), issuer, extensions)  # type: ignore[attr-defined]
    return Credential(certificate, own)  # type: ignore[arg-type]


def test_no_challenge_is_no_session(lpa: Lpa, smdp: SmDpPlus) -> None:
    asked = begin(lpa, smdp)
    lpa.card.reset()
    lpa.open()
    assert authenticate_code(lpa, request(asked)) == 4


def test_unknown_ci_is_named(lpa: Lpa, smdp: SmDpPlus) -> None:
    asked = begin(lpa, smdp)
    assert authenticate_code(lpa, request(asked, ci=tlv.build(0x04, bytes(20)))) == 7


def test_certificate_of_another_ci_or_role_is_invalid(lpa: Lpa, smdp: SmDpPlus, pki: Pki, tmp_path: Path) -> None:
    other = Pki.generate(tmp_path / "other", eid=lpa.card.eid)
    for certificate in (other[Role.SMDP_AUTH].certificate, pki[Role.SMDP_PB].certificate, b"\x30\x03\x02\x01\x05"):
        asked = begin(lpa, smdp)
        data = request(asked, certificate=certificate)
        if certificate[:2] == b"\x30\x03":
            assert lpa.call(data)[1] in (0x6A80, 0x9000)
        else:
            assert authenticate_code(lpa, data) == 1


def test_key_on_another_curve_is_unsupported(lpa: Lpa, smdp: SmDpPlus, pki: Pki) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    certificate = issued(pki, shape.server_extensions(shape.ROLE_DP_AUTH, SMDP_OID), key).certificate
    assert authenticate_code(lpa, request(begin(lpa, smdp), certificate=certificate)) == 3


def test_certificate_without_registered_id_is_an_invalid_oid(lpa: Lpa, smdp: SmDpPlus, pki: Pki) -> None:
    extensions = [
        item
        for item in shape.server_extensions(shape.ROLE_DP_AUTH, SMDP_OID)
        if type(item.value).__name__ != "SubjectAlternativeName"
    ]
    certificate = issued(pki, extensions).certificate
    assert authenticate_code(lpa, request(begin(lpa, smdp), certificate=certificate)) == 5


def test_wrong_signature_and_foreign_challenge_are_told_apart(lpa: Lpa, smdp: SmDpPlus, pki: Pki) -> None:
    asked = begin(lpa, smdp)
    assert authenticate_code(lpa, request(asked, signature=tlv.build(0x5F37, bytes(64)))) == 2
    old = begin(lpa, smdp)
    begin(lpa, smdp)
    assert authenticate_code(lpa, request(old)) == 6
    assert pki.ci_key_id == asked.ci_key_id


@pytest.mark.parametrize("code", [1, 127])
def test_forced_code_is_answered(lpa: Lpa, smdp: SmDpPlus, code: int) -> None:
    lpa.card.knobs.forced_codes["authenticateErrorCode"] = code
    assert authenticate_code(lpa, request(begin(lpa, smdp))) == code


def test_server_learns_of_the_error_form(lpa: Lpa, smdp: SmDpPlus) -> None:
    asked = begin(lpa, smdp)
    answer = lpa.call(request(asked, signature=tlv.build(0x5F37, bytes(64))))[0]
    fields = codec.decode("AuthenticateServerResponse", answer)[1]
    assert fields["transactionId"] == asked.transaction_id


def prepare_code(lpa: Lpa, *parts: bytes) -> int:
    kind, value = codec.decode("PrepareDownloadResponse", lpa.call(tlv.build(0xBF21, *parts))[0])
    assert kind == "downloadResponseError"
    return int(value["downloadErrorCode"])


def offer(lpa: Lpa, smdp: SmDpPlus) -> dict[str, bytes]:
    transaction_id, response = lpa.authenticate(smdp, "TEST-1")
    return dict(smdp.authenticate_client(transaction_id, response))


def test_every_code_of_prepare_download(lpa: Lpa, card: VirtualEuicc, pki: Pki) -> None:
    smdp = make_smdp(pki)
    smdp.orders.add(make_order(download_limit=99))
    good = offer(lpa, smdp)
    card.reset()
    lpa.open()
    parts = (good["smdpSigned2"], good["smdpSignature2"], good["smdpCertificate"])
    assert prepare_code(lpa, *parts) == 4
    good = offer(lpa, smdp)
    assert prepare_code(lpa, good["smdpSigned2"], good["smdpSignature2"], pki[Role.SMDP_AUTH].certificate) == 1
    good = offer(lpa, smdp)
    assert prepare_code(lpa, good["smdpSigned2"], tlv.build(0x5F37, bytes(64)), good["smdpCertificate"]) == 2
    good = offer(lpa, smdp)
    key = ec.generate_private_key(ec.SECP384R1())
    foreign = issued(pki, shape.server_extensions(shape.ROLE_DP_PB, SMDP_OID), key).certificate
    assert prepare_code(lpa, good["smdpSigned2"], good["smdpSignature2"], foreign) == 3
    card.knobs.forced_codes["downloadErrorCode"] = 127
    assert prepare_code(lpa, good["smdpSigned2"], good["smdpSignature2"], good["smdpCertificate"]) == 127


def test_signed_data_of_another_transaction_are_refused(lpa: Lpa, pki: Pki) -> None:
    smdp = make_smdp(pki)
    smdp.orders.add(make_order())
    transaction_id, response = lpa.authenticate(smdp, "TEST-1")
    session = smdp.sessions[transaction_id]
    smdp.authenticate_client(transaction_id, response)
    assert session.euicc is not None
    foreign = codec.encode("SmdpSigned2", {"transactionId": bytes(16), "ccRequiredFlag": False})
    signature = tlv.build(0x5F37, sign(pki[Role.SMDP_PB].key, foreign + session.euicc.signature1))
    assert prepare_code(lpa, foreign, signature, pki[Role.SMDP_PB].certificate) == 5
