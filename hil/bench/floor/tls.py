"""Least handshakes and records of TLS 1.2 and TLS 1.3 (RFC 5246, RFC 8446)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hil.bench.floor import handshake as h
from hil.bench.floor.handshake import Choices
from hil.bench.floor.terms import Script, Term
from hil.eim.tls import TlsVersion

HEADER: Final = 5
"""Of a record (RFC 8446 5.1, RFC 5246 6.2.1)."""
MESSAGE: Final = 4
"""Header of a handshake message (RFC 8446 4, RFC 5246 7.4)."""
PROTECTION: Final = {
    TlsVersion.V1_2: 8 + 16,
    TlsVersion.V1_3: 1 + 16,
}
"""Explicit nonce and tag of AES-GCM (RFC 5288 3), or inner content type and tag (RFC 8446 5.2)."""
_RECORDS: Final = {TlsVersion.V1_2: "RFC 5246 6.2, RFC 5288 3", TlsVersion.V1_3: "RFC 8446 5.1, 5.2"}


class TlsFloor:
    """One connection over TLS of one version; `choices` are those of its server."""

    def __init__(self, version: TlsVersion, choices: Choices) -> None:
        self._version = version
        self._choices = choices

    def shake_hands(self, script: Script, *, resumed: bool) -> None:
        """Everything up to the client's Finished; tickets that come after it are in `tickets`."""
        if self._version is TlsVersion.V1_3:
            self._shake_hands_13(script, resumed=resumed)
        elif resumed:
            self._resume_12(script)
        else:
            self._shake_hands_12(script)

    def tickets(self, *, resumed: bool) -> tuple[Term, ...]:
        """What the server of TLS 1.3 sends ahead of its first answer (RFC 8446 4.6.1), in one record."""
        sizes = self._choices.tickets_resumed if resumed else self._choices.tickets_full
        if self._version is TlsVersion.V1_2 or not sizes:
            return ()
        return (Term("tickets", sum(sizes), "as sent, RFC 8446 4.6.1"), self._overhead(1))

    def data(self, size: int) -> tuple[Term, ...]:
        """The records for so many bytes of HTTP."""
        return (self._overhead(-(-size // h.LONGEST_RECORD)),)

    def close(self, script: Script) -> None:
        """close_notify of both sides (RFC 8446 6.1, RFC 5246 7.2.1)."""
        alert = Term("close_notify", h.ALERT, "RFC 8446 6.1, RFC 5246 7.2.1")
        script.up(alert, self._overhead(1))
        script.down(alert, self._overhead(1))

    def _overhead(self, records: int) -> Term:
        return Term("records", records * (HEADER + PROTECTION[self._version]), _RECORDS[self._version])

    def _plain(self) -> Term:
        return Term("records", HEADER, _RECORDS[self._version])

    def _shake_hands_13(self, script: Script, *, resumed: bool) -> None:
        choices = self._choices
        hello = h.client_hello_13(choices, choices.ticket if resumed else 0)
        script.up(_message("ClientHello", hello, "RFC 8446 4.1.2"), self._plain())
        proof = (
            ()
            if resumed
            else (
                _message("Certificate", h.certificate_13(choices), "as shown, RFC 8446 4.4.2"),
                _message("CertificateVerify", h.CERTIFICATE_VERIFY, "RFC 8446 4.4.3"),
            )
        )
        script.down(
            _message("ServerHello", h.server_hello_13(resumed=resumed), "RFC 8446 4.1.3"),
            self._plain(),
            _message("EncryptedExtensions", h.ENCRYPTED_EXTENSIONS, "RFC 8446 4.3.1"),
            *proof,
            _message("Finished", h.FINISHED_13, "RFC 8446 4.4.4"),
            self._overhead(1),
        )
        script.up(_message("Finished", h.FINISHED_13, "RFC 8446 4.4.4"), self._overhead(1))

    def _shake_hands_12(self, script: Script) -> None:
        choices = self._choices
        ticket = bool(choices.tickets_full)
        hello = h.client_hello_12(choices, ticket=0 if ticket else None)
        script.up(_message("ClientHello", hello, "RFC 5246 7.4.1.2"), self._plain())
        # A server that issues tickets needs no session identifier (RFC 5077 3.4).
        script.down(
            _message("ServerHello", h.server_hello_12(resumed=False, ticket=ticket), "RFC 5246 7.4.1.3"),
            _message("Certificate", h.certificate_12(choices), "as shown, RFC 5246 7.4.2"),
            _message("ServerKeyExchange", h.SERVER_KEY_EXCHANGE, "RFC 8422 5.4"),
            _message("ServerHelloDone", h.SERVER_HELLO_DONE, "RFC 5246 7.4.5"),
            self._plain(),
        )
        script.up(_message("ClientKeyExchange", h.CLIENT_KEY_EXCHANGE, "RFC 8422 5.7"), self._plain(), *self._finish())
        script.down(*self._session_ticket(choices.tickets_full), *self._finish())

    def _resume_12(self, script: Script) -> None:
        choices = self._choices
        hello = h.client_hello_12(choices, ticket=choices.ticket)
        script.up(_message("ClientHello", hello, "RFC 5246 7.4.1.2, RFC 5077 3.2"), self._plain())
        renewed = choices.tickets_resumed
        script.down(
            _message("ServerHello", h.server_hello_12(resumed=True, ticket=bool(renewed)), "RFC 5246 7.4.1.3"),
            self._plain(),
            *self._session_ticket(renewed)[:1],  # in the record of the ServerHello
            *self._finish(),
        )
        script.up(*self._finish())

    def _session_ticket(self, sizes: Sequence[int]) -> tuple[Term, ...]:
        """NewSessionTicket of TLS 1.2, which comes before anything is encrypted, and its record."""
        return (Term("tickets", sum(sizes), "as sent, RFC 5077 3.3"), self._plain()) if sizes else ()

    def _finish(self) -> tuple[Term, ...]:
        """ChangeCipherSpec and Finished."""
        return (
            Term("ChangeCipherSpec", h.CHANGE_CIPHER_SPEC, "RFC 5246 7.1"),
            self._plain(),
            _message("Finished", h.VERIFY_DATA, "RFC 5246 7.4.9"),
            self._overhead(1),
        )


def _message(name: str, body: int, source: str) -> Term:
    return Term(name, MESSAGE + body, source)
