"""Which server is the right one: TLS trust of an eIM or an SM-DP+ (SGP.32 2.6, 3.1.2; SGP.22 2.6.6).

`trustedPublicKeyDataTls` of the eIM Configuration Data decides, see `eim_trust`. Each server has contexts of its own,
so that nothing that is pinned for one is believed for another.

The TLS library verifies signatures, chains and names, but its clock may be that of a device that woke up in 1970: it is
told not to look at dates, and the dates of the verified chain are compared with the best-known time here.

Sessions are resumed (RFC 8446 2.2, RFC 5077): under the trust and with the server name that they were made with, and
while the certificates of the first handshake are valid. A pinned key is compared again each time, with the leaf that
the session holds. A server that does not want a ticket any more does a full handshake.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Hashable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ipad.codec.eim import TrustedPublicKeyDataTls
from ipad.codec.x509 import Certificate, check_spki
from ipad.errors import CodecError, NetworkError, TlsTrustError
from ipad.net.tls_context import KeptSession, ResumingContext, TlsMemory, Validity, client_context
from ipad.records import dataclass

logger = logging.getLogger(__name__)

NO_CHECK_TIME: Final = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which the ssl module does not name."""

_SHUTDOWN_PATIENCE: Final = 0.25
"""Seconds for the server's close_notify, which nobody needs (RFC 8446 6.1): one round trip of a fast network."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[socket.socket]]


@dataclass(frozen=True, slots=True)
class PinnedKey:
    """The server's SubjectPublicKeyInfo, or that of a CA in the chain that it shows.

    A leaf with this key is trusted whatever else its certificate says. A CA with this key is the anchor of a full
    check.
    """

    spki: bytes


@dataclass(frozen=True, slots=True)
class PinnedCertificate:
    """The server's own certificate; another one for the same key is as good."""

    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Anchors:
    """DER certificates of the only CAs that count; chain, name and dates are checked. `and_public`: those of the
    system count as well."""

    certificates: tuple[bytes, ...]
    and_public: bool = False


@dataclass(frozen=True, slots=True)
class PublicPki:
    """The CAs of the system, or those of a PEM file in their place; chain, name and dates are checked."""

    ca_file: Path | None = None


Trust = PinnedKey | PinnedCertificate | Anchors | PublicPki


def eim_trust(data: TrustedPublicKeyDataTls | None, public: PublicPki) -> Trust:
    """What trustedPublicKeyDataTls means; without it the public PKI.

    Raises CodecError for data that cannot be read: falling back to public CAs would be weaker than what was configured.
    """
    if data is None:
        return public
    if data.trusted_eim_pk_tls is not None:
        check_spki(data.trusted_eim_pk_tls)
        return PinnedKey(data.trusted_eim_pk_tls)
    if data.trusted_certificate_tls is not None:
        certificate = Certificate.parse(data.trusted_certificate_tls)
        return Anchors((certificate.der,)) if certificate.is_ca else PinnedCertificate(certificate)
    raise CodecError("neither a public key nor a certificate", path="trustedPublicKeyDataTls")


