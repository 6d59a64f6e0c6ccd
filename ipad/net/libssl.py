"""As much of OpenSSL as DTLS needs, called in the library that the `ssl` module of Python has loaded already.

pyOpenSSL would do as well, but comes with `cryptography`, which has a second OpenSSL in it: 11 MB of memory, and a
library that is not renewed with the system. Everything that touches memory of the library is in this module: each
object is freed once, with the Python object that stands for it, and every function has its types declared. OpenSSL
1.1.1 or newer (SSL_new(3) and the pages named there).

Not for several threads at once.
"""

from __future__ import annotations

import ctypes
import os
import struct
import weakref
from collections.abc import Callable, Sequence
from ctypes import POINTER, byref, c_char_p, c_int, c_long, c_size_t, c_ubyte, c_uint64, c_ulong, c_void_p
from typing import Any, Final

from ipad.net.openssl import OWN, Functions, declared

Verify = Callable[[bytes, int, int], bool]
"""Given the DER of a certificate, an X509_V_ERR code and its depth in the chain: whether to go on."""

NO_RENEGOTIATION: Final = 0x40000000
NO_ENCRYPT_THEN_MAC: Final = 0x80000
NO_QUERY_MTU: Final = 0x1000
NO_TICKET: Final = 0x4000
"""SSL_OP_*, as in SSL_CTX_set_options(3)."""

NO_CHECK_TIME: Final = 0x200000
PARTIAL_CHAIN: Final = 0x80000
"""X509_V_FLAG_*, as in X509_VERIFY_PARAM_set_flags(3)."""

DTLS_1_2: Final = 0xFEFD

_OLDEST: Final = 0x10101000
_VERIFY_PEER, _SHUTDOWN_BOTH = 1, 3
_SESSION_CACHE_CLIENT = 1
_MODE_MOVING_BUFFER = 2
_WANT_READ, _ZERO_RETURN = 2, 6
_SET_MTU, _SET_MODE, _SET_SESSION_CACHE, _SET_HOST_NAME = 17, 33, 44, 55
_GET_TIMEOUT, _HANDLE_TIMEOUT, _SET_GROUPS, _SET_SIGNATURES, _SET_MIN_VERSION = 73, 74, 92, 98, 123
_LONGEST_RECORD: Final = 1 << 16
_LONGEST_CERTIFICATE: Final = 1 << 20
_UNTOUCHED: Final = b"\xff"


class LibraryError(Exception):
    """What the library says is wrong."""


class WantReadError(LibraryError):
    """It waits for a datagram."""


class ZeroReturnError(LibraryError):
    """The peer closed the association."""


