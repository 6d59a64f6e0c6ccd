"""DTLS 1.2 server side of the bench, sans-IO: many peers by address, cookies, resumption (RFC 6347).

Round the memory BIOs of pyOpenSSL. Datagrams go in with their address, datagrams with an address, application bytes
and a time to wait come out. A peer is an association, not an address: a ClientHello with a valid cookie from an address
that already has one begins another, and only then the old one goes (RFC 6347 4.2.8). A peer whose address changed is
not found again, for there are no Connection IDs: its records are counted as strays and dropped until it shakes hands
anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from cryptography import x509
from OpenSSL import SSL

from hil.pki import Credential

Address = tuple[Any, ...]

CIPHERS: Final = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-CCM")

_RECORD_HEADER: Final = 13
_HANDSHAKE: Final = 22
_CLIENT_HELLO: Final = 1
_DTLS_1_2: Final = 0xFEFD
_COOKIE_LENGTH: Final = 16
_COOKIE_EXCHANGE: Final = 0x2000
"""SSL_OP_COOKIE_EXCHANGE; pyOpenSSL has its name only where the library has DTLS."""
_READ: Final = 1 << 16
_MAX_PEERS: Final = 256
_WRITE_CERTIFICATE: Final = b"SSLv3/TLS write certificate"


class Resumption(StrEnum):
    """How a client may come back without a full handshake."""

    NONE = "none"
    SESSION_ID = "session-id"
    TICKET = "ticket"


@dataclass
class DtlsCounters:
    """Totals since the server was made."""

    cookies: int = 0
    """HelloVerifyRequests sent."""
    handshakes: int = 0
    resumed: int = 0
    failures: int = 0
    strays: int = 0
    """Datagrams that belong to no association and are no ClientHello."""


class Peer:
    """One association. Two of them are never equal, whatever their address."""

    def __init__(self, address: Address, connection: SSL.Connection, hello: bytes) -> None:
        self.address = address
        self.connection = connection
        # The first ServerHello has the number of the ClientHello (RFC 6347 4.2.1). OpenSSL begins with 1 whatever that
        # was, so that after a lost ClientHello its flight would be taken for a replay of the HelloVerifyRequest.
        self.number_offset = int.from_bytes(hello[5:11], "big") - 1
        self.is_open = False
        self.showed_certificate = False
        self.server_name: str | None = None

    def note(self, connection: SSL.Connection, _where: int, _value: int) -> None:
        """Info callback: a full handshake is one in which the certificate was sent."""
        if connection.get_state_string() == _WRITE_CERTIFICATE:
            self.showed_certificate = True


class DtlsServer:
    """Takes `Credential`s with a key; `chain` are DER certificates to send behind the leaf."""

    def __init__(
        self,
        credential: Credential,
        *,
        chain: Sequence[bytes] = (),
        resumption: Resumption = Resumption.SESSION_ID,
        ciphers: Sequence[str] = CIPHERS,
        mtu: int = 1200,
    ) -> None:
        self._secret = secrets.token_bytes(32)
        self._mtu = mtu
        self._peers: dict[Address, Peer] = {}
        self._outgoing: list[tuple[Address, bytes]] = []
        self._received: list[tuple[Peer, bytes]] = []
        self._lost: list[Peer] = []
        self.counters = DtlsCounters()
        self.server_names: list[str | None] = []
        """SNI of each full or resumed handshake that succeeded."""
        self.show(credential, chain=chain, resumption=resumption, ciphers=ciphers)

    @property
    def peers(self) -> tuple[Peer, ...]:
        """The associations, open or in their handshake."""
        return tuple(self._peers.values())

    def show(
        self,
        credential: Credential,
        *,
        chain: Sequence[bytes] = (),
        resumption: Resumption = Resumption.SESSION_ID,
        ciphers: Sequence[str] = CIPHERS,
    ) -> None:
        """Change certificate, resumption and cipher suites (OpenSSL's names) for new handshakes.

        Sessions of before cannot be resumed. Raises ValueError when the library knows none of them.
        """
        self._context = self._make_context(credential, chain, resumption, tuple(ciphers))

    def receive(self, address: Address, datagram: bytes) -> None:
        """Take one datagram; afterwards ask for `datagrams`, `received` and `lost`."""
        records = _whole_records(datagram)
        if not records:
            self.counters.strays += 1
        elif _is_client_hello(records) and not self._belongs_to_handshake(address):
            self._listen(address, records)
        elif (peer := self._peers.get(address)) is not None:
            peer.connection.bio_write(records)
            self._step(peer)
        else:
            self.counters.strays += 1

    def send(self, peer: Peer, data: bytes) -> None:
        """Protect application bytes as one record; a peer that is gone does not get them."""
        if self._peers.get(peer.address) is peer and peer.is_open:
            peer.connection.send(data)
            self._drain(peer.address, peer.connection, peer.number_offset)

    def datagrams(self) -> list[tuple[Address, bytes]]:
        """What is to be sent now."""
        taken, self._outgoing = self._outgoing, []
        return taken

    def received(self) -> list[tuple[Peer, bytes]]:
        """Application bytes that arrived, one item per record."""
        taken, self._received = self._received, []
        return taken

    def lost(self) -> list[Peer]:
        """Associations that ended since the last call."""
        taken, self._lost = self._lost, []
        return taken

    def timeout(self) -> float | None:
        """Seconds until `handle_timeouts` is due, None for never."""
        waits = [peer.connection.DTLSv1_get_timeout() for peer in self._peers.values() if not peer.is_open]
        return min((max(0.0, wait) for wait in waits if wait is not None), default=None)

    def handle_timeouts(self) -> None:
        """Repeat the flights that are due."""
        for peer in self.peers:
            if not peer.is_open:
                try:
                    peer.connection.DTLSv1_handle_timeout()
                except SSL.Error:
                    self._fail(peer)
                self._drain(peer.address, peer.connection, peer.number_offset)

    def close(self, peer: Peer, *, notify: bool = True) -> None:
        """End an association, with a close_notify alert or without a word. Its session can be resumed."""
        if self._peers.get(peer.address) is not peer:
            return
        if notify and peer.is_open:
            with contextlib.suppress(SSL.Error):
                peer.connection.shutdown()
            self._drain(peer.address, peer.connection, peer.number_offset)
        self._forget(peer)

    def _make_context(
        self, credential: Credential, chain: Sequence[bytes], resumption: Resumption, ciphers: tuple[str, ...]
    ) -> SSL.Context:
        context = SSL.Context(SSL.DTLS_SERVER_METHOD)
        context.set_min_proto_version(_DTLS_1_2)
        context.set_options(SSL.OP_NO_QUERY_MTU | _COOKIE_EXCHANGE)
        try:
            context.set_cipher_list((":".join(ciphers) + "@SECLEVEL=0").encode())
        except SSL.Error as error:
            raise ValueError(f"no cipher suite among {', '.join(ciphers) or 'none'}") from error
        context.use_certificate(x509.load_der_x509_certificate(credential.certificate))
        context.use_privatekey(credential.key)
        for certificate in chain:
            context.add_extra_chain_cert(x509.load_der_x509_certificate(certificate))
        context.set_cookie_generate_callback(self._cookie)
        context.set_cookie_verify_callback(self._is_cookie)
        context.set_session_id(b"bench")
        if resumption is not Resumption.TICKET:
            context.set_options(SSL.OP_NO_TICKET)
        cached = resumption is Resumption.SESSION_ID
        context.set_session_cache_mode(SSL.SESS_CACHE_SERVER if cached else SSL.SESS_CACHE_OFF)
        return context

    def _cookie(self, connection: SSL.Connection) -> bytes:
        address = repr(connection.get_app_data()).encode()
        return hmac.new(self._secret, address, hashlib.sha256).digest()[:_COOKIE_LENGTH]

    def _is_cookie(self, connection: SSL.Connection, cookie: bytes) -> bool:
        return hmac.compare_digest(cookie, self._cookie(connection))

    def _belongs_to_handshake(self, address: Address) -> bool:
        """A ClientHello that repeats itself while its handshake is under way is the association's own matter."""
        peer = self._peers.get(address)
        return peer is not None and not peer.is_open

    def _listen(self, address: Address, records: bytes) -> None:
        """Answer a ClientHello without a valid cookie and keep nothing of it; begin an association for one with."""
        connection = SSL.Connection(self._context)
        connection.set_app_data(address)
        connection.set_accept_state()
        connection.set_ciphertext_mtu(self._mtu)
        peer = Peer(address, connection, records)
        connection.set_info_callback(peer.note)
        connection.bio_write(records)
        try:
            connection.DTLSv1_listen()
        except SSL.WantReadError:
            self.counters.cookies += 1
            self._drain(address, connection, 0)
            return
        except SSL.Error:
            self.counters.failures += 1
            return
        old = self._peers.get(address)
        if old is not None:
            self._forget(old)
        while len(self._peers) >= _MAX_PEERS:
            self._forget(next(iter(self._peers.values())))
        self._peers[address] = peer
        self._step(peer)

    def _step(self, peer: Peer) -> None:
        try:
            if not peer.is_open:
                peer.connection.do_handshake()
                self._opened(peer)
            while True:
                self._received.append((peer, peer.connection.recv(_READ)))
        except SSL.WantReadError:
            self._drain(peer.address, peer.connection, peer.number_offset)
        except SSL.ZeroReturnError:
            self.close(peer)
        except SSL.Error:
            self._fail(peer)

    def _opened(self, peer: Peer) -> None:
        peer.is_open = True
        name = peer.connection.get_servername()
        peer.server_name = name.decode("ascii", "replace") if name is not None else None
        self.server_names.append(peer.server_name)
        self.counters.handshakes += 1
        self.counters.resumed += not peer.showed_certificate

    def _fail(self, peer: Peer) -> None:
        self.counters.failures += 1
        self._drain(peer.address, peer.connection, peer.number_offset)
        self._forget(peer)

    def _forget(self, peer: Peer) -> None:
        del self._peers[peer.address]
        # Otherwise OpenSSL takes the session for broken and refuses to resume it.
        peer.connection.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)
        peer.is_open = False
        self._lost.append(peer)

    def _drain(self, address: Address, connection: SSL.Connection, number_offset: int) -> None:
        """Cut what the library wrote into datagrams: whole records, as many as fit."""
        try:
            stream = connection.bio_read(_READ)
        except SSL.WantReadError:
            return
        datagram = b""
        while stream:
            end = _record_end(stream)
            if datagram and len(datagram) + end > self._mtu:
                self._outgoing.append((address, datagram))
                datagram = b""
            datagram, stream = datagram + _renumbered(stream[:end], number_offset), stream[end:]
        self._outgoing.append((address, datagram))


def _record_end(data: bytes) -> int:
    return _RECORD_HEADER + int.from_bytes(data[11:_RECORD_HEADER], "big")


def _renumbered(record: bytes, offset: int) -> bytes:
    """The record with another number, while nothing is protected yet (epoch 0)."""
    if record[3:5] != b"\0\0":
        return record
    return record[:5] + (int.from_bytes(record[5:11], "big") + offset).to_bytes(6, "big") + record[11:]


def _whole_records(datagram: bytes) -> bytes:
    """The records that are complete: the library reads memory as a stream and must not lose the borders."""
    end = 0
    while len(datagram) - end >= _RECORD_HEADER and datagram[end + 1] == _DTLS_1_2 >> 8:
        following = end + _record_end(datagram[end:])
        if following > len(datagram):
            break
        end = following
    return datagram[:end]


def _is_client_hello(records: bytes) -> bool:
    return (
        records[0] == _HANDSHAKE
        and records[3:5] == b"\0\0"
        and len(records) > _RECORD_HEADER
        and records[_RECORD_HEADER] == _CLIENT_HELLO
    )
