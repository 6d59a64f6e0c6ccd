"""The server against a client written here with the library alone; the agent's client is tested in tests/ipad/net."""

from __future__ import annotations

import contextlib

import pytest
from cryptography import x509
from OpenSSL import SSL

from hil.dtls import DtlsServer, Resumption
from hil.pki import Credential
from tests.coaps import HOST, pki

ONE, TWO = ("192.0.2.1", 40000), ("192.0.2.1", 40001)


class Client:
    """The smallest DTLS client: every record the library writes in one datagram."""

    def __init__(self, address: tuple[str, int] = ONE, context: SSL.Context | None = None) -> None:
        self.address = address
        self.context = context or SSL.Context(SSL.DTLS_CLIENT_METHOD)
        self.connection = SSL.Connection(self.context)
        self.connection.set_connect_state()
        self.connection.set_tlsext_host_name(HOST.encode())
        self.sent: list[bytes] = []

    def out(self) -> list[bytes]:
        try:
            data = self.connection.bio_read(65536)
        except SSL.WantReadError:
            return []
        self.sent.append(data)
        return [data]

    def shake_hands(self, server: DtlsServer) -> bool:
        """True when the server finished too."""
        for _ in range(6):
            with contextlib.suppress(SSL.WantReadError):
                self.connection.do_handshake()
            for data in self.out():
                server.receive(self.address, data)
            for address, data in server.datagrams():
                assert address == self.address
                self.connection.bio_write(data)
        try:
            self.connection.do_handshake()
        except SSL.WantReadError:
            return False
        return any(peer.address == self.address and peer.is_open for peer in server.peers)

    def send(self, server: DtlsServer, data: bytes) -> None:
        self.connection.send(data)
        for datagram in self.out():
            server.receive(self.address, datagram)


def make(credential: Credential | None = None, resumption: Resumption = Resumption.SESSION_ID) -> DtlsServer:
    return DtlsServer(credential or pki().eim_tls, resumption=resumption)


def test_first_client_hello_gets_a_cookie_and_leaves_no_trace() -> None:
    server, client = make(), Client()
    with pytest.raises(SSL.WantReadError):
        client.connection.do_handshake()
    (hello,) = client.out()
    for _ in range(3):
        server.receive(ONE, hello)
    answers = server.datagrams()
    assert [data[13] for _, data in answers] == [3, 3, 3]
    assert all(len(data) < len(hello) for _, data in answers)
    assert server.peers == ()
    assert server.counters.cookies == 3


def test_cookie_is_good_for_its_address_only() -> None:
    server, client = make(), Client()
    assert client.shake_hands(server)
    with_cookie = client.sent[1]
    server.receive(TWO, with_cookie)
    assert [data[13] for _, data in server.datagrams()] == [3]
    assert [peer.address for peer in server.peers] == [ONE]


def test_several_peers_are_kept_apart() -> None:
    server, clients = make(), [Client(ONE), Client(TWO)]
    assert [client.shake_hands(server) for client in clients] == [True, True]
    for number, client in enumerate(clients):
        client.send(server, bytes((number,)))
    assert [(peer.address, data) for peer, data in server.received()] == [(ONE, b"\0"), (TWO, b"\1")]
    assert server.received() == []
    assert {peer.server_name for peer in server.peers} == {HOST}
    assert server.counters.handshakes == 2


def test_client_shows_the_certificate_it_was_given() -> None:
    server, client = make(), Client()
    client.shake_hands(server)
    shown = client.connection.get_peer_certificate(as_cryptography=True)
    assert shown == x509.load_der_x509_certificate(pki().eim_tls.certificate)


def test_chain_is_sent_behind_the_leaf() -> None:
    server, client = DtlsServer(pki().eim_tls, chain=[pki().tls_ca.certificate]), Client()
    client.shake_hands(server)
    chain = client.connection.get_peer_cert_chain(as_cryptography=True)
    assert chain is not None
    assert len(chain) == 2


