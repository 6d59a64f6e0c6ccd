"""TLS side of the virtual eIM: the right leaf certificate and the wrong ones (SGP.32 2.6.3)."""

import functools
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

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


class TlsVersion(StrEnum):
    """A version of TLS that SGP.32 allows (2.6.3)."""

    V1_2 = "1.2"
    V1_3 = "1.3"


@dataclass(frozen=True)
class TlsKnobs:
    """How new handshakes of an HTTPS server go."""

    maximum: TlsVersion = TlsVersion.V1_3
    tickets: int = 2
    """NewSessionTickets after each handshake of TLS 1.3 (RFC 8446 4.6.1)."""
    session_tickets: bool = True
    """False: no tickets, neither in TLS 1.3 nor in 1.2 (RFC 5077); what is left to come back is 1.2's session id."""

    def __post_init__(self) -> None:
        if not 0 <= self.tickets <= _MOST_TICKETS:
            raise ValueError(f"tickets is {self.tickets}, expected 0 to {_MOST_TICKETS}")


@dataclass(frozen=True)
class RspRole:
    """What the TLS certificate of an RSP server says of it (SGP.22 4.5.2.1): role and OID."""

    policy: str
    oid: str


_MOST_TICKETS: Final = 16
_MAXIMUM: Final = {TlsVersion.V1_2: ssl.TLSVersion.TLSv1_2, TlsVersion.V1_3: ssl.TLSVersion.TLSv1_3}
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
        self._credentials: dict[Leaf, Credential] = {}

    @functools.cached_property
    def _nobody(self) -> Credential:
        return Pki.issue_tls_ca("Nobody's CA")

    @property
    def anchors(self) -> TlsAnchors:
        """What an EimConfigurationData can say about the right leaf."""
        certificate = self._good.certificate
        return TlsAnchors(crypto.spki(self._good.public_key), certificate, self._pki.tls_ca.certificate)

    def context(self, leaf: Leaf) -> ssl.SSLContext:
        """Server context that shows `leaf`. Raises PkiError when it cannot be issued (no key of the TLS CA)."""
        if leaf not in self._contexts:
            self._contexts[leaf] = self.new_context(leaf)
        return self._contexts[leaf]

    def new_context(self, leaf: Leaf) -> ssl.SSLContext:
        """As `context`, but one that knows no session of before."""
        certificate, key = self.credential(leaf).write(self._directory, f"leaf-{leaf}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate, key)
        return context

    def credential(self, leaf: Leaf) -> Credential:
        """Certificate and key, the same each time. Raises PkiError when it cannot be issued."""
        if leaf not in self._credentials:
            self._credentials[leaf] = self._make(leaf)
        return self._credentials[leaf]

    def issuer(self, leaf: Leaf) -> bytes:
        """Certificate (DER) of the CA that issued the right leaf, also for the wrong ones but the untrusted one."""
        return self._nobody.certificate if leaf is Leaf.UNTRUSTED else self._authority.certificate

    @property
    def _authority(self) -> Credential:
        return self._pki.tls_ca if self._role is None else self._pki.rsp_tls_authority

    def _make(self, leaf: Leaf) -> Credential:
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
                return self._pki.issue_tls(self._hosts, issuer=self._nobody)

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
        authority = self._authority
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
        self.knobs = TlsKnobs()
        self._listening: ssl.SSLContext | None = None
        self.server_names: list[str | None] = []
        """SNI of each TLS handshake."""

    def show(self, leaf: Leaf) -> None:
        """Change the certificate for new connections. Raises PkiError when it cannot be issued."""
        self._leaves.context(leaf)
        self.leaf = leaf

    def context(self) -> ssl.SSLContext:
        """What the server listens with; a new one resumes no session of before."""
        context = self._leaves.new_context(Leaf.GOOD)
        context.sni_callback = self._on_client_hello
        self._listening = context
        self.turn(self.knobs)
        return context

    def turn(self, knobs: TlsKnobs) -> None:
        """Change how new handshakes go."""
        self.knobs = knobs
        context = self._listening
        if context is None:
            return
        context.maximum_version = _MAXIMUM[knobs.maximum]
        context.num_tickets = knobs.tickets if knobs.session_tickets else 0
        if knobs.session_tickets:
            context.options &= ~ssl.Options.OP_NO_TICKET
        else:
            context.options |= ssl.Options.OP_NO_TICKET

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
