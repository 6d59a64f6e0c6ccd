from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hil import crypto
from hil.crypto import BRAINPOOL, P256, Curve
from hil.pki import Credential, Pki, PkiError, Role, Validity

EID = "89049032001234567890000000100070"
T = TypeVar("T", bound=x509.ExtensionType)
UNDER_CI = [Role.EUM, Role.SMDP_AUTH, Role.SMDP_PB, Role.SMDP_TLS, Role.SMDS_AUTH, Role.SMDS_TLS]
ROLES = {
    Role.CI: "2.23.146.1.2.1.0",
    Role.EUICC: "2.23.146.1.2.1.1",
    Role.EUM: "2.23.146.1.2.1.2",
    Role.SMDP_TLS: "2.23.146.1.2.1.3",
    Role.SMDP_AUTH: "2.23.146.1.2.1.4",
    Role.SMDP_PB: "2.23.146.1.2.1.5",
    Role.SMDS_TLS: "2.23.146.1.2.1.6",
    Role.SMDS_AUTH: "2.23.146.1.2.1.7",
}


@pytest.fixture(scope="module", params=Curve, ids=lambda curve: curve.name)
def pki(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pki:
    hosts = ("smdp.example.com", "localhost", "127.0.0.1")
    return Pki.generate(tmp_path_factory.mktemp("pki"), eid=EID, curve=request.param, hosts=hosts)


def parsed(pki: Pki, role: Role) -> x509.Certificate:
    return x509.load_der_x509_certificate(pki[role].certificate)


def extension(certificate: x509.Certificate, kind: type[T]) -> x509.Extension[T]:
    return certificate.extensions.get_extension_for_class(kind)


def test_every_role_has_a_certificate_and_its_key(pki: Pki) -> None:
    assert set(pki.credentials) == set(Role)
    for credential in pki.credentials.values():
        assert credential.key.public_key() == credential.public_key


def test_chains_lead_to_their_roots(pki: Pki) -> None:
    issuers = dict.fromkeys(UNDER_CI, Role.CI)
    issuers |= {Role.CI: Role.CI, Role.EUICC: Role.EUM, Role.TLS_CA: Role.TLS_CA, Role.EIM_TLS: Role.TLS_CA}
    if pki.curve is BRAINPOOL:
        issuers |= {Role.SMDP_TLS: Role.TLS_CA, Role.SMDS_TLS: Role.TLS_CA}
    for role, issuer in issuers.items():
        parsed(pki, role).verify_directly_issued_by(parsed(pki, issuer))


def test_euicc_world_uses_one_curve_and_tls_the_usual_one(pki: Pki) -> None:
    for role in (Role.CI, Role.EUM, Role.EUICC, Role.EIM, Role.SMDP_AUTH, Role.SMDP_PB, Role.SMDS_AUTH):
        assert crypto.curve_of(pki[role].public_key) is pki.curve
    for role in (Role.TLS_CA, Role.EIM_TLS, Role.SMDP_TLS, Role.SMDS_TLS):
        assert crypto.curve_of(pki[role].public_key) is P256


def test_certificates_name_their_role(pki: Pki) -> None:
    for role, oid in ROLES.items():
        certificate = parsed(pki, role)
        if certificate.issuer == parsed(pki, Role.TLS_CA).subject:
            continue  # a server outside of the eUICC world
        policies = extension(certificate, x509.CertificatePolicies)
        assert [policy.policy_identifier.dotted_string for policy in policies.value] == [oid]
        assert policies.critical is (role not in (Role.SMDP_TLS, Role.SMDS_TLS))


def test_key_identifiers_link_a_certificate_to_its_issuer(pki: Pki) -> None:
    assert extension(parsed(pki, Role.CI), x509.SubjectKeyIdentifier).value.digest == pki.ci_key_id
    authority = extension(parsed(pki, Role.EUM), x509.AuthorityKeyIdentifier).value
    assert authority.key_identifier == pki.ci_key_id
    assert authority.authority_cert_issuer is None
    with pytest.raises(x509.ExtensionNotFound):
        extension(parsed(pki, Role.CI), x509.AuthorityKeyIdentifier)


def test_eum_may_only_issue_for_its_name_and_the_beginning_of_its_eids(pki: Pki) -> None:
    eum = parsed(pki, Role.EUM)
    authority = extension(eum, x509.BasicConstraints)
    assert (authority.critical, authority.value.ca, authority.value.path_length) == (True, True, 0)
    constraints = extension(eum, x509.NameConstraints)
    assert constraints.critical
    assert constraints.value.permitted_subtrees is not None
    [permitted] = constraints.value.permitted_subtrees
    values = {attribute.oid: attribute.value for attribute in permitted.value}
    subject = parsed(pki, Role.EUICC).subject
    assert values == {
        NameOID.ORGANIZATION_NAME: subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value,
        NameOID.SERIAL_NUMBER: "89049032",
    }


def test_euicc_certificate_carries_the_eid_for_ever(pki: Pki) -> None:
    euicc = parsed(pki, Role.EUICC)
    assert pki.eid == EID
    assert euicc.not_valid_after_utc.year == 9999
    assert extension(euicc, x509.KeyUsage).value.digital_signature


def test_binding_and_authentication_belong_to_the_same_server(pki: Pki) -> None:
    for one, other in ((Role.SMDP_AUTH, Role.SMDP_PB),):
        names = [extension(parsed(pki, role), x509.SubjectAlternativeName).value for role in (one, other)]
        assert names[0].get_values_for_type(x509.RegisteredID) == names[1].get_values_for_type(x509.RegisteredID)


def test_tls_certificates_have_the_names_and_addresses_of_the_hosts(pki: Pki) -> None:
    for role in (Role.EIM_TLS, Role.SMDP_TLS, Role.SMDS_TLS):
        names = extension(parsed(pki, role), x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["smdp.example.com", "localhost"]
        assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1")]
        usage = extension(parsed(pki, role), x509.ExtendedKeyUsage).value
        assert ExtendedKeyUsageOID.SERVER_AUTH in usage


def test_what_was_generated_is_loaded_again(pki: Pki) -> None:
    loaded = Pki.load(pki.directory)
    assert {role: item.certificate for role, item in loaded.credentials.items()} == {
        role: item.certificate for role, item in pki.credentials.items()
    }
    assert Pki.open(pki.directory).ci_key_id == pki.ci_key_id


def test_private_keys_are_for_their_owner_only(pki: Pki) -> None:
    keys = list(pki.directory.glob("*.key.pem"))
    assert len(keys) == len(Role)
    assert {key.stat().st_mode & 0o777 for key in keys} == {0o600}


def test_other_peoples_directory_without_the_key_of_its_ci_is_completed_where_possible(
    pki: Pki, tmp_path: Path
) -> None:
    (tmp_path / "ci.der").write_bytes(pki.ci.certificate)
    (tmp_path / "eum.der").write_bytes(pki.eum.certificate)
    pki.euicc.write(tmp_path, "euicc")
    loaded = Pki.open(tmp_path)
    assert loaded.ci.certificate == pki.ci.certificate
    assert loaded.eim.key
    assert loaded.eim_tls.key
    assert (tmp_path / "eim-tls.pem").exists()
    with pytest.raises(PkiError, match="smdp-auth"):
        loaded[Role.SMDP_AUTH]
    with pytest.raises(PkiError, match="private key"):
        loaded.issue_eum(EID)


def test_missing_servers_are_issued_when_the_key_of_the_ci_is_there(pki: Pki, tmp_path: Path) -> None:
    for role in (Role.CI, Role.EUM, Role.EUICC):
        pki[role].write(tmp_path, role)
    assert set(Pki.load(tmp_path).credentials) == set(Role)
    parsed(Pki.load(tmp_path), Role.SMDP_PB).verify_directly_issued_by(parsed(pki, Role.CI))


@pytest.mark.parametrize("missing", ["ci.pem", "eum.pem", "euicc.pem", "euicc.key.pem"])
def test_directory_without_a_needed_file_is_refused(pki: Pki, tmp_path: Path, missing: str) -> None:
    for role in (Role.CI, Role.EUM, Role.EUICC):
        pki[role].write(tmp_path, role)
    (tmp_path / missing).unlink()
    with pytest.raises(PkiError, match=missing):
        Pki.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\n", b"\x30\x03\x02\x01\x01"])
def test_damaged_certificate_is_named(pki: Pki, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ci.pem").write_bytes(content)
    with pytest.raises(PkiError, match=r"ci\.pem"):
        Pki.load(tmp_path)


def test_key_of_another_certificate_is_refused(pki: Pki, tmp_path: Path) -> None:
    pki.ci.write(tmp_path, "ci")
    crypto.store_pem(tmp_path / "ci.key.pem", crypto.generate_key(pki.curve))
    with pytest.raises(PkiError, match="does not belong"):
        Pki.load(tmp_path)


@pytest.mark.parametrize("eid", ["", "8904", EID[:-1] + "x", EID + "0"])
def test_eid_has_32_digits(pki: Pki, eid: str) -> None:
    with pytest.raises(PkiError, match="32 digits"):
        pki.issue_euicc(eid)


def test_further_cards_and_eims_are_issued(pki: Pki) -> None:
    card = pki.issue_euicc("89049032001234567890000000100168")
    x509.load_der_x509_certificate(card.certificate).verify_directly_issued_by(parsed(pki, Role.EUM))
    assert crypto.curve_of(pki.issue_eim("eim2.example.com").key) is pki.curve
    assert crypto.curve_of(pki.issue_eim("eim2.example.com", P256).key) is P256


def test_tls_leafs_for_tests_have_any_dates_names_and_issuers(pki: Pki) -> None:
    past = Validity(datetime(2021, 1, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC))
    expired = x509.load_der_x509_certificate(pki.issue_tls(["eim.example.com"], validity=past).certificate)
    assert (expired.not_valid_before_utc, expired.not_valid_after_utc) == (past.begin, past.end)
    stranger = Pki.issue_tls_ca("Somebody")
    foreign = x509.load_der_x509_certificate(pki.issue_tls(["eim.example.com"], issuer=stranger).certificate)
    foreign.verify_directly_issued_by(x509.load_der_x509_certificate(stranger.certificate))
    own = x509.load_der_x509_certificate(pki.issue_tls(["eim.example.com"], self_signed=True).certificate)
    own.verify_directly_issued_by(own)


def test_common_name_is_left_out_when_the_host_is_too_long(pki: Pki) -> None:
    host = "x" * 60 + ".example.com"
    leaf = x509.load_der_x509_certificate(pki.issue_tls([host]).certificate)
    assert leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME) == []
    assert extension(leaf, x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName) == [host]


@pytest.mark.parametrize("role", [Role.EIM_TLS, Role.SMDP_TLS, Role.SMDS_TLS])
def test_tls_libraries_accept_the_servers(pki: Pki, role: Role) -> None:
    handshake(pki, pki[role], "smdp.example.com")


def test_tls_libraries_refuse_another_name_date_and_issuer(pki: Pki) -> None:
    past = Validity(datetime(2021, 1, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC))
    future = Validity(datetime(2048, 1, 1, tzinfo=UTC), datetime(2049, 1, 1, tzinfo=UTC))
    host = ["eim.example.com"]
    for credential, name in (
        (pki.eim_tls, "eim.example.com"),
        (pki.issue_tls(host, validity=past), "eim.example.com"),
        (pki.issue_tls(host, validity=future), "eim.example.com"),
        (pki.issue_tls(host, issuer=Pki.issue_tls_ca("Somebody")), "eim.example.com"),
        (pki.issue_tls(host, self_signed=True), "eim.example.com"),
    ):
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(pki, credential, name)


def handshake(pki: Pki, server: Credential, name: str) -> None:
    certificate, key = server.write(pki.directory / "handshake", "server")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.load_verify_locations(cadata=pki.tls_anchors.decode())
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server, server_hostname=name)
    peer = serving.wrap_bio(to_server, to_client, server_side=True)
    done: set[ssl.SSLObject] = set()
    for _ in range(6):
        for side in (client, peer):
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                continue
    assert len(done) == 2
