"""What is called in the TLS library: objects that go in any order, errors with their reason, anchors that are none."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest

from hil.dtls import DtlsServer
from ipad.net import libssl
from tests.coaps import HOST, pki

ADDRESS = ("192.0.2.1", 40000)


def context(ciphers: str = "ECDHE-ECDSA-AES128-GCM-SHA256", group: str = "P-256") -> libssl.Context:
    return libssl.Context(options=libssl.NO_QUERY_MTU, ciphers=ciphers, group=group)


def carried(connection: libssl.Connection, server: DtlsServer) -> None:
    for _ in range(10):
        try:
            connection.shake_hands()
            return
        except libssl.WantReadError:
            server.receive(ADDRESS, connection.take())
            for _, datagram in server.datagrams():
                connection.put(datagram)
    raise AssertionError("no handshake")


def test_connection_outlives_what_it_was_made_of() -> None:
    seen: list[tuple[int, int]] = []

    def verify(certificate: bytes, error: int, depth: int) -> bool:
        assert certificate == pki().eim_tls.certificate
        seen.append((error, depth))
        return True

    made = context()
    connection = libssl.Connection(made, 1200, verify)
    gone = weakref.ref(made)
    del made, verify
    gc.collect()
    carried(connection, DtlsServer(pki().eim_tls))
    assert gone() is not None
    assert seen
    assert {depth for _, depth in seen} == {0}
    session = connection.session()
    assert session is not None
    assert connection.cipher() == "ECDHE-ECDSA-AES128-GCM-SHA256"
    del connection
    gc.collect()
    assert gone() is None
    assert session.pointer


def test_exception_of_the_check_comes_out_where_the_library_was_called() -> None:
    def verify(certificate: bytes, error: int, depth: int) -> bool:
        raise KeyError("check")

    connection = libssl.Connection(context(), 1200, verify)
    with pytest.raises(KeyError, match="check"):
        carried(connection, DtlsServer(pki().eim_tls))


def test_refusal_ends_the_handshake_with_a_reason() -> None:
    connection = libssl.Connection(context(), 1200, lambda *_: False)
    with pytest.raises(libssl.LibraryError, match="certificate verify failed"):
        carried(connection, DtlsServer(pki().eim_tls))


def test_nothing_to_take_and_nothing_to_read() -> None:
    connection = libssl.Connection(context(), 1200, lambda *_: True)
    assert connection.take() == b""
    with pytest.raises(libssl.WantReadError):
        connection.read()  # which begins the handshake
    assert connection.take()
    assert connection.timeout() == pytest.approx(1.0, abs=0.2)
    assert connection.cipher() == ""


@pytest.mark.parametrize("certificate", [b"", b"\x30\x00", b"\x30\x82\xff\xff\x00", b"no certificate"])
def test_anchor_that_is_no_certificate_is_refused(certificate: bytes) -> None:
    with pytest.raises(libssl.LibraryError):
        context().add_anchor(certificate)


def test_what_the_library_does_not_know_is_refused() -> None:
    with pytest.raises(libssl.LibraryError, match="no cipher match"):
        context(ciphers="NO-SUCH")
    with pytest.raises(libssl.LibraryError):
        context(group="no-such")
    with pytest.raises(libssl.LibraryError):
        context().load_anchors("/does/not/exist")
    with pytest.raises(libssl.LibraryError):
        context().set_signatures("no-such")


def test_missing_library_is_an_import_that_fails() -> None:
    with pytest.raises(ImportError, match=r"OpenSSL 1\.1\.1"):
        libssl._load(("libdoesnotexist.so.9",))
    with pytest.raises(ImportError, match=r"OpenSSL 1\.1\.1"):
        libssl._load(("libc.so.6",))


def test_many_connections_leave_no_memory_behind() -> None:
    made = context()
    name = [HOST, "a.example"]

    def rounds(count: int) -> None:
        for number in range(count):
            connection = libssl.Connection(made, 1200, lambda *_: True)
            connection.set_server_name(name[number % 2])
            carried(connection, DtlsServer(pki().eim_tls))
            connection.end()

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])

    rounds(30)
    before = resident()
    rounds(100)
    assert resident() - before < 500, "pages of 4 kB; each connection has some 30 kB"