_VERIFY_CALLBACK: Final = ctypes.CFUNCTYPE(c_int, c_int, c_void_p)
_FUNCTIONS: Final[Functions] = {
    "BIO_ctrl_pending": (c_size_t, (c_void_p,)),
    "BIO_new": (c_void_p, (c_void_p,)),
    "BIO_read": (c_int, (c_void_p, c_char_p, c_int)),
    "BIO_s_mem": (c_void_p, ()),
    "BIO_write": (c_int, (c_void_p, c_char_p, c_int)),
    "DTLS_client_method": (c_void_p, ()),
    "ERR_clear_error": (None, ()),
    "ERR_get_error": (c_ulong, ()),
    "ERR_reason_error_string": (c_char_p, (c_ulong,)),
    "OpenSSL_version_num": (c_ulong, ()),
    "SSL_CIPHER_get_name": (c_char_p, (c_void_p,)),
    "SSL_CTX_ctrl": (c_long, (c_void_p, c_int, c_long, c_void_p)),
    "SSL_CTX_free": (None, (c_void_p,)),
    "SSL_CTX_get_cert_store": (c_void_p, (c_void_p,)),
    "SSL_CTX_load_verify_locations": (c_int, (c_void_p, c_char_p, c_char_p)),
    "SSL_CTX_new": (c_void_p, (c_void_p,)),
    "SSL_CTX_set_cipher_list": (c_int, (c_void_p, c_char_p)),
    "SSL_CTX_set_default_verify_paths": (c_int, (c_void_p,)),
    "SSL_SESSION_free": (None, (c_void_p,)),
    "SSL_ctrl": (c_long, (c_void_p, c_int, c_long, c_void_p)),
    "SSL_do_handshake": (c_int, (c_void_p,)),
    "SSL_free": (None, (c_void_p,)),
    "SSL_get1_session": (c_void_p, (c_void_p,)),
    "SSL_get_current_cipher": (c_void_p, (c_void_p,)),
    "SSL_get_error": (c_int, (c_void_p, c_int)),
    "SSL_new": (c_void_p, (c_void_p,)),
    "SSL_read": (c_int, (c_void_p, c_char_p, c_int)),
    "SSL_set_bio": (None, (c_void_p, c_void_p, c_void_p)),
    "SSL_set_connect_state": (None, (c_void_p,)),
    "SSL_set_session": (c_int, (c_void_p, c_void_p)),
    "SSL_set_shutdown": (None, (c_void_p, c_int)),
    "SSL_set_verify": (None, (c_void_p, c_int, _VERIFY_CALLBACK)),
    "SSL_shutdown": (c_int, (c_void_p,)),
    "SSL_write": (c_int, (c_void_p, c_char_p, c_int)),
    "X509_STORE_CTX_get_current_cert": (c_void_p, (c_void_p,)),
    "X509_STORE_CTX_get_error": (c_int, (c_void_p,)),
    "X509_STORE_CTX_get_error_depth": (c_int, (c_void_p,)),
    "X509_STORE_CTX_set_error": (None, (c_void_p, c_int)),
    "X509_STORE_add_cert": (c_int, (c_void_p, c_void_p)),
    "X509_STORE_set_flags": (c_int, (c_void_p, c_ulong)),
    "X509_free": (None, (c_void_p,)),
    "d2i_X509": (c_void_p, (c_void_p, POINTER(c_void_p), c_long)),
    "i2d_X509": (c_int, (c_void_p, POINTER(POINTER(c_ubyte)))),
}


def _load(names: Sequence[str | None]) -> ctypes.CDLL:
    """The library behind Python's own extension, else one that the system finds. Raises ImportError."""
    for name in names:
        try:
            library = declared(name, _FUNCTIONS)
            number = library.OpenSSL_version_num()
            # The type of options became wider with OpenSSL 3.
            options = c_uint64 if number >> 28 >= 3 else c_ulong
            library.SSL_CTX_set_options.restype, library.SSL_CTX_set_options.argtypes = options, (c_void_p, options)
        except (OSError, AttributeError):
            continue
        if number >= _OLDEST:
            return library
    raise ImportError("no library of OpenSSL 1.1.1 or newer was found", name="libssl")


_LIB: Final = _load((OWN, "libssl.so.3", "libssl.so.1.1"))


def _failure() -> LibraryError:
    """The newest error that has a text. The queue is empty afterwards."""
    text = ""
    while code := _LIB.ERR_get_error():
        reason = _LIB.ERR_reason_error_string(code)
        text = reason.decode("ascii", "replace") if reason else text
    return LibraryError(text or "no reason given")


def _need(result: Any) -> Any:
    """A result that is neither NULL nor 0."""
    if not result or result == -1:
        raise _failure()
    return result


class Session:
    """A session that another connection of the same context may resume."""

    def __init__(self, pointer: int) -> None:
        self.pointer = pointer
        weakref.finalize(self, _LIB.SSL_SESSION_free, pointer)


