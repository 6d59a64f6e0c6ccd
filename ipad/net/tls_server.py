"""TLS as a server that knows its clients (SGP.32 2.6.3; RFC 8446 4.3.2).

A context is made for each connection: a certificate that was renewed is shown from then on, and no session of another
client can be taken up, for nothing is verified again when that happens.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

from ipad.errors import ConfigError, NetworkError
from ipad.net.peer_rules import PeerIdentity, PeerRules
from ipad.net.serving import ServerCredential
from ipad.net.tls import NO_CHECK_TIME, Streams, verified_chain

_SHUTDOWN_PATIENCE = 3.0


def make_context(credential: ServerCredential, rules: PeerRules) -> ssl.SSLContext:
    """What one connection is accepted with. Raises ConfigError for files that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    try:
        context.load_cert_chain(credential.certificate, credential.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"injection: certificate {credential.certificate} and key {credential.key} cannot be used: {error}"
        ) from error
    anchors = rules.certificates
    if anchors:
        # Dates are compared with the best-known time by the rules, which the clock of the device may not be.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(NO_CHECK_TIME)
        context.verify_mode = ssl.CERT_REQUIRED if rules.all_need_certificates else ssl.CERT_OPTIONAL
        for anchor in anchors:
            context.load_verify_locations(cadata=anchor.der)
    return context


async def accept(sock: socket.socket, context: ssl.SSLContext, *, patience: float, limit: int) -> Streams:
    """Shake hands over an accepted socket, within `patience` seconds; `limit` as of asyncio.StreamReader.

    Raises NetworkError (layer tls) for a client that is refused or does not shake hands. The socket is closed then.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=limit, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    try:
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol,
            sock,
            ssl=context,
            ssl_handshake_timeout=patience,
            ssl_shutdown_timeout=_SHUTDOWN_PATIENCE,
        )
    except (OSError, ssl.SSLError) as error:
        sock.close()
        raise NetworkError(f"no TLS handshake: {_reason(error)}", layer="tls") from error
    except BaseException:
        sock.close()
        raise
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def identify(tls: Any, rules: PeerRules, address: str) -> PeerIdentity | None:
    """Who the client of a connection is; None for one that no rule knows."""
    if tls is None or tls.getpeercert(binary_form=True) is None:
        return rules.identify((), address)
    return rules.identify(verified_chain(tls), address)


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "failed").lower().replace("_", " ")
    return str(error) or type(error).__name__