class ServerTls:
    """TLS towards one server.

    `now` is the best-known time in seconds since 1970. `brainpool` is for servers whose certificate is on
    brainpoolP256r1: the TLS library takes one group at a time then, and TLS 1.2. `memory` is what is known of the
    server under this very trust from earlier connections.
    """

    def __init__(
        self, trust: Trust, now: Callable[[], float], *, brainpool: bool = False, memory: TlsMemory | None = None
    ) -> None:
        self._configured = trust
        self._now = now
        self._brainpool = brainpool
        self._memory = memory if memory is not None else TlsMemory()

    @property
    def _trust(self) -> Trust:
        """The configured one, or the CA that a pinned key turned out to belong to."""
        return self._configured if self._memory.anchor is None else Anchors((self._memory.anchor,))

    async def open(self, connect: Connect, server_name: str) -> Streams:
        """Connect and shake hands; no byte of a request has gone out when this returns.

        `server_name` is the DNS name (sent as SNI) or the IP address (never sent) that a certificate must be for.
        Raises TlsTrustError when the server is not the right one, NetworkError when there is no handshake.
        """
        learned = self._memory.anchor is not None
        try:
            streams = await self._open(connect, server_name)
        except TlsTrustError as error:
            if not learned:
                raise
            # The CA behind the pinned key may have another certificate by now, or the server the pinned key itself.
            logger.debug("%s: looking for the pinned key again: %s", server_name, error)
            self._memory.anchor = None
            self._memory.forget_context()
            streams = await self._open(connect, server_name)
        except NetworkError as error:
            if self._brainpool or not self._may_be_the_offer(error):
                raise
            logger.info("wide-hello: %s refuses a short ClientHello: %s", server_name, error)
            streams = await self._open_widely(connect, server_name)
        self._memory.worked = True
        return streams

    async def _open_widely(self, connect: Connect, server_name: str) -> Streams:
        self._memory.wide = True
        self._memory.forget_context()
        try:
            return await self._open(connect, server_name)
        except BaseException:
            self._memory.wide = False
            self._memory.forget_context()
            raise

    async def _open(self, connect: Connect, server_name: str) -> Streams:
        context = self._context(server_name)
        try:
            streams = await self._shake_hands(context, connect, server_name)
        except NetworkError as error:
            if error.layer != "tls":
                raise
            offered = context.kept.pop(server_name, None)
            if offered is None or not offered.old or isinstance(error, TlsTrustError):
                raise
            # Only TLS 1.2 was offered, which the server may have given up since.
            logger.debug("%s: shaking hands without the session: %s", server_name, error)
            streams = await self._shake_hands(context, connect, server_name)
        try:
            anchor = self._check(streams[1].get_extra_info("ssl_object"), server_name)
        except BaseException:
            context.kept.pop(server_name, None)
            streams[1].transport.abort()
            raise
        if anchor is None:
            return streams
        await close(streams[1])
        self._memory.anchor = anchor
        self._memory.forget_context()
        logger.debug("%s: the pinned key is that of a CA in the chain", server_name)
        return await self._open(connect, server_name)

    def keep_session(self, streams: Streams, server_name: str) -> None:
        """Remember the session of an open connection for the next handshake.

        Call it after an answer and again before the end: in TLS 1.3 tickets come at any time after the handshake, and
        each is meant for one use (RFC 8446 C.4).
        """
        context, tls = self._memory.context, streams[1].get_extra_info("ssl_object")
        if context is None or tls is None or tls.context is not context:
            return
        if context.is_narrow(tls) and not tls.session_reused:
            # The server did not take the session: the next ClientHello offers TLS 1.3 again.
            context.kept.pop(server_name, None)
            return
        if not context.may_read(tls, server_name):
            return
        session = tls.session
        if session is None or not (session.has_ticket or session.id):
            return
        validity = self._validity(context, tls, server_name)
        if validity is not None:
            context.kept[server_name] = KeptSession(session, validity, old=tls.version() == "TLSv1.2")

    def _validity(self, context: ResumingContext, tls: Any, server_name: str) -> Validity | None:
        """Until when a session of this connection may be used; a server that resumes shows no certificates."""
        if tls.session_reused:
            kept = context.kept.get(server_name)
            return None if kept is None else kept.validity
        if isinstance(self._trust, PinnedKey | PinnedCertificate):
            return Validity()
        chain = [tls.getpeercert(binary_form=True), *verified_chain(tls)]
        return Validity.of([Certificate.parse(der) for der in chain])

    def _context(self, server_name: str) -> ResumingContext:
        """The context of before, without a session whose certificates are not valid any more, or a new one."""
        stamp = files_stamp(self._trust)
        context = self._memory.context
        if context is None or stamp != self._memory.stamp:
            context = self._make_context(self._trust)
            self._memory.context, self._memory.stamp = context, stamp
        kept = context.kept.get(server_name)
        if kept is not None and not kept.validity.covers(self._now()):
            # A full handshake follows, and says what is wrong.
            del context.kept[server_name]
        return context

    def _make_context(self, trust: Trust) -> ResumingContext:
        context = client_context(brainpool=self._brainpool, wide=self._memory.wide)
        if isinstance(trust, PinnedKey | PinnedCertificate):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(NO_CHECK_TIME)
        try:
            if isinstance(trust, Anchors):
                for certificate in trust.certificates:
                    context.load_verify_locations(cadata=certificate)
                if trust.and_public:
                    context.load_default_certs()
            elif trust.ca_file is not None:
                context.load_verify_locations(cafile=trust.ca_file)
            else:
                context.load_default_certs()
        except (ssl.SSLError, OSError) as error:
            source = trust.ca_file if isinstance(trust, PublicPki) else "trustedCertificateTls"
            raise TlsTrustError(f"the trusted certificates of {source} cannot be used: {error}") from error
        return context

    async def _shake_hands(self, context: ssl.SSLContext, connect: Connect, server_name: str) -> Streams:
        sock = await connect()
        try:
            return await _open_streams(sock, context, server_name)
        except ssl.SSLCertVerificationError as error:
            sock.close()
            raise TlsTrustError(
                f"{server_name}: the server's certificate is not accepted: {error.verify_message}"
            ) from error
        except (OSError, ValueError) as error:
            sock.close()
            raise NetworkError(f"{server_name}: no TLS handshake: {error}", layer="tls") from error
        except BaseException:
            sock.close()
            raise

    def _may_be_the_offer(self, error: NetworkError) -> bool:
        """Whether a refusal may be about our ClientHello: the server has nothing in common with it, or something on the
        way does not like its form."""
        if self._memory.worked or self._memory.wide or isinstance(error, TlsTrustError) or error.layer != "tls":
            return False
        cause = error.__cause__
        if isinstance(cause, ConnectionError | ssl.SSLEOFError):
            return True
        return isinstance(cause, ssl.SSLError) and "HANDSHAKE_FAILURE" in (cause.reason or "")

    def _check(self, tls: Any, server_name: str) -> bytes | None:
        """Apply our part of the rules; return the DER of a CA whose key is the pinned one, for a second handshake."""
        try:
            leaf = Certificate.parse(tls.getpeercert(binary_form=True) or b"")
        except CodecError as error:
            raise TlsTrustError(f"{server_name}: the server's certificate cannot be read: {error}") from error
        if isinstance(self._trust, PinnedKey):
            if leaf.spki != self._trust.spki:
                return self._find_ca(presented_chain(tls), self._trust.spki, server_name)
            self._note_dates(leaf, server_name)
        elif isinstance(self._trust, PinnedCertificate):
            if leaf.spki != self._trust.certificate.spki:
                raise TlsTrustError(
                    f"{server_name}: the server's certificate is not the one in trustedPublicKeyDataTls"
                )
            self._note_dates(leaf, server_name)
        elif not tls.session_reused:  # a session is only offered while the certificates of its beginning are valid
            self._check_dates([leaf.der, *verified_chain(tls)], server_name)
        return None

    def _find_ca(self, chain: Iterable[bytes], spki: bytes, server_name: str) -> bytes:
        for der in chain:
            try:
                if Certificate.parse(der).spki == spki:
                    return der
            except CodecError as error:
                logger.debug("%s: a certificate in the chain cannot be read: %s", server_name, error)
        raise TlsTrustError(
            f"{server_name}: neither the server's key nor one in its chain is the key in trustedPublicKeyDataTls",
            hint="the eIM changed its TLS key, or something else answers under its name",
        )

    def _check_dates(self, chain: Iterable[bytes], server_name: str) -> None:
        try:
            certificates = [Certificate.parse(der) for der in chain]
        except CodecError as error:
            raise TlsTrustError(f"{server_name}: a certificate in the chain cannot be read: {error}") from error
        wrong = next(filter(None, (_date_error(item, self._now()) for item in certificates)), None)
        if wrong is not None:
            valid = Validity.of(certificates)
            dates = (valid.not_before, valid.not_after) if valid.not_before <= valid.not_after else None
            raise TlsTrustError(f"{server_name}: {wrong}", hint="is the clock of this device right?", dates=dates)

    def _note_dates(self, leaf: Certificate, server_name: str) -> None:
        wrong = _date_error(leaf, self._now())
        if wrong is not None:
            logger.warning("%s: %s; its key is pinned, so it is accepted", server_name, wrong)


