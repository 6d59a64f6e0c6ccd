"""TLS side of the virtual eIM: the right leaf certificate and the wrong ones (SGP.32 2.6.3)."""

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from hil import crypto
from hil.eim.identity import TlsAnchors
from hil.pki import Credential, Pki, PkiError, Validity
from hil.pki import certificates as shape


class Leaf(StrEnum):
    """Which certificate the server shows. The first three wrong ones keep the right key."""

    GOOD = "good"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    WRONG_NAME = "wrong-name"
    OTHER_KEY = "other-key"
    """Right name, issued by the right CA, another key."""
    UNTRUSTED = "untrusted"
    """Right name, another key, issued by a CA that nobody knows."""


_WRONG_HOST = "wrong.example.com"
_PAST = Validity(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 2, 1, tzinfo=UTC))
_FUTURE = Validity(datetime(2048, 1, 1, tzinfo=UTC), datetime(2049, 1, 1, tzinfo=UTC))


class Leaves:
    """Makes server contexts for one eIM. Key files are written below `directory`."""

    def __init__(self, pki: Pki, credential: Credential, hosts: Sequence[str], directory: Path) -> None:
        self._pki = pki
        self._good = credential
        self._hosts = tuple(hosts)
        self._directory = directory
        self._contexts: dict[Leaf, ssl.SSLContext] = {}

    @property
    def anchors(self) -> TlsAnchors:
        """What an EimConfigurationData can say about the right leaf."""
        certificate = self._good.certificate
        return TlsAnchors(crypto.spki(self._good.public_key), certificate, self._pki.tls_ca.certificate)

    def context(self, leaf: Leaf) -> ssl.SSLContext:
        """Server context that shows `leaf`. Raises PkiError when it cannot be issued (no key of the TLS CA)."""
        if leaf not in self._contexts:
            certificate, key = self._credential(leaf).write(self._directory, f"leaf-{leaf}")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(certificate, key)
            self._contexts[leaf] = context
        return self._contexts[leaf]

    def _credential(self, leaf: Leaf) -> Credential:
        match leaf:
            case Leaf.GOOD:
                return self._good
            case Leaf.EXPIRED:
                return self._reissued(self._hosts, _PAST)
            case Leaf.NOT_YET_VALID:
                return self._reissued(self._hosts, _FUTURE)
            case Leaf.WRONG_NAME:
                return self._reissued((_WRONG_HOST,), Validity())
            case Leaf.OTHER_KEY:
                return self._pki.issue_tls(self._hosts)
            case Leaf.UNTRUSTED:
                return self._pki.issue_tls(self._hosts, issuer=Pki.issue_tls_ca("Nobody's CA"))

    def _reissued(self, hosts: Sequence[str], validity: Validity) -> Credential:
        authority = self._pki.tls_ca
        certificate = shape.issue(
            shape.name(hosts[0]),
            self._good.public_key,
            shape.Issuer.of(authority.certificate, authority.key),
            shape.tls_leaf_extensions(hosts),
            validity,
        )
        return Credential(certificate, self._good.key)


def server_credential(pki: Pki, hosts: Sequence[str], directory: Path, name: str) -> Credential:
    """A leaf of its own for one more server, kept in `directory`; the eIM's leaf when none can be issued."""
    stored = Credential.read(directory, name)
    if stored is not None:
        return stored
    try:
        credential = pki.issue_tls(hosts)
    except PkiError:
        return pki.eim_tls
    credential.write(directory, name)
    return credential
