"""TLS side of the virtual eIM: the right leaf certificate and the wrong ones (SGP.32 2.6.3)."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

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
    OTHER_OID = "other-oid"
    """Right name, but the certificate is that of another RSP server; eIMs have no such thing."""


@dataclass(frozen=True)
class RspRole:
    """What the TLS certificate of an RSP server says of it (SGP.22 4.5.2.1): role and OID."""

    policy: str
    oid: str


_WRONG_HOST = "wrong.example.com"
_PAST = Validity(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 2, 1, tzinfo=UTC))
_OTHER_OID = "2.999.12"
_FUTURE = Validity(datetime(2048, 1, 1, tzinfo=UTC), datetime(2049, 1, 1, tzinfo=UTC))


class Leaves:
    """Makes server contexts for one server: an eIM, or with a `role` an RSP server, which stands under the CI.

    Key files are written below `directory`.
    """

    def __init__(
        self, pki: Pki, credential: Credential, hosts: Sequence[str], directory: Path, role: RspRole | None = None
    ) -> None:
        self._pki = pki
        self._role = role
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
            case Leaf.EXPIRED | Leaf.NOT_YET_VALID:
                return self._reissued(self._hosts, _PAST if leaf is Leaf.EXPIRED else _FUTURE)
            case Leaf.WRONG_NAME:
                return self._reissued((_WRONG_HOST,), Validity())
            case Leaf.OTHER_KEY:
                return self._signed(crypto.generate_key(crypto.P256), self._hosts, self._role, Validity())
            case Leaf.OTHER_OID:
                return self._of_another_server()
            case Leaf.UNTRUSTED:
                return self._pki.issue_tls(self._hosts, issuer=Pki.issue_tls_ca("Nobody's CA"))

    def _reissued(self, hosts: Sequence[str], validity: Validity) -> Credential:
        return self._signed(self._good.key, hosts, self._role, validity)

    def _of_another_server(self) -> Credential:
        if self._role is None:
            raise PkiError("an eIM has no OID")
        role = RspRole(self._role.policy, _OTHER_OID)
        return self._signed(crypto.generate_key(crypto.P256), self._hosts, role, Validity())

    def _signed(
        self, key: crypto.PrivateKey, hosts: Sequence[str], role: RspRole | None, validity: Validity
    ) -> Credential:
        """A leaf under the authority that fits the server. Raises PkiError when its key is not there."""
        authority = self._pki.tls_ca if role is None else self._pki.rsp_tls_authority
        extensions = (
            shape.tls_leaf_extensions(hosts) if role is None else shape.rsp_tls_extensions(role.policy, role.oid, hosts)
        )
        issuer = shape.Issuer.of(authority.certificate, authority.key)
        return Credential(shape.issue(shape.name(hosts[0]), key.public_key(), issuer, extensions, validity), key)


class LeafSwitch:
    """Shows one of the leaves to new connections."""

    def __init__(self, leaves: Leaves) -> None:
        self._leaves = leaves
        self.leaf = Leaf.GOOD
        self.server_names: list[str | None] = []
        """SNI of each TLS handshake."""

    def show(self, leaf: Leaf) -> None:
        """Change the certificate for new connections. Raises PkiError when it cannot be issued."""
        self._leaves.context(leaf)
        self.leaf = leaf

    def context(self) -> ssl.SSLContext:
        """What the server listens with."""
        context = self._leaves.context(Leaf.GOOD)
        context.sni_callback = self._on_client_hello
        return context

    def _on_client_hello(self, connection: Any, name: str | None, _context: ssl.SSLContext) -> None:
        self.server_names.append(name)
        connection.context = self._leaves.context(self.leaf)


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
