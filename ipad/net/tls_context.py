"""TLS contexts with a short ClientHello, and what is kept of a server so that its next handshake is short as well.

What the library offers by default is made for any server of the internet and has 517 bytes. Here it is what SGP.22
2.6.6 and SGP.32 2.6 ask for: the mandatory suite (and its sister for RSA certificates, which public CAs issue) beside
those of TLS 1.3, and P-256, the group that every implementation of TLS 1.3 has (RFC 8446 9.1), so that the key share is
always the right one. No session identifier in place of one that TLS 1.3 does without (RFC 8446 D.4), no padding
(RFC 7685), which exists for load balancers of long ago.

Leniency `wide-hello`: a server with which no handshake ever worked and that refuses this offer gets the library's own.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Hashable
from typing import Final
from weakref import WeakSet

from ipad.codec.x509 import Certificate
from ipad.records import dataclass, field

CIPHERS: Final = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256")
"""For TLS 1.2; the suites of TLS 1.3 are the library's."""

_P256: Final = "prime256v1"
_BRAINPOOL: Final = "brainpoolP256r1"
_PADDING: Final = 0x10
_NO_ENCRYPT_THEN_MAC: Final = 0x80000
"""SSL_OP_TLSEXT_PADDING and SSL_OP_NO_ENCRYPT_THEN_MAC of OpenSSL, which the ssl module does not name; the second is
about suites that are not offered."""

_MOST_SERVERS: Final = 16


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when a server may be believed, seconds since 1970; for ever where a pinned key says who it is."""

    not_before: float = float("-inf")
    not_after: float = float("inf")

    @classmethod
    def of(cls, chain: list[Certificate]) -> Validity:
        """The time in which each certificate is valid."""
        return cls(
            max((item.not_before for item in chain), default=float("-inf")),
            min((item.not_after for item in chain), default=float("inf")),
        )

    def covers(self, moment: float) -> bool:
        """Whether a moment lies within."""
        return self.not_before <= moment <= self.not_after


@dataclass(frozen=True, slots=True)
class KeptSession:
    """A session that may be resumed as long as the certificates with which it was made are valid.

    `old`: it is one of TLS 1.2, and can be resumed in no other version (RFC 8446 4.2.11).
    """

    session: ssl.SSLSession
    validity: Validity
    old: bool = False


SESSION_LEAKS: Final = sys.version_info < (3, 12, 7)
"""Whether each reading of a session loses the memory of one, some 7 kB, for good (CPython issue 116810)."""

_MOST_READINGS: Final = 512
"""Then no session is read any more where it leaks: bytes on the air are worth less than a process that only grows."""


class ResumingContext(ssl.SSLContext):
    """A context that knows the last session with each server name.

    asyncio makes its TLS object by `wrap_bio` and has no parameter for a session, so it is looked up there.
    """

    def __init__(self, protocol: int) -> None:
        del protocol
        super().__init__()
        self.kept: dict[str, KeptSession] = {}
        self._narrow: WeakSet[ssl.SSLObject] = WeakSet()
        self._read: WeakSet[ssl.SSLObject] = WeakSet()
        self._readings = 0

    def may_read(self, tls: ssl.SSLObject, server_name: str) -> bool:
        """Whether the session of a connection is to be read now.

        Where that leaks, a session that the server resumed is used again, and one is read once for each connection.
        """
        if not SESSION_LEAKS:
            return True
        if tls in self._read or (tls.session_reused and server_name in self.kept) or self._readings >= _MOST_READINGS:
            return False
        self._read.add(tls)
        self._readings += 1
        return True

    def is_narrow(self, tls: ssl.SSLObject) -> bool:
        """Whether a connection offered nothing but TLS 1.2, for the sake of its session."""
        return tls in self._narrow

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """As in the standard library, with the session that is kept for the server.

        With one of TLS 1.2 nothing else is offered: suites and key share of TLS 1.3 would be 100 bytes for nothing.
        """
        kept = self.kept.get(server_hostname) if isinstance(server_hostname, str) else None
        if isinstance(server_hostname, str):
            server_hostname = server_hostname.encode("ascii")  # or the codec for names beyond ASCII is loaded
        if session is not None or kept is None:
            return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        if not kept.old:
            return super().wrap_bio(incoming, outgoing, server_side, server_hostname, kept.session)
        newest, self.maximum_version = self.maximum_version, ssl.TLSVersion.TLSv1_2
        try:
            tls = super().wrap_bio(incoming, outgoing, server_side, server_hostname, kept.session)
        finally:
            self.maximum_version = newest
        self._narrow.add(tls)
        return tls


def client_context(*, brainpool: bool = False, wide: bool = False) -> ResumingContext:
    """A context for TLS 1.2 and 1.3 without any trust yet. `wide`: with the library's own ClientHello."""
    context = ResumingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if brainpool:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ecdh_curve(_BRAINPOOL)
    elif not wide:
        context.set_ciphers(":".join(CIPHERS))
        context.set_ecdh_curve(_P256)
        kept = context.options & ~ssl.OP_ENABLE_MIDDLEBOX_COMPAT & ~_PADDING
        context.options = ssl.Options(kept | _NO_ENCRYPT_THEN_MAC)
    return context


@dataclass
class TlsMemory:
    """What is kept of one server under one trust; a session must never meet another trust than that it was made under.

    `stamp` tells whether files with trusted certificates changed. `anchor` is a CA whose key is the pinned one.
    """

    context: ResumingContext | None = None
    stamp: Hashable = None
    anchor: bytes | None = None
    worked: bool = False
    wide: bool = False

    def forget_context(self) -> None:
        """Drop the context and with it the sessions."""
        self.context = None


@dataclass
class TlsMemories:
    """Memories of servers, by whatever their trust and address are; the one that was made first goes when there are
    too many."""

    _memories: dict[Hashable, TlsMemory] = field(default_factory=dict)

    def of(self, key: Hashable) -> TlsMemory:
        """The memory of a server under a trust; `key` names both."""
        if key not in self._memories:
            while len(self._memories) >= _MOST_SERVERS:
                del self._memories[next(iter(self._memories))]
            self._memories[key] = TlsMemory()
        return self._memories[key]
