"""Whether bytes are what the eUICC signed: to find out that they were misread on their way, never to trust anybody.

A serial line has no checksum. Who gets a ProfileInstallationResult or a notification acknowledges it without saying
whether it was genuine (SGP.22 5.6.4), and it is removed then: a bit that fell over would be a loss for good. The
library is the OpenSSL that Python has loaded already (EVP_DigestVerify(3), d2i_X509(3)); its objects are freed here.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_char_p, c_int, c_long, c_size_t, c_void_p
from typing import Final

from ipad.net.openssl import OWN, Functions, declared

_FUNCTIONS: Final[Functions] = {
    "ERR_clear_error": (None, ()),
    "EVP_DigestVerify": (c_int, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t)),
    "EVP_DigestVerifyInit": (c_int, (c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
    "EVP_MD_CTX_free": (None, (c_void_p,)),
    "EVP_MD_CTX_new": (c_void_p, ()),
    "EVP_PKEY_free": (None, (c_void_p,)),
    "EVP_sha256": (c_void_p, ()),
    "X509_free": (None, (c_void_p,)),
    "X509_get_pubkey": (c_void_p, (c_void_p,)),
    "d2i_X509": (c_void_p, (c_void_p, POINTER(c_char_p), c_long)),
}
_NUMBER: Final = 32
"""Bytes of each of r and s on a curve of 256 bits; they stand side by side (BSI TR-03111 5.2.1)."""


def is_signed(data: bytes, signature: bytes, certificate: bytes) -> bool | None:
    """Whether an ECDSA signature with SHA-256 over `data` is of the key in a certificate (DER).

    `signature`: r and s side by side. False as well for a signature of another length and a certificate that cannot be
    read; None where the library of the system cannot tell.
    """
    try:
        library = declared(OWN, _FUNCTIONS)
    except (OSError, AttributeError):
        return None
    if len(signature) != 2 * _NUMBER:
        return False
    try:
        return _verify(library, data, _der(signature), certificate)
    finally:
        library.ERR_clear_error()


def _verify(library: ctypes.CDLL, data: bytes, signature: bytes, certificate: bytes) -> bool:
    position = c_char_p(certificate)
    read = library.d2i_X509(None, byref(position), len(certificate))
    if not read:
        return False
    key = library.X509_get_pubkey(read)
    library.X509_free(read)
    if not key:
        return False
    context = library.EVP_MD_CTX_new()
    try:
        begun = library.EVP_DigestVerifyInit(context, None, library.EVP_sha256(), None, key)
        return begun == 1 and bool(library.EVP_DigestVerify(context, signature, len(signature), data, len(data)) == 1)
    finally:
        library.EVP_MD_CTX_free(context)
        library.EVP_PKEY_free(key)


def _der(signature: bytes) -> bytes:
    """The form that the library wants: a SEQUENCE of two INTEGERs (RFC 3279 2.2.3)."""
    numbers = b"".join(_integer(part) for part in (signature[:_NUMBER], signature[_NUMBER:]))
    return bytes((0x30, len(numbers))) + numbers


def _integer(octets: bytes) -> bytes:
    shortest = octets.lstrip(b"\x00")
    if not shortest or shortest[0] & 0x80:
        shortest = b"\x00" + shortest
    return bytes((0x02, len(shortest))) + shortest
