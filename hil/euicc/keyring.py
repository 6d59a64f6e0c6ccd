"""The key pairs of the card, one per GSMA certificate issuer (SGP.22 4.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hil import crypto
from hil.euicc.errors import EuiccError
from hil.pki import Pki


@dataclass(frozen=True, slots=True)
class SigningKey:
    """SK.EUICC with its chain; certificates are DER."""

    ci_pkid: bytes
    """SubjectKeyIdentifier of the CI, 20 octets."""
    key: crypto.PrivateKey
    certificate: bytes
    eum_certificate: bytes

    def sign(self, data: bytes) -> bytes:
        """ECDSA with SHA-256, r || s."""
        return crypto.sign(self.key, data)


@dataclass(frozen=True, slots=True)
class Keyring:
    """In order of preference; never empty."""

    keys: tuple[SigningKey, ...]
    eid: str
    """The EID for which the certificates were issued, 32 digits."""
    authorities: Mapping[bytes, bytes] = field(default_factory=dict)
    """CI certificates (DER) by key identifier: whom the card believes."""

    def __post_init__(self) -> None:
        if not self.keys:
            raise EuiccError("a card needs at least one key")

    @classmethod
    def of(cls, pki: Pki) -> Keyring:
        """The key of the PKI's only CI."""
        key = SigningKey(pki.ci_key_id, pki.euicc.key, pki.euicc.certificate, pki.eum.certificate)
        return cls((key,), pki.eid, {pki.ci_key_id: pki.ci.certificate})

    @property
    def preferred(self) -> SigningKey:
        """The key that is used when nothing else was asked for."""
        return self.keys[0]

    def find(self, ci_pkid: bytes | None) -> SigningKey | None:
        """The key under this CI; the preferred one for None; None if the CI is unknown."""
        if ci_pkid is None:
            return self.preferred
        return next((key for key in self.keys if key.ci_pkid == ci_pkid), None)