class _Protocol(asyncio.StreamReaderProtocol):
    """Knows its transport from the end of the handshake on."""

    transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        super().connection_made(transport)


async def _open_streams(sock: socket.socket, context: ssl.SSLContext, server_name: str) -> Streams:
    """As `asyncio.open_connection`; whoever is cancelled just when the handshake ends leaves no connection behind."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    protocol = _Protocol(reader, loop=loop)
    try:
        transport, _ = await loop.create_connection(
            lambda: protocol,
            sock=sock,
            ssl=context,
            server_hostname=server_name,
            ssl_shutdown_timeout=_SHUTDOWN_PATIENCE,
        )
    except BaseException:
        if isinstance(protocol.transport, asyncio.WriteTransport):
            protocol.transport.abort()
        raise
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def close(writer: asyncio.StreamWriter, sent: Callable[[], None] | None = None) -> None:
    """Close with close_notify, since servers exist that take anything else for an attack; hardly wait for theirs.

    `sent` is called when the alert was written and the socket is still open.
    """
    writer.close()
    if sent is not None:
        sent()
    try:
        async with asyncio.timeout(_SHUTDOWN_PATIENCE):
            await writer.wait_closed()
    except (OSError, TimeoutError) as error:
        logger.debug("connection not closed cleanly: %s", error)
        writer.transport.abort()


def presented_chain(tls: Any) -> list[bytes]:
    """The certificates that the server showed, the leaf first; empty where the Python in use does not tell."""
    return _chain(tls, "get_unverified_chain")


def verified_chain(tls: Any) -> list[bytes]:
    """The certificates from the leaf to the anchor that the check used; empty where the Python in use does not tell."""
    return _chain(tls, "get_verified_chain")


def files_stamp(trust: Trust) -> Hashable:
    """Something that changes with the files of CA certificates, which are read once per context."""
    if isinstance(trust, PublicPki):
        paths = ssl.get_default_verify_paths()
        files = (paths.cafile, paths.capath) if trust.ca_file is None else (trust.ca_file,)
    elif isinstance(trust, Anchors) and trust.and_public:
        paths = ssl.get_default_verify_paths()
        files = (paths.cafile, paths.capath)
    else:
        return None
    return tuple(_modified(file) for file in files if file is not None)


def _modified(file: Path | str) -> tuple[int, int] | None:
    try:
        status = Path(file).stat()
    except OSError:
        return None  # whoever reads it says why it cannot be
    return status.st_mtime_ns, status.st_size


def _chain(tls: Any, method: str) -> list[bytes]:
    # Public on SSLObject from Python 3.13 (and then bytes), on the object inside since 3.10.
    source = tls if hasattr(tls, method) else getattr(tls, "_sslobj", None)
    if source is None or not hasattr(source, method):
        return []
    return [
        bytes(item) if isinstance(item, bytes) else ssl.PEM_cert_to_DER_cert(item.public_bytes())
        for item in getattr(source, method)() or ()
    ]


def _date_error(certificate: Certificate, now: float) -> str | None:
    if certificate.not_before <= now <= certificate.not_after:
        return None
    what = "is not valid before" if now < certificate.not_before else "expired on"
    date = certificate.not_before if now < certificate.not_before else certificate.not_after
    return f"the certificate {what} {_text(date)} (the best-known time is {_text(now)})"


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
