"""DTLS 1.2 as a client, sans-IO, round the memory BIOs of pyOpenSSL (RFC 6347; SGP.32 2.6.3, 6.2).

Datagrams go in, datagrams, application bytes and the next deadline come out. Who is trusted is decided by the same
data as for TLS (`ipad.net.tls.Trust`): a pinned key or certificate is compared in the verify callback, before anything
but a ClientHello went out; anchors bring the full check of chain, name and dates.

Sessions are resumed within one `DtlsClient`, so one is kept per server: the library cannot take a session into another
context, nor into another process. A session of the 32-byte identifier is asked for, not a ticket: a ticket is some 200
bytes, and DTLS sends it twice, once before and once after the server's cookie.

Limits of the library: its first retransmission timer is 1 s and cannot be changed, it reads the time itself, and it
retransmits by itself when it is asked to read after that time. Connection IDs (RFC 9146) do not exist in OpenSSL: when
a NAT gives the device another port, the association is dead and a new handshake, resumed if possible, takes its place.
The four things above are all that the rest of the agent knows of DTLS, so that an engine with Connection IDs fits in.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any, Final

from OpenSSL import SSL, crypto

from ipad.errors import CodecError, NetworkError, TlsTrustError
from ipad.net import host_name, records
from ipad.net.tls import Anchors, PinnedCertificate, PinnedKey, PublicPki, Trust
from ipad.net.x509 import Certificate

logger = logging.getLogger(__name__)

CIPHERS: Final = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-CCM")
CCM_8: Final = "ECDHE-ECDSA-AES128-CCM8"
"""Mandatory for CoAP (RFC 7252 9.1.3.3); its tag of 64 bits is below the default security level of OpenSSL."""

RECORD_OVERHEAD: Final = records.HEADER + 8 + 16
"""Explicit nonce and tag of AES-GCM round the application bytes."""

_P256: Final = "prime256v1"
_NO_ENCRYPT_THEN_MAC: Final = 0x80000
_NO_RENEGOTIATION: Final = 0x40000000
"""Options of OpenSSL without a name in older versions of pyOpenSSL."""

_READ: Final = 1 << 16
_LONGEST_TIMER: Final = 60.0
_FALLBACK_TIMER: Final = 1.05
"""Seconds until OpenSSL is sure to retransmit by itself, where its timer cannot be asked (pyOpenSSL before 23.1)."""

_HAS_TIMER: Final = hasattr(SSL.Connection, "DTLSv1_get_timeout")

# X509_V_ERR_*: the chain ends in something that is not in the store.
_UNANCHORED: Final = frozenset({2, 18, 19, 20, 21})


@dataclass(frozen=True, kw_only=True)
class DtlsSettings:
    """How to talk to one server. `mtu`: the largest UDP payload in bytes, 1200 fits every IPv6 path."""

    mtu: int = 1200
    ccm_8: bool = False
    brainpool: bool = False
    tickets: bool = False


class State(Enum):
    """Of an association; it never goes back."""

    HANDSHAKE = auto()
    OPEN = auto()
    CLOSED = auto()


class DtlsClient:
    """DTLS towards one server: its trust, and the session of the last association.

    `server_name` is the DNS name (sent as SNI) or the IP address (never sent) that a certificate must be for. `now` is
    the best-known time in seconds since 1970. Raises TlsTrustError when the trusted certificates cannot be used.
    """

    def __init__(
        self, server_name: str, trust: Trust, now: Callable[[], float], settings: DtlsSettings | None = None
    ) -> None:
        self.server_name = server_name
        self.settings = settings or DtlsSettings()
        self._trust = trust
        self._now = now
        self._context = self._make_context()
        self._session: SSL.Session | None = None

    def associate(self, monotonic: float) -> DtlsAssociation:
        """Begin a handshake, a short one when there is a session; the first datagrams are ready to be sent."""
        store = self._context.get_cert_store()
        assert store is not None
        store.set_time(datetime.fromtimestamp(self._now(), UTC))
        connection = SSL.Connection(self._context)
        connection.set_connect_state()
        connection.set_ciphertext_mtu(self.settings.mtu)
        if not _is_address(self.server_name):
            connection.set_tlsext_host_name(self.server_name.encode("ascii"))
        if self._session is not None:
            connection.set_session(self._session)
        check = _PeerCheck(self.server_name, self._trust, self._now)
        connection.set_verify(SSL.VERIFY_PEER, check.verify)
        return DtlsAssociation(self, connection, check, monotonic)

    def keep_session(self, session: SSL.Session | None) -> None:
        """Remember the session for the next handshake; None forgets the last one."""
        self._session = session

    def _make_context(self) -> SSL.Context:
        context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
        # The constants of TLS and DTLS differ; pyOpenSSL has no name for DTLS 1.2.
        context.set_min_proto_version(0xFEFD)
        context.set_options(SSL.OP_NO_QUERY_MTU | _NO_ENCRYPT_THEN_MAC | _NO_RENEGOTIATION)
        if not self.settings.tickets:
            context.set_options(SSL.OP_NO_TICKET)
        context.set_session_cache_mode(SSL.SESS_CACHE_CLIENT)
        ciphers = ":".join(CIPHERS)
        if self.settings.ccm_8:
            ciphers = f"{ciphers}:{CCM_8}:@SECLEVEL=0"
        context.set_cipher_list(ciphers.encode("ascii"))
        _set_group(context, "brainpoolP256r1" if self.settings.brainpool else _P256)
        self._load_anchors(context)
        return context

    def _load_anchors(self, context: SSL.Context) -> None:
        store = context.get_cert_store()
        assert store is not None
        try:
            if isinstance(self._trust, Anchors):
                for certificate in self._trust.certificates:
                    store.add_cert(crypto.load_certificate(crypto.FILETYPE_ASN1, certificate))
                store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
            elif isinstance(self._trust, PublicPki):
                if self._trust.ca_file is not None:
                    context.load_verify_locations(str(self._trust.ca_file))
                else:
                    context.set_default_verify_paths()
        except (SSL.Error, crypto.Error) as error:
            raise TlsTrustError(f"{self.server_name}: the trusted certificates cannot be used: {error}") from error


class DtlsAssociation:
    """One association: a pump of records. `monotonic` parameters are seconds of a clock that never goes back.

    After each call take `datagrams`, `received` and `next_deadline`. A failed handshake or a fatal alert raises from
    `receive` and `handle_timeout`; `datagrams` may then hold the alert for the server.
    """

    def __init__(
        self, client: DtlsClient, connection: SSL.Connection, check: _PeerCheck, monotonic: float
    ) -> None:
        self._client = client
        self._connection = connection
        self._check = check
        self._received: list[bytes] = []
        self._timer = _FALLBACK_TIMER
        self._fallback_deadline: float | None = monotonic + _FALLBACK_TIMER
        self.state = State.HANDSHAKE
        self._step()

    @property
    def resumed(self) -> bool:
        """Whether the server took up an earlier session: then it showed no certificate."""
        return self.state is not State.HANDSHAKE and not self._check.called

    @property
    def cipher(self) -> str:
        """The negotiated cipher suite, in OpenSSL's spelling; empty before the handshake is done."""
        return self._connection.get_cipher_name() or ""

    def receive(self, datagram: bytes, monotonic: float) -> None:
        """Take one UDP datagram. What is not a record of this association is dropped without a word.

        Raises TlsTrustError for the wrong server, NetworkError when the handshake fails or the server breaks off.
        """
        data = records.acceptable(datagram)
        if not data or self.state is State.CLOSED:
            return
        self._connection.bio_write(data)
        self._timer = _FALLBACK_TIMER
        self._fallback_deadline = monotonic + self._timer if self.state is State.HANDSHAKE else None
        self._step()

    def send(self, data: bytes) -> None:
        """Protect application bytes as one record. Raises NetworkError when they do not fit, or nothing is open."""
        if self.state is not State.OPEN:
            raise NetworkError(f"{self._client.server_name}: the DTLS association is not open", layer="dtls")
        try:
            self._connection.send(data)
        except SSL.Error as error:
            raise self._failure("cannot send", error) from error

    def datagrams(self) -> list[bytes]:
        """What is to be sent now, each as one UDP datagram."""
        try:
            stream = self._connection.bio_read(_READ)
        except SSL.WantReadError:
            return []
        return records.pack(stream, self._client.settings.mtu)

    def received(self) -> list[bytes]:
        """Application bytes that arrived, one item per record; they are handed out once."""
        taken, self._received = self._received, []
        return taken

    def next_deadline(self, monotonic: float) -> float | None:
        """When to call `handle_timeout`, None for never."""
        if self.state is State.CLOSED:
            return None
        if not _HAS_TIMER:
            return self._fallback_deadline
        remaining = self._connection.DTLSv1_get_timeout()
        # The library counts by the wall clock, which may be set while we wait.
        return None if remaining is None else monotonic + min(max(remaining, 0.0), _LONGEST_TIMER)

    def handle_timeout(self, monotonic: float) -> None:
        """Repeat the last flight of the handshake if it is time. Raises NetworkError after too many repetitions."""
        if self.state is State.CLOSED:
            return
        if not _HAS_TIMER:
            self._timer = min(self._timer * 2, _LONGEST_TIMER)
            self._fallback_deadline = monotonic + self._timer if self.state is State.HANDSHAKE else None
            self._step()
            return
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            raise self._failure("no answer to the handshake", error) from error

    def close(self, *, notify: bool = True) -> None:
        """End the association; with `notify` a close_notify alert is ready to be sent. Its session stays usable."""
        if self.state is State.OPEN and notify:
            try:
                self._connection.shutdown()
            except SSL.Error as error:
                logger.debug("%s: no close_notify: %s", self._client.server_name, error)
        # OpenSSL takes the session of an association that ends without alerts for broken and never resumes it.
        self._connection.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)
        self.state = State.CLOSED

    def _step(self) -> None:
        if self.state is State.HANDSHAKE and not self._shake_hands():
            return
        while self.state is State.OPEN:
            try:
                self._received.append(self._connection.recv(_READ))
            except SSL.WantReadError:
                return
            except SSL.ZeroReturnError:
                self.close(notify=False)
            except SSL.Error as error:
                raise self._failure("the server broke off the association", error) from error

    def _shake_hands(self) -> bool:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            self._client.keep_session(None)
            if self._check.refusal is not None:
                self.state = State.CLOSED
                raise TlsTrustError(f"{self._client.server_name}: {self._check.refusal}") from error
            raise self._failure("no DTLS handshake", error) from error
        self.state = State.OPEN
        self._client.keep_session(self._connection.get_session())
        return True

    def _failure(self, what: str, error: SSL.Error) -> NetworkError:
        self.state = State.CLOSED
        return NetworkError(f"{self._client.server_name}: {what}: {_reason(error)}", layer="dtls")


