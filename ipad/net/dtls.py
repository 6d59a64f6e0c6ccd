"""DTLS 1.2 as a client, sans-IO, round the buffers of OpenSSL (RFC 6347; SGP.32 2.6.3, 6.2).

Datagrams go in, datagrams, application bytes and the next deadline come out. Who is trusted is decided by the same
data as for TLS (`ipad.net.tls.Trust`): a pinned key or certificate is compared in the verify callback, before anything
but a ClientHello went out; anchors bring the full check of chain, name and dates.

Sessions are resumed within one `DtlsClient`, so one is kept per server: the library cannot take a session into another
context, nor into another process. A session of the 32-byte identifier is asked for, not a ticket: a ticket is some 200
bytes, and DTLS sends it twice, once before and once after the server's cookie.

Limits of the library: its first retransmission timer is 1 s and cannot be changed, it reads the time itself, and it
repeats its flight by itself when it is asked to read after that time. A longer timer, as RFC 7925 11 wants it on slow
links (9 s), is made here by asking later, and by throwing away what the library repeats although the answer is there.

Connection IDs (RFC 9146) do not exist in OpenSSL: when a NAT gives the device another port, the association is dead and
a new handshake, resumed if possible, takes its place.
The four things above are all that the rest of the agent knows of DTLS, so that an engine with Connection IDs fits in.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from ipad.errors import NetworkError, TlsTrustError
from ipad.net import libssl, records
from ipad.net.peer_check import PeerCheck
from ipad.net.tls import Anchors, PublicPki, Trust
from ipad.net.tls_context import Validity
from ipad.records import dataclass

logger = logging.getLogger(__name__)

CIPHERS: Final = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-CCM")
CCM_8: Final = "ECDHE-ECDSA-AES128-CCM8"
"""Mandatory for CoAP (RFC 7252 9.1.3.3); its tag of 64 bits is below the default security level of OpenSSL."""

RECORD_OVERHEAD: Final = records.HEADER + 8 + 16
"""Explicit nonce and tag of AES-GCM round the application bytes."""

SIGNATURES: Final = "ECDSA+SHA256:ECDSA+SHA384:RSA+SHA256"
"""The first is that of the handshake (the suites are for ECDSA, the group is P-256), all are those of CAs above the
server's certificate."""

_P256: Final = "prime256v1"
_LONGEST_TIMER: Final = 60.0
_OPTIONS: Final = libssl.NO_QUERY_MTU | libssl.NO_ENCRYPT_THEN_MAC | libssl.NO_RENEGOTIATION


@dataclass(frozen=True, kw_only=True)
class DtlsSettings:
    """How to talk to one server.

    `mtu`: the largest UDP payload in bytes, 1200 fits every IPv6 path. `first_timer`: seconds until a flight of the
    handshake is repeated for the first time, 1 or more; each next time takes twice as long. `ccm_8`: offer that suite
    too. `tickets`: ask for session tickets, for a server that knows no other resumption.
    """

    mtu: int = 1200
    first_timer: float = 1.0
    ccm_8: bool = False
    tickets: bool = False


class State(Enum):
    """Of an association; it never goes back."""

    HANDSHAKE = auto()
    OPEN = auto()
    CLOSED = auto()


