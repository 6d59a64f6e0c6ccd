"""DTLS 1.2 client side of the bench, sans-IO: one association, with a certificate of its own if wanted (RFC 6347).

Round the memory BIOs of pyOpenSSL, as `hil.dtls` for servers: datagrams and time in; datagrams, application bytes and a
time to wait out.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterator
from typing import Final

from cryptography import x509
from OpenSSL import SSL, crypto

from hil.pki import Credential

_RECORD_HEADER: Final = 13
_READ: Final = 1 << 16
_DTLS_1_2: Final = 0xFEFD
_CIPHERS: Final = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-CCM:ECDHE-ECDSA-AES128-CCM8@SECLEVEL=0"


class DtlsError(Exception):
    """The handshake failed, or the server ended the association."""


class DtlsClient:
    """An association with `host`.

    Its certificate must be under `anchors` (PEM) and have the name; with None any certificate will do.
    """

    def __init__(
        self, host: str, *, anchors: bytes | None = None, credential: Credential | None = None, mtu: int = 1200
    ) -> None:
        self._host = host
        self._anchored = anchors is not None
        self._mtu = mtu
        self.is_open = False
        self._received: list[bytes] = []
        self._outgoing: list[bytes] = []
        self._connection = SSL.Connection(_context(anchors, credential))
        self._connection.set_connect_state()
        self._connection.set_ciphertext_mtu(mtu)
        if not _is_address(host):
            self._connection.set_tlsext_host_name(host.encode("ascii"))

    def start(self) -> None:
        """Begin the handshake. Raises DtlsError."""
        self._step()

    def receive(self, datagram: bytes) -> None:
        """Take one datagram. Raises DtlsError when it ends the association."""
        self._connection.bio_write(datagram)
        self._step()

    def send(self, data: bytes) -> None:
        """Protect application bytes as one record. Raises DtlsError before the handshake is over."""
        if not self.is_open:
            raise DtlsError("there is no association")
        self._connection.send(data)
        self._drain()

    def close(self) -> None:
        """End the association with close_notify."""
        if self.is_open:
            with contextlib.suppress(SSL.Error):
                self._connection.shutdown()
            self._drain()
            self.is_open = False

    def datagrams(self) -> list[bytes]:
        """What is to be sent now."""
        taken, self._outgoing = self._outgoing, []
        return taken

    def received(self) -> list[bytes]:
        """Application bytes that arrived, one item per record."""
        taken, self._received = self._received, []
        return taken

    def timeout(self) -> float | None:
        """Seconds until `handle_timeout` is due, None for never."""
        wait = None if self.is_open else self._connection.DTLSv1_get_timeout()
        return None if wait is None else max(0.0, wait)

    def handle_timeout(self) -> None:
        """Repeat the flight. Raises DtlsError when it was repeated too often."""
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            raise DtlsError(f"no handshake: {_reason(error)}") from error
        self._drain()

    def _step(self) -> None:
        try:
            if not self.is_open:
                self._connection.do_handshake()
                self._check_name()
                self.is_open = True
            while True:
                self._received.append(self._connection.recv(_READ))
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError as error:
            self.is_open = False
            raise DtlsError("the server ended the association") from error
        except SSL.Error as error:
            raise DtlsError(_reason(error)) from error
        finally:
            self._drain()

    def _check_name(self) -> None:
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        if self._anchored and (certificate is None or self._host not in _names(certificate)):
            raise DtlsError(f"the certificate has not the name {self._host}")

    def _drain(self) -> None:
        try:
            stream = self._connection.bio_read(_READ)
        except SSL.WantReadError:
            return
        datagram = b""
        for record in _records(stream):
            if datagram and len(datagram) + len(record) > self._mtu:
                self._outgoing.append(datagram)
                datagram = b""
            datagram += record
        self._outgoing.append(datagram)


def _context(anchors: bytes | None, credential: Credential | None) -> SSL.Context:
    context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
    context.set_min_proto_version(_DTLS_1_2)
    context.set_options(SSL.OP_NO_QUERY_MTU)
    context.set_cipher_list(_CIPHERS.encode())
    if anchors is not None:
        store = context.get_cert_store()
        assert store is not None
        for certificate in x509.load_pem_x509_certificates(anchors):
            store.add_cert(crypto.X509.from_cryptography(certificate))
        context.set_verify(SSL.VERIFY_PEER)
    if credential is not None:
        context.use_certificate(x509.load_der_x509_certificate(credential.certificate))
        context.use_privatekey(credential.key)
    return context


def _records(stream: bytes) -> Iterator[bytes]:
    while stream:
        end = _RECORD_HEADER + int.from_bytes(stream[11:_RECORD_HEADER], "big")
        yield stream[:end]
        stream = stream[end:]


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _reason(error: SSL.Error) -> str:
    details = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return "; ".join(str(detail[-1]) for detail in details) or str(error) or type(error).__name__