class Context:
    """What the connections of a client have in common: DTLS 1.2, suites, group, anchors.

    Raises LibraryError for what the library does not know.
    """

    def __init__(self, *, options: int, ciphers: str, group: str) -> None:
        _LIB.ERR_clear_error()
        self.pointer: int = _need(_LIB.SSL_CTX_new(_LIB.DTLS_client_method()))
        weakref.finalize(self, _LIB.SSL_CTX_free, self.pointer)
        _need(_LIB.SSL_CTX_ctrl(self.pointer, _SET_MIN_VERSION, DTLS_1_2, None))
        _LIB.SSL_CTX_set_options(self.pointer, options)
        _LIB.SSL_CTX_ctrl(self.pointer, _SET_SESSION_CACHE, _SESSION_CACHE_CLIENT, None)
        _LIB.SSL_CTX_ctrl(self.pointer, _SET_MODE, _MODE_MOVING_BUFFER, None)
        _need(_LIB.SSL_CTX_set_cipher_list(self.pointer, ciphers.encode("ascii")))
        _need(_LIB.SSL_CTX_ctrl(self.pointer, _SET_GROUPS, 0, group.encode("ascii")))

    def set_signatures(self, algorithms: str) -> None:
        """Offer and accept these. Raises LibraryError, and then goes on with those of before."""
        _LIB.ERR_clear_error()
        _need(_LIB.SSL_CTX_ctrl(self.pointer, _SET_SIGNATURES, 0, algorithms.encode("ascii")))

    def set_store_flags(self, flags: int) -> None:
        """How chains are checked."""
        _need(_LIB.X509_STORE_set_flags(self._store(), flags))

    def add_anchor(self, certificate: bytes) -> None:
        """Trust a certificate (DER). Raises LibraryError for one that cannot be read."""
        _LIB.ERR_clear_error()
        start = ctypes.create_string_buffer(certificate, len(certificate))
        place = c_void_p(ctypes.addressof(start))
        x509 = _need(_LIB.d2i_X509(None, byref(place), len(certificate)))
        try:
            _need(_LIB.X509_STORE_add_cert(self._store(), x509))  # which counts its own reference
        finally:
            _LIB.X509_free(x509)

    def load_anchors(self, file: str | None) -> None:
        """Trust the certificates of a PEM file, None: those of the system. Raises LibraryError."""
        _LIB.ERR_clear_error()
        if file is None:
            _need(_LIB.SSL_CTX_set_default_verify_paths(self.pointer))
        else:
            _need(_LIB.SSL_CTX_load_verify_locations(self.pointer, os.fsencode(file), None))

    def _store(self) -> int:
        return int(_need(_LIB.SSL_CTX_get_cert_store(self.pointer)))