class DtlsClient:
    """DTLS towards one server: its trust, and the session of the last association.

    `server_name` is the DNS name (sent as SNI) or the IP address (never sent) that a certificate must be for. `now` is
    the best-known time in seconds since 1970, and may be replaced. Raises TlsTrustError when the trusted certificates
    cannot be used.
    """

    def __init__(
        self, server_name: str, trust: Trust, now: Callable[[], float], settings: DtlsSettings | None = None
    ) -> None:
        self.server_name = server_name
        self.settings = settings or DtlsSettings()
        self.now = now
        self._trust = trust
        self._context = self._make_context()
        self._session: libssl.Session | None = None
        self._validity = Validity()

    def associate(self, monotonic: float) -> DtlsAssociation:
        """Begin a handshake, a short one when there is a session; the first datagrams are ready to be sent."""
        check = PeerCheck(self.server_name, self._trust, self.now)
        connection = libssl.Connection(self._context, self.settings.mtu, check.accepts)
        if not _is_address(self.server_name):
            connection.set_server_name(self.server_name)
        if self._session is not None and self._validity.covers(self.now()):
            # A server that resumes shows no certificate: those of the full handshake still have to be valid.
            connection.set_session(self._session)
        return DtlsAssociation(self, connection, check, monotonic)

    def keep_session(self, session: libssl.Session | None, shown: Validity | None = None) -> None:
        """Remember the session for the next handshake; None forgets the last one.

        `shown` is the validity of the certificates that the server showed, None if it resumed and showed none.
        """
        self._session = session
        if shown is not None:
            self._validity = shown

    def _make_context(self) -> libssl.Context:
        ciphers = ":".join(CIPHERS)
        if self.settings.ccm_8:
            ciphers = f"{ciphers}:{CCM_8}:@SECLEVEL=0"
        options = _OPTIONS if self.settings.tickets else _OPTIONS | libssl.NO_TICKET
        try:
            context = libssl.Context(options=options, ciphers=ciphers, group=_P256)
        except libssl.LibraryError as error:
            raise NetworkError(f"{self.server_name}: the TLS library has no DTLS: {error}", layer="dtls") from error
        try:
            context.set_signatures(SIGNATURES)
        except libssl.LibraryError as error:
            # The library's own list is some 40 bytes longer, and goes out twice.
            logger.debug("the TLS library keeps its own list of signature algorithms: %s", error)
        try:
            self._load_anchors(context)
        except libssl.LibraryError as error:
            raise TlsTrustError(f"{self.server_name}: the trusted certificates cannot be used: {error}") from error
        return context

    def _load_anchors(self, context: libssl.Context) -> None:
        # The library takes the time of a store once and never another one: `PeerCheck` looks at the dates.
        context.set_store_flags(libssl.NO_CHECK_TIME)
        if isinstance(self._trust, Anchors):
            for certificate in self._trust.certificates:
                context.add_anchor(certificate)
            context.set_store_flags(libssl.PARTIAL_CHAIN)
        elif isinstance(self._trust, PublicPki):
            context.load_anchors(None if self._trust.ca_file is None else str(self._trust.ca_file))


