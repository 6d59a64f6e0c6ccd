"""Whether a DTLS server is there: one ClientHello without a cookie and what comes back, sans-IO (RFC 6347 4.2.1).

A server answers it with HelloVerifyRequest, keeps nothing and shows no certificate: some 140 bytes there and 60 back.
So it proves the way, and not who answers. Servers that ask for no cookie begin a handshake, which is ended by an alert.
"""

from __future__ import annotations

import ipaddress
from typing import Final

_ALERT, _HANDSHAKE = 21, 22
_CLIENT_HELLO, _SERVER_HELLO, _HELLO_VERIFY_REQUEST = 1, 2, 3
_RECORD_HEADER, _MESSAGE_HEADER = 13, 12
_DTLS_1_0: Final = b"\xfe\xff"
_DTLS_1_2: Final = b"\xfe\xfd"
_SUITES: Final = bytes.fromhex("C02B C0AC C0AE")
"""ECDHE-ECDSA with AES-128: GCM, CCM, CCM-8 (RFC 7252 9.1.3.3, SGP.32 2.6.3)."""
_P256: Final = bytes.fromhex("000A 0004 0002 0017")
_UNCOMPRESSED: Final = bytes.fromhex("000B 0002 01 00")
_ECDSA_SHA256: Final = bytes.fromhex("000D 0004 0002 0403")

GOODBYE: Final = bytes((_ALERT,)) + _DTLS_1_2 + bytes(7) + b"\x01\x00\x02" + b"\x02\x5a"
"""Fatal alert user_canceled, for a server that has begun a handshake."""


def client_hello(server_name: str, random: bytes) -> bytes:
    """The datagram. `random`: 32 bytes; `server_name`: the name for SNI, or an address, which is not sent."""
    extensions = _server_name(server_name) + _P256 + _UNCOMPRESSED + _ECDSA_SHA256
    body = (
        _DTLS_1_2
        + random
        + b"\x00"  # no session
        + b"\x00"  # no cookie
        + len(_SUITES).to_bytes(2, "big")
        + _SUITES
        + b"\x01\x00"  # no compression
        + len(extensions).to_bytes(2, "big")
        + extensions
    )
    size = len(body).to_bytes(3, "big")
    message = bytes((_CLIENT_HELLO,)) + size + bytes(2) + bytes(3) + size + body
    return bytes((_HANDSHAKE,)) + _DTLS_1_0 + bytes(8) + len(message).to_bytes(2, "big") + message


def is_answer(datagram: bytes) -> bool:
    """Whether a datagram is what a DTLS server says to a ClientHello: its cookie, its hello, or an alert."""
    if len(datagram) < _RECORD_HEADER or datagram[1:3] not in (_DTLS_1_0, _DTLS_1_2) or any(datagram[3:5]):
        return False
    length = int.from_bytes(datagram[11:13], "big")
    record = datagram[_RECORD_HEADER : _RECORD_HEADER + length]
    if len(record) != length:
        return False
    if datagram[0] == _ALERT:
        return length == 2
    return (
        datagram[0] == _HANDSHAKE and length >= _MESSAGE_HEADER and record[0] in (_SERVER_HELLO, _HELLO_VERIFY_REQUEST)
    )


def begins_handshake(datagram: bytes) -> bool:
    """Whether an answer is the begin of a handshake, which wants an end."""
    return len(datagram) > _RECORD_HEADER and datagram[0] == _HANDSHAKE and datagram[_RECORD_HEADER] == _SERVER_HELLO


def _server_name(name: str) -> bytes:
    """The extension of RFC 6066 3."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        encoded = name.encode("ascii")
    else:
        return b""
    entry = b"\x00" + len(encoded).to_bytes(2, "big") + encoded
    names = len(entry).to_bytes(2, "big") + entry
    return b"\x00\x00" + len(names).to_bytes(2, "big") + names
