"""Least handshakes and records of DTLS 1.2 (RFC 6347).

A flight is one datagram with as few records as its protection allows: handshake messages of a flight may share one
(RFC 6347 4.2.3). The server asks for its cookie in every handshake (4.2.1), as the servers of the bench do.
"""

from __future__ import annotations

from typing import Final

from hil.bench.floor import handshake as h
from hil.bench.floor.handshake import Choices
from hil.bench.floor.terms import Script, Term

HEADER: Final = 13
"""Of a record (RFC 6347 4.1)."""
MESSAGE: Final = 12
"""Header of a handshake message (RFC 6347 4.2.2)."""
PROTECTION: Final = 8 + 16
"""Explicit nonce and tag of AES-128-GCM (RFC 5288 3) and AES-128-CCM (RFC 6655 3). With a tag of eight bytes (CCM_8) a
record would be eight less, but that suite is below the security level of the servers of the bench."""
RECORD: Final = HEADER + PROTECTION

_RECORDS: Final = "RFC 6347 4.1, RFC 5288 3"


class DtlsFloor:
    """One association; `choices` are those of its server."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices

    def shake_hands(self, script: Script, *, resumed: bool) -> None:
        """Everything up to the last Finished. A resumed session is known by its identifier (RFC 5246 7.4.1.2)."""
        choices = self._choices
        session = choices.session_id if resumed else 0
        for cookie in (0, choices.cookie):
            hello = h.client_hello_12(choices, session_id=session, cookie=cookie)
            script.up(_message("ClientHello", hello, "RFC 6347 4.2.1"), _plain())
            if not cookie:
                verify = h.VERSION + 1 + choices.cookie
                script.down(_message("HelloVerifyRequest", verify, "cookie as sent, RFC 6347 4.2.1"), _plain())
        server_hello = h.server_hello_12(session_id=choices.session_id, resumed=resumed)
        greeting = _message("ServerHello", server_hello, "session_id as sent, RFC 5246 7.4.1.3")
        if resumed:
            script.down(greeting, _plain(), *_finish())
            script.up(*_finish())
            return
        script.down(
            greeting,
            _message("Certificate", h.certificate_12(choices), "as shown, RFC 5246 7.4.2"),
            _message("ServerKeyExchange", h.SERVER_KEY_EXCHANGE, "RFC 8422 5.4"),
            _message("ServerHelloDone", h.SERVER_HELLO_DONE, "RFC 5246 7.4.5"),
            _plain(),
        )
        script.up(_message("ClientKeyExchange", h.CLIENT_KEY_EXCHANGE, "RFC 8422 5.7"), _plain(), *_finish())
        script.down(*_finish())

    def close(self, script: Script) -> None:
        """close_notify and its answer (RFC 5246 7.2.1)."""
        alert = Term("close_notify", h.ALERT, "RFC 5246 7.2.1")
        script.up(alert, record())
        script.down(alert, record())


def record() -> Term:
    """What protects one datagram."""
    return Term("records", RECORD, _RECORDS)


def _plain() -> Term:
    return Term("records", HEADER, _RECORDS)


def _finish() -> tuple[Term, ...]:
    return (
        Term("ChangeCipherSpec", h.CHANGE_CIPHER_SPEC, "RFC 5246 7.1"),
        _plain(),
        _message("Finished", h.VERIFY_DATA, "RFC 5246 7.4.9"),
        record(),
    )


def _message(name: str, body: int, source: str) -> Term:
    return Term(name, MESSAGE + body, source)
