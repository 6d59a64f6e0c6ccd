"""Verifying certificates of the eUICC world (SGP.22 4.5.2).

Own code, because general X.509 libraries refuse what is normal here: the EUM's name constraint against the eUICC's
subject, role policies, subject alternative names with a registered ID. Dates are checked where `at` is given: an
eUICC has no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID, SignatureAlgorithmOID

from hil.crypto import PublicKey, public_key_from_certificate
from hil.pki.certificates import ROLE_EUICC, ROLE_EUM


class Fault(StrEnum):
    """Why a certificate is not accepted."""

    INVALID = "invalid"
    EXPIRED = "expired"
    UNKNOWN_CI = "unknown CI"


class ChainError(Exception):
    """A certificate is not accepted; `subject` says whose: "eum", "euicc" or "server"."""

    def __init__(self, subject: str, fault: Fault, message: str) -> None:
        super().__init__(f"{subject} certificate {fault}: {message}")
        self.subject = subject
        self.fault = fault


def parse(der: bytes, subject: str = "server") -> x509.Certificate:
    """Read a certificate; ChainError if it is none."""
    try:
        return x509.load_der_x509_certificate(der)
    except (ValueError, x509.InvalidVersion) as error:
        raise ChainError(subject, Fault.INVALID, str(error)) from error


def authority_key_id(certificate: x509.Certificate, subject: str = "server") -> bytes | None:
    """Key identifier of the issuer, as the certificate names it. Raises ChainError."""
    extension = _extension(certificate, ExtensionOID.AUTHORITY_KEY_IDENTIFIER, subject)
    return extension.key_identifier if isinstance(extension, x509.AuthorityKeyIdentifier) else None


def roles(certificate: x509.Certificate, subject: str = "server") -> frozenset[str]:
    """The certificate policies: GSMA roles as dotted OIDs. Raises ChainError."""
    extension = _extension(certificate, ExtensionOID.CERTIFICATE_POLICIES, subject)
    if not isinstance(extension, x509.CertificatePolicies):
        return frozenset()
    return frozenset(policy.policy_identifier.dotted_string for policy in extension)


def registered_id(certificate: x509.Certificate) -> str | None:
    """The OID of the owner in the subject alternative name. Raises ChainError."""
    extension = _extension(certificate, ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    if not isinstance(extension, x509.SubjectAlternativeName):
        return None
    found = extension.get_values_for_type(x509.RegisteredID)
    return found[0].dotted_string if found else None


def verify_server(der: bytes, authorities: Mapping[bytes, bytes], role: str, *, at: datetime | None = None) -> bytes:
    """Check a certificate directly under a CI. `authorities`: CI certificates by key identifier.

    Returns the key identifier of its CI. Raises ChainError.
    """
    certificate = parse(der)
    identifier = authority_key_id(certificate)
    authority = authorities.get(identifier) if identifier is not None else None
    if identifier is None or authority is None:
        raise ChainError("server", Fault.UNKNOWN_CI, f"issuer {identifier.hex() if identifier else 'not named'}")
    _check_signature("server", certificate, public_key_from_certificate(authority))
    if role not in roles(certificate):
        raise ChainError("server", Fault.INVALID, f"role {role} is missing")
    _check_usage("server", certificate, signs_certificates=False)
    _check_dates("server", certificate, at)
    return identifier


def verify_euicc(
    euicc: bytes, eum: bytes, authorities: Mapping[bytes, bytes], *, at: datetime | None = None
) -> tuple[str, bytes]:
    """Check the chain CI - EUM - eUICC. Returns the EID (32 digits) and the key identifier of the CI."""
    manufacturer = parse(eum, "eum")
    identifier = authority_key_id(manufacturer, "eum")
    authority = authorities.get(identifier) if identifier is not None else None
    if identifier is None or authority is None:
        raise ChainError("eum", Fault.UNKNOWN_CI, f"issuer {identifier.hex() if identifier else 'not named'}")
    _check_signature("eum", manufacturer, public_key_from_certificate(authority))
    if ROLE_EUM not in roles(manufacturer, "eum"):
        raise ChainError("eum", Fault.INVALID, "role EUM is missing")
    _check_usage("eum", manufacturer, signs_certificates=True)
    _check_dates("eum", manufacturer, at)
    certificate = parse(euicc, "euicc")
    _check_signature("euicc", certificate, public_key_from_certificate(eum))
    if ROLE_EUICC not in roles(certificate, "euicc"):
        raise ChainError("euicc", Fault.INVALID, "role eUICC is missing")
    _check_usage("euicc", certificate, signs_certificates=False)
    _check_dates("euicc", certificate, at)
    return _constrained_eid(certificate, manufacturer), identifier


def _constrained_eid(certificate: x509.Certificate, manufacturer: x509.Certificate) -> str:
    eid = _attribute(certificate.subject, NameOID.SERIAL_NUMBER)
    organization = _attribute(certificate.subject, NameOID.ORGANIZATION_NAME)
    if eid is None or len(eid) != 32 or not eid.isdigit():
        raise ChainError("euicc", Fault.INVALID, f"serial number {eid!r} is no EID")
    constraints = _extension(manufacturer, ExtensionOID.NAME_CONSTRAINTS, "eum")
    permitted = constraints.permitted_subtrees if isinstance(constraints, x509.NameConstraints) else None
    for subtree in permitted or ():
        if isinstance(subtree, x509.DirectoryName):
            prefix = _attribute(subtree.value, NameOID.SERIAL_NUMBER)
            if (
                prefix
                and eid.startswith(prefix)
                and organization == _attribute(subtree.value, NameOID.ORGANIZATION_NAME)
            ):
                return eid
    raise ChainError("euicc", Fault.INVALID, "the EUM may not issue for this name")


def _check_signature(subject: str, certificate: x509.Certificate, key: PublicKey) -> None:
    if certificate.signature_algorithm_oid != SignatureAlgorithmOID.ECDSA_WITH_SHA256:
        raise ChainError(subject, Fault.INVALID, "signature is not ECDSA with SHA-256")
    try:
        key.verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise ChainError(subject, Fault.INVALID, "signature of the issuer is wrong") from error


def _check_usage(subject: str, certificate: x509.Certificate, *, signs_certificates: bool) -> None:
    usage = _extension(certificate, ExtensionOID.KEY_USAGE, subject)
    if not isinstance(usage, x509.KeyUsage):
        raise ChainError(subject, Fault.INVALID, "key usage is missing")
    if not (usage.key_cert_sign if signs_certificates else usage.digital_signature):
        raise ChainError(subject, Fault.INVALID, "key usage does not fit")


def _check_dates(subject: str, certificate: x509.Certificate, at: datetime | None) -> None:
    if at is not None and not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        raise ChainError(subject, Fault.EXPIRED, f"valid to {certificate.not_valid_after_utc:%Y-%m-%d}")


def _extension(
    certificate: x509.Certificate, oid: x509.ObjectIdentifier, subject: str = "server"
) -> x509.ExtensionType | None:
    """An extension, None without it. All are parsed with the first that is asked for: ChainError if they cannot be."""
    try:
        return certificate.extensions.get_extension_for_oid(oid).value
    except x509.ExtensionNotFound:
        return None
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise ChainError(subject, Fault.INVALID, f"its extensions cannot be read: {error}") from error


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str | None:
    values = name.get_attributes_for_oid(oid)
    return str(values[0].value) if values else None
