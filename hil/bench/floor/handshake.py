"""Lengths of handshake messages of TLS 1.2, TLS 1.3 and DTLS 1.2, each as short as its specification allows.

Sizes are bytes of message bodies, without the header of the message and without records. What is offered is one of each
kind: one cipher suite with AES-128-GCM and SHA-256, the group P-256, the signature ECDSA with P-256 and SHA-256, which
are the mandatory ones of TLS 1.3 (RFC 8446 9.1) and those of SGP.22 2.6.6 and SGP.32 2.6.3.

Kept although a client could legally do without: extended_master_secret, without which a session of TLS 1.2 must not be
resumed (RFC 7627 5.3), and a key exchange when TLS 1.3 resumes, without which servers do not take a ticket
(RFC 8446 4.2.9 leaves that to them; the library's refuse it by default).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

VERSION: Final = 2
RANDOM: Final = 32
"""RFC 5246 7.4.1.2, RFC 8446 4.1.2."""
SUITE: Final = 2
EXTENSION: Final = 4
"""Type and length of an extension (RFC 8446 4.2)."""
POINT: Final = 65
"""An uncompressed point of P-256 (RFC 8446 4.2.8.2, RFC 8422 5.4)."""
SIGNATURE: Final = 70
"""ECDSA-Sig-Value of P-256 in DER when neither number needs a leading zero (RFC 3279 2.2.3); one in four has 70, half
have 71."""
SHA256: Final = 32
VERIFY_DATA: Final = 12
"""Finished of TLS 1.2 (RFC 5246 7.4.9)."""
LONGEST_RECORD: Final = 1 << 14
"""RFC 8446 5.1, RFC 5246 6.2.1."""

GROUPS: Final = EXTENSION + 2 + 2
"""supported_groups with one group (RFC 8446 4.2.7, RFC 8422 5.1.1)."""
SIGNATURE_ALGORITHMS: Final = EXTENSION + 2 + 2
"""With one algorithm (RFC 8446 4.2.3, RFC 5246 7.4.1.4.1)."""
EXTENDED_MASTER_SECRET: Final = EXTENSION
"""RFC 7627 5.1."""
RENEGOTIATION_INFO: Final = EXTENSION + 1
"""In a ServerHello (RFC 5746 3.6); the client says it by a suite of two bytes (3.4)."""
SERVER_NAME_TAKEN: Final = EXTENSION
"""Empty server_name of a server that used it (RFC 6066 3)."""


@dataclass(frozen=True)
class Choices:
    """What the server chooses, in bytes, and its name.

    `certificates`: DER of each certificate that it shows. `ticket`: what a client presents to resume.
    `tickets_full`, `tickets_resumed`: each NewSessionTicket message, with its header, that it sends in or after such a
    handshake. `session_id`, `cookie`: of DTLS.
    """

    server_name: str
    certificates: Sequence[int]
    ticket: int = 0
    tickets_full: Sequence[int] = ()
    tickets_resumed: Sequence[int] = ()
    session_id: int = 32
    cookie: int = 16


def server_name(name: str) -> int:
    """The extension with one host name (RFC 6066 3)."""
    return EXTENSION + 2 + 1 + 2 + len(name.encode("ascii"))


def client_hello_13(choices: Choices, ticket: int = 0) -> int:
    """ClientHello of TLS 1.3 (RFC 8446 4.1.2): no session_id (D.4 is for middleboxes), one key share (4.2.8),
    psk_key_exchange_modes because a server must not send tickets without (4.2.9), and pre_shared_key (4.2.11)."""
    supported_versions = EXTENSION + 1 + 2
    key_share = EXTENSION + 2 + 2 + 2 + POINT
    psk_modes = EXTENSION + 1 + 1
    extensions = (
        server_name(choices.server_name) + supported_versions + GROUPS + SIGNATURE_ALGORITHMS + key_share + psk_modes
    )
    if ticket:
        identity, binder = 2 + ticket + 4, 1 + SHA256
        extensions += EXTENSION + 2 + identity + 2 + binder
    return VERSION + RANDOM + 1 + 2 + SUITE + 2 + 2 + extensions


def server_hello_13(*, resumed: bool) -> int:
    """ServerHello of TLS 1.3 (RFC 8446 4.1.3): supported_versions, key_share, and the chosen pre_shared_key."""
    extensions = EXTENSION + 2 + EXTENSION + 2 + 2 + POINT
    if resumed:
        extensions += EXTENSION + 2
    return VERSION + RANDOM + 1 + SUITE + 1 + 2 + extensions


ENCRYPTED_EXTENSIONS: Final = 2 + SERVER_NAME_TAKEN
"""RFC 8446 4.3.1."""
CERTIFICATE_VERIFY: Final = 2 + 2 + SIGNATURE
"""RFC 8446 4.4.3."""
FINISHED_13: Final = SHA256
"""RFC 8446 4.4.4."""


def certificate_13(choices: Choices) -> int:
    """Certificate of TLS 1.3: no context, no extensions (RFC 8446 4.4.2)."""
    return 1 + 3 + sum(3 + size + 2 for size in choices.certificates)


def client_hello_12(
    choices: Choices, *, session_id: int = 0, ticket: int | None = None, cookie: int | None = None
) -> int:
    """ClientHello of TLS or DTLS 1.2 (RFC 5246 7.4.1.2, RFC 6347 4.2.1 for the cookie, RFC 5077 3.2 for the ticket,
    which is empty to ask for one, None: no such extension). The second suite is that of RFC 5746 3.4."""
    extensions = server_name(choices.server_name) + GROUPS + SIGNATURE_ALGORITHMS + EXTENDED_MASTER_SECRET
    if ticket is not None:
        extensions += EXTENSION + ticket
    cookie_field = 0 if cookie is None else 1 + cookie
    return VERSION + RANDOM + 1 + session_id + cookie_field + 2 + 2 * SUITE + 2 + 2 + extensions


def server_hello_12(*, session_id: int = 0, resumed: bool, ticket: bool = False) -> int:
    """ServerHello of TLS or DTLS 1.2 (RFC 5246 7.4.1.3). A server that resumes does not say that it used the name
    (RFC 6066 3); one that will send a ticket says so (RFC 5077 3.2)."""
    extensions = RENEGOTIATION_INFO + EXTENDED_MASTER_SECRET
    extensions += 0 if resumed else SERVER_NAME_TAKEN
    extensions += EXTENSION if ticket else 0
    return VERSION + RANDOM + 1 + session_id + SUITE + 1 + 2 + extensions


def certificate_12(choices: Choices) -> int:
    """Certificate of TLS 1.2 (RFC 5246 7.4.2)."""
    return 3 + sum(3 + size for size in choices.certificates)


SERVER_KEY_EXCHANGE: Final = 1 + 2 + 1 + POINT + 2 + 2 + SIGNATURE
"""ECDHE with a named curve and ECDSA (RFC 8422 5.4)."""
CLIENT_KEY_EXCHANGE: Final = 1 + POINT
"""RFC 8422 5.7."""
SERVER_HELLO_DONE: Final = 0
CHANGE_CIPHER_SPEC: Final = 1
ALERT: Final = 2
