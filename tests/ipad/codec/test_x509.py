"""What is read of certificates, against certificates of the bench."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.pki import Pki
from hil.pki.pki import SMDP_OID, SMDS_OID, Role
from ipad.codec.x509 import ROLE_DP_AUTH, ROLE_DS_AUTH, Certificate
from ipad.errors import CodecError


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.generate(tmp_path_factory.mktemp("pki"), hosts=("smdp.example.com",))


@pytest.mark.parametrize(
    ("role", "oid", "policy"),
    [
        (Role.SMDP_AUTH, SMDP_OID, ROLE_DP_AUTH),
        (Role.SMDP_PB, SMDP_OID, "2.23.146.1.2.1.5"),
        (Role.SMDP_TLS, SMDP_OID, "2.23.146.1.2.1.3"),
        (Role.SMDS_AUTH, SMDS_OID, ROLE_DS_AUTH),
        (Role.SMDS_TLS, SMDS_OID, "2.23.146.1.2.1.6"),
    ],
)
def test_owner_and_role_of_a_server_certificate(pki: Pki, role: Role, oid: str, policy: str) -> None:
    certificate = Certificate.parse(pki[role].certificate)
    assert certificate.registered_ids == (oid,)
    assert certificate.registered_id == oid
    assert certificate.policies == (policy,)
    assert not certificate.is_ca


def test_certificate_without_registered_id_has_none(pki: Pki) -> None:
    certificate = Certificate.parse(pki.eim_tls.certificate)
    assert certificate.registered_ids == ()
    assert certificate.registered_id is None


def test_ci_is_a_ca(pki: Pki) -> None:
    assert Certificate.parse(pki.ci.certificate).is_ca


@pytest.mark.parametrize("cut", [1, 10, 50, 200])
def test_cut_certificate_is_refused(pki: Pki, cut: int, tmp_path: Path) -> None:
    with pytest.raises(CodecError):
        Certificate.parse(pki[Role.SMDP_AUTH].certificate[:-cut])
