"""Certificates that are wrong in one place, made from right ones (SGP.22 4.5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from hil.crypto import P256, generate_key
from hil.pki import Credential, Pki, Validity
from hil.pki import certificates as shape
from hil.pki.chain import parse, registered_id, roles
from hil.rsp.authentication import Mistake

OTHER_OID: Final = "2.999.12"
_PAST: Final = Validity(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 2, 1, tzinfo=UTC))
_EXPIRED: Final = (Mistake.EXPIRED_AUTH_CERTIFICATE, Mistake.EXPIRED_BINDING_CERTIFICATE)


@dataclass(frozen=True)
class Forger:
    """Issues under the CI of a PKI; a `Forge` for SM-DP+ and SM-DS."""

    pki: Pki

    def __call__(self, mistake: Mistake, right: Credential) -> Credential:
        """The wrong credential; key and names are those of the right one where they may be. Raises PkiError."""
        certificate = parse(right.certificate)
        role = next(iter(roles(certificate)))
        oid = OTHER_OID if mistake is Mistake.OTHER_BINDING_OID else registered_id(certificate) or OTHER_OID
        issuer = shape.Issuer.of(self.pki.ci.certificate, self.pki.ci.key)
        if mistake is Mistake.FOREIGN_AUTH_CERTIFICATE:
            issuer = shape.Issuer(shape.name("Nobody's CI"), generate_key(P256))
        validity = _PAST if mistake in _EXPIRED else Validity()
        extensions = shape.server_extensions(role, oid)
        made = shape.issue(certificate.subject, right.public_key, issuer, extensions, validity)
        return Credential(made, right.key)
