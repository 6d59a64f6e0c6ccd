"""Whether the certificates of a DTLS handshake are those of the right server (SGP.32 2.6, 3.1.2).

The rules are those of `ipad.net.tls`; what differs is the moment: the library asks during the handshake, certificate by
certificate, so that a wrong server is refused before the device has answered its first flight.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from ipad.codec.x509 import Certificate
from ipad.errors import CodecError
from ipad.net import host_name
from ipad.net.tls import PinnedCertificate, PinnedKey, Trust
from ipad.net.tls_context import Validity

logger = logging.getLogger(__name__)

# X509_V_ERR_*: the chain ends in something that is not in the store.
_UNANCHORED: Final = frozenset({2, 18, 19, 20, 21})
_TEXTS: Final = {
    9: "not valid yet",
    10: "expired",
    18: "self-signed and not trusted",
    19: "its root is not trusted",
    20: "its issuer is not trusted",
    21: "its issuer is not trusted",
}


class PeerCheck:
    """The check of one handshake. `refusal` says why it ended, `called` whether there was any certificate.

    `server_name` and `now` as in `ipad.net.dtls.DtlsClient`.
    """

    def __init__(self, server_name: str, trust: Trust, now: Callable[[], float]) -> None:
        self._server_name = server_name
        self._trust = trust
        self._now = now
        self._pinned_ca = False
        self._chain_error = 0
        self._chain: list[Certificate] = []
        self._pinned_leaf = False
        self.called = False
        self.refusal: str | None = None

    @property
    def validity(self) -> Validity:
        """When the certificates are valid that were shown and count; always for a pinned key of the server itself."""
        return Validity() if self._pinned_leaf else Validity.of(self._chain)

    def accepts(self, der: bytes, error: int, depth: int) -> bool:
        """Whether to go on with the handshake.

        The library calls this for every certificate, from the top of the chain down to the leaf at depth 0, and once
        more for each thing that it finds wrong with one: `error` is an X509_V_ERR code, 0 for none.
        """
        self.called = True
        try:
            certificate = Certificate.parse(der)
            self._chain.append(certificate)
            if isinstance(self._trust, PinnedKey):
                self.refusal = self._check_key(self._trust.spki, certificate, error, depth, may_be_ca=True)
            elif isinstance(self._trust, PinnedCertificate):
                self.refusal = self._check_key(self._trust.certificate.spki, certificate, error, depth, may_be_ca=False)
            elif error:
                self.refusal = f"the server's certificate is not accepted: {_text(error)}"
            else:
                self.refusal = self._name_error(certificate) if depth == 0 else None
            if depth == 0 and self.refusal is None:
                self.refusal = self._date_error()
        except CodecError as unreadable:
            self.refusal = f"the server's certificate cannot be read: {unreadable}"
        return self.refusal is None

    def _check_key(
        self, spki: bytes, certificate: Certificate, error: int, depth: int, *, may_be_ca: bool
    ) -> str | None:
        """A leaf with the pinned key is right whatever else is wrong; a CA with it is the anchor of a full check."""
        if depth:
            if may_be_ca and error in _UNANCHORED and certificate.spki == spki:
                self._pinned_ca = True
            elif error:
                self._chain_error = error
            return None
        if certificate.spki == spki:
            self._pinned_leaf = True
            self._note_dates(certificate)
            return None
        if not self._pinned_ca:
            return "neither the server's key nor that of its CA is the one in trustedPublicKeyDataTls"
        if error or self._chain_error:
            return f"the chain to the pinned key is not accepted: {_text(error or self._chain_error)}"
        return self._name_error(certificate)

    def _name_error(self, leaf: Certificate) -> str | None:
        if host_name.is_for(leaf.der, self._server_name):
            return None
        return f"the server's certificate is not for {self._server_name}"

    def _date_error(self) -> str | None:
        """The library does not look at dates, since its clock may be that of a device that woke up in 1970."""
        validity, now = self.validity, self._now()
        if validity.covers(now):
            return None
        when = "not valid yet" if now < validity.not_before else "expired"
        return f"the server's certificate is not accepted: {when} at the best-known time"

    def _note_dates(self, leaf: Certificate) -> None:
        if not leaf.not_before <= self._now() <= leaf.not_after:
            logger.warning(
                "%s: the certificate is outside its dates; its key is pinned, so it is accepted", self._server_name
            )


def _text(error: int) -> str:
    return _TEXTS.get(error, f"verification error {error}")
