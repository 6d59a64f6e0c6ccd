"""Throw-away public key infrastructure of one bench; see the package for the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from hil.crypto import (
    P256,
    CryptoError,
    Curve,
    PrivateKey,
    PublicKey,
    curve_of,
    generate_key,
    key_identifier,
    load_pem,
    public_key_from_certificate,
    store_pem,
)
from hil.pki import certificates as shape
from hil.pki.certificates import DEFAULT_VALIDITY, UNLIMITED, Issuer, Validity

DEFAULT_EID = "89049032001234567890000000100070"
DEFAULT_HOSTS = ("localhost", "127.0.0.1")
EIM_ID = "eim.example.com"

# Example arc, as the test certificates of SGP.26 use it.
CI_OID = "2.999.1"
EUM_OID = "2.999.5"
SMDP_OID = "2.999.10"
SMDS_OID = "2.999.15"

_EUM_ORGANIZATION = "Test EUM"
_EID_DIGITS = 32
_EUM_PREFIX = 8


class PkiError(Exception):
    """A file of the PKI is missing or unusable, or something cannot be issued."""


class Role(StrEnum):
    """Who owns a certificate; the value is the base name of its files."""

    CI = "ci"
    EUM = "eum"
    EUICC = "euicc"
    EIM = "eim"
    TLS_CA = "tls-ca"
    EIM_TLS = "eim-tls"
    SMDP_AUTH = "smdp-auth"
    SMDP_PB = "smdp-pb"
    SMDP_TLS = "smdp-tls"
    SMDS_AUTH = "smds-auth"
    SMDS_TLS = "smds-tls"


_REQUIRED = (Role.CI, Role.EUM, Role.EUICC)
_UNDER_CI = {
    Role.SMDP_AUTH: (shape.ROLE_DP_AUTH, SMDP_OID),
    Role.SMDP_PB: (shape.ROLE_DP_PB, SMDP_OID),
    Role.SMDP_TLS: (shape.ROLE_DP_TLS, SMDP_OID),
    Role.SMDS_AUTH: (shape.ROLE_DS_AUTH, SMDS_OID),
    Role.SMDS_TLS: (shape.ROLE_DS_TLS, SMDS_OID),
}
_TLS = (Role.SMDP_TLS, Role.SMDS_TLS)


@dataclass(frozen=True)
class Credential:
    """A certificate (DER) and its private key, where the bench has it."""

    certificate: bytes
    private_key: PrivateKey | None = None

    @property
    def key(self) -> PrivateKey:
        """The private key; PkiError if only the certificate is there."""
        if self.private_key is None:
            raise PkiError("the private key of this certificate is not there")
        return self.private_key

    @property
    def public_key(self) -> PublicKey:
        """The key in the certificate."""
        return public_key_from_certificate(self.certificate)

    @property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return x509.load_der_x509_certificate(self.certificate).public_bytes(serialization.Encoding.PEM)

    def write(self, directory: Path, name: str) -> tuple[Path, Path | None]:
        """Write `<name>.pem` and, if there is a key, `<name>.key.pem`; returns the paths, as `ssl` wants them."""
        directory.mkdir(parents=True, exist_ok=True)
        certificate = directory / f"{name}.pem"
        certificate.write_bytes(self.pem)
        if self.private_key is None:
            return certificate, None
        key = directory / f"{name}.key.pem"
        store_pem(key, self.private_key)
        return certificate, key

    @classmethod
    def read(cls, directory: Path, name: str) -> Self | None:
        """Read what `write` wrote, or DER files; None if there is no certificate of that name."""
        certificate = _first_of(directory, f"{name}.pem", f"{name}.der")
        if certificate is None:
            return None
        key = _first_of(directory, f"{name}.key.pem", f"{name}.key.der")
        try:
            loaded = cls(_read_certificate(certificate), load_pem(key) if key else None)
            if loaded.private_key and loaded.private_key.public_key() != loaded.public_key:
                raise PkiError(f"{key} does not belong to {certificate}")
        except (OSError, ValueError) as error:
            raise PkiError(f"{certificate}: {error}") from error
        return loaded


@dataclass(frozen=True)
class Pki:
    """All credentials of a bench. `directory` is where their files are."""

    directory: Path
    credentials: Mapping[Role, Credential]

    @classmethod
    def generate(
        cls,
        directory: Path,
        *,
        eid: str = DEFAULT_EID,
        curve: Curve = P256,
        hosts: Sequence[str] = DEFAULT_HOSTS,
    ) -> Self:
        """Make everything new and write it to the directory. `hosts` are names and addresses of all TLS servers."""
        ci_key = generate_key(curve)
        ci_name = shape.name("Test CI")
        ci = shape.issue(ci_name, ci_key.public_key(), Issuer(ci_name, ci_key), shape.ci_extensions(CI_OID))
        pki = cls(directory, {Role.CI: Credential(ci, ci_key)})
        pki = pki.with_credential(Role.EUM, pki.issue_eum(eid))
        pki = pki.with_credential(Role.EUICC, pki.issue_euicc(eid))
        pki = pki.completed(hosts)
        for role, credential in pki.credentials.items():
            credential.write(directory, role)
        return pki

    @classmethod
    def load(cls, directory: Path, *, hosts: Sequence[str] = DEFAULT_HOSTS) -> Self:
        """Read a directory; what is missing and can be issued is issued and added to it. Raises PkiError."""
        found = {role: credential for role in Role if (credential := Credential.read(directory, role)) is not None}
        for role in _REQUIRED:
            if role not in found:
                raise PkiError(f"{directory}: there is no {role}.pem or {role}.der")
        found_key = found[Role.EUICC].private_key
        if found_key is None:
            raise PkiError(f"{directory}: there is no {Role.EUICC}.key.pem or {Role.EUICC}.key.der")
        pki = cls(directory, found).completed(hosts)
        for role in pki.credentials.keys() - found.keys():
            pki.credentials[role].write(directory, role)
        return pki

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        eid: str = DEFAULT_EID,
        curve: Curve = P256,
        hosts: Sequence[str] = DEFAULT_HOSTS,
    ) -> Self:
        """Load the directory if it has a CI, else generate there."""
        if _first_of(directory, f"{Role.CI}.pem", f"{Role.CI}.der"):
            return cls.load(directory, hosts=hosts)
        return cls.generate(directory, eid=eid, curve=curve, hosts=hosts)

    def __getitem__(self, role: Role) -> Credential:
        """The credential of a role; PkiError if this PKI has none and could not make it."""
        try:
            return self.credentials[role]
        except KeyError:
            raise PkiError(f"{self.directory}: there is no certificate for {role} and no key to issue it") from None

    def with_credential(self, role: Role, credential: Credential) -> Self:
        """A PKI with another credential for a role; files stay as they are."""
        return type(self)(self.directory, {**self.credentials, role: credential})

    @property
    def ci(self) -> Credential:
        return self[Role.CI]

    @property
    def eum(self) -> Credential:
        return self[Role.EUM]

    @property
    def euicc(self) -> Credential:
        return self[Role.EUICC]

    @property
    def eim(self) -> Credential:
        return self[Role.EIM]

    @property
    def tls_ca(self) -> Credential:
        return self[Role.TLS_CA]

    @property
    def eim_tls(self) -> Credential:
        return self[Role.EIM_TLS]

    @property
    def curve(self) -> Curve:
        """Curve of the eUICC's key."""
        return curve_of(self.euicc.public_key)

    @property
    def ci_key_id(self) -> bytes:
        """euiccCiPKId: the key identifier of the CI, 20 bytes."""
        return key_identifier(self.ci.public_key)

    @property
    def eid(self) -> str:
        """The EID in the subject of the eUICC certificate, 32 digits."""
        subject = x509.load_der_x509_certificate(self.euicc.certificate).subject
        values = [str(attribute.value) for attribute in subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)]
        if len(values) != 1 or not _is_eid(values[0]):
            raise PkiError(f"{self.directory}: the eUICC certificate has no EID as serial number: {values}")
        return values[0]

    @property
    def rsp_tls_authority(self) -> Credential:
        """Who issues the TLS certificates of RSP servers: the CI, or the TLS CA where the curve is not for TLS."""
        return self.ci if curve_of(self.ci.public_key) is P256 else self.tls_ca

    @property
    def tls_anchors(self) -> bytes:
        """PEM of everything that a client of the bench's servers has to trust."""
        return self.tls_ca.pem + self.ci.pem

    def issue_eum(self, eid: str) -> Credential:
        """An eUICC manufacturer for EIDs that begin like this one."""
        _check_eid(eid)
        extensions = shape.eum_extensions(EUM_OID, _EUM_ORGANIZATION, eid[:_EUM_PREFIX])
        return self._issue(Role.CI, shape.name("Test EUM", _EUM_ORGANIZATION), extensions)

    def issue_euicc(self, eid: str) -> Credential:
        """An eUICC certificate for this EID, valid for ever."""
        _check_eid(eid)
        subject = shape.name(f"Test eUICC {eid[-4:]}", self._eum_organization(), eid)
        return self._issue(Role.EUM, subject, shape.euicc_extensions(), UNLIMITED)

    def issue_eim(self, eim_id: str, curve: Curve | None = None) -> Credential:
        """A self-signed certificate for an eIM that signs packages, on the curve of the eUICC unless told."""
        return _self_signed(eim_id, shape.signing_extensions(), curve or self.curve)

    def issue_tls(
        self,
        hosts: Sequence[str],
        *,
        validity: Validity = DEFAULT_VALIDITY,
        issuer: Credential | None = None,
        self_signed: bool = False,
    ) -> Credential:
        """A TLS server certificate for any names and dates, under `tls-ca`, another CA, or itself. P-256."""
        if self_signed:
            return _self_signed(hosts[0], shape.tls_leaf_extensions(hosts), P256, validity)
        signer = issuer or self.tls_ca
        key = generate_key(P256)
        subject = shape.name(hosts[0])
        certificate = shape.issue(
            subject,
            key.public_key(),
            Issuer.of(signer.certificate, signer.key),
            shape.tls_leaf_extensions(hosts),
            validity,
        )
        return Credential(certificate, key)

    @staticmethod
    def issue_tls_client(name: str, issuer: Credential, key: PrivateKey | None = None) -> Credential:
        """A TLS client certificate, for a key or a new one. P-256."""
        key = key or generate_key(P256)
        authority = Issuer.of(issuer.certificate, issuer.key)
        extensions = shape.tls_client_extensions()
        return Credential(shape.issue(shape.name(name), key.public_key(), authority, extensions), key)

    @staticmethod
    def issue_tls_ca(common_name: str, validity: Validity = DEFAULT_VALIDITY) -> Credential:
        """Another TLS authority, such as one that nobody trusts."""
        return _self_signed(common_name, shape.tls_ca_extensions(), P256, validity)

    def completed(self, hosts: Sequence[str] = DEFAULT_HOSTS) -> Self:
        """This PKI with what is missing issued where its keys allow it; nothing is written."""
        found = dict(self.credentials)
        if Role.EIM not in found:
            found[Role.EIM] = self.issue_eim(EIM_ID)
        if Role.TLS_CA not in found:
            found[Role.TLS_CA] = self.issue_tls_ca("Test TLS CA")
        pki = type(self)(self.directory, found)
        if Role.EIM_TLS not in found and pki.tls_ca.private_key:
            found[Role.EIM_TLS] = pki.issue_tls(hosts)
        for role in _UNDER_CI.keys() - found.keys():
            if (credential := pki.issue_server(role, hosts)) is not None:
                found[role] = credential
        return type(self)(self.directory, found)

    def issue_server(self, role: Role, hosts: Sequence[str]) -> Credential | None:
        """A certificate of an SM-DP+ or SM-DS; None when the key of the issuer is not there."""
        policy, oid = _UNDER_CI[role]
        if role in _TLS and curve_of(self.ci.public_key) is not P256:
            return self.issue_tls(hosts) if self.tls_ca.private_key else None
        if self.ci.private_key is None:
            return None
        if role in _TLS:
            return self._issue(Role.CI, shape.name(hosts[0]), shape.rsp_tls_extensions(policy, oid, hosts))
        return self._issue(Role.CI, shape.name(f"Test {role}"), shape.server_extensions(policy, oid))

    def _issue(
        self,
        issuer: Role,
        subject: x509.Name,
        extensions: list[shape.Extension],
        validity: Validity = DEFAULT_VALIDITY,
    ) -> Credential:
        signer = self[issuer]
        key = generate_key(curve_of(signer.key))
        by = Issuer.of(signer.certificate, signer.key)
        return Credential(shape.issue(subject, key.public_key(), by, extensions, validity), key)

    def _eum_organization(self) -> str:
        subject = x509.load_der_x509_certificate(self.eum.certificate).subject
        names = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        return str(names[0].value) if names else _EUM_ORGANIZATION


def _self_signed(
    common_name: str, extensions: list[shape.Extension], curve: Curve, validity: Validity = DEFAULT_VALIDITY
) -> Credential:
    key = generate_key(curve)
    subject = shape.name(common_name)
    return Credential(shape.issue(subject, key.public_key(), Issuer(subject, key), extensions, validity), key)


def _first_of(directory: Path, *names: str) -> Path | None:
    return next((directory / name for name in names if (directory / name).is_file()), None)


def _read_certificate(path: Path) -> bytes:
    data = path.read_bytes()
    if data.lstrip().startswith(b"-----BEGIN"):
        return x509.load_pem_x509_certificate(data).public_bytes(serialization.Encoding.DER)
    try:
        public_key_from_certificate(data)
    except CryptoError as error:
        raise PkiError(f"{path}: {error}") from error
    return data


def _is_eid(text: str) -> bool:
    return len(text) == _EID_DIGITS and text.isascii() and text.isdigit()


def _check_eid(eid: str) -> None:
    if not _is_eid(eid):
        raise PkiError(f"{eid!r} is no EID: {_EID_DIGITS} digits expected")