class Connection:
    """One DTLS connection between two buffers in memory. `verify` decides about each certificate."""

    def __init__(self, context: Context, mtu: int, verify: Verify) -> None:
        _LIB.ERR_clear_error()
        self._context = context
        self._raised: BaseException | None = None
        self._pointer: int = _need(_LIB.SSL_new(context.pointer))
        # The library calls it as long as the connection lives: the finalizer keeps it.
        callback = _VERIFY_CALLBACK(_verifier(verify, weakref.ref(self)))
        weakref.finalize(self, _free, self._pointer, callback)
        self._incoming: int = _need(_LIB.BIO_new(_LIB.BIO_s_mem()))
        self._outgoing: int = _need(_LIB.BIO_new(_LIB.BIO_s_mem()))
        _LIB.SSL_set_bio(self._pointer, self._incoming, self._outgoing)  # both belong to the connection now
        _LIB.SSL_set_connect_state(self._pointer)
        _LIB.SSL_set_verify(self._pointer, _VERIFY_PEER, callback)
        _need(_LIB.SSL_ctrl(self._pointer, _SET_MTU, mtu, None))

    def set_server_name(self, name: str) -> None:
        """Send SNI."""
        _need(_LIB.SSL_ctrl(self._pointer, _SET_HOST_NAME, 0, name.encode("ascii")))

    def set_session(self, session: Session) -> None:
        """Offer to resume a session."""
        _need(_LIB.SSL_set_session(self._pointer, session.pointer))

    def session(self) -> Session | None:
        """The session that was negotiated."""
        pointer = _LIB.SSL_get1_session(self._pointer)
        return Session(pointer) if pointer else None

    def cipher(self) -> str:
        """The negotiated suite, in the library's spelling; empty before the handshake is done."""
        pointer = _LIB.SSL_get_current_cipher(self._pointer)
        return str(_LIB.SSL_CIPHER_get_name(pointer).decode("ascii")) if pointer else ""

    def shake_hands(self) -> None:
        """Go on with the handshake. Raises WantReadError, LibraryError."""
        self._call(_LIB.SSL_do_handshake)

    def read(self) -> bytes:
        """The next record of application bytes. Raises WantReadError, ZeroReturnError, LibraryError."""
        buffer = ctypes.create_string_buffer(_LONGEST_RECORD)
        size = self._call(_LIB.SSL_read, buffer, len(buffer))
        return buffer.raw[:size]

    def write(self, data: bytes) -> None:
        """Protect application bytes as one record. Raises LibraryError."""
        self._call(_LIB.SSL_write, data, len(data))

    def shutdown(self) -> None:
        """Make a close_notify alert. Raises LibraryError."""
        _LIB.ERR_clear_error()
        if _LIB.SSL_shutdown(self._pointer) < 0:
            raise _failure()

    def end(self) -> None:
        """Take the connection for closed properly, so that its session stays usable."""
        _LIB.SSL_set_shutdown(self._pointer, _SHUTDOWN_BOTH)

    def timeout(self) -> float | None:
        """Seconds until the library repeats its flight, None where it would not."""
        # struct timeval of two long numbers, or on systems of 32 bits of two that have 64 bits nevertheless.
        buffer = ctypes.create_string_buffer(_UNTOUCHED * 16, 16)
        if _LIB.SSL_ctrl(self._pointer, _GET_TIMEOUT, 0, buffer) != 1:
            return None
        narrow = ctypes.sizeof(c_long) == 4 and buffer.raw[8:] == _UNTOUCHED * 8
        seconds, micros = struct.unpack("=ii", buffer.raw[:8]) if narrow else struct.unpack("=qq", buffer.raw)
        return float(seconds + micros / 1e6)

    def repeat(self) -> None:
        """Repeat the last flight if it is time. Raises LibraryError after too many repetitions."""
        _LIB.ERR_clear_error()
        if _LIB.SSL_ctrl(self._pointer, _HANDLE_TIMEOUT, 0, None) < 0:
            raise _failure()

    def put(self, datagram: bytes) -> None:
        """Hand over what came from the network."""
        _need(_LIB.BIO_write(self._incoming, datagram, len(datagram)) == len(datagram))

    def take(self) -> bytes:
        """What is to go to the network: records, one behind the other."""
        size = _LIB.BIO_ctrl_pending(self._outgoing)
        buffer = ctypes.create_string_buffer(size or 1)
        read = _LIB.BIO_read(self._outgoing, buffer, size) if size else 0
        return buffer.raw[: max(0, read)]

    def note(self, error: BaseException) -> None:
        """What went wrong in `verify` is raised where the library was called."""
        self._raised = error

    def _call(self, function: Callable[..., int], *arguments: Any) -> int:
        _LIB.ERR_clear_error()
        result = function(self._pointer, *arguments)
        raised, self._raised = self._raised, None
        if raised is not None:
            raise raised
        if result > 0:
            return result
        kind = _LIB.SSL_get_error(self._pointer, result)
        if kind == _WANT_READ:
            raise WantReadError("a datagram is missing")
        if kind == _ZERO_RETURN:
            raise ZeroReturnError("closed by the peer")
        raise _failure()


def _free(pointer: int, _callback: object) -> None:
    _LIB.SSL_free(pointer)


def _verifier(verify: Verify, owner: weakref.ref[Connection]) -> Callable[[int, int], int]:
    def called(_ok: int, store: int) -> int:
        try:
            certificate = _der(_LIB.X509_STORE_CTX_get_current_cert(store))
            depth = _LIB.X509_STORE_CTX_get_error_depth(store)
            if not verify(certificate, _LIB.X509_STORE_CTX_get_error(store), depth):
                return 0
        except BaseException as error:  # noqa: BLE001 - must not pass through the library
            connection = owner()
            if connection is not None:
                connection.note(error)
            return 0
        _LIB.X509_STORE_CTX_set_error(store, 0)
        return 1

    return called


def _der(x509: int | None) -> bytes:
    """A certificate of the library. Raises LibraryError for none, or one of a size that nobody has."""
    if not x509:
        raise LibraryError("no certificate")
    size = _LIB.i2d_X509(x509, None)
    if not 0 < size <= _LONGEST_CERTIFICATE:
        raise LibraryError(f"a certificate of {size} bytes")
    buffer = (c_ubyte * size)()
    place = ctypes.cast(buffer, POINTER(c_ubyte))
    _LIB.i2d_X509(x509, byref(place))
    return bytes(buffer)