def test_new_handshake_from_an_address_takes_the_place_of_the_old_association() -> None:
    server = make()
    Client().shake_hands(server)
    (old,) = server.peers
    again = Client()
    assert again.shake_hands(server)
    (new,) = server.peers
    assert new is not old
    assert server.lost() == [old]
    server.send(old, b"nobody gets this")
    assert server.datagrams() == []


def test_client_hello_without_cookie_does_not_touch_an_association() -> None:
    server, client = make(), Client()
    client.shake_hands(server)
    stranger = Client()
    with pytest.raises(SSL.WantReadError):
        stranger.connection.do_handshake()
    server.receive(ONE, stranger.out()[0])
    client.send(server, b"still here")
    assert [data for _, data in server.received()] == [b"still here"]


def test_records_from_another_address_are_strays() -> None:
    server, client = make(), Client()
    client.shake_hands(server)
    client.connection.send(b"after the rebinding")
    (datagram,) = client.out()
    server.receive(TWO, datagram)
    assert server.received() == []
    assert server.datagrams() == []
    assert server.counters.strays == 1
    server.receive(ONE, datagram)
    assert len(server.received()) == 1


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"hello world, this is no DTLS", bytes(1200), b"\x16\xfe\xfd" + bytes(11)]
)
def test_rubbish_is_ignored(data: bytes) -> None:
    server, client = make(), Client()
    server.receive(ONE, data)
    assert client.shake_hands(server)
    server.receive(ONE, data)
    client.send(server, b"x")
    assert [data for _, data in server.received()] == [b"x"]


def test_first_flight_takes_the_number_of_the_client_hello() -> None:
    server, client = make(), Client()
    with pytest.raises(SSL.WantReadError):
        client.connection.do_handshake()
    (hello,) = client.out()
    later = hello[:5] + (7).to_bytes(6, "big") + hello[11:]
    server.receive(ONE, later)
    ((_, verify),) = server.datagrams()
    assert int.from_bytes(verify[5:11], "big") == 7
    client.connection.bio_write(verify)
    with pytest.raises(SSL.WantReadError):
        client.connection.do_handshake()
    (with_cookie,) = client.out()
    server.receive(ONE, with_cookie[:5] + (8).to_bytes(6, "big") + with_cookie[11:])
    ((_, flight),) = server.datagrams()
    assert flight[13] == 2
    assert int.from_bytes(flight[5:11], "big") == 8


@pytest.mark.parametrize(
    ("resumption", "expected"), [(Resumption.SESSION_ID, 1), (Resumption.TICKET, 1), (Resumption.NONE, 0)]
)
def test_resumption_is_as_ordered(resumption: Resumption, expected: int) -> None:
    server, first = make(resumption=resumption), Client()
    assert first.shake_hands(server)
    session = first.connection.get_session()
    first.connection.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)
    assert session is not None
    second = Client(TWO, first.context)
    second.connection.set_session(session)
    assert second.shake_hands(server)
    assert server.counters.resumed == expected


def test_close_notify_of_the_client_ends_the_association() -> None:
    server, client = make(), Client()
    client.shake_hands(server)
    (peer,) = server.peers
    client.connection.shutdown()
    server.receive(ONE, client.out()[0])
    assert server.peers == ()
    assert server.lost() == [peer]
    # It says goodbye too.
    assert len(server.datagrams()) == 1


def test_client_without_a_common_suite_gets_an_alert() -> None:
    context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
    context.set_cipher_list(b"ECDHE-ECDSA-AES256-GCM-SHA384")
    server = make()
    with pytest.raises(SSL.Error):
        Client(context=context).shake_hands(server)
    assert server.counters.failures == 1
    assert server.peers == ()


def test_waits_only_while_a_handshake_is_under_way() -> None:
    server, client = make(), Client()
    assert server.timeout() is None
    for _ in range(2):
        with pytest.raises(SSL.WantReadError):
            client.connection.do_handshake()
        for data in client.out():
            server.receive(ONE, data)
        for _, data in server.datagrams():
            client.connection.bio_write(data)
    wait = server.timeout()
    assert wait is not None
    assert 0 < wait <= 1
    server.handle_timeouts()
    assert server.datagrams() == []
    assert client.shake_hands(server)
    assert server.timeout() is None
