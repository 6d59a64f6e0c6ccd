"""Which server is the right one: TLS trust of an eIM or an SM-DP+ (SGP.32 2.6, 3.1.2; SGP.22 2.6.6).

`trustedPublicKeyDataTls` of the eIM Configuration Data decides, see `eim_trust`. Each server has contexts of its own,
so that nothing that is pinned for one is believed for another.

The TLS library verifies signatures, chains and names, but its clock may be that of a device that woke up in 1970: it is
told not to look at dates, and the dates of the verified chain are compared with the best-known time here.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ipad.codec.eim import TrustedPublicKeyDataTls
from ipad.codec.x509 import Certificate, check_spki
from ipad.errors import CodecError, NetworkError, TlsTrustError

logger = logging.getLogger(__name__)

_NO_CHECK_TIME: Final = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which the ssl module does not name."""

_BRAINPOOL: Final = "brainpoolP256r1"
_SHUTDOWN_PATIENCE: Final = 3.0

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
    brainpoolP256r1: the TLS library takes one group at a time then, and TLS 1.2.
    """

    def __init__(self, trust: Trust, now: Callable[[], float], *, brainpool: bool = False) -> None:
        self._trust = trust
        self._now = now
        self._brainpool = brainpool
        self._context: ssl.SSLContext | None = None

    async def open(self, connect: Connect, server_name: str) -> Streams:
        """Connect and shake hands; no byte of a request has gone out when this returns.

        `server_name` is the DNS name (sent as SNI) or the IP address (never sent) that a certificate must be for.
        Raises TlsTrustError when the server is not the right one, NetworkError when there is no handshake.
        """
        if self._context is None:
            self._context = self._make_context(self._trust)
        streams = await self._shake_hands(self._context, connect, server_name)
        try:
            anchor = self._check(streams[1].get_extra_info("ssl_object"), server_name)
        except BaseException:
            streams[1].transport.abort()
            raise
        if anchor is None:
            return streams
        await close(streams[1])
        self._trust = Anchors((anchor,))
        self._context = None
        logger.debug("%s: the pinned key is that of a CA in the chain", server_name)
        return await self.open(connect, server_name)

    def _make_context(self, trust: Trust) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._brainpool:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ecdh_curve(_BRAINPOOL)
        if isinstance(trust, PinnedKey | PinnedCertificate):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(_NO_CHECK_TIME)
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
            return await asyncio.open_connection(
                sock=sock, ssl=context, server_hostname=server_name, ssl_shutdown_timeout=_SHUTDOWN_PATIENCE
            )
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
        else:
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
        for der in chain:
            try:
                wrong = _date_error(Certificate.parse(der), self._now())
            except CodecError as error:
                raise TlsTrustError(f"{server_name}: a certificate in the chain cannot be read: {error}") from error
            if wrong is not None:
                raise TlsTrustError(f"{server_name}: {wrong}", hint="is the clock of this device right?")

    def _note_dates(self, leaf: Certificate, server_name: str) -> None:
        wrong = _date_error(leaf, self._now())
        if wrong is not None:
            logger.warning("%s: %s; its key is pinned, so it is accepted", server_name, wrong)


async def close(writer: asyncio.StreamWriter) -> None:
    """Close with close_notify, since servers exist that take anything else for an attack; wait a little for theirs."""
    writer.close()
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
