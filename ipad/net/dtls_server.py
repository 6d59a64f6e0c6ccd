"""DTLS 1.2 as a server that knows its clients, sans-IO, round the memory BIOs of pyOpenSSL (RFC 6347; SGP.32 6.2).

Datagrams go in with their address; datagrams with an address, application bytes with their sender, and the time to wait
come out. From an address that no rule names nothing is taken. A ClientHello without the cookie is answered with the
cookie and forgotten, so nobody can make the agent send more than it was sent, nor keep anything, in another one's name
(RFC 6347 4.2.1). A client with the wrong certificate is refused before the handshake is complete.

No session is resumed, for a certificate is not verified again when that happens. Associations are few: the one that was
silent for longest makes room for a new one.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable
from typing import Any, Final

from OpenSSL import SSL, crypto

from ipad.errors import ConfigError
from ipad.net import records
from ipad.net.dtls import CIPHERS
from ipad.net.peer_rules import PeerIdentity, PeerRules
from ipad.net.serving import ServerCredential

logger = logging.getLogger(__name__)

Address = tuple[Any, ...]
"""Of a UDP endpoint, as the socket module has it."""

_COOKIE_LENGTH: Final = 16
_COOKIE_EXCHANGE: Final = 0x2000
"""SSL_OP_COOKIE_EXCHANGE; pyOpenSSL has its name only where the library has DTLS."""
_NO_RENEGOTIATION: Final = 0x40000000
_DTLS_1_2: Final = 0xFEFD
_READ: Final = 1 << 16
_LONGEST_WAIT: Final = 60.0
_HAS_TIMER: Final = hasattr(SSL.Connection, "DTLSv1_get_timeout")
_DATE_ERRORS: Final = frozenset({0, 9, 10})
"""X509_V_OK, CERT_NOT_YET_VALID, CERT_HAS_EXPIRED: dates are judged by the rules, at the best-known time."""
_HANDSHAKE, _CLIENT_HELLO, _EPOCH_0 = 22, 1, b"\0\0"


class DtlsPeer:
    """One association; two are never equal, whatever their address. `identity` is None until it is open."""

    def __init__(self, address: Address, connection: SSL.Connection, rules: PeerRules, offset: int) -> None:
        self.address = address
        self.connection = connection
        self.rules = rules
        self.offset = offset
        self.identity: PeerIdentity | None = None


class DtlsServer:
    """Associations by address, `max_peers` at most. `refused` is told of each client that is not let in.

    Raises ConfigError for a certificate, key or client certificate that cannot be used.
    """

    def __init__(
        self,
        credential: ServerCredential,
        rules: PeerRules,
        refused: Callable[[str, str], None],
        *,
        max_peers: int = 4,
        mtu: int = 1200,
    ) -> None:
        self._rules = rules
        self._refused = refused
        self._max_peers = max_peers
        self._mtu = mtu
        self._secret = secrets.token_bytes(32)
        self._context = self._make_context(credential)
        self._peers: dict[Address, DtlsPeer] = {}
        self._outgoing: list[tuple[Address, bytes]] = []
        self._received: list[tuple[DtlsPeer, bytes]] = []
        self._lost: list[DtlsPeer] = []

    def receive(self, address: Address, datagram: bytes) -> None:
        """Take one datagram; afterwards ask for `datagrams`, `received` and `lost`. What is no DTLS is dropped."""
        rules = self._rules.at(str(address[0]))
        if not rules:
            self._refused(str(address[0]), "no peer may come from there")
            return
        data = records.acceptable(datagram)
        peer = self._peers.get(address)
        if not data:
            return
        if _is_client_hello(data) and (peer is None or peer.identity is not None):
            self._listen(address, rules, data)
        elif peer is not None:
            self._peers[address] = self._peers.pop(address)  # the last one heard of is the last one to go
            peer.connection.bio_write(data)
            self._step(peer)

    def send(self, peer: DtlsPeer, data: bytes) -> None:
        """Protect application bytes as one record; a peer that is gone does not get them."""
        if self._peers.get(peer.address) is not peer or peer.identity is None:
            return
        try:
            peer.connection.send(data)
        except SSL.Error as error:
            self._fail(peer, error)
            return
        self._collect(peer.address, peer.connection, peer.offset)

    def datagrams(self) -> list[tuple[Address, bytes]]:
        """What is to be sent now, each as one UDP datagram."""
        taken, self._outgoing = self._outgoing, []
        return taken

    def received(self) -> list[tuple[DtlsPeer, bytes]]:
        """Application bytes that arrived, one item per record."""
        taken, self._received = self._received, []
        return taken

    def lost(self) -> list[DtlsPeer]:
        """Associations that ended since the last call."""
        taken, self._lost = self._lost, []
        return taken

    def timeout(self) -> float | None:
        """Seconds until `handle_timeouts` is due, None for never."""
        if not _HAS_TIMER:
            return None  # a client repeats its own flight, which makes the library repeat the server's
        waits = [peer.connection.DTLSv1_get_timeout() for peer in self._peers.values() if peer.identity is None]
        return min((min(max(0.0, wait), _LONGEST_WAIT) for wait in waits if wait is not None), default=None)

    def handle_timeouts(self) -> None:
        """Repeat the flights that are due; a client that stays silent is forgotten."""
        for peer in list(self._peers.values()):
            if peer.identity is None:
                try:
                    peer.connection.DTLSv1_handle_timeout()
                except SSL.Error as error:
                    self._fail(peer, error)
                else:
                    self._collect(peer.address, peer.connection, peer.offset)

    def close(self) -> None:
        """End all associations with close_notify."""
        for peer in list(self._peers.values()):
            self._end(peer)

    def _make_context(self, credential: ServerCredential) -> SSL.Context:
        context = SSL.Context(SSL.DTLS_SERVER_METHOD)
        context.set_min_proto_version(_DTLS_1_2)
        context.set_options(SSL.OP_NO_QUERY_MTU | SSL.OP_NO_TICKET | _COOKIE_EXCHANGE | _NO_RENEGOTIATION)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_cipher_list(":".join(CIPHERS).encode("ascii"))
        context.set_cookie_generate_callback(self._cookie)
        context.set_cookie_verify_callback(self._is_cookie)
        try:
            context.use_certificate_chain_file(str(credential.certificate))
            context.use_privatekey_file(str(credential.key))
            context.check_privatekey()
            store = context.get_cert_store()
            assert store is not None
            for certificate in self._rules.certificates:
                store.add_cert(crypto.load_certificate(crypto.FILETYPE_ASN1, certificate.der))
            store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
        except (OSError, SSL.Error, crypto.Error) as error:
            raise ConfigError(
                f"injection: certificate {credential.certificate} and key {credential.key} cannot be used: {error}"
            ) from error
        return context

    def _cookie(self, connection: SSL.Connection) -> bytes:
        address = repr(connection.get_app_data()).encode()
        return hmac.new(self._secret, address, hashlib.sha256).digest()[:_COOKIE_LENGTH]

    def _is_cookie(self, connection: SSL.Connection, cookie: bytes) -> bool:
        return hmac.compare_digest(cookie, self._cookie(connection))

    def _listen(self, address: Address, rules: PeerRules, data: bytes) -> None:
        """Ask for the cookie, or begin an association, which takes the place of one that the address had."""
        connection = SSL.Connection(self._context)
        connection.set_app_data(address)
        connection.set_accept_state()
        connection.set_ciphertext_mtu(self._mtu)
        if rules.certificates:
            mode = SSL.VERIFY_PEER | (SSL.VERIFY_FAIL_IF_NO_PEER_CERT if rules.all_need_certificates else 0)
            connection.set_verify(mode, _accept_any_date)
        connection.bio_write(data)
        try:
            connection.DTLSv1_listen()
        except SSL.WantReadError:
            self._collect(address, connection, 0)
            return
        except SSL.Error as error:
            logger.debug("%s: no ClientHello: %s", address[0], error)
            return
        old = self._peers.get(address)
        if old is not None:
            self._forget(old)
        self._make_room()
        # The server continues the record numbers of the client's first flight (RFC 6347 4.2.1), which the library
        # begins anew; after a lost ClientHello its flight would be taken for a replay.
        peer = DtlsPeer(address, connection, rules, int.from_bytes(data[5:11], "big") - 1)
        self._peers[address] = peer
        self._step(peer)

    def _make_room(self) -> None:
        """Half-open associations go first: what costs the agent nothing to lose is lost first."""
        while len(self._peers) >= self._max_peers:
            half_open = (peer for peer in self._peers.values() if peer.identity is None)
            oldest = next(half_open, None) or next(iter(self._peers.values()))
            self._forget(oldest)

    def _step(self, peer: DtlsPeer) -> None:
        try:
            if peer.identity is None:
                peer.connection.do_handshake()
                if not self._admit(peer):
                    return
            while True:
                self._received.append((peer, peer.connection.recv(_READ)))
        except SSL.WantReadError:
            self._collect(peer.address, peer.connection, peer.offset)
        except SSL.ZeroReturnError:
            self._end(peer)
        except SSL.Error as error:
            self._fail(peer, error)

    def _admit(self, peer: DtlsPeer) -> bool:
        chain = peer.connection.get_verified_chain() or () if peer.rules.certificates else ()
        encoded = [crypto.dump_certificate(crypto.FILETYPE_ASN1, item) for item in chain]
        peer.identity = peer.rules.identify(encoded, str(peer.address[0]))
        if peer.identity is None:
            self._refused(str(peer.address[0]), "its certificate is that of no peer")
            self._end(peer)
        return peer.identity is not None

    def _fail(self, peer: DtlsPeer, error: SSL.Error) -> None:
        if peer.identity is None:
            self._refused(str(peer.address[0]), f"no DTLS handshake: {_reason(error)}")
        self._collect(peer.address, peer.connection, peer.offset)
        self._forget(peer)

    def _end(self, peer: DtlsPeer) -> None:
        try:
            peer.connection.shutdown()
        except SSL.Error as error:
            logger.debug("%s: no close_notify: %s", peer.address[0], error)
        self._collect(peer.address, peer.connection, peer.offset)
        self._forget(peer)

    def _forget(self, peer: DtlsPeer) -> None:
        if self._peers.get(peer.address) is peer:
            del self._peers[peer.address]
            self._lost.append(peer)

    def _collect(self, address: Address, connection: SSL.Connection, offset: int) -> None:
        try:
            stream = connection.bio_read(_READ)
        except SSL.WantReadError:
            return
        for datagram in records.pack(stream, self._mtu):
            self._outgoing.append((address, records.renumbered(datagram, offset)))


def _accept_any_date(_connection: Any, _certificate: Any, error: int, _depth: int, _ok: int) -> bool:
    return error in _DATE_ERRORS


def _is_client_hello(data: bytes) -> bool:
    return (
        data[0] == _HANDSHAKE
        and data[3:5] == _EPOCH_0
        and len(data) > records.HEADER
        and data[records.HEADER] == _CLIENT_HELLO
    )


def _reason(error: SSL.Error) -> str:
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else ()
    texts = [item[-1] for item in queue if item[-1]]
    return str(texts[-1]) if texts else type(error).__name__
