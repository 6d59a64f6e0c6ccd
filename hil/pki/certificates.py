"""X.509 certificates in the shape of SGP.22 section 4.5 and SGP.26: what each role carries.

Validity is generous by default (2020 to 2049, eUICC to 9999), so that a clock that is a little wrong never matters;
tests that are about dates give their own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hil.crypto import PrivateKey, PublicKey, key_identifier

ROLE_CI = "2.23.146.1.2.1.0"
ROLE_EUICC = "2.23.146.1.2.1.1"
ROLE_EUM = "2.23.146.1.2.1.2"
ROLE_DP_TLS = "2.23.146.1.2.1.3"
ROLE_DP_AUTH = "2.23.146.1.2.1.4"
ROLE_DP_PB = "2.23.146.1.2.1.5"
ROLE_DS_TLS = "2.23.146.1.2.1.6"
ROLE_DS_AUTH = "2.23.146.1.2.1.7"

_COMMON_NAME_LIMIT = 64
_CRL_URL = "http://ci.example.com/ci.crl"


@dataclass(frozen=True, slots=True)
class Validity:
    """notBefore and notAfter, both aware."""

    begin: datetime = datetime(2020, 1, 1, tzinfo=UTC)
    end: datetime = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)


DEFAULT_VALIDITY = Validity()
UNLIMITED = Validity(end=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs: name and key."""

    name: x509.Name
    key: PrivateKey

    @classmethod
    def of(cls, certificate: bytes, key: PrivateKey) -> Issuer:
        """The issuer that a certificate describes."""
        return cls(x509.load_der_x509_certificate(certificate).subject, key)


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension and whether it is critical."""

    value: x509.ExtensionType
    critical: bool = False


def name(common_name: str, organization: str = "Test", serial_number: str | None = None) -> x509.Name:
    """A subject of country, organization, serial number (the EID of an eUICC) and common name."""
    parts = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
    ]
    if serial_number is not None:
        parts.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, serial_number))
    if len(common_name) <= _COMMON_NAME_LIMIT:
        parts.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    return x509.Name(parts)


def issue(
    subject: x509.Name,
    key: PublicKey,
    issuer: Issuer,
    extensions: Iterable[Extension],
    validity: Validity = DEFAULT_VALIDITY,
) -> bytes:
    """Sign a certificate (X.509 v3, ecdsa-with-SHA256) and return its DER."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.name)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.begin)
        .not_valid_after(validity.end)
        .add_extension(x509.SubjectKeyIdentifier(key_identifier(key)), critical=False)
    )
    if subject != issuer.name:
        identifier = x509.AuthorityKeyIdentifier(key_identifier(issuer.key), None, None)
        builder = builder.add_extension(identifier, critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def ci_extensions(oid: str) -> list[Extension]:
    """GSMA certificate issuer: the root of the eUICC world."""
    return [_authority(None), _usage(sign_certificates=True, sign_lists=True), _role(ROLE_CI), _registered(oid), _crl()]


def eum_extensions(oid: str, organization: str, eid_prefix: str) -> list[Extension]:
    """eUICC manufacturer: may sign eUICC certificates with its own O and this beginning of the EID."""
    parts = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        x509.NameAttribute(NameOID.SERIAL_NUMBER, eid_prefix),
    ]
    constraints = x509.NameConstraints([x509.DirectoryName(x509.Name(parts))], None)
    return [
        _authority(0),
        _usage(sign_certificates=True),
        _role(ROLE_EUM),
        _registered(oid),
        Extension(constraints, critical=True),
        _crl(),
    ]


def euicc_extensions() -> list[Extension]:
    """eUICC: signs; the EID is in the subject."""
    return [_usage(), _role(ROLE_EUICC)]


def server_extensions(role: str, oid: str) -> list[Extension]:
    """Authentication or profile binding certificate of an SM-DP+ or SM-DS."""
    return [_usage(), _role(role), _registered(oid), _crl()]


def rsp_tls_extensions(role: str, oid: str, hosts: Iterable[str]) -> list[Extension]:
    """TLS certificate of an SM-DP+ or SM-DS under the CI."""
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    names = [*_host_names(hosts), x509.RegisteredID(x509.ObjectIdentifier(oid))]
    return [
        _usage(),
        _role(role, critical=False),
        Extension(purposes, critical=True),
        Extension(x509.SubjectAlternativeName(names)),
        _crl(),
    ]


def tls_ca_extensions() -> list[Extension]:
    """A plain web CA without intermediate ones."""
    return [_authority(0), _usage(sign_certificates=True, sign_lists=True)]


def tls_leaf_extensions(hosts: Iterable[str]) -> list[Extension]:
    """A plain web server; hosts are DNS names or IP addresses."""
    return [
        Extension(x509.BasicConstraints(ca=False, path_length=None), critical=True),
        _usage(),
        Extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])),
        Extension(x509.SubjectAlternativeName(_host_names(hosts))),
    ]


def tls_client_extensions() -> list[Extension]:
    """Whoever connects to a web server and shows who it is."""
    return [
        Extension(x509.BasicConstraints(ca=False, path_length=None), critical=True),
        _usage(),
        Extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])),
    ]


def signing_extensions() -> list[Extension]:
    """A key that signs data and nothing else: an eIM."""
    return [_usage()]


def _host_names(hosts: Iterable[str]) -> list[x509.GeneralName]:
    return [_host_name(host) for host in hosts]


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _authority(path_length: int | None) -> Extension:
    return Extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)


def _usage(*, sign_certificates: bool = False, sign_lists: bool = False) -> Extension:
    usage = x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_lists,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return Extension(usage, critical=True)


def _role(oid: str, *, critical: bool = True) -> Extension:
    policy = x509.PolicyInformation(x509.ObjectIdentifier(oid), None)
    return Extension(x509.CertificatePolicies([policy]), critical=critical)


def _registered(oid: str) -> Extension:
    return Extension(x509.SubjectAlternativeName([x509.RegisteredID(x509.ObjectIdentifier(oid))]))


def _crl() -> Extension:
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(_CRL_URL)], None, None, None)
    return Extension(x509.CRLDistributionPoints([point]))