class _PeerCheck:
    """The verify callback of one handshake: called for every certificate from the anchor down, the leaf (0) last."""

    def __init__(self, server_name: str, trust: Trust, now: Callable[[], float]) -> None:
        self._server_name = server_name
        self._trust = trust
        self._now = now
        self._pinned_ca = False
        self._chain_error = 0
        self.called = False
        self.refusal: str | None = None

    def verify(self, _connection: Any, x509: Any, error: int, depth: int, _ok: int) -> bool:
        """Whether to go on; False ends the handshake with an alert."""
        self.called = True
        try:
            certificate = Certificate.parse(crypto.dump_certificate(crypto.FILETYPE_ASN1, x509))
            if isinstance(self._trust, PinnedKey):
                refusal = self._verify_pin(self._trust.spki, certificate, error, depth, may_be_ca=True)
            elif isinstance(self._trust, PinnedCertificate):
                refusal = self._verify_pin(self._trust.certificate.spki, certificate, error, depth, may_be_ca=False)
            elif error:
                refusal = f"the server's certificate is not accepted: {_verify_text(error)}"
            else:
                refusal = self._name_error(certificate) if depth == 0 else None
        except CodecError as unreadable:
            refusal = f"the server's certificate cannot be read: {unreadable}"
        self.refusal = refusal
        return refusal is None

    def _verify_pin(
        self, spki: bytes, certificate: Certificate, error: int, depth: int, *, may_be_ca: bool
    ) -> str | None:
        if depth:
            if error in _UNANCHORED and may_be_ca and certificate.spki == spki:
                self._pinned_ca = True
            elif error:
                self._chain_error = error
            return None
        if certificate.spki == spki:
            self._note_dates(certificate)
            return None
        if not self._pinned_ca:
            return "neither the server's key nor that of its CA is the one in trustedPublicKeyDataTls"
        if error or self._chain_error:
            return f"the chain to the pinned key is not accepted: {_verify_text(error or self._chain_error)}"
        return self._name_error(certificate)

    def _name_error(self, leaf: Certificate) -> str | None:
        if host_name.is_for(leaf.der, self._server_name):
            return None
        return f"the server's certificate is not for {self._server_name}"

    def _note_dates(self, leaf: Certificate) -> None:
        if not leaf.not_before <= self._now() <= leaf.not_after:
            logger.warning(
                "%s: the certificate is outside its dates; its key is pinned, so it is accepted", self._server_name
            )


class _Group:
    """What pyOpenSSL reads of an elliptic curve: one group less offered is some bytes less, twice."""

    def __init__(self, name: str) -> None:
        self.name = name


def _set_group(context: SSL.Context, name: str) -> None:
    group: Any = _Group(name)
    try:
        context.set_tmp_ecdh(group)
    except AttributeError:
        # pyOpenSSL before 24 wants an object of its own.
        context.set_tmp_ecdh(crypto.get_elliptic_curve(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _reason(error: SSL.Error) -> str:
    """The last text of the library's error queue, or the kind of error where it has none."""
    queue: Iterable[Any] = error.args[0] if error.args and isinstance(error.args[0], list) else ()
    texts = [item[-1] for item in queue if item[-1]]
    return str(texts[-1]) if texts else type(error).__name__


def _verify_text(error: int) -> str:
    known = {
        9: "not valid yet at the best-known time",
        10: "expired at the best-known time",
        18: "self-signed and not trusted",
        19: "its root is not trusted",
        20: "its issuer is not trusted",
        21: "its issuer is not trusted",
    }
    return known.get(error, f"verification error {error}")