class DtlsAssociation:
    """One association: a pump of records. `monotonic` parameters are seconds of a clock that never goes back.

    After each call take `datagrams`, `received` and `next_deadline`. A failed handshake or a fatal alert raises from
    `receive` and `handle_timeout`; `datagrams` may then hold the alert for the server.
    """

    def __init__(self, client: DtlsClient, connection: libssl.Connection, check: PeerCheck, monotonic: float) -> None:
        self._client = client
        self._connection = connection
        self._check = check
        self._received: list[bytes] = []
        self._outgoing = b""
        self._interval = 0.0
        self._deadline = 0.0
        self.state = State.HANDSHAKE
        self._step()
        self._collect()
        self._start_timer(monotonic)

    @property
    def resumed(self) -> bool:
        """Whether the server took up an earlier session: then it showed no certificate."""
        return self.state is not State.HANDSHAKE and not self._check.called

    @property
    def cipher(self) -> str:
        """The negotiated cipher suite, in OpenSSL's spelling; empty before the handshake is done."""
        return self._connection.cipher()

    def receive(self, datagram: bytes, monotonic: float) -> None:
        """Take one UDP datagram. What is not a record of this association is dropped without a word.

        Raises TlsTrustError for the wrong server, NetworkError when the handshake fails or the server breaks off.
        """
        data = records.acceptable(datagram)
        if not data or self.state is State.CLOSED:
            return
        self._keep_from_repeating()
        self._connection.put(data)
        try:
            self._step()
        finally:
            if self._collect():
                self._start_timer(monotonic)

    def send(self, data: bytes) -> None:
        """Protect application bytes as one record. Raises NetworkError when they do not fit, or nothing is open."""
        if self.state is not State.OPEN:
            raise NetworkError(f"{self._client.server_name}: the DTLS association is not open", layer="dtls")
        room = self._client.settings.mtu - RECORD_OVERHEAD
        if len(data) > room:
            # The library would send it nevertheless, for the IP layer to cut.
            raise NetworkError(f"{self._client.server_name}: {len(data)} bytes in a datagram for {room}", layer="dtls")
        try:
            self._connection.write(data)
        except libssl.LibraryError as error:
            raise self._failure("cannot send", error) from error
        self._collect()

    def datagrams(self) -> list[bytes]:
        """What is to be sent now, each as one UDP datagram."""
        stream, self._outgoing = self._outgoing, b""
        return records.pack(stream, self._client.settings.mtu)

    def received(self) -> list[bytes]:
        """Application bytes that arrived, one item per record; they are handed out once."""
        taken, self._received = self._received, []
        return taken

    def next_deadline(self, monotonic: float) -> float | None:
        """When to call `handle_timeout`, None for never."""
        if self.state is not State.HANDSHAKE:
            return None
        # Before its own time the library repeats nothing. It counts by the wall clock, which may be set while we wait.
        remaining = self._connection.timeout() or 0.0
        return max(self._deadline, monotonic + min(remaining, _LONGEST_TIMER))

    def handle_timeout(self, monotonic: float) -> None:
        """Repeat the last flight of the handshake if it is time. Raises NetworkError after too many repetitions."""
        if self.state is not State.HANDSHAKE:
            return
        self._interval = min(self._interval * 2, _LONGEST_TIMER)
        self._deadline = monotonic + self._interval
        self._repeat()
        self._collect()

    def close(self, *, notify: bool = True) -> None:
        """End the association; with `notify` a close_notify alert is ready to be sent. Its session stays usable."""
        if self.state is State.OPEN and notify:
            try:
                self._connection.shutdown()
            except libssl.LibraryError as error:
                logger.debug("%s: no close_notify: %s", self._client.server_name, error)
            self._collect()
        # OpenSSL takes the session of an association that ends without alerts for broken and never resumes it.
        self._connection.end()
        self.state = State.CLOSED

    def _start_timer(self, monotonic: float) -> None:
        self._interval = self._client.settings.first_timer
        self._deadline = monotonic + self._interval

    def _keep_from_repeating(self) -> None:
        """Let the library repeat its flight into nothing when its time is over, for it would do so when it reads."""
        if self.state is State.HANDSHAKE and self._connection.timeout() == 0:
            kept = self._outgoing
            self._repeat()
            self._collect()
            self._outgoing = kept

    def _repeat(self) -> None:
        try:
            self._connection.repeat()
        except libssl.LibraryError as error:
            raise self._failure("no answer to the handshake", error) from error

    def _collect(self) -> bool:
        """Take what the library wrote; whether it was anything."""
        written = self._connection.take()
        self._outgoing += written
        return bool(written)

    def _step(self) -> None:
        if self.state is State.HANDSHAKE and not self._shake_hands():
            return
        while self.state is State.OPEN:
            try:
                self._received.append(self._connection.read())
            except libssl.WantReadError:
                return
            except libssl.ZeroReturnError:
                self.close(notify=False)
            except libssl.LibraryError as error:
                raise self._failure("the server broke off the association", error) from error

    def _shake_hands(self) -> bool:
        try:
            self._connection.shake_hands()
        except libssl.WantReadError:
            return False
        except libssl.LibraryError as error:
            self._client.keep_session(None)
            if self._check.refusal is not None:
                self.state = State.CLOSED
                raise TlsTrustError(f"{self._client.server_name}: {self._check.refusal}") from error
            raise self._failure("no DTLS handshake", error) from error
        self.state = State.OPEN
        shown = self._check.validity if self._check.called else None
        self._client.keep_session(self._connection.session(), shown)
        return True

    def _failure(self, what: str, error: libssl.LibraryError) -> NetworkError:
        self.state = State.CLOSED
        return NetworkError(f"{self._client.server_name}: {what}: {error}", layer="dtls")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
